"""Booking: finding what is in the way of an appointment, before the database refuses it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q

from patients.models import FREES_THE_TIME, Appointment


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
    _queue_behind_others(*(person for person in (patient, professional) if person))
    people = Q(patient=patient)
    if professional:
        people |= Q(professional=professional)
    overlapping = (
        Appointment.objects.filter(people, starts_at__lt=ends_at, ends_at__gt=starts_at)
        .exclude(status__in=FREES_THE_TIME)
        .select_related("patient", "professional", "service")
        .order_by("starts_at")
    )
    if ignoring:
        overlapping = overlapping.exclude(pk=ignoring)
    found = overlapping.first()
    if found is None:
        return None
    return Clash(found, of_professional=professional is not None and found.professional_id == professional)


def _queue_behind_others(*people: UUID) -> None:
    # In one order for everybody, or two bookings could wait for each other for ever.
    with connection.cursor() as cursor:
        for person in sorted(people):
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"neonpro.booking:{person}"]
            )
