"""Row policies and same-clinic references, declared in `Meta.constraints` so that `makemigrations` sees them.

`tenancy()` gives a model everything a table of a clinic needs. The pieces can be used alone where a table differs.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import BaseConstraint, ForeignKey, Model

from neonpro.db.roles import APP, OWNER

CURRENT_CLINIC = "(SELECT neonpro.current_clinic())"
"""Wrapped in a SELECT, PostgreSQL evaluates it once a statement and can use it as an index condition."""

CURRENT_ROLE = "(SELECT neonpro.current_clinic_role())"
CURRENT_USER = "(SELECT neonpro.current_user_id())"
CURRENT_PATIENT = "(SELECT neonpro.current_patient())"
AT_THE_DOOR = "(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL"
"""Said as `role_policies` says it, for the same reason."""

COMMANDS = {"view": "SELECT", "add": "INSERT", "change": "UPDATE", "delete": "DELETE"}
"""What Django calls a permission, and the SQL command it stands for."""

Quote = Callable[[str], str]
"""How a database quotes a name."""

Access = Mapping[str, Iterable[str]]
"""Which roles may view, add, change and delete the rows of a table in their clinic."""


class _SqlConstraint(BaseConstraint):
    """A rule that only PostgreSQL checks: nothing to validate in Python, nothing inside CREATE TABLE."""

    def _create(self, model: type[Model], quote: Quote) -> str:
        raise NotImplementedError

    def _remove(self, model: type[Model], quote: Quote) -> str:
        raise NotImplementedError

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        """The SQL that adds the rule to an existing table."""
        return self._create(model, schema_editor.quote_name)

    def remove_sql(self, model: Any, schema_editor: Any) -> str:
        """The SQL that takes the rule away."""
        return self._remove(model, schema_editor.quote_name)

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        """Nothing for CREATE TABLE, which cannot hold this rule: it follows when the table is there."""
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))
        return ""

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: Any = None) -> None:
        """Nothing: the database refuses, whoever writes."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _SqlConstraint):
            return self.deconstruct() == other.deconstruct()
        return NotImplemented

    __hash__ = BaseConstraint.__hash__


class RowPolicy(_SqlConstraint):
    """One row policy; it also enables and forces row security on its table.

    Args:
        name: starts with the table's name; PostgreSQL shows it in pg_policies.
        command: ALL, SELECT, INSERT, UPDATE or DELETE.
        using: SQL that an existing row must meet to be seen; None where the command has none (INSERT).
        check: SQL that a new row must meet; None means the same as `using`.
        to: the database roles it is for.
        restrictive: it narrows what the other policies allow, instead of allowing more.
    """

    def __init__(
        self,
        *,
        name: str,
        command: str,
        using: str | None = None,
        check: str | None = None,
        to: Iterable[str] = (APP, OWNER),
        restrictive: bool = False,
    ) -> None:
        super().__init__(name=name)
        self.command = command
        self.using = using
        self.check = check
        self.to = tuple(to)
        self.restrictive = restrictive

    @property
    def definition(self) -> str:
        """What follows the table's name in CREATE POLICY."""
        using = None if self.command == "INSERT" else self.using
        check = (self.check or self.using) if self.command in {"ALL", "INSERT", "UPDATE"} else None
        return " ".join(
            part
            for part in (
                f"AS {'RESTRICTIVE' if self.restrictive else 'PERMISSIVE'}",
                f"FOR {self.command}",
                f"TO {', '.join(self.to)}",
                f"USING ({using})" if using else "",
                f"WITH CHECK ({check})" if check else "",
            )
            if part
        )

    @property
    def fingerprint(self) -> str:
        """Names this definition; kept in the policy's comment, so that a check sees a policy of an older one."""
        return hashlib.sha256(self.definition.encode()).hexdigest()[:16]

    def _create(self, model: type[Model], quote: Quote) -> str:
        table = quote(model._meta.db_table)
        name = quote(self.name)
        # The comment also fingerprints the policy as PostgreSQL stored it: an ALTER POLICY by hand shows.
        return (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; "
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY; "
            f"DROP POLICY IF EXISTS {name} ON {table}; "
            f"CREATE POLICY {name} ON {table} {self.definition}; "
            f"SELECT neonpro.seal_policy('{model._meta.db_table}'::regclass, '{self.name}', '{self.fingerprint}')"
        )

    def _remove(self, model: type[Model], quote: Quote) -> str:
        """Drop the policy alone: the table stays shut, it does not open."""
        table = quote(model._meta.db_table)
        return f"DROP POLICY IF EXISTS {quote(self.name)} ON {table}"

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        kwargs |= {"command": self.command, "using": self.using, "check": self.check, "to": self.to}
        if self.restrictive:
            kwargs["restrictive"] = True
        return path, args, {key: value for key, value in kwargs.items() if value is not None}


