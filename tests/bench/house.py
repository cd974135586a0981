"""The server, the databases and the settings that are measured: those of production, on an embedded PostgreSQL."""

import base64
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from neonpro.db.embedded import EmbeddedServer, erase, prepare_database
from neonpro.db.roles import APP, OWNER

LOADED = "bench_loaded"
"""The database as it was filled; never measured on."""

MEASURED = "bench"
"""A copy of it, made anew for each run, so that kept data does not drift."""

UNBOUND = "neonpro_bench"
"""A role that row security does not bind: the other side of the pairs."""

PLAIN = (
    """
    CREATE TABLE public.bench_plain_patients AS
    SELECT
        id, clinic_id, created_at, record_number, 'Maria Aparecida ' || record_number || ' da Silva' AS name,
        '' AS preferred_name, '+55119' || record_number AS phone
    FROM public.patients
    """,
    "ALTER TABLE public.bench_plain_patients ADD PRIMARY KEY (id)",
    "CREATE INDEX ON public.bench_plain_patients (clinic_id, created_at DESC, id)",
    "ALTER TABLE public.bench_plain_patients ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY clinic ON public.bench_plain_patients USING (clinic_id = (SELECT neonpro.current_clinic()))",
    f"GRANT SELECT, INSERT ON public.bench_plain_patients TO {APP}",
)
"""The patients' twin in plain columns: the other side of what encryption costs."""

SETTINGS = {
    # What any real server has; the embedded one is set for a demonstration that spares the disk.
    "max_wal_size": "4GB",
    "shared_buffers": "1GB",
    "checkpoint_timeout": "30min",
}


@dataclass(frozen=True, slots=True)
class House:
    """A running server and where its clusters' databases are."""

    server: EmbeddedServer

    @contextmanager
    def superuser(self, database: str = MEASURED) -> Iterator[psycopg.Connection[Any]]:
        """A connection for preparing and for looking at the results; nothing is measured on it."""
        with psycopg.connect(self.server.superuser_url(database), autocommit=True) as connection:
            yield connection


@contextmanager
def open_house() -> Iterator[House]:
    """Start the server, durable as in production; NEONPRO_BENCH_DATA names a directory to keep its data in."""
    kept = os.environ.get("NEONPRO_BENCH_DATA")
    directory = Path(kept).absolute() if kept else Path(tempfile.mkdtemp(prefix="neonpro-bench-"))
    directory.mkdir(parents=True, exist_ok=True)
    # As root the server runs as another account, which must pass through here.
    directory.chmod(0o711)
    server = EmbeddedServer.start(directory / "data", settings=SETTINGS, fast=False)
    try:
        yield House(server)
    finally:
        server.stop()
        if not kept:
            erase(directory / "data")
            directory.rmdir()


def configure(server: EmbeddedServer) -> None:
    """Point the project's settings at the server, with keys of this run's own. Before `django.setup()`."""

    def key() -> str:
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()

    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
        "DATABASE_URL": server.url(APP, MEASURED),
        "DATABASE_OWNER_URL": server.url(OWNER, LOADED),
        "NEONPRO_SECRET_KEY": secrets.token_urlsafe(50),
        "NEONPRO_CONTEXT_KEYS": key(),
        "NEONPRO_CERTIFICATE_KEY": key(),
        # Always the same: a database that is kept must open in the next run.
        "NEONPRO_MASTER_KEYS": base64.urlsafe_b64encode(b"bench" * 8).decode(),
        # Plain HTTP is answered, not redirected.
        "NEONPRO_DEMO": "1",
        "NEONPRO_ALLOWED_HOSTS": "testserver",
    }


def fingerprint(house: House) -> str:
    """What the filled database says it holds; "" when there is none."""
    with house.superuser("postgres") as connection:
        row = connection.execute(
            "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = %s", [LOADED]
        ).fetchone()
    return row[0] if row else ""


def set_fingerprint(house: House, text: str) -> None:
    """Say that the filled database is complete, and what it holds."""
    with house.superuser("postgres") as connection:
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(LOADED), sql.Literal(text)))


def make_empty(house: House) -> None:
    """Make the database that is filled, empty."""
    with house.superuser("postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(LOADED)))
    prepare_database(house.server, LOADED)


def make_copy(house: House) -> None:
    """Make the database that is measured, and the role that row security does not bind."""
    with house.superuser("postgres") as connection:
        for command in (
            "DROP DATABASE IF EXISTS {measured} WITH (FORCE)",
            "CREATE DATABASE {measured} TEMPLATE {loaded} OWNER {owner} STRATEGY FILE_COPY",
        ):
            connection.execute(
                sql.SQL(command).format(
                    measured=sql.Identifier(MEASURED), loaded=sql.Identifier(LOADED), owner=sql.Identifier(OWNER)
                )
            )
    prepare_database(house.server, MEASURED)
    role = sql.Identifier(UNBOUND)
    with house.superuser() as connection:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [UNBOUND]).rowcount:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN BYPASSRLS").format(role))
        # Whatever the application's role is set to, planning included, this one is too.
        settings = connection.execute("SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = %s", [APP]).fetchall()
        for name, value in (setting.split("=", 1) for (setting,) in settings):
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(name), sql.Literal(value))
            )
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(MEASURED), role))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        connection.execute(sql.SQL("GRANT SELECT ON public.patients, public.appointments TO {}").format(role))
        # The copy's pages and hint bits are settled before anything is timed.
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def make_plain(house: House) -> None:
    """Make the patients' twin, in the copy: after `migrate`, which takes every grant that it does not know."""
    with house.superuser() as connection:
        for command in PLAIN:
            connection.execute(command)
        connection.execute("VACUUM (ANALYZE) public.bench_plain_patients")
