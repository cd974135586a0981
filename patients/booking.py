"""Booking: finding what is in the way of an appointment, before the database refuses it; and cancelling one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Prefetch, Q
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from neonpro.vault.keys import Act
from patients.models import FREES_THE_TIME, Appointment, AppointmentStatus, Patient


@dataclass(frozen=True, slots=True)
class Clash:
    """An active appointment that overlaps, and of whom: the professional's or the patient's."""

    appointment: Appointment
    of_professional: bool


def find_clash(
    *,
    patient: UUID,
    professional: UUID | None,
    starts_at: datetime,
    ends_at: datetime,
    ignoring: UUID | None = None,
) -> Clash | None:
    """The first active appointment of the professional or of the patient that overlaps [starts_at, ends_at).

    Inside a transaction it also makes others that book for the same people wait, so that what it answers still holds
    when the appointment is saved. The exclusion constraints hold whoever does not ask.
    """
    queue_behind_others(*(person for person in (patient, professional) if person))
    people = Q(patient=patient)
    if professional:
        people |= Q(professional=professional)
    overlapping = (
        Appointment.objects.filter(people, starts_at__lt=ends_at, ends_at__gt=starts_at)
        .exclude(status__in=FREES_THE_TIME)
        .select_related("professional", "service")
        # Whoever reads the clash may learn the patient's name from it.
        .prefetch_related(Prefetch("patient", Patient.objects.opening("identification", act=Act.LIST)))
        .order_by("starts_at")
    )
    if ignoring:
        overlapping = overlapping.exclude(pk=ignoring)
    found = overlapping.first()
    if found is None:
        return None
    return Clash(found, of_professional=professional is not None and found.professional_id == professional)


def queue_behind_others(*people: UUID) -> None:
    """Wait until nobody else books for these people, and make others wait until the transaction ends."""
    # In one order for everybody, or two bookings could wait for each other for ever.
    with connection.cursor() as cursor:
        for person in sorted(people):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"neonpro.booking:{person}"])


class BookingError(Exception):
    """An appointment is not in a state for what was asked; the message is for the person who asked."""


def cancel(appointment: UUID, *, reason: str) -> Appointment:
    """Cancel an appointment, which stays in the records and frees the time.

    Args:
        appointment: its id.
        reason: why, in words of whoever cancels.

    Raises:
        BookingError: it took place already, or was cancelled before.
    """
    found: Appointment = Appointment.objects.select_for_update().get(pk=appointment)
    if not may_cancel(found):
        raise BookingError(
            _("An appointment that is %(status)s cannot be cancelled.") % {"status": found.get_status_display()}
        )
    found.status = AppointmentStatus.CANCELLED
    found.cancel_reason = reason
    found.save(update_fields=["status", "cancel_reason"])
    return found


def may_cancel(appointment: Appointment) -> bool:
    """Whether an appointment is still ahead of care: neither over nor cancelled."""
    return appointment.status in (
        AppointmentStatus.SCHEDULED,
        AppointmentStatus.CONFIRMED,
        AppointmentStatus.ARRIVED,
    )


def describe_clash(clash: Clash, *, with_patient: bool) -> str:
    """A clash in words: whose it is, when, and with whom.

    Args:
        clash: what `find_clash` answered.
        with_patient: name the other patient, for a reader who may see patients.
    """
    other = clash.appointment
    assert other.starts_at is not None
    assert other.ends_at is not None
    starts, ends = localtime(other.starts_at), localtime(other.ends_at)
    values = {
        "professional": other.professional or _("nobody in particular"),
        "patient": other.patient.display_name if with_patient else _("another patient"),
        "day": date_format(starts, "SHORT_DATE_FORMAT"),
        "starts": date_format(starts, "H:i"),
        "ends": date_format(ends, "H:i"),
    }
    if clash.of_professional:
        return (
            _("%(professional)s already has an appointment on %(day)s from %(starts)s to %(ends)s: %(patient)s.")
            % values
        )
    return (
        _("This patient already has an appointment on %(day)s from %(starts)s to %(ends)s with %(professional)s.")
        % values
    )
