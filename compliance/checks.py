"""`manage.py check --database default`: whether the audit log is being sealed."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning
from django.db import Error, connections

from compliance import seals
from neonpro.db import context


def check_seals(*, databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Somebody seals every clinic's log, and often enough (compliance.W001)."""
    if "default" not in (databases or ()) or connections["default"].settings_dict.get("NEONPRO_OWNER"):
        return []
    try:
        late = [place for place in seals.places() if _is_late(place)]
    except Error:
        # A database that is not migrated: the catalogue's check says so.
        return []
    if not late:
        return []
    return [
        Warning(
            f"The audit log of {len(late)} clinic(s) has rows that wait for a seal for more than"
            f" {settings.NEONPRO_SEAL_MINUTES} minutes.",
            hint="Run `manage.py seal_audit` every few minutes; if it does, look for a transaction that never ends.",
            id="compliance.W001",
        )
    ]


def _is_late(place: Any) -> bool:
    with context.enter(seals.SEALING, place):
        return seals.state().is_late
