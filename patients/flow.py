"""The states of a visit: what may follow, doing it in one step, and what became of a visit so far."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from clinics import trail
from clinics.models import Professional
from clinics.scope import RULES
from patients.booking import BookingError
from patients.models import LAWFUL, Appointment, AppointmentStatus

NOT_BEFORE_THE_DAY = (
    AppointmentStatus.ARRIVED,
    AppointmentStatus.IN_CARE,
    AppointmentStatus.COMPLETED,
    AppointmentStatus.NO_SHOW,
)
"""What cannot have happened to an appointment whose day has not come."""

BACK = {
    ("confirmed", "scheduled"), ("arrived", "scheduled"), ("arrived", "confirmed"), ("in_care", "arrived"),
    ("completed", "in_care"), ("no_show", "scheduled"), ("no_show", "confirmed"), ("no_show", "arrived"),
}  # fmt: skip
"""The steps that undo another and harm nobody: offered as «undo» right after it."""


def move_on(appointment: UUID, to: str, *, expected: str | None = None) -> Appointment:
    """Bring a visit into another state.

    Args:
        appointment: its id.
        to: the state.
        expected: the state that whoever asks saw; somebody else may have changed it since.

    Raises:
        BookingError: it does not follow, or the day has not come, or the time is taken by now.
    """
    found: Appointment = Appointment.objects.select_for_update().get(pk=appointment)
    if to not in AppointmentStatus.values or to == AppointmentStatus.CANCELLED:
        raise BookingError(_("Cancelling asks for a reason and has its own page."))
    wanted = AppointmentStatus(to)
    if expected is not None and found.status != expected:
        raise BookingError(
            _("Somebody else changed this visit meanwhile: it is “%(status)s” now.")
            % {"status": found.get_status_display()}
        )
    if wanted not in LAWFUL[found.status]:
        raise BookingError(refused_step(found.status, wanted))
    if wanted in NOT_BEFORE_THE_DAY and found.day > timezone.localdate():
        raise BookingError(
            _("The day has not come yet: “%(status)s” is for today or the past.") % {"status": wanted.label}
        )
    found.status = wanted
    try:
        with transaction.atomic():
            found.save(update_fields=["status"])
    except IntegrityError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if name in RULES:
            raise BookingError(str(RULES[name])) from error
        raise BookingError(
            _("The time of this visit is taken by now. Open the visit and choose another time.")
        ) from error
    return found


def refused_step(before: str, after: str) -> str:
    """Why a state does not follow another, and what to do."""
    following = [str(AppointmentStatus(state).label) for state in LAWFUL[before]]
    return _("A visit that is “%(before)s” does not become “%(after)s”. Possible now: %(following)s.") % {
        "before": AppointmentStatus(before).label,
        "after": AppointmentStatus(after).label,
        "following": ", ".join(following) or "—",
    }


@dataclass(frozen=True, slots=True)
class Event:
    """Something that became of a visit."""

    when: datetime
    who: str
    what: str


def events(appointment: Appointment) -> list[Event]:
    """Booked, moved, every state: with who and when, oldest first, from the versions that PostgreSQL keeps."""
    versions = list(
        Appointment.history.filter(id=appointment.pk)
        .order_by("history_date", "history_id")
        .values_list("history_date", "actor_kind", "actor", "status", "day", "starts_at", "professional_id")
    )
    people = trail.names()
    others = {row[-1] for row in versions}
    named = dict(Professional.objects.filter(pk__in=others).values_list("pk", "full_name")) if len(others) > 1 else {}
    found: list[Event] = []
    before: tuple[object, ...] | None = None
    for when, kind, actor, *now in versions:
        for what in _told(before, tuple(now), named):
            found.append(Event(when, trail.who(kind, actor, people), what))
        before = tuple(now)
    return found


def _told(before: tuple[object, ...] | None, now: tuple[object, ...], named: dict[UUID, str]) -> Iterator[str]:
    status, day, starts, professional = now
    if before is None:
        yield _("booked for %(when)s") % {"when": _when(day, starts)}
        if status != AppointmentStatus.SCHEDULED:
            yield str(AppointmentStatus(str(status)).label)
        return
    if before[1:3] != now[1:3]:
        yield _("moved from %(before)s to %(after)s") % {
            "before": _when(before[1], before[2]),
            "after": _when(day, starts),
        }
    if before[3] != professional:
        yield _("moved from %(before)s to %(after)s") % {
            "before": named.get(before[3], "—"),  # type: ignore[call-overload]
            "after": named.get(professional, "—"),  # type: ignore[call-overload]
        }
    if before[0] != status:
        yield str(AppointmentStatus(str(status)).label)


def _when(day: object, starts: object) -> str:
    if isinstance(starts, datetime):
        return date_format(localtime(starts), "d/m/Y H:i")
    return _("%(day)s, order of arrival") % {"day": date_format(day, "d/m/Y")}  # type: ignore[arg-type]
