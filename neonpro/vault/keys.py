"""The keys of personal data: a data key for each patient and category, wrapped by a master key of the environment.

PostgreSQL hands wrapped keys out through `neonpro.open_keys` alone, which checks the reader and writes the access down
first; the master key never reaches it. A `Keyring` holds what was opened for as long as the context lasts.
"""

import base64
import hashlib
import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from psycopg.types.json import Jsonb

from neonpro.db import context
from neonpro.db.bound import execute

logger = logging.getLogger(__name__)

CATEGORIES: Final = ("identification", "contact", "clinical", "images", "marketing", "ai")
"""The categories of personal data. Which role may open which is `neonpro.may_open` (`sql/may_open.sql`)."""

KEY_BYTES: Final = 64
"""Bytes of a data key: AES-256-SIV needs two keys of 32."""

Pair = tuple[UUID, str]
"""A patient and a category."""


class VaultError(Exception):
    """The base of every error of the vault."""


class Erased(VaultError):
    """The keys of what was to be written have been destroyed: nothing can be stored there any more."""


class Refused(VaultError):
    """This role may not write this category, or the patient's data are closed to it."""


class Status(StrEnum):
    """What `neonpro.open_keys` says of a key, and two things only this side knows."""

    OPEN = "open"
    ERASED = "erased"
    WITHHELD = "withheld"
    RESTRICTED = "restricted"
    UNREADABLE = "unreadable"
    MISSING = "missing"


