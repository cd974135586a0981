"""The one table of roles: the functions that stand beside the row policies ask for the same roles."""

from contextlib import AbstractContextManager

import pytest
from django.db import DatabaseError, connection, transaction

from clinics.roles import ACCESS, JOB, Role, may
from neonpro.db import context
from patients.search import find
from tests.factories import JOB as TESTS
from tests.factories import World

ROLES = [*Role.values, JOB]


def enter(world: World, role: str) -> AbstractContextManager[context.Context]:
    """The context of somebody with a role; a job's is its own."""
    return context.enter(TESTS if role == JOB else world.user(role), world.clinic.pk)


def test_the_table_knows_no_other_roles() -> None:
    listed = {role for access in ACCESS.values() for roles in access.values() for role in roles}
    assert listed <= set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_whoever_may_view_patients_may_search_them_and_nobody_else(role: str, clinic_a: World) -> None:
    with enter(clinic_a, role):
        assert bool(find("paciente")) == may(role, "view", "patients")


@pytest.mark.parametrize("role", ROLES)
def test_whoever_may_add_to_the_team_may_invite_and_nobody_else(role: str, clinic_a: World) -> None:
    with enter(clinic_a, role), connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute("SELECT neonpro.invite('alguem@exemplo.example')")
            invited = True
        except DatabaseError:
            invited = False
    assert invited == may(role, "add", "clinic_memberships")
