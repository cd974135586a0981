"""Who accessed a patient's data: everyone who opened, listed or changed them, from the audit log, in words.

What a patient may ask the clinic for (LGPD arts. 18 II and 19; transparency, art. 6 VI). PostgreSQL finds the rows and
says who may see them (`sql/accesses_of.sql`); here they become visits, one line each.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from clinics import trail
from clinics.purposes import purpose_word
from clinics.spreadsheets import harmless

KINDS: Final[dict[str, tuple[Any, tuple[str, ...]]]] = {
    "read": (pgettext_lazy("accesses", "opened"), ("READ", "UNREADABLE")),
    "listed": (pgettext_lazy("accesses", "listed"), ("LIST", "SEARCH")),
    "changed": (
        pgettext_lazy("accesses", "changed"),
        ("INSERT", "UPDATE", "DELETE", "WRITE", "KEYS_DESTROYED", "KEYS_RENEWED"),
    ),
    "exported": (pgettext_lazy("accesses", "exported or printed"), ("EXPORT", "PRINT")),
    "refused": (pgettext_lazy("accesses", "refused"), ("DENIED",)),
}
"""The kinds of access that can be asked for: their words, and the log's actions that they are."""

_WORDS: Final = {
    "READ": pgettext_lazy("accesses", "opened"),
    "UNREADABLE": gettext_lazy("met a damaged value"),
    "LIST": gettext_lazy("saw in a list"),
    "INSERT": pgettext_lazy("accesses", "created"),
    "UPDATE": pgettext_lazy("accesses", "changed"),
    "DELETE": pgettext_lazy("accesses", "deleted"),
    "EXPORT": pgettext_lazy("accesses", "exported"),
    "PRINT": pgettext_lazy("accesses", "printed"),
    "SEARCH": gettext_lazy("found by a search"),
    "WRITE": gettext_lazy("opened to change"),
    "KEYS_DESTROYED": gettext_lazy("erased"),
    "KEYS_RENEWED": gettext_lazy("erased"),
    "DENIED": gettext_lazy("tried to open, refused"),
}
"""What somebody did, as the patient is told; for other actions `trail.action_word`."""

CATEGORIES: Final = {
    "identification": gettext_lazy("identification"),
    "contact": gettext_lazy("contact"),
    "clinical": gettext_lazy("clinical record"),
    "images": gettext_lazy("images"),
    "marketing": gettext_lazy("marketing"),
    "ai": gettext_lazy("artificial intelligence"),
}
"""The categories of personal data (`neonpro.vault.keys.CATEGORIES`), in words."""

PAGE: Final = 100
"""Lines a page."""

BATCH: Final = 1000
"""Rows of the log that are read for one page: a line may be several."""

REPORT_ROWS: Final = 5000
"""Rows of the log that a report is made from, the newest; it says so where there are more."""

PAUSE: Final = timedelta(minutes=15)
"""One person goes on with the same page: up to this long after the last act it is the same visit."""


@dataclass(frozen=True, slots=True)
class Span:
    """What part of the accesses to show: whole days where the clinic is, and a kind of `KINDS`."""

    since: date | None = None
    until: date | None = None
    kind: str = ""

    @property
    def words(self) -> str:
        """The span as people say it."""
        first, last = (date_format(day, "SHORT_DATE_FORMAT") if day else "" for day in (self.since, self.until))
        if first and last:
            period = _("from %(first)s to %(last)s") % {"first": first, "last": last}
        elif first:
            period = _("since %(first)s") % {"first": first}
        else:
            period = _("until %(last)s") % {"last": last} if last else _("since the registration")
        kind = KINDS.get(self.kind)
        return _("%(period)s, only: %(kind)s") % {"period": period, "kind": kind[0]} if kind else period


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the log that concerns the patient."""

    id: UUID
    created_at: datetime
    action: str
    table: str
    actor_kind: str
    actor: str
    role: str
    request_id: UUID | None
    detail: dict[str, Any]

    @property
    def key(self) -> trail.Key:
        """Its place in the log."""
        return trail.Key(self.created_at, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One visit: what one person did with the patient's data in one go. All in words but times and ids."""

    created_at: datetime
    """When it began."""
    ended_at: datetime
    what: str
    who: str
    role: str
    purpose: str
    categories: str
    refused: bool
    requests: tuple[UUID, ...]

    @property
    def when(self) -> str:
        """The time on the clinic's clock; two where it took longer than a minute."""
        first, last = timezone.localtime(self.created_at), timezone.localtime(self.ended_at)
        text = date_format(first, "d/m/Y H:i")
        if (first.date(), first.hour, first.minute) == (last.date(), last.hour, last.minute):
            return text
        return f"{text} – {date_format(last, 'H:i' if first.date() == last.date() else 'd/m/Y H:i')}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some visits, newest first, and where to go on: None where there is nothing older."""

    lines: Sequence[Access]
    older: trail.Key | None


