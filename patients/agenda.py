"""Reading the agenda: one day of all professionals, or one professional's week, in a constant number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from clinics.models import Professional, Service
from neonpro.vault.keys import Act
from patients.models import FREES_THE_TIME, Appointment, Patient
from patients.slots import Timetable, at

DAY = 24 * 60


@dataclass(slots=True)
class Visit:
    """A visit as the agenda shows it; its minutes are counted from the column's midnight."""

    id: UUID
    patient: Any
    """The patient's name, or what stands in its place."""
    service: str
    status: str
    status_at: datetime
    overbooked: bool
    starts: int
    ends: int
    clock: str
    """When it begins, in words; "" by order of arrival."""


@dataclass(slots=True)
class Column:
    """One professional's day."""

    professional: UUID | None
    name: str
    day: date
    hours: list[tuple[int, int]]
    closed: list[tuple[int, int, str]]
    visits: list[Visit] = field(default_factory=list)
    arrivals: list[Visit] = field(default_factory=list)

    def is_free(self, starts: int, ends: int) -> bool:
        """Whether somebody may be booked here: within the hours, and nothing closed."""
        return any(begin <= starts and ends <= end for begin, end in self.hours) and not any(
            begin < ends and end > starts for begin, end, _label in self.closed
        )


def read_day(day: date, *, all_of_them: bool = False) -> list[Column]:
    """All professionals of a day, side by side: those who are active, and others who have visits.

    A professional who does not work that day and has no visit is left out, unless `all_of_them` is asked for.
    """
    return _columns([day], None, all_of_them=all_of_them)


def read_week(professional: UUID, monday: date) -> list[Column]:
    """Seven days of one professional."""
    return _columns([monday + timedelta(days=number) for number in range(7)], professional, all_of_them=True)


def _columns(days: Sequence[date], professional: UUID | None, *, all_of_them: bool) -> list[Column]:
    people = {
        key: (name, active)
        for key, name, active in Professional.objects.order_by("full_name").values_list("pk", "full_name", "is_active")
        if professional in (None, key)
    }
    table = Timetable(days[0], days[-1], people)
    columns: dict[tuple[date, UUID | None], Column] = {}
    midnights = {day: at(day, time.min) for day in days}
    for day in days:
        for key, (name, _active) in people.items():
            columns[day, key] = _column(table, key, name, day, midnights[day])
        if professional is None:
            columns[day, None] = Column(None, _("No professional"), day, [], [])
    _fill(columns, days, professional, midnights)
    if all_of_them:
        return [c for c in columns.values() if c.professional is not None or c.visits or c.arrivals]
    return [
        column
        for column in columns.values()
        if column.visits
        or column.arrivals
        or (column.professional is not None and people[column.professional][1] and (column.hours or column.closed))
    ]


def _column(table: Timetable, key: UUID, name: str, day: date, midnight: datetime) -> Column:
    closed = [
        (
            max(0, _minutes(one.starts_at, midnight)),
            min(DAY, _minutes(one.ends_at, midnight)),
            one.absence.reason if one.absence else _("holiday"),
        )
        for one in table.closed
        if one.professional in (None, key)
    ]
    hours = [(_minutes(begins, midnight), _minutes(ends, midnight)) for begins, ends in table.hours(key, day)]
    return Column(key, name, day, hours, [one for one in closed if one[0] < one[1]])


def _minutes(moment: datetime, midnight: datetime) -> int:
    return int((moment - midnight).total_seconds()) // 60


def _fill(
    columns: dict[tuple[date, UUID | None], Column],
    days: Sequence[date],
    professional: UUID | None,
    midnights: dict[date, datetime],
) -> None:
    # A visit that began the evening before is still there after midnight.
    wanted = Q(day__range=(days[0], days[-1])) | Q(day=days[0] - timedelta(days=1), ends_at__gt=midnights[days[0]])
    rows = Appointment.objects.filter(wanted).exclude(status__in=FREES_THE_TIME[:1])
    if professional is not None:
        rows = rows.filter(professional=professional)
    # Tuples: nothing of an appointment is encrypted here, and three hundred instances would cost more than the page.
    found = list(
        rows.order_by("day", "starts_at", "id").values_list(
            "id", "patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "status_at",
            "overbooked",
        )
    )  # fmt: skip
    names = _names({row[1] for row in found})
    services = dict(Service.objects.values_list("pk", "name"))
    for key, patient, who, service, day, starts, ends, status, since, overbooked in found:
        name, label = names.get(patient, "—"), services.get(service, "")
        if starts is None or ends is None:
            column = columns.get((day, who))
            if column is not None:
                column.arrivals.append(Visit(key, name, label, status, since, overbooked, 0, 0, ""))
            continue
        clock = f"{timezone.localtime(starts):%H:%M}"
        # Past midnight it stands in both days' columns.
        for shown in (day, day + timedelta(days=1)):
            column = columns.get((shown, who))
            if column is None:
                continue
            begin, end = _minutes(starts, midnights[shown]), _minutes(ends, midnights[shown])
            if end > 0 and begin < DAY:
                column.visits.append(
                    Visit(key, name, label, status, since, overbooked, max(0, begin), min(DAY, end), clock)
                )


def _names(patients: set[UUID]) -> dict[UUID, Any]:
    """How the patients of the page are called: one query, and one opening of all their keys."""
    rows = Patient.objects.opening("identification", act=Act.LIST).only("name", "preferred_name")
    return {patient.pk: patient.display_name for patient in rows.filter(pk__in=patients)}