class Act(StrEnum):
    """What a key is opened for: the action of the audit row."""

    READ = "READ"
    LIST = "LIST"
    WRITE = "WRITE"
    EXPORT = "EXPORT"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps data keys. It never leaves the process, and PostgreSQL never sees it."""

    kid: int
    _cipher: AESSIV = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "MasterKey":
        """The master key of a secret of at least 32 bytes.

        Raises:
            ValueError: the secret is shorter.
        """
        if len(secret) < 32:
            raise ValueError("A master key has at least 32 bytes.")
        kid = int.from_bytes(hashlib.sha256(b"neonpro master key" + secret).digest()[:4]) >> 1
        wrapping = HKDF(algorithm=SHA512(), length=KEY_BYTES, salt=None, info=b"neonpro wrapping key").derive(secret)
        return cls(kid, AESSIV(wrapping))

    def wrap(self, key: bytes, owner: UUID, category: str) -> bytes:
        """A data key as the database keeps it, 80 bytes; nobody else's and no other category's opens as this one."""
        return self._cipher.encrypt(key, [b"neonpro data key", owner.bytes, category.encode()])

    def unwrap(self, wrapped: bytes, owner: UUID, category: str) -> bytes:
        """The data key.

        Raises:
            InvalidTag: it was wrapped by another master key or for another owner or category, or was altered.
        """
        return self._cipher.decrypt(wrapped, [b"neonpro data key", owner.bytes, category.encode()])


@lru_cache(maxsize=4)
def _masters(secrets: tuple[bytes, ...]) -> tuple[MasterKey, ...]:
    masters = tuple(MasterKey.of(secret) for secret in secrets)
    if len({master.kid for master in masters}) < len(masters):
        # One in two thousand million, unless it is the same key twice: neither would know its own data keys.
        raise ValueError("Two master keys have the same id. Make the newer one anew.")
    return masters


def master_keys() -> tuple[MasterKey, ...]:
    """The keys of `NEONPRO_MASTER_KEYS`, newest first: the first wraps, all of them unwrap."""
    return _masters(tuple(settings.NEONPRO_MASTER_KEYS))


def new_key() -> str:
    """A new master key as `NEONPRO_MASTER_KEYS` takes it: 64 random bytes, base64url."""
    return base64.urlsafe_b64encode(os.urandom(64)).decode()


def unwrap(kid: int, wrapped: bytes, owner: UUID, category: str) -> bytes:
    """Unwrap a data key with whichever master key wrapped it.

    Raises:
        InvalidTag: none of the master keys opens it.
    """
    for master in master_keys():
        if master.kid == kid:
            return master.unwrap(wrapped, owner, category)
    raise InvalidTag


# --- why somebody reads ----------------------------------------------------------------------------------------------

_purpose: ContextVar[str] = ContextVar("neonpro_purpose", default="")


@contextmanager
def purpose(code: str) -> Iterator[None]:
    """Say for what keys are opened inside: the audit log keeps it beside every reading.

    Args:
        code: a short code; what is not a lower-case letter, a digit or one of `_.:-` becomes `_`.
    """
    token = _purpose.set(re.sub(r"[^a-z0-9_.:-]", "_", code.lower())[:80])
    try:
        yield
    finally:
        _purpose.reset(token)


def current_purpose(actor: context.Actor) -> str:
    """What the audit log is to say: the page of a request, the name of a job, or "shell"."""
    return _purpose.get() or (f"job:{actor.name}" if isinstance(actor, context.Job) else "shell")


# --- the keys of one context -----------------------------------------------------------------------------------------


@dataclass(slots=True, repr=False)
class _Answer:
    status: Status
    kid: int = 0
    wrapped: bytes | None = None
    cipher: AESSIV | None = None


class Keyring:
    """The keys that one context has opened. `keyring()` is the way to it."""

    def __init__(self, opened: context.Context, using: str) -> None:
        self._context = opened
        self._using = using
        self._answers: dict[Pair, _Answer] = {}
        self._search_key: bytes | None = None
        self._reported: set[tuple[UUID, str]] = set()

    def __repr__(self) -> str:
        return "<keyring>"

    def open(self, patients: Iterable[UUID], categories: Collection[str], act: Act = Act.READ) -> None:
        """Open the keys of patients, in one call and with one audit row, unless all of them are here already."""
        asked = [
            patient for patient in dict.fromkeys(patients)
            if any((patient, category) not in self._answers for category in categories)
        ]  # fmt: skip
        if not asked:
            return
        missing = [
            category for category in categories if any((patient, category) not in self._answers for patient in asked)
        ]
        why = current_purpose(self._context.actor)
        rows = execute(
            "SELECT patient, category, status, kid, wrapped FROM neonpro.open_keys(%s::uuid[], %s::text[], %s, %s)",
            [asked, missing, act.value, why],
            using=self._using,
        )
        answers = {
            (patient, category): _Answer(Status(status), kid, wrapped)
            for patient, category, status, kid, wrapped in rows
        }
        for patient in asked:
            for category in missing:
                self._answers[patient, category] = answers.get((patient, category)) or _Answer(Status.MISSING)
        self._remember(act, answers, missing, why)

    def _remember(self, act: Act, answers: dict[Pair, _Answer], categories: list[str], why: str) -> None:
        """A rollback takes the row that `open_keys` wrote; what was read stays read."""
        opened = {patient for (patient, _), answer in answers.items() if answer.status is Status.OPEN}
        closed = {Status.WITHHELD, Status.RESTRICTED}
        refused = {patient for (patient, _), answer in answers.items() if answer.status in closed} - opened
        for kind, patients in ((act.value, opened), ("DENIED", refused)):
            if patients:
                context.leave_trace(
                    "SELECT neonpro.record_reading(%s, %s::uuid[], %s::jsonb)",
                    kind,
                    sorted(patients),
                    Jsonb({"purpose": why, "categories": categories, "undone": True, "reader": self._reader()}),
                    using=self._using,
                )

    def _reader(self) -> str:
        """Who reads, for a row that may have to be written when they are no member any more."""
        actor = self._context.actor
        return actor.name if isinstance(actor, context.Job) else str(getattr(actor, "pk", ""))

    def forget(self, patient: UUID) -> None:
        """Let go of what was answered of a patient: what is opened for another purpose is asked for again."""
        for pair in [pair for pair in self._answers if pair[0] == patient]:
            del self._answers[pair]

    def knows(self, patient: UUID, category: str) -> bool:
        """Whether `open` has been called for a patient and category, whatever came of it."""
        return (patient, category) in self._answers

    def cipher(self, patient: UUID, category: str) -> AESSIV | Status:
        """The opened key of one patient and category, or why there is none. `open` has been called for it."""
        answer = self._answers[patient, category]
        if answer.status is not Status.OPEN:
            return answer.status
        if answer.cipher is None:
            assert answer.wrapped is not None
            try:
                answer.cipher = AESSIV(unwrap(answer.kid, answer.wrapped, patient, category))
            except InvalidTag:
                answer.status = Status.UNREADABLE
                self.report_unreadable(patient, f"key:{category}")
                return answer.status
            answer.wrapped = None
        return answer.cipher

    def for_writing(self, pairs: Collection[Pair], *, fresh: bool = False) -> dict[Pair, AESSIV | Status]:
        """The keys to encrypt with: opened where they exist, made where there are none yet.

        Args:
            pairs: patients and categories.
            fresh: the patients are being made just now, so that none of them has a key.
        """
        found: dict[Pair, AESSIV | Status] = {}
        wanted = set(pairs)
        if not fresh:
            self.open({patient for patient, _ in wanted}, {category for _, category in wanted}, Act.WRITE)
            for pair in wanted:
                cipher = self.cipher(*pair)
                if cipher is not Status.MISSING:
                    found[pair] = cipher
            wanted -= found.keys()
        if wanted:
            found |= self._create(sorted(wanted, key=_place), fresh=fresh)
        return found

    def _create(self, pairs: list[Pair], *, fresh: bool) -> dict[Pair, AESSIV | Status]:
        master = master_keys()[0]
        secrets = [os.urandom(KEY_BYTES) for _ in pairs]
        ((made,),) = execute(
            "SELECT neonpro.create_keys(%s::uuid[], %s::text[], %s, %s::bytea[])",
            [
                [patient for patient, _ in pairs],
                [category for _, category in pairs],
                master.kid,
                [master.wrap(key, *pair) for key, pair in zip(secrets, pairs, strict=True)],
            ],
            using=self._using,
        )
        if made < len(pairs):
            # Somebody else made one, erased one, or the patient is closed to us: ask again.
            for pair in pairs:
                self._answers.pop(pair, None)
            if fresh:
                return self.for_writing(pairs)
            self.open({patient for patient, _ in pairs}, {category for _, category in pairs}, Act.WRITE)
            return {pair: self.cipher(*pair) for pair in pairs}
        ciphers: dict[Pair, AESSIV | Status] = {pair: AESSIV(key) for pair, key in zip(pairs, secrets, strict=True)}
        # An import of tens of thousands needs each key for one row, and then never again.
        if len(pairs) <= 1000:
            for pair, cipher in ciphers.items():
                assert isinstance(cipher, AESSIV)
                self._answers[pair] = _Answer(Status.OPEN, master.kid, cipher=cipher)
        return ciphers

    def hold(self, pairs: Collection[Pair]) -> None:
        """Hold keys until the transaction ends: an erasure waits for us, or we for it.

        Raises:
            Erased: one of them has been destroyed meanwhile.
        """
        if not pairs:
            return
        ordered = sorted(pairs, key=_place)
        destroyed = execute(
            "SELECT patient, category FROM neonpro.hold_keys(%s::uuid[], %s::text[])",
            [[patient for patient, _ in ordered], [category for _, category in ordered]],
            using=self._using,
        )
        if destroyed:
            for pair in destroyed:
                self._answers[pair] = _Answer(Status.ERASED)
            raise Erased("The data of this patient were erased; nothing more can be stored in them.")

    def search_key(self) -> bytes:
        """The clinic's key for search tokens, 32 bytes; made on first use.

        Raises:
            InvalidTag: none of the master keys opens it.
        """
        if self._search_key is None:
            clinic = self._context.clinic
            assert clinic is not None
            statement = "SELECT kid, wrapped FROM neonpro.search_key(%s::int, %s::bytea)"
            rows = execute(statement, [None, None], using=self._using)
            if not rows:
                master = master_keys()[0]
                offer = master.wrap(os.urandom(KEY_BYTES), clinic, "search")
                rows = execute(statement, [master.kid, offer], using=self._using)
            kid, wrapped = rows[0]
            self._search_key = unwrap(kid, wrapped, clinic, "search")[:32]
        return self._search_key

    def report_unreadable(self, patient: UUID, label: str) -> None:
        """Write down that a value does not open: moved, cut or altered, or its key is another's. Once in a context."""
        if (patient, label) in self._reported:
            return
        self._reported.add((patient, label))
        logger.error("A value does not open: %s. The audit log has an UNREADABLE entry that names the patient.", label)
        statement = "SELECT neonpro.record_reading(%s, %s::uuid[], %s::jsonb)"
        parameters = ("UNREADABLE", [patient], Jsonb({"label": label}))
        execute(statement, parameters, using=self._using)
        context.leave_trace(statement, *parameters, using=self._using)


def _place(pair: Pair) -> tuple[int, str]:
    """The order in which keys are made and held: the pairs' own, without the time that comparing UUIDs takes."""
    return pair[0].int, pair[1]


def keyring(using: str = DEFAULT_DB_ALIAS) -> Keyring:
    """The keyring of the open context; it ends with the context.

    Raises:
        neonpro.db.context.NoContext: outside of `enter`.
    """
    opened = context.require(using)
    ring = opened.held.get("keyring")
    if ring is None:
        ring = opened.held["keyring"] = Keyring(opened, using)
    assert isinstance(ring, Keyring)
    return ring
