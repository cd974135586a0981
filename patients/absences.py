"""Absences: which visits are in the way of one, and the time in the schedule that a recall needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clinics.models import Professional
from patients.booking import queue_behind_others
from patients.models import (
    FREES_THE_TIME,
    Absence,
    AbsenceKind,
    Appointment,
    AppointmentStatus,
    LotStatus,
    ProductLot,
)
from patients.recalls import leads_recalls
from patients.slots import SEARCHED_DAYS, USUAL, Timetable, at, free_slots

LONGEST: Final = timedelta(days=31)
"""How much is blocked at a time: a year that was mistyped must not close the clinic."""

PER_CALL: Final = 5
"""Minutes that telling one patient is thought to take, for the time that is proposed."""

SHOWN: Final = 20
"""Blocked times on the page of a recall."""


class AbsenceError(Exception):
    """The schedule stays as it is; the message is for the person who tried."""


class VisitsInTheWay(AbsenceError):
    """Visits are booked in the time, and whoever blocks it has not seen that yet.

    Args:
        visits: which, as `in_the_way` answers.
    """

    def __init__(self, visits: "list[InTheWay]") -> None:
        super().__init__(_("Visits are booked in this time. Look at them, then block it all the same or change it."))
        self.visits = visits


@dataclass(frozen=True, slots=True)
class InTheWay:
    """A visit in a time in which nobody is to be seen. Whose it is stays in its own page."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    professional: str


@dataclass(frozen=True, slots=True)
class Block:
    """Time that was blocked for a recall."""

    absence: Absence
    visits: int
    """How many are booked in it, and so have to be moved."""

    @property
    def is_over(self) -> bool:
        """Whether it is of the past."""
        return self.absence.ends_at <= timezone.now()


def in_the_way(*, professional: UUID | None, starts_at: datetime, ends_at: datetime) -> list[InTheWay]:
    """The visits that are booked in a time and did not take place yet: somebody has to move them. Opens nothing.

    Args:
        professional: whose; None for those of the whole clinic.
        starts_at: where the time begins.
        ends_at: where it ends, which is not in it any more.
    """
    rows = Appointment.objects.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).exclude(
        status__in=(*FREES_THE_TIME, AppointmentStatus.COMPLETED)
    )
    if professional:
        rows = rows.filter(professional=professional)
    names: dict[UUID, str] = dict(Professional.objects.values_list("pk", "full_name"))
    return [
        InTheWay(key, starts, ends, names.get(who, "") if who else "")
        for key, starts, ends, who in rows.order_by("starts_at", "id").values_list(
            "pk", "starts_at", "ends_at", "professional_id"
        )
        if starts and ends
    ]


@transaction.atomic
def block_for_recall(
    lot: UUID,
    *,
    professional: UUID | None,
    starts_at: datetime,
    ends_at: datetime,
    seen: Iterable[UUID] = (),
) -> Absence:
    """Block time in the schedule to tell the patients of a recall and to see them.

    Args:
        lot: a recalled lot.
        professional: whose time; None for that of the whole clinic.
        starts_at: where it begins.
        ends_at: where it ends.
        seen: the visits in the way that the person who blocks has seen.

    Raises:
        VisitsInTheWay: there are others.
        AbsenceError: it is over, too long, blocked already, the lot is not recalled, or it is not for this person.
    """
    if ends_at <= starts_at:
        raise AbsenceError(_("It must end after it starts."))
    if ends_at <= timezone.now():
        raise AbsenceError(_("This time is over. Choose one that is still to come."))
    if ends_at - starts_at > LONGEST:
        raise AbsenceError(_("Block at most %(days)d days at a time.") % {"days": LONGEST.days})
    if not leads_recalls() or not ProductLot.objects.filter(pk=lot, status=LotStatus.RECALLED).exists():
        raise AbsenceError(_("The lot is no longer recalled, or the recall is not yours to lead."))
    # A booking that is under way is waited for, and is then among the visits; a second click finds the first one's.
    queue_behind_others(professional or lot)
    same = Absence.objects.filter(lot=lot, professional=professional, starts_at__lt=ends_at, ends_at__gt=starts_at)
    if same.exists():
        raise AbsenceError(_("This time is blocked for this recall already."))
    visits = in_the_way(professional=professional, starts_at=starts_at, ends_at=ends_at)
    if not {visit.id for visit in visits} <= set(seen):
        raise VisitsInTheWay(visits)
    try:
        with transaction.atomic():
            made: Absence = Absence.objects.create(
                lot_id=lot, kind=AbsenceKind.RECALL, professional_id=professional, starts_at=starts_at,
                ends_at=ends_at,
            )  # fmt: skip
            return made
    except DatabaseError as error:
        raise AbsenceError(_("This could not be recorded. Reload the page.")) from error


def unblock(lot: UUID, absence: UUID) -> None:
    """Give back time that was blocked for a recall.

    Raises:
        AbsenceError: it was given back before, is over, or it is not for this person.
    """
    there = Absence.objects.filter(pk=absence, lot=lot, ends_at__gt=timezone.now())
    if not there.delete()[0]:
        raise AbsenceError(_("This time is not blocked any more. Reload the page."))


def blocks_of(lot: UUID) -> list[Block]:
    """The times that are blocked for a recall, the latest first."""
    rows = Absence.objects.filter(lot=lot).select_related("professional").order_by("-starts_at", "id")[:SHOWN]
    return [
        Block(
            one,
            len(in_the_way(professional=one.professional_id, starts_at=one.starts_at, ends_at=one.ends_at))
            if one.ends_at > timezone.now()
            else 0,
        )
        for one in rows
    ]


def still_blocked(lot: UUID) -> int:
    """How many times to come are blocked for the recall of a lot."""
    return Absence.objects.filter(lot=lot, ends_at__gt=timezone.now()).count()


def proposal(professional: UUID | None, *, calls: int, now: datetime) -> tuple[datetime, datetime]:
    """A time to propose: the first one that is free from the next working day on, long enough for some calls.

    Args:
        professional: whose time; None for the first working day of the clinic, at the usual hour.
        calls: how many patients are to be told.
        now: the moment.
    """
    minutes = min(max(30, -(-calls * PER_CALL // 30) * 30), 240)
    tomorrow = timezone.localdate(now) + timedelta(days=1)
    if professional:
        # Nobody is free for an afternoon: then for an hour, or for half of one.
        for length in sorted({length for length in (minutes, 60, 30) if length <= minutes}, reverse=True):
            free = free_slots(professional=professional, minutes=length, after=at(tomorrow, time.min), count=1)
            if free:
                return free[0], free[0] + timedelta(minutes=length)
    days = [tomorrow + timedelta(days=number) for number in range(SEARCHED_DAYS)]
    table = Timetable(days[0], days[-1], [])
    for day in days:
        starts = at(day, USUAL[0])
        ends = starts + timedelta(minutes=minutes)
        if day.weekday() < 5 and table.closed_for(None, starts, ends) is None:
            return starts, ends
    return at(tomorrow, USUAL[0]), at(tomorrow, USUAL[0]) + timedelta(minutes=minutes)