@dataclass(frozen=True, slots=True)
class Summary:
    """All accesses of a span in figures."""

    rows: int
    people: int
    first: datetime | None
    last: datetime | None
    refused: int


@dataclass(frozen=True, slots=True)
class Report:
    """What the patient is given: the visits of a span, from the newest `REPORT_ROWS` rows."""

    span: Span
    summary: Summary
    lines: Sequence[Access]

    @property
    def is_cut(self) -> bool:
        """Whether older rows were left out."""
        return self.summary.rows > REPORT_ROWS


def accesses(patient: UUID, span: Span = Span(), *, before: trail.Key | None = None) -> Page:
    """One page of the accesses to a patient's data; empty for whom the log or the patient is not.

    Args:
        patient: any id: another clinic's has no accesses here.
        span: the period and the kind.
        before: only what is older than this place.
    """
    found = _rows(patient, span, before=before, take=BATCH + 1)
    visits: list[_Visit] = []
    shown: list[Row] = []
    for row, visit in _visits(found[:BATCH]):
        if not visit.rows:
            if len(visits) == PAGE:
                # A visit across the edge goes on as a line of the next page.
                break
            visits.append(visit)
        visit.rows.append(row)
        shown.append(row)
    return Page(_in_words(visits), shown[-1].key if len(shown) < len(found) else None)


def summary(patient: UUID, span: Span = Span()) -> Summary:
    """The accesses to a patient's data in figures."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT actor) FILTER (WHERE actor_kind = 'user'),"
            " min(created_at), max(created_at), count(*) FILTER (WHERE action = 'DENIED')"
            " FROM neonpro.accesses_of(%s, NULL, NULL, %s, %s, %s, NULL)",
            [patient, *_bounds(span)],
        )
        return Summary(*cursor.fetchone())


def report(patient: UUID, span: Span = Span()) -> Report:
    """What a patient is given of a span."""
    visits: list[_Visit] = []
    for row, visit in _visits(_rows(patient, span, take=REPORT_ROWS)):
        if not visit.rows:
            visits.append(visit)
        visit.rows.append(row)
    return Report(span, summary(patient, span), _in_words(visits))


COLUMNS: Final = (
    gettext_lazy("Beginning"),
    gettext_lazy("End"),
    gettext_lazy("Who"),
    gettext_lazy("Role"),
    gettext_lazy("What"),
    gettext_lazy("For what"),
    gettext_lazy("Data"),
    gettext_lazy("Requests"),
)


def as_csv(given: Report) -> bytes:
    """A report for spreadsheets: UTF-8 with its mark and semicolons, as Excel in Portuguese opens them.

    What a spreadsheet would take for a formula is made text with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerow(str(column) for column in COLUMNS)
    for line in given.lines:
        writer.writerow(
            harmless(cell)
            for cell in (
                *(
                    date_format(timezone.localtime(moment), "d/m/Y H:i:s")
                    for moment in (line.created_at, line.ended_at)
                ),
                line.who,
                line.role,
                line.what,
                line.purpose,
                line.categories,
                " ".join(map(str, line.requests)),
            )
        )
    if given.is_cut:
        writer.writerow([cut_note()])
    return out.getvalue().encode("utf-8-sig")


def cut_note() -> str:
    """What a report says that does not hold everything."""
    return _("Only the newest %(rows)s records of the audit log are here; the clinic has the older ones.") % {
        "rows": REPORT_ROWS
    }