class ClinicKey(_SqlConstraint):
    """The primary key becomes (clinic_id, id): the target of same-clinic references, with one index instead of two.

    A primary key on the id alone would also answer whether a row of another clinic exists. Django goes on treating
    `id` as the key: inside a clinic it is one.
    """

    column = "id"
    """The column that stands beside the clinic."""

    def _create(self, model: type[Model], quote: Quote) -> str:
        table = quote(model._meta.db_table)
        primary = quote(f"{model._meta.db_table}_pkey")
        name = quote(self.name)
        return (
            f"ALTER TABLE {table} DROP CONSTRAINT {primary}, "
            f"ADD CONSTRAINT {name} PRIMARY KEY (clinic_id, {quote(self.column)})"
        )

    def _remove(self, model: type[Model], quote: Quote) -> str:
        table = quote(model._meta.db_table)
        primary = quote(f"{model._meta.db_table}_pkey")
        name = quote(self.name)
        return (
            f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {primary} PRIMARY KEY ({quote(self.column)})"
        )


class SameClinic(_SqlConstraint):
    """A reference inside a clinic: (clinic, x_id) points at (clinic_id, id), so it can never leave the clinic.

    Checks of foreign keys ignore row security; this one cannot be used to ask what other clinics hold. The field is a
    `ForeignKey(..., db_constraint=False)`: this is its constraint.
    """

    def __init__(self, *, name: str, field: str, clinic_column: str = "clinic_id") -> None:
        super().__init__(name=name)
        self.field = field
        self.clinic_column = clinic_column

    def _create(self, model: type[Model], quote: Quote) -> str:
        field = model._meta.get_field(self.field)
        assert isinstance(field, ForeignKey)
        return (
            f"ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {quote(self.name)} "
            f"FOREIGN KEY ({quote(self.clinic_column)}, {quote(field.column)}) "
            f"REFERENCES {quote(field.remote_field.model._meta.db_table)} (clinic_id, id) "
            "DEFERRABLE INITIALLY IMMEDIATE"
        )

    def _remove(self, model: type[Model], quote: Quote) -> str:
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        kwargs["field"] = self.field
        if self.clinic_column != "clinic_id":
            kwargs["clinic_column"] = self.clinic_column
        return path, args, kwargs


def clinic_policy(table: str, column: str = "clinic_id") -> RowPolicy:
    """The policy every table of a clinic has: rows of the current clinic only, whatever other policies allow."""
    return RowPolicy(name=f"{table}_clinic", command="ALL", using=f"{column} = {CURRENT_CLINIC}", restrictive=True)


def role_policies(table: str, access: Access) -> list[RowPolicy]:
    """One permissive policy for each command that some role may use."""
    policies = []
    for permission, command in COMMANDS.items():
        roles = sorted(access.get(permission, ()))
        if roles:
            listed = ", ".join(f"'{role}'" for role in roles)
            # Inside the SELECT, PostgreSQL asks it once a statement and not once a row. IS NOT NULL is how it knows
            # that no row is lost by it: taking IN for a filter that leaves one row in forty, it planned a sort of
            # the whole clinic where the index had the first page ready (eight times slower, tests/bench).
            using = f"(SELECT nullif(neonpro.current_clinic_role() IN ({listed}), false)) IS NOT NULL"
            policies.append(RowPolicy(name=f"{table}_{permission}", command=command, using=using))
    return policies


def own_rows(table: str, column: str = "patient_id") -> RowPolicy:
    """The rows of the patient who acts on the page «Meus dados», for reading. Tables without it show them nothing."""
    return RowPolicy(name=f"{table}_view_own", command="SELECT", using=f"{column} = {CURRENT_PATIENT}")


ON_THE_PAGE = "(SELECT nullif(neonpro.current_clinic_role() IN ('door', 'patient'), false)) IS NOT NULL"


PAGE_ENDINGS = ("_view_own", "_door", "_page")
"""How the policies of the page «Meus dados» are named: a history has none of them."""


def public(table: str, also: str = "") -> RowPolicy:
    """Of a table that is nobody's data: the page «Meus dados» says what the clinic itself makes public."""
    using = f"{ON_THE_PAGE} AND {also}" if also else ON_THE_PAGE
    return RowPolicy(name=f"{table}_page", command="SELECT", using=using)


def tenancy(table: str, access: Access, *, same_clinic: Iterable[str] = ()) -> list[BaseConstraint]:
    """Everything a table of a clinic needs besides its own rules.

    Args:
        table: the model's db_table.
        access: which roles may view, add, change and delete (`clinics.roles.ACCESS`).
        same_clinic: the foreign keys to other tables of the clinic.
    """
    return [
        ClinicKey(name=f"{table}_key"),
        clinic_policy(table),
        *role_policies(table, access),
        *(SameClinic(name=f"{table}_{field}_same_clinic", field=field) for field in same_clinic),
    ]
