"""Lists of bytes arrive as they were sent, the short way too (neonpro/db/backend/arrays.py)."""

from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from neonpro.db.backend.arrays import BytesListDumper


def literal(values: list[Any], dumper: bool) -> str:
    """What stands in a statement for a list, by psycopg's own dumper or by ours."""
    raw: psycopg.Connection[Any] = connection.connection
    plain = psycopg.connect(raw.info.dsn, password=raw.info.password or None)
    try:
        if dumper:
            plain.adapters.register_dumper(list, BytesListDumper)
        return sql.Literal(values).as_string(plain)
    finally:
        plain.close()


@pytest.mark.parametrize("values", [[], [b""], [b"\x00\xff"], [None], [b'a"b\\c', None, b"'{},"], [[b"a"], [b"b"]]])
def test_it_writes_what_psycopg_writes(values: list[Any], db: None) -> None:
    connection.ensure_connection()
    assert literal(values, dumper=True) == literal(values, dumper=False)


@given(st.lists(st.none() | st.binary(max_size=60), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_sent_comes_back(db: None, values: list[bytes | None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::bytea[]", [values])
        assert cursor.fetchone() == (values,)
