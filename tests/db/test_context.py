"""The clinic context: without it no rows, and no way to make one up."""

import pytest
from django.db import DatabaseError, connection, transaction

from clinics.models import Clinic, Membership
from neonpro.db import context
from patients.models import Appointment, Patient
from tests.factories import World


def test_without_a_context_there_are_no_rows(clinic_a: World) -> None:
    assert not Patient.objects.exists()
    assert not Appointment.objects.exists()
    assert not Clinic.objects.exists()
    assert not Membership.objects.exists()


def test_inside_a_clinic_there_are_its_rows_only(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        assert {patient.pk for patient in Patient.objects.all()} == {patient.pk for patient in clinic_a.patients}
        assert Appointment.objects.count() == 3


def test_writing_into_another_clinic_is_refused(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            # Without a WHERE nothing is read, so only WITH CHECK can refuse it.
            Patient.objects.update(clinic=clinic_b.clinic)


def test_a_plain_setting_is_no_context(clinic_a: World) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('neonpro.context', %s, true)", [str(clinic_a.clinic.pk)])
        with pytest.raises(DatabaseError, match="invalid clinic context"), transaction.atomic():
            Patient.objects.exists()


def test_nested_contexts_restore_the_outer_one(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        with clinic_b.enter():
            assert Patient.objects.filter(name__contains="BERGAMOTA").count() == 3
        assert Patient.objects.filter(name__contains="ALFAZEMA").count() == 3
        assert Patient.objects.count() == 3
    assert context.current() is None
