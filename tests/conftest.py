"""The test database: made by the migrations as the owner, used as the application's role, cloned from a template.

`db` runs a test inside a transaction that is rolled back. `committed` gives a test a database of its own, with real
commits, in which threads, processes and browsers can work.
"""

from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker

from tests import settings as test_settings
from tests.factories import World, make_world


def superuser(database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
    """A connection that row security does not bind: to look behind the scenes, never to make a test pass."""
    return psycopg.connect(test_settings.SERVER.superuser_url(database), autocommit=True)


def clone_template() -> None:
    """Make the test database anew, as the migrations left it."""
    connections.close_all()
    with superuser() as connection:
        for command in (
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            "CREATE DATABASE {} TEMPLATE {} OWNER neonpro_owner STRATEGY FILE_COPY",
            "REVOKE ALL ON DATABASE {} FROM PUBLIC",
            "GRANT CONNECT ON DATABASE {} TO neonpro_app",
        ):
            names = (test_settings.DATABASE, test_settings.TEMPLATE)[: command.count("{}")]
            connection.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Migrate the template as the owner, then clone it. Replaces pytest-django's, which needs CREATEDB."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        clone_template()
        # From here on the owner, too, works in the database under test.
        connections["owner"].settings_dict["NAME"] = test_settings.DATABASE
        yield
        connections.close_all()


@pytest.fixture(autouse=True)
def _rolled_back_by_the_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test reads inside its own transaction was read in no clinic: nobody owes a trace of it."""
    if "db" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("db")
    yield
    for connection in connections.all(initialized_only=True):
        connection.traces.clear()  # type: ignore[attr-defined]
        connection._owed.clear()  # type: ignore[attr-defined]


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database of this test's own: whatever it commits is gone with the next clone."""
    with django_db_blocker.unblock():
        yield
        clone_template()


@pytest.fixture
def clinic_a(db: None) -> World:
    """A clinic with people in it, gone with the test."""
    return make_world("ALFAZEMA")


@pytest.fixture
def clinic_b(db: None) -> World:
    """Another clinic: nobody of `clinic_a` may see anything of it."""
    return make_world("BERGAMOTA")
