"""`manage.py check --database default`: the live catalogue of PostgreSQL against what the code declares.

A guard that was dropped, altered or switched off by hand shows here, whatever the migrations say. Everything is read
as the application's role, so the check runs where the application runs.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from pgtrigger import registry

from neonpro.db.audit import AlwaysTrigger
from neonpro.db.checks import clinic_column, is_tenant, row_policies
from neonpro.db.deploy import declared_grants
from neonpro.db.eraser import eraser_grants, eraser_policies
from neonpro.db.functions import SqlTable, declared_functions, declared_tables
from neonpro.db.roles import APP, ERASER, GATE, OWNER, SEALER, SEARCH

_SECURITY_FLOOR = {15: 14, 16: 10, 17: 6, 18: 0}
"""The first minor release of each major version that has the fix of CVE-2025-8713 (row security and statistics)."""

_MIGRATE = "Run `manage.py migrate`; if it stays, somebody changed the database by hand."


def check_live_catalogue(*, databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Compare the catalogue of each named database with the models (ids neonpro.E101 to neonpro.E117)."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.settings_dict.get("NEONPRO_OWNER"):
            continue
        messages += live_messages(connection)
    return messages


def live_messages(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    """Everything in which a database differs from what the code declares."""
    if not _rows(connection, "SELECT FROM pg_namespace WHERE nspname = 'neonpro'"):
        return [Error("This database was never migrated.", hint="Run `manage.py migrate`.", id="neonpro.E101")]
    return [
        message
        for check in (
            _tables, _policies, _partitions, _references, _unique_rules,
            _views, _grants, _triggers, _functions, _server,
        )
        for message in check(connection)
    ]  # fmt: skip


def _tables(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Every table is some model's or a support table, and row security binds even its owner."""
    declared = {model._meta.db_table for model in _models() if row_policies(model)}
    for table, enabled, forced in _rows(
        connection,
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p', 'f') AND NOT relispartition ORDER BY 1",
    ):
        if table in declared:
            if not (enabled and forced):
                yield Error(f"{table}: row security is not enabled and forced.", hint=_MIGRATE, id="neonpro.E102")
        elif table not in settings.NEONPRO_SUPPORT_TABLES:
            yield Error(
                f"{table}: no model and no support table of this name is declared.",
                hint="Drop it, or name it with its reason in NEONPRO_SUPPORT_TABLES.",
                id="neonpro.E103",
            )
    private = {table.name: table for table in _private()}
    for table, enabled, forced in _rows(
        connection,
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relnamespace = 'neonpro'::regnamespace"
        " AND relkind IN ('r', 'p', 'f') ORDER BY 1",
    ):
        if table not in private:
            yield Error(f"neonpro.{table}: no file of ours makes it.", hint="Drop it.", id="neonpro.E103")
        elif private[table].of_a_clinic and not (enabled and forced):
            yield Error(f"{table}: row security is not enabled and forced.", hint=_MIGRATE, id="neonpro.E102")


def _private() -> list[SqlTable]:
    """The tables of the schema neonpro: no model's, and never the application's to touch."""
    return declared_tables(Path(settings.BASE_DIR))


