"""When somebody works, and which times of theirs are free. All clock times are the clinic's own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from clinics.models import Clinic
from neonpro.rules.calendar import holidays
from patients.models import FREES_THE_TIME, Absence, Appointment, WorkingHours

Span = tuple[datetime, datetime]
"""A time from its beginning to its end, which is not in it any more."""

USUAL = (time(8), time(18))
"""The hours that are shown and offered, Monday to Friday, of a professional for whom none are written down."""

SEARCHED_DAYS = 60
"""How far ahead a free time is looked for."""

STEP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Closed:
    """A time in which nobody, or one professional, sees patients; without an absence it is a holiday of law."""

    professional: UUID | None
    starts_at: datetime
    ends_at: datetime
    absence: Absence | None = None


class Timetable:
    """Working hours and absences of some days: three queries, however many days and professionals.

    Args:
        first: the first day.
        last: the last day.
        professionals: of whom; None for all.
    """

    def __init__(self, first: date, last: date, professionals: Iterable[UUID] | None = None) -> None:
        of_them = Q() if professionals is None else Q(professional__in=list(professionals))
        self._hours: dict[UUID, list[WorkingHours]] = {}
        for hours in WorkingHours.objects.filter(of_them).order_by("weekday", "starts"):
            self._hours.setdefault(hours.professional_id, []).append(hours)
        begin, end = at(first, time.min), at(last + timedelta(days=1), time.min)
        for_whom = of_them | Q(professional=None)
        self.closed = [
            Closed(absence.professional_id, absence.starts_at, absence.ends_at, absence)
            for absence in Absence.objects.filter(for_whom, starts_at__lt=end, ends_at__gt=begin)
            .select_related("lot__product")
            .order_by("starts_at")
        ]
        uf = Clinic.objects.values_list("uf", flat=True).first() or None
        self.holidays = {day for year in range(first.year, last.year + 1) for day in holidays(year, uf)}
        self.closed += [
            Closed(None, at(day, time.min), at(day + timedelta(days=1), time.min))
            for day in sorted(self.holidays)
            if first <= day <= last
        ]

    def knows(self, professional: UUID, day: date) -> bool:
        """Whether hours of this professional are written down that hold at that time, on whatever weekday."""
        return bool(self._valid(professional, day))

    def _valid(self, professional: UUID, day: date) -> list[WorkingHours]:
        return [
            hours
            for hours in self._hours.get(professional, ())
            if hours.valid_from <= day and (hours.valid_to is None or day <= hours.valid_to)
        ]

    def hours(self, professional: UUID, day: date) -> list[Span]:
        """When the professional works on a day, before absences; the usual hours where none are written down."""
        valid = self._valid(professional, day)
        if not valid:
            return [(at(day, USUAL[0]), at(day, USUAL[1]))] if day.weekday() < 5 else []
        return [
            (at(day, hours.starts), at(day + timedelta(days=hours.ends == time.min), hours.ends))
            for hours in valid
            if hours.weekday == day.weekday()
        ]

    def closed_for(self, professional: UUID | None, starts_at: datetime, ends_at: datetime) -> Closed | None:
        """The first absence of the professional, or closing of the clinic, within a time."""
        for closed in self.closed:
            if (
                closed.professional in (None, professional)
                and closed.starts_at < ends_at
                and closed.ends_at > starts_at
            ):
                return closed
        return None

    def works(self, professional: UUID, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether a time lies within the professional's hours; one that passes midnight may lie in two days' hours."""
        day = timezone.localdate(starts_at)
        spans = [span for number in (-1, 0, 1) for span in self.hours(professional, day + timedelta(days=number))]
        return not _without([(starts_at, ends_at)], spans)


def at(day: date, hour: time) -> datetime:
    """An hour of the clinic's clock. One that the clock leaves out or has twice is the first that it can be.

    In UTC, for the difference of two times of one zone in Python forgets that the clock was set.
    """
    return timezone.make_aware(datetime.combine(day, hour)).astimezone(UTC)


def free_slots(
    *,
    professional: UUID,
    minutes: int,
    after: datetime,
    patient: UUID | None = None,
    count: int = 3,
    ignoring: UUID | None = None,
) -> list[datetime]:
    """The next times at which a professional, and the patient, are free for so many minutes.

    Args:
        professional: whose time.
        minutes: how long it takes.
        after: not before; nor before now.
        patient: who is not to be elsewhere at that time.
        count: how many times.
        ignoring: an appointment that is being moved, and so is in nobody's way.
    """
    after = max(after, timezone.now())
    first = timezone.localdate(after)
    found: list[datetime] = []
    length = timedelta(minutes=minutes)
    # A week at a time: most find theirs in the first one.
    for start in range(0, SEARCHED_DAYS, 7):
        days = [first + timedelta(days=start + number) for number in range(7)]
        table = Timetable(days[0], days[-1], [professional])
        busy = _busy(professional, patient, at(days[0], time.min), at(days[-1] + timedelta(days=1), time.min), ignoring)
        shut = [(one.starts_at, one.ends_at) for one in table.closed]
        for day in days:
            for begins, ends in _without(table.hours(professional, day), [*busy, *shut]):
                here = _rounded(max(begins, after))
                while here + length <= ends:
                    found.append(here)
                    if len(found) == count:
                        return found
                    here += length
    return found


def _busy(
    professional: UUID, patient: UUID | None, begin: datetime, end: datetime, ignoring: UUID | None
) -> list[Span]:
    people = Q(professional=professional) | (Q(patient=patient) if patient else Q())
    rows = Appointment.objects.filter(
        people, day__range=(timezone.localdate(begin) - timedelta(days=1), timezone.localdate(end))
    )
    rows = rows.filter(starts_at__lt=end, ends_at__gt=begin).exclude(status__in=FREES_THE_TIME)
    if ignoring:
        rows = rows.exclude(pk=ignoring)
    return [(starts, ends) for starts, ends in rows.values_list("starts_at", "ends_at") if starts and ends]


def _without(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """What is left of some times when others are taken out."""
    left = list(spans)
    for starts, ends in taken:
        rest = []
        for begin, end in left:
            if ends <= begin or starts >= end:
                rest.append((begin, end))
                continue
            if begin < starts:
                rest.append((begin, starts))
            if ends < end:
                rest.append((ends, end))
        left = rest
    return left


def _rounded(moment: datetime) -> datetime:
    """The next full five minutes."""
    moment = moment.astimezone(UTC)
    over = timedelta(minutes=moment.minute % 5, seconds=moment.second, microseconds=moment.microsecond)
    return moment if not over else moment - over + STEP