def _moment(value: datetime) -> str:
    return date_format(timezone.localtime(value), "d/m/Y H:i:s")


# --- from rows to visits ----------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Visit:
    """Rows that belong together, newest first."""

    purpose: str
    rows: list[Row] = field(default_factory=list)


def _rows(patient: UUID, span: Span, *, before: trail.Key | None = None, take: int) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, created_at, action, table_name, actor_kind, actor, role, request_id, detail::text"
            " FROM neonpro.accesses_of(%s, %s, %s, %s, %s, %s, %s)",
            [patient, before.created_at if before else None, before.id if before else None, *_bounds(span), take],
        )
        names = ("id", "created_at", "action", "table", "actor_kind", "actor", "role", "request_id", "detail")
        return [
            Row(**dict(zip(names, (*row, json.loads(detail or "{}")), strict=True)))
            for *row, detail in cursor.fetchall()
        ]


def _bounds(span: Span) -> list[Any]:
    kind = KINDS.get(span.kind)
    return [
        _midnight(span.since) if span.since else None,
        _midnight(span.until + timedelta(days=1)) if span.until else None,
        list(kind[1]) if kind else None,
    ]


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))


def _visits(rows: Sequence[Row]) -> Iterator[tuple[Row, _Visit]]:
    """Each row with the visit it belongs to; the caller puts it in, or stops.

    One request is one visit, and so is what one person goes on doing on the same page: who opens a record and saves it
    sends two requests. What was refused stays a line of its own.
    """
    purposes: dict[UUID, str] = {}
    for row in rows:
        if row.request_id and row.detail.get("purpose"):
            # A changed row says nothing of purposes; the reading of its request does.
            purposes[row.request_id] = row.detail["purpose"]
    latest: dict[tuple[Any, ...], _Visit] = {}
    for row in rows:
        purpose = purposes.get(row.request_id, "") if row.request_id else row.detail.get("purpose", "")
        if not purpose and row.actor_kind == "job":
            purpose = f"job:{row.actor}"
        page = purpose or row.request_id or row.id
        key = (row.actor_kind, row.actor, row.role, page, row.action == "DENIED")
        visit = latest.get(key)
        if visit is None or visit.rows[-1].created_at - row.created_at > PAUSE:
            visit = latest[key] = _Visit(purpose)
        yield row, visit


def _in_words(visits: Iterable[_Visit]) -> list[Access]:
    people = trail.names()
    return [_access(visit, people) for visit in visits]


def _access(visit: _Visit, people: dict[str, str]) -> Access:
    rows = visit.rows[::-1]
    one = rows[0]
    opened = dict.fromkeys(
        category
        for row in rows
        for category in row.detail.get("categories") or (row.detail.get("withheld", []) if _is_refused(row) else [])
    )
    return Access(
        created_at=one.created_at,
        ended_at=rows[-1].created_at,
        what=_acts(rows),
        who=trail.who(one.actor_kind, one.actor, people),
        role=trail.role_word(one.role),
        purpose=purpose_word(visit.purpose) if visit.purpose else "",
        categories=", ".join(str(CATEGORIES.get(category, category)) for category in opened),
        refused=_is_refused(one),
        requests=tuple(dict.fromkeys(row.request_id for row in rows if row.request_id)),
    )


def _is_refused(row: Row) -> bool:
    return row.action == "DENIED"


def _acts(rows: Sequence[Row]) -> str:
    """What was done, in its order, each once with how often."""
    changed = any(row.action in {"INSERT", "UPDATE", "DELETE"} for row in rows)
    times: dict[str, int] = {}
    for row in rows:
        # The key for a change is no act of its own beside the change.
        if not (row.action == "WRITE" and changed):
            word = _act(row)
            times[word] = times.get(word, 0) + 1
    return ", ".join(f"{word} ({count}×)" if count > 1 else word for word, count in times.items())


def _act(row: Row) -> str:
    word = str(_WORDS[row.action]) if row.action in _WORDS else trail.action_word(row.action)
    if row.action in {"INSERT", "UPDATE", "DELETE"}:
        return _("%(action)s: %(table)s") % {"action": word, "table": trail.table_word(row.table)}
    return word
