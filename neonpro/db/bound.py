"""Statements whose parameters travel apart from their text, so that no log of the server can hold them.

Django writes parameters into the statement itself. What must not stand in a log even when every statement does (wrapped
keys, search tokens) goes through here; the roles have `log_parameter_max_length = 0` (deploy/roles.sql).
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections


def execute(statement: str, parameters: Sequence[Any], *, using: str = DEFAULT_DB_ALIAS) -> list[tuple[Any, ...]]:
    """Run a statement in the connection's transaction; answers with its rows, or none.

    Args:
        statement: SQL with %s where the parameters belong; it must say their types (`%s::uuid[]`).
        parameters: their values, bound by the server.
        using: the database alias.
    """
    connection = connections[using]
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    # Errors come out as Django's own, as from any other cursor.
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        cursor.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []
