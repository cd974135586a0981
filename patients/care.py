"""The care team of a patient: who joins it, who leaves it. What it opens is `neonpro.open_patients`."""

from uuid import UUID

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from clinics.models import Professional
from clinics.roles import Role
from neonpro.db import context
from patients.models import Began, CareTeam


class CareError(Exception):
    """The care team stays as it is; the message is for the person who tried."""


def team(patient: UUID) -> QuerySet[CareTeam, CareTeam]:
    """Who cares for a patient, and who did: those of now first."""
    return (
        CareTeam.objects.filter(patient=patient).select_related("professional__membership").order_by("until", "since")
    )


def add(*, patient: UUID, professional: UUID, reason: str) -> CareTeam:
    """Put a professional into a care team, as a manager or as a colleague who is in it.

    Args:
        patient: whose team.
        professional: an active professional of the clinic.
        reason: why; management reads it, so nothing clinical.

    Raises:
        CareError: no reason was given, they are in it already, or it is not for this person to say.
    """
    if not reason.strip():
        raise CareError(_("Say why this professional joins the care team."))
    if not Professional.objects.filter(pk=professional, is_active=True).exists():
        raise CareError(_("Choose a professional who works here."))
    acting = context.require()
    began = Began.COLLEAGUE if acting.role == Role.PROFESSIONAL else Began.MANAGER
    try:
        with transaction.atomic():
            stay: CareTeam = CareTeam.objects.create(
                patient_id=patient, professional_id=professional, began=began, reason=reason.strip()
            )
    except IntegrityError as error:
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if name == "care_team_one_stay":
            raise CareError(_("This professional is in the patient's care team already.")) from error
        raise CareError(_("This patient or professional is not here any more. Reload the page.")) from error
    except DatabaseError as error:
        raise CareError(_("Only somebody in the care team, or management, adds a professional to it.")) from error
    return stay


def end(stay: UUID, *, reason: str) -> CareTeam:
    """End a stay: the record closes to that professional at once. Theirs to end is their own, a manager's any.

    Raises:
        CareError: no reason was given, it has ended already, or it is not for this person to end.
    """
    if not reason.strip():
        raise CareError(_("Say why this care ends."))
    found: CareTeam | None = CareTeam.objects.select_for_update().filter(pk=stay).first()
    if found is None:
        raise CareError(_("It is for management, or for the professional, to end this care."))
    if found.until is not None:
        raise CareError(_("This care has ended already."))
    # When it ends, how and by whom the database writes down.
    found.until, found.ended, found.end_reason = timezone.now(), "manager", reason.strip()
    try:
        with transaction.atomic():
            found.save(update_fields=["until", "ended", "end_reason"])
    except DatabaseError as error:
        raise CareError(_("It is for management, or for the professional, to end this care.")) from error
    found.refresh_from_db()
    return found
