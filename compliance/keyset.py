"""Pages of the audit log without COUNT and without OFFSET: from a row on, towards newer or older ones.

A log of millions of rows costs the same on its last page as on its first. A row's address is its time and its id,
which is how the table's key finds it; by the id alone every partition would have to be searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from clinics.trail import Key as Key
from compliance.models import AuditLog


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first, and where to go on: None where there is nothing more."""

    rows: Sequence[AuditLog]
    newer: Key | None
    older: Key | None


def key_of(row: AuditLog) -> Key:
    """The place of a row."""
    return Key(row.created_at, row.id)


def find(key: Key) -> AuditLog | None:
    """The row at a place, if the reader may see it."""
    return AuditLog.objects.filter(created_at=key.created_at, id=key.id).first()


def page(rows: QuerySet[AuditLog], *, size: int, before: Key | None = None, after: Key | None = None) -> Page:
    """One page of the log, newest first.

    Args:
        rows: the log, filtered.
        size: rows a page.
        before: only rows older than this place.
        after: only rows newer than this place, the nearest ones; `before` is not looked at then.
    """
    if after is not None:
        # The time first, for the index; the id tells apart what happened in the same microsecond.
        ahead = Q(created_at__gt=after.created_at) | Q(id__gt=after.id)
        found = list(rows.filter(ahead, created_at__gte=after.created_at).order_by("created_at", "id")[: size + 1])
        more = len(found) > size
        shown = found[:size][::-1]
        return Page(
            shown,
            newer=key_of(shown[0]) if more else None,
            # Where we came from is older than anything here.
            older=key_of(shown[-1]) if shown else None,
        )
    if before is not None:
        behind = Q(created_at__lt=before.created_at) | Q(id__lt=before.id)
        rows = rows.filter(behind, created_at__lte=before.created_at)
    found = list(rows.order_by("-created_at", "-id")[: size + 1])
    shown = found[:size]
    return Page(
        shown,
        newer=key_of(shown[0]) if before is not None and shown else None,
        older=key_of(shown[-1]) if len(found) > size else None,
    )
