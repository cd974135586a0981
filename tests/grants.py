"""Permissions on single records, given the way guardian gives them."""

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from clinics.roles import Role
from compliance.models import ResourcePermission
from patients.models import Patient
from tests.factories import World


def grant(
    world: World, patient: Patient, *, to: str = Role.PROFESSIONAL, codename: str = "view_patient"
) -> ResourcePermission:
    """The manager lets a member of the team do something with one patient."""
    with world.enter(Role.MANAGER):
        content_type = ContentType.objects.get_for_model(Patient)
        granted: ResourcePermission = ResourcePermission.objects.create(
            user=world.user(to),
            content_type=content_type,
            object_pk=str(patient.pk),
            permission=Permission.objects.get(content_type=content_type, codename=codename),
            reason=f"motivo {world.canary}",
        )
        return granted
