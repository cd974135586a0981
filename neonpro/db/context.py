"""The clinic context: who acts, where, in which role. `enter` is the only door to it.

The context is a transaction-local setting of PostgreSQL, signed for one backend and one transaction (`sql/enter.sql`,
`sql/context.sql`), so it can neither leak through a connection pool, nor survive a rollback, nor be replayed or
changed by SQL. Row policies and the audit trigger read it; nothing in Python has to remember to filter.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID, uuid4

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction

if TYPE_CHECKING:
    from neonpro.db.backend.base import DatabaseWrapper

_BLOCK = 64
"""Bytes in a block of SHA-256 (RFC 2104 calls it B)."""


class ContextError(Exception):
    """The base of every error of the clinic context."""


class NotAMember(ContextError):
    """The user has no active membership of the clinic, or the account or the clinic is closed."""


class NoContext(ContextError):
    """Something that needs a clinic was asked for outside of `enter`."""


class Person(Protocol):
    """Anyone who signs in: all that the context needs of a user."""

    @property
    def pk(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Job:
    """A command or scheduled job that acts in its own name.

    Its name is what the audit log shows: lower-case letters, digits and underscores.
    """

    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", self.name):
            raise ValueError(f"{self.name!r} is not a job's name: use lower-case letters, digits and underscores.")


@dataclass(frozen=True, slots=True)
class SignIn:
    """A request for which nobody has signed in yet: it sees accounts, and no clinic."""


@dataclass(frozen=True, slots=True)
class Door:
    """The page «Meus dados» of a clinic before anybody has signed in to it: it finds whom somebody claims to be."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A patient on the page «Meus dados», by the secret of their session there.

    PostgreSQL looks up whose session it is, so the application cannot name a patient; an ended one opens nothing.
    """

    secret: str = field(repr=False)

    @property
    def digest(self) -> str:
        """What the table of sessions has of the secret."""
        return hashlib.sha256(b"neonpro holder session" + self.secret.encode()).hexdigest()


Actor = Person | Job | SignIn | Door | Holder


@dataclass(frozen=True, slots=True)
class Context:
    """An open context, as PostgreSQL sealed it."""

    actor: Actor
    clinic: UUID | None
    role: str
    request_id: UUID
    sealed: str
    held: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What higher floors keep for as long as the context lasts; empty again after a rollback."""

    @property
    def patient(self) -> UUID | None:
        """The patient who acts, as PostgreSQL found them; None for everybody else."""
        return UUID(self.sealed.split("|")[2]) if isinstance(self.actor, Holder) else None


@dataclass(frozen=True, slots=True)
class Trace:
    """A statement that wrote into the audit log, and whose row must be there whatever becomes of the transaction."""

    context: Context
    statement: str
    parameters: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """What the next outermost transaction is to carry."""

    actor: Actor
    clinic: UUID | None
    request_id: UUID


@dataclass(frozen=True, slots=True)
class ContextKey:
    """A key that signs contexts. `migrate` puts its pads where only the owner's function reads them."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) < 32:
            raise ValueError("A context key has at least 32 bytes.")

    @property
    def fingerprint(self) -> str:
        """Names the key, 16 hexadecimal digits, and gives nothing of it away."""
        return hashlib.sha256(b"neonpro context key" + self.secret).hexdigest()[:16]

    @property
    def pads(self) -> tuple[bytes, bytes]:
        """The inner and outer pad of RFC 2104, 64 bytes each."""
        block = (hashlib.sha256(self.secret).digest() if len(self.secret) > _BLOCK else self.secret).ljust(
            _BLOCK, b"\0"
        )
        return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)

    def sign(self, message: str) -> str:
        """HMAC-SHA-256 of a message, in hexadecimal."""
        return hmac.new(self.secret, message.encode(), hashlib.sha256).hexdigest()


def signing_keys() -> list[ContextKey]:
    """The keys of `NEONPRO_CONTEXT_KEYS`, newest first: the first signs, all of them are valid."""
    return [ContextKey(secret) for secret in settings.NEONPRO_CONTEXT_KEYS]


def current(using: str = DEFAULT_DB_ALIAS) -> Context | None:
    """The context that this thread's connection is in, or None."""
    return _wrapper(using).clinic_context