def _policies(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Each declared policy is there as it was made, and no other."""
    live = {
        (table, name): (comment, fingerprint)
        for table, name, comment, fingerprint in _rows(
            connection,
            "SELECT c.relname, p.polname, coalesce(obj_description(p.oid, 'pg_policy'), ''),"
            " neonpro.policy_fingerprint(c.oid::regclass, p.polname)"
            " FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid"
            " WHERE c.relnamespace IN ('public'::regnamespace, 'neonpro'::regnamespace)",
        )
    }
    declared = {
        (model._meta.db_table, policy.name): policy.fingerprint
        for model in _models()
        for policy in (*row_policies(model), *eraser_policies(model))
    }
    # A file seals its table's policies as "sql".
    declared |= {(table.name, policy): "sql" for table in _private() for policy in table.policies}
    for key, fingerprint in sorted(declared.items()):
        if key not in live:
            yield Error(f"{key[0]}: the policy {key[1]} is missing.", hint=_MIGRATE, id="neonpro.E104")
        elif live[key][0] != f"{fingerprint}:{live[key][1]}":
            yield Error(f"{key[0]}: the policy {key[1]} is not the declared one.", hint=_MIGRATE, id="neonpro.E105")
    for table, name in sorted(live.keys() - declared.keys()):
        yield Error(f"{table}: nobody declared the policy {name}.", hint="Drop it.", id="neonpro.E106")


def _partitions(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """A policy of the parent does not protect a partition that is named directly: each is shut by itself."""
    for partition, shut, granted, unguarded in _rows(
        connection,
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity"
        "     AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid),"
        "  EXISTS (SELECT FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner),"
        "  (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgenabled = 'A'"
        "     AND t.tgfoid = 'neonpro.refuse_change()'::regprocedure) < 2"
        " FROM pg_class AS c WHERE c.relispartition AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace",
    ):
        if not shut or granted or unguarded:
            yield Error(
                f"{partition}: this partition of the audit log can be reached past the log itself.",
                hint="Run `manage.py audit_partitions`.",
                id="neonpro.E107",
            )
    ahead = (datetime.now(UTC) + timedelta(days=31)).strftime("audit_logs_%Y_%m")
    if not _rows(connection, "SELECT FROM pg_class WHERE relname = %s", [ahead]):
        yield Warning(
            f"{ahead}: the audit log has no partition for next month.",
            hint="Run `manage.py audit_partitions`, monthly.",
            id="neonpro.W108",
        )


def _references(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """A foreign key between tables of a clinic begins with the clinic on both sides."""
    columns = {model._meta.db_table: clinic_column(model) for model in _models() if is_tenant(model)}
    for name, table, target, first, target_first, width in _rows(
        connection,
        "SELECT k.conname, c.relname, f.relname,"
        "  (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = k.conkey[1]),"
        "  (SELECT attname FROM pg_attribute WHERE attrelid = f.oid AND attnum = k.confkey[1]),"
        "  cardinality(k.conkey)"
        " FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_class AS f ON f.oid = k.confrelid"
        " WHERE k.contype = 'f' AND NOT c.relispartition",
    ):
        if table not in columns or target not in columns or (target == "clinics" and first == columns[table]):
            continue
        if first != columns[table] or target_first != columns[target] or width < 2:
            yield Error(
                f"{table}: the reference {name} to {target} could leave the clinic.",
                hint="Use ClinicForeignKey and tenancy(same_clinic=[…]).",
                id="neonpro.E109",
            )
    for model in _models():
        for constraint in model._meta.constraints:
            if type(constraint).__name__ == "SameClinic" and not _rows(
                connection, "SELECT FROM pg_constraint WHERE contype = 'f' AND conname = %s", [constraint.name]
            ):
                yield Error(
                    f"{model._meta.db_table}: the reference {constraint.name} is missing.",
                    hint=_MIGRATE,
                    id="neonpro.E109",
                )


def _unique_rules(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """A unique or exclusion rule begins with the clinic, or its clash tells what another clinic holds."""
    columns = {model._meta.db_table: clinic_column(model) for model in _models() if is_tenant(model)}
    for index, table, first in _rows(
        connection,
        "SELECT i.relname, c.relname, pg_get_indexdef(x.indexrelid, 1, true) FROM pg_index AS x"
        " JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS c ON c.oid = x.indrelid"
        " WHERE (x.indisunique OR x.indisexclusion) AND c.relnamespace = 'public'::regnamespace"
        " AND NOT c.relispartition",
    ):
        if table in columns and first != columns[table]:
            yield Error(
                f"{table}: the unique rule {index} does not start with the clinic.",
                hint="Make the clinic its first column.",
                id="neonpro.E110",
            )


def _views(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """A view runs with its owner's rights unless it says otherwise; a materialised view has no row security at all."""
    for (view,) in _rows(
        connection,
        "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND (c.relkind = 'm' OR (c.relkind = 'v'"
        " AND NOT coalesce(c.reloptions, '{}') && '{security_invoker=true,security_invoker=on,security_invoker=1}'))",
    ):
        yield Error(
            f"{view}: this view shows rows past row security.",
            hint="Create it WITH (security_invoker = true); no materialised views over clinics' tables.",
            id="neonpro.E111",
        )


def _grants(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """The application may do with each table exactly what is declared; nobody else anything."""
    declared: dict[tuple[str, str], set[str]] = {
        (table, APP): set(commands) for table, commands in declared_grants().items()
    }
    for model in _models():
        for policy in row_policies(model):
            for role in {GATE, SEARCH, SEALER} & set(policy.to):
                declared.setdefault((model._meta.db_table, role), set()).add(policy.command)
    for table, commands in eraser_grants().items():
        declared[table, ERASER] = set(commands)
    for private in _private():
        for role, command in private.grants:
            declared.setdefault((private.name, role), set()).add(command)
    live: dict[tuple[str, str], set[str]] = {}
    for table, role, privilege in _rows(
        connection,
        "SELECT c.relname, coalesce(r.rolname, 'PUBLIC'), a.privilege_type"
        " FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee"
        " WHERE c.relnamespace IN ('public'::regnamespace, 'neonpro'::regnamespace) AND a.grantee <> c.relowner"
        " UNION SELECT c.relname, coalesce(r.rolname, 'PUBLIC'), a.privilege_type"
        " FROM pg_attribute AS t JOIN pg_class AS c ON c.oid = t.attrelid"
        " CROSS JOIN LATERAL aclexplode(t.attacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee"
        " WHERE c.relnamespace IN ('public'::regnamespace, 'neonpro'::regnamespace) AND a.grantee <> c.relowner",
    ):
        live.setdefault((table, role), set()).add(privilege)
    for (table, role), privileges in sorted(live.items()):
        for privilege in sorted(privileges - declared.get((table, role), set())):
            yield Error(f"{table}: {role} may {privilege}, a grant too many.", hint=_MIGRATE, id="neonpro.E112")
    for (table, role), privileges in sorted(declared.items()):
        for privilege in sorted(privileges - live.get((table, role), set())):
            yield Error(f"{table}: {role} may not {privilege}, a grant is missing.", hint=_MIGRATE, id="neonpro.E113")
    for (privilege,) in _rows(
        connection,
        "SELECT 'make temporary tables' WHERE has_database_privilege(%s, current_database(), 'TEMPORARY')"
        " UNION ALL SELECT 'make schemas' WHERE has_database_privilege(%s, current_database(), 'CREATE')"
        " UNION ALL SELECT 'create in the schema ' || nspname FROM pg_namespace"
        " WHERE nspname IN ('public', 'neonpro') AND has_schema_privilege(%s, oid, 'CREATE')",
        [APP, APP, APP],
    ):
        yield Error(
            f"{APP} may {privilege}: what it makes could stand in the place of a real table.",
            hint="REVOKE it, from PUBLIC too.",
            id="neonpro.E114",
        )


def _triggers(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Each declared trigger is there, is always on and runs what it should."""
    live = {
        (table, name): (enabled, definition)
        for table, name, enabled, definition in _rows(
            connection,
            "SELECT c.relname, t.tgname, t.tgenabled, pg_get_triggerdef(t.oid) FROM pg_trigger AS t"
            " JOIN pg_class AS c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace",
        )
    }
    for model, trigger in registry.registered():
        if not isinstance(trigger, AlwaysTrigger):
            continue
        table, name = model._meta.db_table, trigger.get_pgid(model)
        enabled, definition = live.get((table, name), (None, ""))
        if enabled is None:
            yield Error(f"{table}: the trigger {trigger.name} is missing.", hint=_MIGRATE, id="neonpro.E115")
        elif enabled != "A" or not _same_trigger(trigger, model, definition):
            yield Error(
                f"{table}: the trigger {trigger.name} is not the declared one, or not always on.",
                hint=_MIGRATE,
                id="neonpro.E115",
            )


def _same_trigger(trigger: AlwaysTrigger, model: type[Model], definition: str) -> bool:
    timing = f"{trigger.when} "
    operations = {str(operation) for operation in trigger.operation}
    head, _, execute = definition.partition(" EXECUTE FUNCTION ")
    # What a statement's trigger sees of the changed rows, under the names that its function uses.
    referencing = head.partition(" REFERENCING ")[2].partition(" FOR EACH ")[0]
    named = {word for word in ("INSERT", "UPDATE", "DELETE", "TRUNCATE") if word in head.partition(" ON ")[0]}
    return (
        execute == trigger.render_execute(model)
        and timing in head
        and named == operations
        and f"FOR EACH {trigger.level}" in head
        and referencing.split() == str(trigger.referencing or "").split()[1:]
        and " WHEN " not in head
    )


def _functions(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Each function is as its file says, pins its search_path and is nobody's but those it names."""
    live = {
        name: (source, owner, definer, config, public)
        for name, source, owner, definer, config, public in _rows(
            connection,
            "SELECT 'neonpro.' || p.proname, p.prosrc, r.rolname, p.prosecdef, coalesce(p.proconfig, '{}'),"
            " p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0)"
            " FROM pg_proc AS p JOIN pg_roles AS r ON r.oid = p.proowner"
            " WHERE p.pronamespace = 'neonpro'::regnamespace",
        )
    }
    declared = {function.name: function for function in declared_functions(Path(settings.BASE_DIR))}
    for name, function in sorted(declared.items()):
        if name not in live:
            yield Error(f"The function {name} is missing.", hint=_MIGRATE, id="neonpro.E116")
            continue
        source, owner, definer, config, public = live[name]
        pinned = "search_path=pg_catalog, pg_temp" in config
        if (
            (source, owner, definer) != (function.body, function.owner or OWNER, function.definer)
            or not pinned
            or public
        ):
            yield Error(
                f"The function {name} is not what {function.file.name} says.",
                hint="A migration must install the file anew (InstallSql).",
                id="neonpro.E116",
            )
    for name in sorted(live.keys() - declared.keys()):
        yield Error(f"No file declares the function {name}.", hint="Drop it.", id="neonpro.E116")


def _server(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """The server has the fixes that row security depends on."""
    ((number,),) = _rows(connection, "SELECT current_setting('server_version_num')::int")
    major, minor = divmod(number, 10_000)
    if major < min(_SECURITY_FLOOR):
        yield Error(f"PostgreSQL {major} is too old.", hint="Use PostgreSQL 15 or newer.", id="neonpro.E117")
    elif minor < _SECURITY_FLOOR.get(major, 0):
        yield Warning(
            f"PostgreSQL {major}.{minor} has known holes in row security.",
            hint=f"Update to {major}.{_SECURITY_FLOOR[major]} or newer (CVE-2025-8713).",
            id="neonpro.W117",
        )


def _models() -> list[type[Model]]:
    return [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]


def _rows(connection: BaseDatabaseWrapper, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters) or None)
        return list(cursor.fetchall())
