"""Many at once, with real commits: one wins, the others are told, and nobody waits for ever."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from neonpro.db import context
from patients.booking import find_clash
from patients.models import Appointment, AppointmentStatus, Patient
from tests.factories import JOB, World, make_world

NOON = datetime(2031, 5, 5, 15, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def world(committed: None) -> World:
    """A clinic with 25 patients, committed."""
    return make_world("ALFAZEMA", patients=25)


def together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each in a thread and on a connection of its own, all starting at once; what each returned or raised."""
    barrier = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(30)
            results[number] = work()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number, work)) for number, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
    return results


def book(
    world: World,
    patient: Patient,
    *,
    starts_at: datetime = NOON,
    ask: bool = True,
    professional: UUID | None = None,
    status: str = AppointmentStatus.SCHEDULED,
) -> str:
    """Book as the reception does: look for a clash, and save when there is none."""
    with world.enter():
        who = professional or world.professional.pk
        ends_at = starts_at + HALF_HOUR
        if ask and find_clash(patient=patient.pk, professional=who, starts_at=starts_at, ends_at=ends_at):
            return "clash"
        Appointment.objects.create(
            patient=patient, professional_id=who, starts_at=starts_at, ends_at=ends_at, status=status
        )
        return "booked"


def at_noon(world: World) -> int:
    with world.enter():
        return Appointment.objects.filter(starts_at__gte=NOON - HALF_HOUR, starts_at__lte=NOON + HALF_HOUR).count()


def more_professionals(world: World, number: int) -> list[UUID]:
    from clinics.models import Professional

    with context.enter(JOB, world.clinic.pk):
        return [Professional.objects.create(full_name=f"Dr. {n}").pk for n in range(number)]


def test_of_25_bookings_of_one_professional_one_wins_and_24_are_told(world: World) -> None:
    results = together([partial(book, world, patient) for patient in world.patients])
    assert sorted(map(str, results)) == ["booked"] + ["clash"] * 24
    assert at_noon(world) == 1


def test_of_25_bookings_of_one_patient_one_wins_and_24_are_told(world: World) -> None:
    patient = world.patients[0]
    professionals = more_professionals(world, 25)
    results = together([partial(book, world, patient, professional=who) for who in professionals])
    assert sorted(map(str, results)) == ["booked"] + ["clash"] * 24
    assert at_noon(world) == 1


def test_without_asking_the_database_still_lets_one_win(world: World) -> None:
    results = together([partial(book, world, patient, ask=False) for patient in world.patients])
    assert results.count("booked") == 1
    # Some of the losers may have been told by the deadlock detector instead.
    assert all(isinstance(result, DatabaseError) for result in results if result != "booked")
    assert at_noon(world) == 1


def test_bookings_that_touch_do_not_clash(world: World) -> None:
    slots = [NOON + HALF_HOUR * number for number in range(-3, 4)]
    works = [
        partial(book, world, patient, starts_at=slot) for patient, slot in zip(world.patients, slots, strict=False)
    ]
    assert together(works) == ["booked"] * len(slots)


@pytest.mark.parametrize("status", [AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW])
def test_a_slot_that_was_freed_is_won_again_by_one(status: str, world: World) -> None:
    book(world, world.patients[0])
    assert book(world, world.patients[1]) == "clash"
    with world.enter():
        Appointment.objects.filter(starts_at=NOON).update(status=status)
    results = together([partial(book, world, patient) for patient in world.patients[:8]])
    assert sorted(map(str, results)) == ["booked"] + ["clash"] * 7
    # And what was freed cannot come back into a slot that is taken.
    with world.enter(), pytest.raises(DatabaseError, match=r"appointments_\w+_free"), transaction.atomic():
        Appointment.objects.filter(starts_at=NOON).update(status=AppointmentStatus.CONFIRMED)


def test_freed_appointments_stand_beside_each_other(world: World) -> None:
    works = [
        partial(book, world, patient, ask=False, status=status)
        for patient in world.patients[:3]
        for status in (AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW)
    ]
    assert together(works) == ["booked"] * 6


def test_visits_by_order_of_arrival_never_clash(world: World) -> None:
    def arrive(patient: Patient) -> str:
        with world.enter():
            Appointment.objects.create(patient=patient, professional=world.professional, day=NOON.date())
            return "booked"

    works = [partial(arrive, patient) for patient in [*world.patients[:10], *world.patients[:10]]]
    assert together(works) == ["booked"] * 20


def test_two_bookings_that_ask_for_the_same_people_the_other_way_round_do_not_deadlock(world: World) -> None:
    one, other = uuid4(), uuid4()

    def ask(patient: UUID, professional: UUID) -> str:
        for turn in range(20):
            with world.enter():
                find_clash(patient=patient, professional=professional, starts_at=NOON, ends_at=NOON + HALF_HOUR)
                assert turn < 20
        return "asked"

    assert together([partial(ask, one, other), partial(ask, other, one)] * 3) == ["asked"] * 6


def test_who_asks_first_makes_the_next_one_wait_until_it_is_saved(world: World) -> None:
    """Without the lock both would be told that the slot is free, and one would get the database's error."""
    asked, answers = threading.Event(), []

    def slow() -> None:
        with world.enter():
            find_clash(patient=world.patients[0].pk, professional=world.professional.pk, starts_at=NOON,
                       ends_at=NOON + HALF_HOUR)  # fmt: skip
            asked.set()
            # The other one is at the lock by now, or will be.
            threading.Event().wait(0.3)
            Appointment.objects.create(
                patient=world.patients[0], professional=world.professional, starts_at=NOON, ends_at=NOON + HALF_HOUR
            )
        connection.close()

    def second() -> None:
        asked.wait(30)
        answers.append(book(world, world.patients[1]))
        connection.close()

    threads = [threading.Thread(target=work) for work in (slow, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == ["clash"]


def test_two_drawn_record_numbers_are_never_the_same(world: World) -> None:
    def register() -> list[str]:
        with world.enter():
            made = [Patient.objects.create(name=f"Paciente {n}") for n in range(20)]
            for patient in made:
                patient.refresh_from_db()
            return [patient.record_number for patient in made]

    numbers = [number for drawn in together([register] * 6) for number in drawn]
    assert len(set(numbers)) == len(numbers) == 120
    assert all(len(number) == 8 and number.isdigit() for number in numbers)


def test_twenty_invitations_of_one_address_make_one_account(world: World) -> None:
    def invite() -> UUID:
        with world.enter("manager"), connection.cursor() as cursor:
            cursor.execute("SELECT neonpro.invite('nova@nenhures.example')")
            return UUID(str(cursor.fetchone()[0]))

    accounts = together([invite] * 20)
    assert len(set(accounts)) == 1
    assert isinstance(accounts[0], UUID)
