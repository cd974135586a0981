"""What `migrate` does after the migrations: policies, grants, context keys and audit partitions, each idempotent."""

from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from neonpro.db.context import signing_keys
from neonpro.db.eraser import eraser_grants, eraser_policies
from neonpro.db.policies import RowPolicy
from neonpro.db.roles import APP, ERASER

_ORDER = ("SELECT", "INSERT", "UPDATE", "DELETE")


def after_migrate(*, using: str, **_: Any) -> None:
    """Bring policies, grants, keys and partitions in line (a receiver of post_migrate, run as the owner)."""
    connection = connections[using]
    if not connection.settings_dict.get("NEONPRO_OWNER"):
        return
    with transaction.atomic(using=using):
        restore_policies(connection)
        make_eraser_policies(connection)
        apply_grants(connection)
        install_context_keys(connection)
        with connection.cursor() as cursor:
            cursor.execute("SELECT neonpro.ensure_audit_partitions(12)")


def restore_policies(connection: BaseDatabaseWrapper) -> None:
    """Make each policy anew that is no longer what it was when it was made.

    DROP OWNED BY takes a role off every policy that names it, and any role may run it on itself. The application is
    then shut out of everything; this lets it in again.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, p.polname, obj_description(p.oid, 'pg_policy'),"
            " neonpro.policy_fingerprint(c.oid::regclass, p.polname)"
            " FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid"
        )
        live = {(table, name): (comment, fingerprint) for table, name, comment, fingerprint in cursor.fetchall()}
    with connection.schema_editor(atomic=False) as editor:
        for model in apps.get_models(include_auto_created=True):
            for policy in model._meta.constraints:
                if isinstance(policy, RowPolicy):
                    comment, fingerprint = live.get((model._meta.db_table, policy.name), (None, None))
                    # One of an older or newer declaration is for its migration to change.
                    if (
                        comment
                        and comment.startswith(f"{policy.fingerprint}:")
                        and not comment.endswith(f":{fingerprint}")
                    ):
                        editor.execute(policy.create_sql(model, editor))


def make_eraser_policies(connection: BaseDatabaseWrapper) -> None:
    """Let erasures and their search for what is left reach every table, also one that came with this migration."""
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        cursor.execute(
            "SELECT c.relname, p.polname, obj_description(p.oid, 'pg_policy'),"
            " neonpro.policy_fingerprint(c.oid::regclass, p.polname)"
            " FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid"
        )
        live = {(table, name): (comment, fingerprint) for table, name, comment, fingerprint in cursor.fetchall()}
    with connection.schema_editor(atomic=False) as editor:
        for model in apps.get_models(include_auto_created=True):
            for policy in eraser_policies(model) if model._meta.db_table in existing else ():
                comment, fingerprint = live.get((model._meta.db_table, policy.name), (None, None))
                if comment != f"{policy.fingerprint}:{fingerprint}":
                    editor.execute(policy.create_sql(model, editor))


def declared_grants() -> dict[str, frozenset[str]]:
    """What the application's role may do with each table: derived from its row policies, or listed in the settings."""
    grants: dict[str, set[str]] = {
        table: set(support.grants) for table, support in settings.NEONPRO_SUPPORT_TABLES.items()
    }
    for model in apps.get_models(include_auto_created=True):
        for policy in model._meta.constraints:
            # A restrictive policy allows nothing by itself.
            if isinstance(policy, RowPolicy) and not policy.restrictive and APP in policy.to:
                commands = _ORDER if policy.command == "ALL" else (policy.command,)
                grants.setdefault(model._meta.db_table, set()).update(commands)
    return {table: frozenset(commands) for table, commands in grants.items()}


def apply_grants(connection: BaseDatabaseWrapper) -> None:
    """Give the application's role exactly the declared grants, and nobody else anything."""
    grants = declared_grants()
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, neonpro_app")
        cursor.execute("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, neonpro_app")
        existing = set(connection.introspection.table_names(cursor))
        for table, commands in sorted(grants.items()):
            if table in existing and commands:
                listed = ", ".join(command for command in _ORDER if command in commands)
                cursor.execute(f"GRANT {listed} ON {quote(table)} TO {APP}")
        for table, commands in sorted(eraser_grants().items()):
            if table in existing:
                cursor.execute(f"GRANT {', '.join(sorted(commands))} ON {quote(table)} TO {ERASER}")


def install_context_keys(connection: BaseDatabaseWrapper) -> None:
    """Make the database's context keys those of the settings, newest first.

    They travel as COPY data: unlike a statement and its parameters, that never reaches the server's log or
    pg_stat_activity.
    """
    keys = signing_keys()
    raw: psycopg.Connection[Any] = connection.connection
    with raw.cursor() as cursor:
        cursor.execute("SELECT fingerprint FROM neonpro.context_keys ORDER BY position")
        if [row[0] for row in cursor.fetchall()] == [key.fingerprint for key in keys]:
            return
        cursor.execute("DELETE FROM neonpro.context_keys")
        with cursor.copy(
            "COPY neonpro.context_keys (fingerprint, position, inner_pad, outer_pad) FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.set_types(["text", "int2", "bytea", "bytea"])
            for position, key in enumerate(keys, start=1):
                copy.write_row((key.fingerprint, position, *key.pads))
