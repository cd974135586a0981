"""The ledger of erasures, outside the database: what was erased stays erased, also after an older dump is restored.

One signed line of JSON an entry, each with the hash of the one before it, only ever appended and forced to the disk.
PREPARE is written before anything is erased and DONE after the commit; whoever is killed between the two finds, on
looking again, whether the database did it. A database that lacks an erasure which the ledger knows is not served.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance import certificates
from neonpro.db import context
from neonpro.db.context import Job

LEDGER = Job("erasure_ledger")
EVERY = 5.0
"""Seconds for which a process believes what it found."""


class LedgerError(Exception):
    """The ledger cannot be read or written, or was altered. The message is for a person."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger."""

    number: int
    act: str
    erasure: UUID
    facts: dict[str, Any]
    digest: str


def path() -> Path:
    """Where the ledger is.

    Raises:
        LedgerError: nobody said where.
    """
    if not settings.NEONPRO_ERASURE_LEDGER:
        raise LedgerError(_("NEONPRO_ERASURE_LEDGER is not set: without the ledger nothing is erased."))
    return Path(settings.NEONPRO_ERASURE_LEDGER)


def read() -> list[Entry]:
    """Every entry, each proved by its signature and by the one before it. A line that was cut by a crash is no entry.

    Raises:
        LedgerError: it cannot be read, or is not as it was written.
    """
    try:
        content = path().read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LedgerError(_("The ledger of erasures cannot be read: %(error)s.") % {"error": error.strerror}) from error
    return _parse(content)


def _parse(content: bytes) -> list[Entry]:
    public = certificates.public_text(certificates.private_key(settings.NEONPRO_CERTIFICATE_KEY))
    entries: list[Entry] = []
    before = ""
    # What stands after the last line break was being written when the machine stopped.
    for line in content.split(b"\n")[:-1]:
        if not line:
            continue
        try:
            facts = certificates.verify(line, public)
        except certificates.CertificateInvalid as error:
            raise LedgerError(
                _("The ledger of erasures was altered, or is signed by another key: entry %(number)s.")
                % {"number": len(entries) + 1}
            ) from error
        if facts.get("before") != before or facts.get("number") != len(entries) + 1:
            raise LedgerError(
                _("The ledger of erasures lacks entries before %(number)s.") % {"number": len(entries) + 1}
            )
        before = hashlib.sha256(line).hexdigest()
        entries.append(Entry(len(entries) + 1, facts["act"], UUID(facts["erasure"]), facts, before))
    return entries


def append(act: str, erasure: UUID, facts: dict[str, Any]) -> None:
    """Add an entry and force it to the disk before returning.

    Raises:
        LedgerError: it could not be written, or certificates cannot be signed.
    """
    try:
        key = certificates.private_key(settings.NEONPRO_CERTIFICATE_KEY)
    except certificates.NoCertificateKey as error:
        raise LedgerError(
            _("NEONPRO_CERTIFICATE_KEY is not set: without it nothing can be certified, so nothing is erased.")
        ) from error
    try:
        descriptor = os.open(path(), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with os.fdopen(os.dup(descriptor), "rb") as stream:
                content = stream.read()
            entries = _parse(content)
            whole = content.rpartition(b"\n")[0] + b"\n" if b"\n" in content else b""
            if len(whole) < len(content):
                # The rest of a line that a crash cut off: no entry, and in the way of the next.
                os.ftruncate(descriptor, len(whole))
            line = certificates.sign(
                {
                    **facts, "act": act, "erasure": str(erasure), "number": len(entries) + 1,
                    "before": entries[-1].digest if entries else "", "at": timezone.now().isoformat(),
                },
                key,
            )  # fmt: skip
            os.write(descriptor, line.encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        directory = os.open(path().parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise LedgerError(
            _("The ledger of erasures cannot be written (%(error)s), so nothing was erased.")
            % {"error": error.strerror}
        ) from error
    _seen.clear()


def executed() -> set[UUID]:
    """The erasures that this database has carried out, of whatever clinic."""
    with context.enter(LEDGER, None), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM neonpro.executed_erasures()")
        return {row[0] for row in cursor.fetchall()}


def missing() -> list[Entry]:
    """The PREPARE entries of erasures that were done and that this database knows nothing of."""
    entries = read()
    done = {entry.erasure for entry in entries if entry.act == "DONE"}
    if not done:
        return []
    known = executed()
    # The last of each: one that failed was prepared again.
    prepared = {entry.erasure: entry for entry in entries if entry.act == "PREPARE"}
    return [prepared[erasure] for erasure in prepared if erasure in done - known]


def settle() -> int:
    """Write DONE for erasures that the database did just before somebody was killed; answers with how many."""
    entries = read()
    done = {entry.erasure for entry in entries if entry.act == "DONE"}
    open_ = {entry.erasure for entry in entries if entry.act == "PREPARE"} - done
    if not open_:
        return 0
    known = executed()
    for erasure in sorted(open_ & known):
        append("DONE", erasure, {})
    return len(open_ & known)


_seen: dict[str, Any] = {}


class LedgerMiddleware:
    """Refuses to serve a database from before an erasure, and says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        reason = why_not()
        if reason:
            return HttpResponse(reason, status=503, content_type="text/plain; charset=utf-8")
        return self.get_response(request)


def why_not() -> str:
    """Why this database must not be served; "" when it may. Looked up at most every few seconds a process."""
    if not settings.NEONPRO_ERASURE_LEDGER or not Path(settings.NEONPRO_ERASURE_LEDGER).exists():
        return ""
    if _seen.get("at", -EVERY) + EVERY > time.monotonic():
        return str(_seen["reason"])
    try:
        settle()
        count = len(missing())
        reason = (
            _(
                "NeonPro does not serve: this database was restored from before %(count)s erasure(s) of patients' data."
                " Run “manage.py replay_erasures”, which erases them again."
            ) % {"count": count}
            if count
            else ""
        )  # fmt: skip
    except LedgerError as error:
        reason = str(error)
    except Error:
        # No database, no answer: the page itself will say so.
        return ""
    _seen.update(at=time.monotonic(), reason=reason)
    return reason
