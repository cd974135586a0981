"""Sealing the audit log: what was written can no longer be changed, left out or added to without its being found.

Nobody who writes waits for a seal. `seal_log` takes the rows whose transactions are over, hashes them into a Merkle
tree, signs its root together with the seal before, and writes the head of each clinic's chain to a file outside the
database (`compliance.anchors`): against that, a chain that was cut or made anew from its beginning is found too.
Verifying is `compliance.seal_check`; `proof_of` lets anybody check a single row without the database.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connection
from django.utils import timezone

from compliance import anchors, certificates, merkle
from compliance.models import PLATFORM
from neonpro.db import context
from neonpro.db.context import Job
from neonpro.db.everywhere import clinic_ids

SEALING: Final = Job("seal_audit")
MOST: Final = 50_000
"""Rows of a seal: what an inclusion proof has to read, and a few megabytes while it is made."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last seal of a clinic's chain."""

    clinic: UUID
    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class State:
    """How far the current clinic's log is sealed."""

    oldest_unsealed: datetime | None
    last_seal: datetime | None
    seals: int

    @property
    def age(self) -> timedelta:
        """How long the oldest row has been waiting for a seal."""
        return timezone.now() - self.oldest_unsealed if self.oldest_unsealed else timedelta()

    @property
    def is_late(self) -> bool:
        """Whether a row waits longer than the settings allow: nobody seals, or a transaction never ends."""
        return self.age > timedelta(minutes=settings.NEONPRO_SEAL_MINUTES)


def seal_log(*, told: Callable[[UUID, int], None] = lambda clinic, rows: None) -> int:
    """Seal what can be sealed of every clinic's log and of the platform's; answers with how many rows it was.

    Args:
        told: is called with a clinic and how many of its rows a seal took.

    Raises:
        NoCertificateKey: there is no key to sign with; nothing was sealed.
        AnchorError: the file outside the database could not be written. The seals are made; the next run anchors them.
    """
    key = certificates.private_key(settings.NEONPRO_CERTIFICATE_KEY)
    with context.enter(SEALING, None), connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.note_horizon()")
    rows = 0
    heads = []
    for clinic in places():
        for taken in _seal_clinic(clinic, key):
            told(clinic or UUID(PLATFORM), taken)
            rows += taken
        heads.append(head_of(clinic))
    anchors.add([head for head in heads if head], key)
    return rows


def places() -> list[UUID | None]:
    """Whose logs there are: every clinic's, and None for the platform's."""
    return [*clinic_ids(SEALING), None]


def head_of(clinic: UUID | None) -> Head | None:
    """The last seal of a clinic's chain; None before the first."""
    with context.enter(SEALING, clinic), connection.cursor() as cursor:
        cursor.execute("SELECT number, digest FROM neonpro.last_seal()")
        number, digest = cursor.fetchone()
    return Head(clinic or UUID(PLATFORM), number, bytes(digest).hex()) if number else None


def _seal_clinic(clinic: UUID | None, key: Ed25519PrivateKey) -> Iterator[int]:
    """Seal after seal, each in its own transaction, until nothing is left; yields the rows of each."""
    taken = MOST
    while taken == MOST:
        with context.enter(SEALING, clinic), connection.cursor() as cursor:
            cursor.execute("SELECT number, previous, leaves, first_at, last_at FROM neonpro.open_seal(%s)", [MOST])
            number, previous, packed, first_at, last_at = cursor.fetchone()
            if number is None:
                return
            leaves = merkle.split(bytes(packed))
            taken = len(leaves)
            document = {
                "type": "neonpro.seal", "version": 1, "clinic": str(clinic or PLATFORM), "number": number,
                "previous": bytes(previous).hex(), "root": merkle.root(leaves).hex(), "rows": taken,
                "first": _moment(first_at), "last": _moment(last_at), "sealed_at": _moment(timezone.now()),
            }  # fmt: skip
            cursor.execute("SELECT neonpro.close_seal(%s)", [certificates.sign(document, key)])
        yield taken


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def state() -> State:
    """How far the log of the current clinic is sealed; nothing to those who may not read the log."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT oldest, last_seal, seals FROM neonpro.unsealed()")
        oldest, last, seals = cursor.fetchone()
    return State(oldest, last, seals or 0)


def seal_of(row: UUID, created_at: datetime) -> int | None:
    """Which seal holds a row of the current clinic's log; None while none does, or who asks may not read the log."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT document FROM neonpro.sealed_entry(%s, %s)", [row, created_at])
        found = cursor.fetchone()
    if found is None:
        return None
    number: int = json.loads(found[0])["number"]
    return number


def proof_of(row: UUID, created_at: datetime) -> dict[str, Any] | None:
    """That a row stands in the sealed log, for somebody who has only the public key; None while it is not sealed.

    The document holds the row as it is stored (personal data as ciphertext), the hashes that lead from it to the root,
    and the signed seal. `deploy/check_audit_proof.py` checks it with Python's own library and `cryptography`.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT entry, place, document, leaves FROM neonpro.sealed_entry(%s, %s)", [row, created_at])
        found = cursor.fetchone()
    if found is None:
        return None
    entry, place, document, packed = found
    leaves = merkle.split(bytes(packed))
    return {
        "type": "neonpro.audit_proof", "version": 1, "entry": entry, "index": place, "rows": len(leaves),
        "path": [step.hex() for step in merkle.path(leaves, place)], "seal": json.loads(document),
    }  # fmt: skip


def digest_of(document: str) -> bytes:
    """What the next seal and the anchor name a seal by."""
    return hashlib.sha256(document.encode()).digest()
