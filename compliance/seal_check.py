"""Verifying the sealed audit log: names the first row that was changed, is missing or was added, and every broken seal.

Nothing in the database is believed: each seal is checked against its signature, the seal before it and its rows, and
the heads of the chains against the file outside the database.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db import connection

from compliance import anchors, certificates, merkle
from compliance.models import PLATFORM
from compliance.seals import digest_of, places
from neonpro.db import context
from neonpro.db.context import Job

VERIFYING: Final = Job("verify_audit")
_AT_ONCE: Final = timedelta(days=31)


class Fault(StrEnum):
    """What can be wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    SIGNATURE = "signature"
    CHAIN = "chain"
    ROOT = "root"
    GAP = "gap"
    CUT = "cut"
    REWRITTEN = "rewritten"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed."""

    fault: Fault
    clinic: UUID
    seal: int
    row: UUID | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What was verified of one clinic's log."""

    clinic: UUID
    seals: int
    rows: int


def verify_log(
    public_key: str,
    *,
    clinic: UUID | None = None,
    anchor: Path | None = None,
    told: Callable[[UUID, int], None] = lambda clinic, rows: None,
) -> Iterator[Finding | Checked]:
    """Verify a clinic's log, or every clinic's and the platform's.

    Args:
        public_key: of whoever sealed; the keys in the seals prove nothing.
        clinic: only this one; the nil UUID is the platform.
        anchor: the file outside the database; without it a chain that was cut or rewritten whole is not found.
        told: is called with a clinic and how many rows more were compared.

    Raises:
        AnchorError: the file is missing or was altered.
    """
    anchored: dict[str, dict[int, set[str]]] = {}
    for owner, number, digest in anchors.read(anchor, public_key) if anchor else ():
        # Two heads of the same number would be a chain that was rewritten and anchored again.
        anchored.setdefault(owner, {}).setdefault(number, set()).add(digest)
    here = [place for place in places() if clinic is None or (place or UUID(PLATFORM)) == clinic]
    for place in here:
        yield from _verify_clinic(place, public_key, anchored.pop(str(place or PLATFORM), {}), told)
    if clinic is None:
        # Clinics of which the database knows nothing any more.
        for owner, heads in anchored.items():
            yield Finding(Fault.CUT, UUID(owner), max(heads))


def _verify_clinic(
    place: UUID | None, public_key: str, anchored: dict[int, set[str]], told: Callable[[UUID, int], None]
) -> Iterator[Finding | Checked]:
    clinic = place or UUID(PLATFORM)
    number, before, rows = 0, b"", 0
    while True:
        with context.enter(VERIFYING, place), connection.cursor() as cursor:
            cursor.execute(
                "SELECT number, document, previous, leaves FROM neonpro.seals_after(%s, 1)",
                [number],
            )
            found = cursor.fetchone()
            if found is None:
                break
            expected, (number, document, previous, packed) = number + 1, found
            cursor.execute("SELECT neonpro.sealed_leaves(%s)", [number])
            (stored,) = cursor.fetchone()
        if number != expected:
            yield Finding(Fault.GAP, clinic, expected)
        # Of the document itself: the stored digest is only what the database says.
        digest = digest_of(document or "")
        if bytes(previous) != before and number == expected:
            yield Finding(Fault.CHAIN, clinic, number)
        yield from _verify_seal(clinic, number, document, before, bytes(packed), public_key, number == expected)
        yield from _compare(place, number, bytes(packed), bytes(stored))
        if number in anchored and anchored[number] != {digest.hex()}:
            yield Finding(Fault.REWRITTEN, clinic, number)
        before = digest
        rows += len(packed) // 32
        told(clinic, len(packed) // 32)
    if anchored and max(anchored) > number:
        yield Finding(Fault.CUT, clinic, max(anchored))
    yield from _added(place, number)
    yield Checked(clinic, number, rows)


def _verify_seal(
    clinic: UUID, number: int, document: str | None, before: bytes, packed: bytes, public_key: str, follows: bool
) -> Iterator[Finding]:
    try:
        said: dict[str, Any] = certificates.verify(document or "", public_key)
        if said.get("type") != "neonpro.seal":
            raise certificates.CertificateInvalid("format")
    except certificates.CertificateInvalid:
        yield Finding(Fault.SIGNATURE, clinic, number)
        return
    if said["clinic"] != str(clinic) or said["number"] != number or (follows and said["previous"] != before.hex()):
        yield Finding(Fault.CHAIN, clinic, number)
    leaves = merkle.split(packed)
    if said["rows"] != len(leaves) or not leaves or said["root"] != merkle.root(leaves).hex():
        yield Finding(Fault.ROOT, clinic, number)


def _compare(place: UUID | None, seal: int, sealed: bytes, stored: bytes) -> Iterator[Finding]:
    if sealed == stored:
        return
    spots = [n for n in range(len(sealed) // 32) if sealed[n * 32 : n * 32 + 32] != stored[n * 32 : n * 32 + 32]]
    with context.enter(VERIFYING, place), connection.cursor() as cursor:
        cursor.execute("SELECT id, first_at FROM neonpro.sealed_ids(%s, %s)", [seal, spots])
        rows = cursor.fetchall()
    for spot, (row, moment) in zip(spots, rows, strict=True):
        fault = Fault.CHANGED if any(stored[spot * 32 : spot * 32 + 32]) else Fault.MISSING
        yield Finding(fault, place or UUID(PLATFORM), seal, row, moment)


def _added(place: UUID | None, seal: int) -> Iterator[Finding]:
    clinic = place or UUID(PLATFORM)
    with context.enter(VERIFYING, place), connection.cursor() as cursor:
        cursor.execute("SELECT first_at, last_at FROM neonpro.audit_span()")
        moment, end = cursor.fetchone()
    while moment is not None and moment <= end:
        with context.enter(VERIFYING, place), connection.cursor() as cursor:
            cursor.execute("SELECT created_at, id FROM neonpro.never_sealed(%s, %s)", [moment, moment + _AT_ONCE])
            for created_at, row in cursor.fetchall():
                yield Finding(Fault.ADDED, clinic, seal, row, created_at)
        moment += _AT_ONCE