def require(using: str = DEFAULT_DB_ALIAS) -> Context:
    """The context that this thread's connection is in.

    Raises:
        NoContext: outside of `enter`.
    """
    context = current(using)
    if context is None:
        raise NoContext("No clinic context: wrap the work in `with context.enter(user, clinic):`.")
    return context


@contextmanager
def enter(
    actor: Actor,
    clinic: UUID | None,
    *,
    request_id: UUID | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> Iterator[Context]:
    """Open a transaction (or a savepoint, inside one) in which `actor` works in `clinic`.

    Args:
        actor: a user, whose role is read from the membership by PostgreSQL itself; a `Job`; `SignIn()`; or, on the page
            «Meus dados», `Door()` and then a `Holder`, whose session PostgreSQL looks up.
        clinic: the clinic's id. None for a job outside any clinic and for a sign-in.
        request_id: ties the audit rows of one request together; made up when not given, and kept by nested contexts.
        using: the database alias.

    Raises:
        NotAMember: the user has no active membership of that clinic, or the holder's session is over. Nothing was
            opened.
    """
    wrapper = _wrapper(using)
    outer = wrapper.clinic_context
    if request_id is None:
        request_id = outer.request_id if outer else uuid4()
    request = ContextRequest(actor, clinic, request_id)
    nested = wrapper.in_atomic_block
    if not nested:
        # The backend opens the context itself as the outermost transaction begins.
        wrapper.context_request = request
    try:
        with transaction.atomic(using=using):
            if nested:
                open_context(wrapper, request)
            yield require(using)
            if nested and not wrapper.needs_rollback:
                # Releasing a savepoint keeps what was set inside it; rolling back undoes it by itself.
                _set(wrapper, outer.sealed if outer else "")
    finally:
        wrapper.context_request, wrapper.clinic_context = None, outer


def leave_trace(statement: str, *parameters: Any, using: str = DEFAULT_DB_ALIAS) -> None:
    """Remember what wrote into the audit log: after a rollback it is run again, in the same actor's name.

    The backend does so as soon as the transaction is over, and so before an answer leaves the house. What it runs is
    bound by the server (`neonpro.db.bound`).

    Raises:
        NoContext: outside of `enter`.
    """
    _wrapper(using).traces.append(Trace(require(using), statement, parameters))


def open_context(wrapper: "DatabaseWrapper", request: ContextRequest) -> None:
    """Sign a request for the running transaction and let PostgreSQL seal it (used by `enter` and the backend only).

    Raises:
        NotAMember: see `enter`.
    """
    kind, name = _describe(request.actor)
    key = signing_keys()[0]
    # As in _describe: only a UUID cannot hold the separator, whatever a caller hands in.
    clinic = str(UUID(str(request.clinic))) if request.clinic else ""
    message = "|".join((key.fingerprint, kind, name, clinic, str(request.request_id)))
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint")
        pid, began = cursor.fetchone()
        mac = key.sign(f"{message}|{pid}|{began}")
        cursor.execute("SELECT role, sealed FROM neonpro.enter(%s)", [f"{message}|{mac}"])
        answer = cursor.fetchone()
    if answer is None:
        raise NotAMember("This user has no active membership of this clinic.")
    role, sealed = answer
    wrapper.clinic_context = Context(request.actor, request.clinic, role, request.request_id, sealed)


def _describe(actor: Actor) -> tuple[str, str]:
    if isinstance(actor, Job):
        return "job", actor.name
    if isinstance(actor, SignIn):
        return "signin", ""
    if isinstance(actor, Door):
        return "door", ""
    if isinstance(actor, Holder):
        return "patient", actor.digest
    # str() of a UUID cannot hold the separator; anything else is refused before it is signed.
    return "user", str(UUID(str(actor.pk)))


def _set(wrapper: "DatabaseWrapper", sealed: str) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT set_config('neonpro.context', %s, true)", [sealed])


def _wrapper(using: str) -> "DatabaseWrapper":
    return cast("DatabaseWrapper", connections[using])
