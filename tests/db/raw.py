"""What an attacker has who can run any SQL as the application's role: a connection, and tokens made by hand.

The protocol is written out here a second time on purpose: the tests would follow a mistake in the product's own code.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.apps import apps
from django.conf import settings
from psycopg import sql

from neonpro.db.audit import RefuseChange
from neonpro.db.checks import is_tenant, row_policies
from tests import settings as test_settings
from tests.factories import World

TENANT_TABLES = sorted(m._meta.db_table for m in apps.get_models(include_auto_created=True) if is_tenant(m))
"""Every table whose rows belong to a clinic, those of later issues included."""

SHUT_TABLES = sorted(
    m._meta.db_table
    for m in apps.get_models(include_auto_created=True)
    if row_policies(m) and m._meta.db_table not in {"substances", "sncr_numbers"}
)
"""Those and the accounts. What is of no clinic and the same for all, or a person's own, has tests of its own."""

APPEND_ONLY = sorted(
    model._meta.db_table
    for model in apps.get_models(include_auto_created=True)
    if any(isinstance(trigger, RefuseChange) for trigger in getattr(model._meta, "triggers", []))
)
"""The tables that are only ever added to, by triggers: the audit log and the histories."""

REFUSED = "42501"
"""insufficient_privilege."""


def connect(role: str, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to the database under test, in autocommit unless told otherwise."""
    url = test_settings.SERVER.url(role, test_settings.DATABASE)
    return psycopg.connect(url, **({"autocommit": True} | options))


def fingerprint(secret: bytes) -> str:
    """What names a key."""
    return hashlib.sha256(b"neonpro context key" + secret).hexdigest()[:16]


def sign(secret: bytes, message: str, moment: tuple[int, int]) -> str:
    """HMAC-SHA-256 over a message and the backend and transaction that it is for."""
    return hmac.new(secret, f"{message}|{moment[0]}|{moment[1]}".encode(), hashlib.sha256).hexdigest()


@dataclass
class Outcome:
    """Everything that a statement tells whoever sent it."""

    state: str | None = None
    text: str = ""
    constraint: str | None = None
    status: str | None = None
    rows: tuple[tuple[Any, ...], ...] = ()


@dataclass
class Raw:
    """A connection and what can be tried with it."""

    connection: psycopg.Connection[tuple[Any, ...]]

    def run(self, query: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement; its rows, if it has any."""
        cursor = self.connection.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []

    def attempt(self, query: str, parameters: Sequence[Any] | None = None) -> Outcome:
        """Run a statement in a savepoint (or alone, in autocommit) and tell everything it told."""
        try:
            with self.undone():
                cursor = self.connection.execute(query, parameters)
                rows = tuple(cursor.fetchall()) if cursor.description else ()
                return Outcome(status=cursor.statusmessage, rows=rows)
        except psycopg.Error as error:
            diagnosis = error.diag
            told = (diagnosis.message_primary, diagnosis.message_detail, diagnosis.message_hint, diagnosis.context)
            return Outcome(
                state=error.sqlstate,
                text="\n".join(part for part in told if part),
                constraint=f"{diagnosis.table_name}.{diagnosis.column_name}.{diagnosis.constraint_name}",
            )

    def refused(self, query: str, parameters: Sequence[Any] | None = None, *, state: str = REFUSED) -> str:
        """Assert that a statement is refused; the error's text."""
        outcome = self.attempt(query, parameters)
        assert outcome.state == state, f"{query}: {outcome}"
        return outcome.text

    @contextmanager
    def undone(self) -> Iterator[None]:
        """A transaction, or a savepoint inside one, that is rolled back whatever happened."""
        with self.connection.transaction(force_rollback=True):
            yield

    def moment(self) -> tuple[int, int]:
        """This backend and this transaction, as a token names them."""
        ((pid, began),) = self.run("SELECT pg_backend_pid(), (extract(epoch FROM now()) * 1000000)::bigint")
        return pid, began

    def request(
        self,
        clinic: UUID | None,
        *,
        kind: str = "user",
        actor: Any = "",
        secret: bytes | None = None,
        named: str | None = None,
        moment: tuple[int, int] | None = None,
    ) -> str:
        """A token that asks for a context, signed with the application's key unless another one is given."""
        secret = secret or settings.NEONPRO_CONTEXT_KEYS[0]
        parts = (named or fingerprint(secret), kind, str(actor), str(clinic) if clinic else "", str(uuid4()))
        message = "|".join(parts)
        return f"{message}|{sign(secret, message, moment or self.moment())}"

    def enter(self, world: World, role: str = "manager") -> str:
        """Open a context as the application does, for the rest of the transaction; the sealed token."""
        return self.enter_with(self.request(world.clinic.pk, actor=world.user(role).pk))

    def enter_with(self, request: str) -> str:
        """Hand in a request; the sealed token."""
        ((_role, sealed),) = self.run("SELECT * FROM neonpro.enter(%s)", [request])
        return str(sealed)

    @contextmanager
    def inside(self, world: World, role: str = "manager") -> Iterator[str]:
        """A transaction in a clinic, rolled back at its end; gives the sealed token."""
        with self.undone():
            yield self.enter(world, role)

    def use(self, sealed: str) -> None:
        """Set a sealed context by hand."""
        self.run("SELECT set_config('neonpro.context', %s, true)", [sealed])


def identifier(name: str) -> str:
    """A name, quoted."""
    return sql.Identifier(name).as_string(None)
