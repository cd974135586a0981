"""The waiting list: who would come at a time that became free, best matches first, and booking one of them there."""

from datetime import datetime, time, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from neonpro.vault.keys import Act
from patients.booking import BookingError, describe_clash, find_clash
from patients.models import Appointment, Patient, Period, Priority, WaitingEntry, WaitingStatus

PERIOD_STARTS = ((Period.MORNING, time(0)), (Period.AFTERNOON, time(12)), (Period.EVENING, time(18)))
"""When each part of the day begins on the clinic's clock."""

SHOWN = 20


def period_of(hour: time) -> Period:
    """The part of the day that an hour is in."""
    return [period for period, begins in PERIOD_STARTS if begins <= hour][-1]


def matches(*, professional: UUID | None, starts_at: datetime, minutes: int) -> list[WaitingEntry]:
    """Who waits for such a time: high priority first, then who named this professional, then who waits longest.

    Args:
        professional: whose time it is.
        starts_at: when it begins.
        minutes: how long it is; a service that takes longer does not fit.
    """
    local = timezone.localtime(starts_at)
    day, period = 1 << local.weekday(), period_of(local.time())
    waiting = (
        WaitingEntry.objects.filter(status=WaitingStatus.WAITING)
        .filter(Q(professional=None) | Q(professional=professional))
        .filter(Q(service=None) | Q(service__duration_minutes__lte=minutes))
        .order_by("since")
        .opening("identification", "contact", act=Act.LIST)
        .prefetch_related(
            Prefetch("patient", Patient.objects.opening("identification", "contact", act=Act.LIST)),
            "service",
            "professional",
        )
    )
    # A clinic's list is short, and bits are no condition that an index knows: which fit is decided here.
    keys = [
        (priority != Priority.HIGH, who is None, since, key)
        for key, days, periods, priority, who, since in waiting.prefetch_related(None).values_list(
            "pk", "days", "periods", "priority", "professional_id", "since"
        )
        if days & day and periods & period
    ]
    order = [key for *_rank, key in sorted(keys)][:SHOWN]
    found = {entry.pk: entry for entry in waiting.filter(pk__in=order)}
    return [found[key] for key in order]


@transaction.atomic
def book_from_list(entry: UUID, *, professional: UUID | None, starts_at: datetime, minutes: int) -> Appointment:
    """Book somebody who waits at a free time, and close the entry.

    Raises:
        BookingError: the entry is closed already, or the time is taken by now.
    """
    found: WaitingEntry = WaitingEntry.objects.select_for_update().get(pk=entry)
    if found.status != WaitingStatus.WAITING:
        raise BookingError(_("This entry of the waiting list was closed meanwhile."))
    if starts_at < timezone.now():
        raise BookingError(_("This time has passed."))
    length = found.service.duration_minutes if found.service else minutes
    ends_at = starts_at + timedelta(minutes=length)
    clash = find_clash(patient=found.patient_id, professional=professional, starts_at=starts_at, ends_at=ends_at)
    if clash is not None:
        raise BookingError(describe_clash(clash, with_patient=True))
    try:
        with transaction.atomic():
            made = Appointment.objects.create(
                patient_id=found.patient_id, professional_id=professional, service_id=found.service_id,
                day=timezone.localdate(starts_at), starts_at=starts_at, ends_at=ends_at,
            )  # fmt: skip
    except IntegrityError as error:
        raise BookingError(_("This time was taken a moment ago.")) from error
    found.status, found.appointment = WaitingStatus.BOOKED, made
    found.save(update_fields=["status", "appointment"])
    return made


def withdraw(entry: UUID) -> None:
    """Close an entry: the patient waits no longer.

    Raises:
        BookingError: it is closed already.
    """
    closed = WaitingEntry.objects.filter(pk=entry, status=WaitingStatus.WAITING).update(status=WaitingStatus.WITHDRAWN)
    if not closed:
        raise BookingError(_("This entry of the waiting list was closed meanwhile."))
