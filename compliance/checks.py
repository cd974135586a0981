"""`manage.py check --database default`: what is wrong with the ledger of erasures (compliance.E201 to E203, W204), and
whether the audit log is being sealed (compliance.W205)."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseError

from compliance import ledger, seals
from neonpro.db import context


def check_ledger(*, databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Compare the ledger with the database, where both are there; as the application, not as the owner."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    try:
        known = ledger.executed()
    except DatabaseError:
        # Not migrated, or not to be reached: other checks say so.
        return []
    if not settings.NEONPRO_ERASURE_LEDGER:
        return [
            Error(
                f"There is no ledger, and this database has carried out {len(known)} erasure(s).",
                hint="Set NEONPRO_ERASURE_LEDGER to the file that it had, or to that file's latest copy.",
                id="compliance.E201",
            )
        ] if known else []  # fmt: skip
    try:
        entries = ledger.read()
    except ledger.LedgerError as error:
        return [Error(str(error), hint="Put the latest good copy of the file back.", id="compliance.E202")]
    done = {entry.erasure for entry in entries if entry.act == "DONE"}
    prepared = {entry.erasure for entry in entries if entry.act == "PREPARE"}
    messages: list[CheckMessage] = []
    if done - known:
        messages.append(
            Error(
                f"This database is from before {len(done - known)} erasure(s) of the ledger; it is not served.",
                hint="Run `manage.py replay_erasures`.",
                id="compliance.E203",
            )
        )
    if known - prepared:
        messages.append(
            Warning(
                f"The ledger lacks {len(known - prepared)} erasure(s) that this database carried out: an older dump"
                " would be served with these people in it.",
                hint="The file was replaced or lost: put the latest copy back.",
                id="compliance.W204",
            )
        )
    return messages


def check_seals(*, databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Somebody seals every clinic's log, and often enough (compliance.W205)."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or connections[DEFAULT_DB_ALIAS].settings_dict.get("NEONPRO_OWNER"):
        return []
    try:
        late = [place for place in seals.places() if _is_late(place)]
    except DatabaseError:
        # A database that is not migrated: the catalogue's check says so.
        return []
    if not late:
        return []
    return [
        Warning(
            f"The audit log of {len(late)} clinic(s) has rows that wait for a seal for more than"
            f" {settings.NEONPRO_SEAL_MINUTES} minutes.",
            hint="Run `manage.py seal_audit` every few minutes; if it does, look for a transaction that never ends.",
            id="compliance.W205",
        )
    ]


def _is_late(place: Any) -> bool:
    with context.enter(seals.SEALING, place):
        return seals.state().is_late
