"""What a patient and an appointment may be: refused by forms in words, by PostgreSQL always."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from clinics.models import Clinic
from neonpro.vault.fields import encrypted_fields
from patients.booking import find_clash
from patients.models import FREES_THE_TIME, Appointment, AppointmentStatus, Patient
from tests.conftest import superuser
from tests.factories import World, bring_to

NOON = datetime(2031, 5, 5, 15, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


def patient(**fields: Any) -> Patient:
    return Patient(**{"name": "Zuleica Prado"} | fields)


def appointment(world: World, **fields: Any) -> Appointment:
    usual: dict[str, Any] = {"patient": world.patients[0], "professional": world.professional}
    return Appointment(**usual | {"starts_at": NOON, "ends_at": NOON + HALF_HOUR} | fields)


BROKEN: list[tuple[str, Any]] = [
    ("patients_name_given", lambda world: patient(name="").save()),
    ("patients_birth_year_check", lambda world: patient(birth_year=-1).save()),
    ("appointments_status_listed", lambda world: appointment(world, status="late").save()),
    ("appointments_end_after_start", lambda world: appointment(world, ends_at=NOON).save()),
    ("appointments_end_after_start", lambda world: appointment(world, ends_at=NOON - HALF_HOUR).save()),
    # A CHECK lets NULL pass: an hour without an end would block somebody for ever.
    ("appointments_end_after_start", lambda world: appointment(world, ends_at=None).save()),
    ("appointments_end_after_start", lambda world: appointment(world, starts_at=None, day=NOON.date()).save()),
    ("appointments_overbooking_reason", lambda world: appointment(world, overbooked=True).save()),
]


@pytest.mark.parametrize(("rule", "attempt"), BROKEN, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(BROKEN)])
def test_the_database_refuses(rule: str, attempt: Any, clinic_a: World) -> None:
    with clinic_a.enter("manager"), pytest.raises(IntegrityError, match=rule), transaction.atomic():
        attempt(clinic_a)


def test_every_check_of_these_tables_is_broken_above(clinic_a: World) -> None:
    """By catalogue: a new rule asks for its line."""
    with superuser(connection.settings_dict["NAME"]) as root:
        rules = root.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (ARRAY["
            "'patients', 'appointments']::regclass[])"
        ).fetchall()
    assert {str(name) for (name,) in rules} == {rule for rule, _ in BROKEN}


# --- Patients ---------------------------------------------------------------------------------------------------


def test_a_patient_is_printed_without_a_name(clinic_a: World) -> None:
    with clinic_a.enter():
        made = patient(preferred_name="Zuca", cpf="529.982.247-25", phone="(34) 98888-7777")
        made.full_clean()
        made.save()
        made.refresh_from_db()
        assert str(made) == f"{made.record_number[:2]}.{made.record_number[2:5]}.{made.record_number[5:]}"
        printed = f"{made} {made!r} {appointment(clinic_a, patient=made)!r}"
        assert not [value for value in ("Zuleica", "Zuca", "52998224725", "34988") if value in printed]
        assert made.display_name == "Zuca"
        assert patient().display_name == "Zuleica Prado"
        assert (made.cpf, made.phone) == ("52998224725", "+5534988887777")


def test_every_column_of_a_patient_is_encrypted_or_named_here() -> None:
    """What stands in clear does so on purpose."""
    plain = {field.column for field in Patient._meta.fields} - {field.column for field in encrypted_fields(Patient)}
    assert plain == {
        "id", "clinic_id", "created_at", "updated_at", "record_number", "birth_year", "source", "restricted_at",
        "no_reminders",
    }  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [("sex", "x"), ("cpf", "123"), ("uf", "XX"), ("phone", "1")])
def test_what_a_closed_value_may_be_is_for_forms_to_check(field: str, value: str, clinic_a: World) -> None:
    """PostgreSQL cannot: it never sees one."""
    with clinic_a.enter(), pytest.raises(ValidationError) as refused:
        patient(**{field: value}).full_clean()
    assert list(refused.value.message_dict) == [field]


@pytest.mark.parametrize("cpf", ["52998224725", "529.982.247-25"])
def test_one_patient_a_cpf_and_clinic(cpf: str, clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        patient(cpf="52998224725").save()
        with pytest.raises(IntegrityError, match="patients_one_per_cpf"), transaction.atomic():
            patient(cpf=cpf).save()
        # Without one there may be any number.
        patient().save()
        patient().save()
    with clinic_b.enter():
        made = patient(cpf=cpf)
        made.full_clean()
        made.save()


def test_a_row_of_another_system_is_imported_once_a_clinic(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        patient(source="planilha", external_id="7").save()
        patient(source="outra", external_id="7").save()
        with pytest.raises(IntegrityError, match="patients_one_per_external_id"), transaction.atomic():
            patient(source="planilha", external_id="7").save()
    with clinic_b.enter():
        patient(source="planilha", external_id="7").save()


def test_a_record_number_is_drawn_and_tells_nothing(clinic_a: World) -> None:
    with clinic_a.enter():
        numbers = sorted(int(number) for number in Patient.objects.values_list("record_number", flat=True))
        for made in Patient.objects.all():
            assert len(made.record_number) == 8
        made = patient(record_number=f"{numbers[0]:08}")
        with pytest.raises(IntegrityError, match="patients_one_per_record_number"), transaction.atomic():
            made.save()
    assert numbers[-1] - numbers[0] > 10, "they are not counted"


# --- Appointments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Sao_Paulo", date(2031, 5, 4)),
        ("America/Noronha", date(2031, 5, 5)),
        ("America/Rio_Branco", date(2031, 5, 4)),
    ],
)
def test_the_day_is_that_of_the_hour_where_the_clinic_is(zone: str, day: date, clinic_a: World) -> None:
    late = datetime(2031, 5, 5, 2, 30, tzinfo=UTC)
    with clinic_a.enter("manager"):
        Clinic.objects.update(time_zone=zone)
        made = appointment(clinic_a, starts_at=late, ends_at=late + HALF_HOUR, day=date(1999, 1, 1))
        made.save()
        made.refresh_from_db()
        assert made.day == day
        assert str(made).startswith(f"{day:%d/%m/%Y}")
        # Moved, by whatever means, it moves along.
        Appointment.objects.filter(pk=made.pk).update(
            starts_at=late + timedelta(days=3), ends_at=late + timedelta(days=3, minutes=30)
        )
        made.refresh_from_db()
        assert made.day == day + timedelta(days=3)


def test_an_appointment_that_was_not_read_back_can_be_printed(clinic_a: World) -> None:
    with clinic_a.enter():
        made = appointment(clinic_a)
        made.save()
        assert str(made.id)[:8] in str(made)


def test_by_order_of_arrival_there_is_a_day_and_no_hour(clinic_a: World) -> None:
    with clinic_a.enter():
        for _ in range(3):
            appointment(clinic_a, starts_at=None, ends_at=None, day=NOON.date()).save()
        with pytest.raises(IntegrityError, match="day"), transaction.atomic():
            appointment(clinic_a, starts_at=None, ends_at=None).save()


@pytest.mark.parametrize("status", AppointmentStatus.values)
@pytest.mark.parametrize("whose", ["professional", "patient"])
def test_nobody_is_in_two_active_appointments_at_once(whose: str, status: str, clinic_a: World) -> None:
    with clinic_a.enter():
        first = appointment(clinic_a)
        first.save()
        bring_to(first, status)
        other = {"patient": clinic_a.patients[1]} if whose == "professional" else {"professional": None}
        second = appointment(clinic_a, starts_at=NOON + HALF_HOUR / 2, ends_at=NOON + HALF_HOUR * 2, **other)
        clash = find_clash(
            patient=second.patient_id, professional=second.professional_id,
            starts_at=NOON + HALF_HOUR / 2, ends_at=NOON + HALF_HOUR * 2,
        )  # fmt: skip
        if status in FREES_THE_TIME:
            assert clash is None
            second.save()
        else:
            assert clash is not None
            assert clash.of_professional == (whose == "professional")
            with pytest.raises(IntegrityError, match=f"appointments_{whose}_free"), transaction.atomic():
                second.save()


def test_appointments_that_touch_do_not_clash(clinic_a: World) -> None:
    with clinic_a.enter():
        appointment(clinic_a).save()
        for start in (NOON - HALF_HOUR, NOON + HALF_HOUR):
            assert find_clash(
                patient=clinic_a.patients[0].pk, professional=clinic_a.professional.pk,
                starts_at=start, ends_at=start + HALF_HOUR,
            ) is None  # fmt: skip
            appointment(clinic_a, starts_at=start, ends_at=start + HALF_HOUR).save()


def test_an_appointment_is_not_in_its_own_way(clinic_a: World) -> None:
    with clinic_a.enter():
        made = appointment(clinic_a)
        made.save()
        asked: dict[str, Any] = {
            "patient": made.patient_id, "professional": made.professional_id,
            "starts_at": NOON + timedelta(minutes=10), "ends_at": NOON + HALF_HOUR * 2,
        }  # fmt: skip
        found = find_clash(**asked)
        assert found is not None
        assert found.appointment == made
        assert find_clash(**asked, ignoring=made.pk) is None


def test_people_of_another_clinic_are_in_nobodys_way(clinic_a: World, clinic_b: World) -> None:
    """The same hour in two clinics, and the same professional's id where it does not belong."""
    with clinic_a.enter():
        appointment(clinic_a).save()
    with clinic_b.enter():
        appointment(clinic_b).save()
        assert find_clash(
            patient=clinic_a.patients[0].pk, professional=clinic_a.professional.pk,
            starts_at=NOON, ends_at=NOON + HALF_HOUR,
        ) is None  # fmt: skip
        for field in ("patient", "professional", "service"):
            foreign = {
                "patient": clinic_a.patients[0],
                "professional": clinic_a.professional,
                "service": clinic_a.service,
            }
            with pytest.raises(IntegrityError, match=f"appointments_{field}_same_clinic"), transaction.atomic():
                appointment(
                    clinic_b, starts_at=NOON + HALF_HOUR * 4, ends_at=NOON + HALF_HOUR * 5, **{field: foreign[field]}
                ).save()


def test_a_patient_with_appointments_stays(clinic_a: World) -> None:
    with clinic_a.enter("manager"), connection.cursor() as cursor:
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            cursor.execute("DELETE FROM patients")
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            cursor.execute("DELETE FROM appointments")
        with pytest.raises(IntegrityError, match="_professional_same_clinic"), transaction.atomic():
            cursor.execute("DELETE FROM professionals WHERE id = %s", [clinic_a.appointments[0].professional_id])
