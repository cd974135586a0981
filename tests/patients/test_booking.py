"""Clashes and cancellations, as the booking workflow and PostgreSQL see them."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from clinics.models import Professional
from clinics.roles import Role
from neonpro.db import context
from patients.booking import BookingError, Clash, cancel, describe_clash, find_clash, may_cancel
from patients.models import FREES_THE_TIME, Appointment, AppointmentStatus
from tests.factories import JOB, World, bring_to, make_world

NINE = datetime(2030, 1, 7, 12, tzinfo=UTC)
"""When the first appointment of a World begins: 9:00 in São Paulo, for half an hour."""


def clash(world: World, *, patient: int = 1, starts: int = 0, ends: int = 30, **options: Any) -> Clash | None:
    """What is in the way of a patient with the world's professional, minutes counted from nine."""
    options = {"professional": world.professional.pk} | options
    with world.enter():
        return find_clash(
            patient=world.patients[patient].pk,
            starts_at=NINE + timedelta(minutes=starts),
            ends_at=NINE + timedelta(minutes=ends),
            **options,
        )


@pytest.mark.parametrize(
    ("starts", "ends", "in_the_way"),
    [(-30, 0, False), (-30, 1, True), (0, 30, True), (10, 20, True), (29, 59, True), (30, 60, False), (-10, 40, True)],
)
def test_what_overlaps_is_in_the_way_and_what_touches_is_not(
    clinic_a: World, starts: int, ends: int, in_the_way: bool
) -> None:
    found = clash(clinic_a, starts=starts, ends=ends)
    assert (found is not None) is in_the_way
    if found:
        assert found.of_professional
        assert found.appointment.pk == clinic_a.appointments[0].pk


def test_the_patient_is_in_one_place_at_a_time_too(clinic_a: World) -> None:
    found = clash(clinic_a, patient=0, professional=None)
    assert found
    assert not found.of_professional
    assert clash(clinic_a, patient=1, professional=None) is None


def test_an_appointment_is_not_in_its_own_way(clinic_a: World) -> None:
    assert clash(clinic_a, patient=0, ignoring=clinic_a.appointments[0].pk) is None


@pytest.mark.parametrize("status", AppointmentStatus.values)
def test_only_what_takes_place_is_in_the_way(clinic_a: World, status: str) -> None:
    with clinic_a.enter():
        bring_to(clinic_a.appointments[0], status)
    assert (clash(clinic_a) is None) is (status in FREES_THE_TIME)


def test_another_clinics_appointment_is_in_nobodys_way(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter():
        found = find_clash(
            patient=clinic_b.patients[0].pk, professional=clinic_b.professional.pk, starts_at=NINE,
            ends_at=NINE + timedelta(minutes=30),
        )  # fmt: skip
    assert found is None


def test_a_clash_names_the_other_patient_to_whom_it_may(clinic_a: World) -> None:
    found = clash(clinic_a)
    assert found
    with clinic_a.enter():
        told = describe_clash(found, with_patient=True)
    assert "Dra. ALFAZEMA" in told
    assert "Paciente ALFAZEMA 0" in told
    # And without a name nothing is opened: outside of a context it could not be.
    assert "Paciente ALFAZEMA" not in describe_clash(found, with_patient=False)


def test_the_database_refuses_whoever_does_not_ask(clinic_a: World) -> None:
    with clinic_a.enter(), pytest.raises(IntegrityError, match="professional_free"), transaction.atomic():
        Appointment.objects.create(
            patient=clinic_a.patients[1], professional=clinic_a.professional, starts_at=NINE,
            ends_at=NINE + timedelta(minutes=5),
        )  # fmt: skip


def test_of_many_who_book_one_time_at_once_one_gets_it_and_the_others_learn_why(committed: None) -> None:
    """Everybody asks first and then books: the second one waits, and is told; nobody meets the exclusion rule."""
    world = make_world("ALFAZEMA", patients=6)
    barrier = threading.Barrier(6)
    outcomes: list[str] = []
    starts = NINE + timedelta(days=1)

    def book(number: int) -> None:
        try:
            with context.enter(world.user(Role.RECEPTION), world.clinic.pk):
                barrier.wait(timeout=20)
                wanted: dict[str, Any] = {"starts_at": starts, "ends_at": starts + timedelta(minutes=30)}
                patient = world.patients[number]
                if find_clash(patient=patient.pk, professional=world.professional.pk, **wanted):
                    outcomes.append("told")
                else:
                    Appointment.objects.create(patient=patient, professional=world.professional, **wanted)
                    outcomes.append("booked")
        except Exception as error:
            outcomes.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=book, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["booked", *["told"] * 5]


def test_bookings_that_cross_do_not_wait_for_each_other_for_ever(committed: None) -> None:
    """A with X then B with Y, and B with Y then A with X: the locks are taken in one order."""
    world = make_world("ALFAZEMA")
    with context.enter(JOB, world.clinic.pk):
        other = Professional.objects.create(full_name="Dr. Outro")
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def ask(patient: int, professional: Professional) -> None:
        try:
            for _round in range(20):
                with context.enter(JOB, world.clinic.pk):
                    barrier.wait(timeout=20)
                    find_clash(
                        patient=world.patients[patient].pk, professional=professional.pk, starts_at=NINE,
                        ends_at=NINE + timedelta(minutes=5),
                    )  # fmt: skip
            outcomes.append("done")
        except Exception as error:
            outcomes.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=pair) for pair in ((0, world.professional), (0, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert outcomes == ["done", "done"]


# --- cancelling ------------------------------------------------------------------------------------------------------


def test_cancelling_frees_the_time_and_says_why(clinic_a: World) -> None:
    with clinic_a.enter():
        done = cancel(clinic_a.appointments[0].pk, reason="viajou")
    assert (done.status, done.cancel_reason) == (AppointmentStatus.CANCELLED, "viajou")
    assert clash(clinic_a) is None


@pytest.mark.parametrize("status", AppointmentStatus.values)
def test_what_took_place_or_was_cancelled_is_not_cancelled(clinic_a: World, status: str) -> None:
    with clinic_a.enter():
        bring_to(clinic_a.appointments[0], status)
        appointment = Appointment.objects.get(pk=clinic_a.appointments[0].pk)
        if may_cancel(appointment):
            cancel(appointment.pk, reason="x")
        else:
            with pytest.raises(BookingError):
                cancel(appointment.pk, reason="x")
    assert may_cancel(appointment) is (status in ("scheduled", "confirmed", "arrived"))


def test_another_clinics_appointment_is_not_there_to_cancel(clinic_a: World, clinic_b: World) -> None:
    with clinic_a.enter(), pytest.raises(Appointment.DoesNotExist):
        cancel(clinic_b.appointments[0].pk, reason="x")
