"""The audit trigger, declared in `Meta.triggers`; and the triggers of append-only tables and of `updated_at`.

They are pgtrigger's in every way but one: pgtrigger lets any SQL switch its triggers off with a plain setting
(`pgtrigger.ignore`), which an audit trail cannot allow. So ours run a function of ours directly, and are ENABLE ALWAYS:
`session_replication_role` does not silence them either.
"""

from collections.abc import Iterable
from typing import Any

import pgtrigger
from django.db.models import Field, Model
from pgtrigger import compiler


class AlwaysTriggerSql(compiler.UpsertTriggerSql):
    """CREATE TRIGGER for a function that already exists. Migrations carry it: never edit, add a new class instead."""

    def get_template(self) -> str:
        return """
            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE TRIGGER {pgid}
                {when} {operation} ON {table}
                FOR EACH {level}
                EXECUTE FUNCTION {execute};
            ALTER TABLE {table} ENABLE ALWAYS TRIGGER {pgid};
            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class AlwaysStatementTriggerSql(AlwaysTriggerSql):
    """The same for a trigger that runs once a statement and sees all its rows."""

    def get_template(self) -> str:
        return """
            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE TRIGGER {pgid}
                {when} {operation} ON {table}
                {referencing}
                FOR EACH {level}
                EXECUTE FUNCTION {execute};
            ALTER TABLE {table} ENABLE ALWAYS TRIGGER {pgid};
            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class AlwaysDeferredTriggerSql(AlwaysTriggerSql):
    """The same for a check of what a transaction leaves: it runs when the transaction ends."""

    def get_template(self) -> str:
        return """
            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE CONSTRAINT TRIGGER {pgid}
                {when} {operation} ON {table}
                DEFERRABLE INITIALLY DEFERRED
                FOR EACH {level}
                EXECUTE FUNCTION {execute};
            ALTER TABLE {table} ENABLE ALWAYS TRIGGER {pgid};
            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class AlwaysTrigger(pgtrigger.Trigger):
    """A trigger that runs a function of the schema neonpro, and that nothing short of DDL switches off."""

    func = "RETURN NULL;"  # pgtrigger asks for one; render_execute names what really runs
    at_the_end = False
    """Whether it runs when the transaction ends, and so judges all of what that did."""

    def compile(self, model: type[Model]) -> compiler.Trigger:
        options = {
            "pgid": self.get_pgid(model),
            "func": self.func,
            "table": model._meta.db_table,
            "when": self.when,
            "operation": self.operation,
            "level": self.level,
            "execute": self.render_execute(model),
        }
        if self.referencing:
            return compiler.Trigger(
                name=self.name, sql=AlwaysStatementTriggerSql(**options, referencing=self.referencing)
            )
        kind = AlwaysDeferredTriggerSql if self.at_the_end else AlwaysTriggerSql
        return compiler.Trigger(name=self.name, sql=kind(**options))


class RecordChanges(AlwaysTrigger):
    """Write every change of a row into `audit_logs` (`sql/record_change.sql`).

    Args:
        patient: the field that holds the patient: "id" on the patient itself, None where there is none.
        withheld: fields whose values stay out of the log; it says only that they changed.
        derived: fields the database computes from others, not worth a trace of their own.
        clinic: the field that holds the clinic; None for a table outside any clinic.
    """

    when = pgtrigger.After
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def __init__(
        self,
        *,
        patient: str | None = None,
        withheld: Iterable[str] = (),
        derived: Iterable[str] = (),
        clinic: str | None = "clinic",
        **options: Any,
    ) -> None:
        self.patient = patient
        self.withheld = tuple(withheld)
        self.derived = tuple(derived)
        self.clinic = clinic
        super().__init__(name="record_changes", **options)

    def render_execute(self, model: type[Model]) -> str:
        def columns(*names: str | None) -> str:
            fields = (model._meta.get_field(name) for name in names if name)
            return ",".join(field.column or "" for field in fields if isinstance(field, Field))

        arguments = (
            columns(self.clinic),
            columns(self.patient),
            columns(*self.withheld),
            columns("updated_at", *self.derived),
        )
        return f"neonpro.record_change({', '.join(repr(argument) for argument in arguments)})"


class TouchUpdatedAt(AlwaysTrigger):
    """Keep `updated_at` true and `created_at` unchanged, whatever wrote the row."""

    when = pgtrigger.Before
    operation = pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        super().__init__(name="touch_updated_at", **options)

    def render_execute(self, model: type[Model]) -> str:
        return "neonpro.touch_updated_at()"


class RefuseChange(AlwaysTrigger):
    """Rows are only ever added: UPDATE and DELETE fail for everyone, the owner included."""

    when = pgtrigger.Before
    operation = pgtrigger.Update | pgtrigger.Delete

    def __init__(self, **options: Any) -> None:
        super().__init__(name="refuse_change", **options)

    def render_execute(self, model: type[Model]) -> str:
        return "neonpro.refuse_change()"


class RefuseTruncate(AlwaysTrigger):
    """TRUNCATE fails for everyone, the owner included."""

    when = pgtrigger.Before
    operation = pgtrigger.Truncate
    level = pgtrigger.Statement

    def __init__(self, **options: Any) -> None:
        super().__init__(name="refuse_truncate", **options)

    def render_execute(self, model: type[Model]) -> str:
        return "neonpro.refuse_change()"
