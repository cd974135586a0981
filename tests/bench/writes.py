"""What the audit trigger costs a save and a bulk insert, in whole transactions as the product makes them."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
from django.db import models
from django.utils import timezone

from clinics.roles import Role
from neonpro.db import context
from neonpro.db.context import Actor
from neonpro.vault.fields import state_of
from patients.models import Appointment, AppointmentStatus, Patient
from tests.bench.house import House
from tests.bench.load import FAMILY, GIVEN, JOB, Team, switch, trigger_states
from tests.bench.measure import Result, in_turn, ratio, stopwatch
from tests.bench.scale import Scale

M = TypeVar("M", bound=models.Model)

SAVE_GOAL = 1.3
BULK_GOAL = 2.0
WITH, WITHOUT = "audit trigger", "no audit trigger"

AT_ONCE = 5
"""Saves timed together. Switching the trigger makes the next statement plan anew, so one more goes before them."""


def saves(scale: Scale, teams: dict[str, Team], house: House) -> Iterator[Result]:
    """One record saved, in a transaction with its context."""
    team = teams["large"]
    actor = team.users[Role.RECEPTION]
    with context.enter(actor, team.clinic):
        patients = itertools.cycle(_alone(Patient.objects.order_by("-created_at", "id")[:200]))
        coming = Appointment.objects.filter(day__gt=timezone.localdate(), status__in=["scheduled", "confirmed"])
        appointments = itertools.cycle(
            _alone(coming.select_related("patient").order_by("day", "starts_at", "id")[:200])
        )
        example = coming.order_by("day", "starts_at", "id").first()
    assert example is not None
    professional, service = example.professional_id, example.service_id
    # An hour that nobody has yet, whatever was booked before.
    hours = (timezone.now() + timedelta(days=400, minutes=30 * n) for n in itertools.count())
    other = {AppointmentStatus.SCHEDULED: AppointmentStatus.CONFIRMED}

    def change_patient() -> None:
        patient = next(patients)
        patient.district = "Centro" if patient.district != "Centro" else "Jardim da Penha"
        patient.save()

    def change_appointment() -> None:
        appointment = next(appointments)
        appointment.status = other.get(AppointmentStatus(appointment.status), AppointmentStatus.SCHEDULED)
        appointment.save()

    def add_patient() -> None:
        Patient(name="Paciente Nova da Silva", phone="+5511987654321", sex="female").save()

    def add_appointment() -> None:
        hour = next(hours)
        Appointment(
            patient=next(patients), professional_id=professional, service_id=service,
            starts_at=hour, ends_at=hour + timedelta(minutes=30), day=hour.date(), note="Primeira vez.",
        ).save()  # fmt: skip

    for key, title, table, work in (
        ("change_appointment", "change of an appointment", "appointments", change_appointment),
        ("add_appointment", "new appointment", "appointments", add_appointment),
        ("change_patient", "change of a patient", "patients", change_patient),
        ("add_patient", "new patient", "patients", add_patient),
    ):
        yield _compare(
            house, f"save.{key}", f"save: {title}", table, work, actor, team.clinic,
            times=AT_ONCE, limit=SAVE_GOAL, rounds=scale.rounds, seconds=scale.seconds * 2,
        )  # fmt: skip


def _alone(records: Iterable[M]) -> list[M]:
    """As if each had been read by itself: saving one opens its own keys and not those of a page."""
    found = list(records)
    for record in found:
        state_of(record).page = None
    return found


def bulk_inserts(scale: Scale, teams: dict[str, Team], house: House) -> Iterator[Result]:
    """Many rows in one `bulk_create`, as an import makes them."""
    team = teams["middle"]
    count = scale.bulk_rows
    with context.enter(JOB, team.clinic):
        patients = list(Patient.objects.order_by("created_at", "id").values_list("pk", flat=True)[:1000])
    serial = itertools.count(1)

    def add_patients() -> None:
        Patient.objects.bulk_create(
            [
                Patient(
                    name=f"{GIVEN[n % len(GIVEN)]} {FAMILY[n % 37]}",
                    birth_year=1930 + n % 80,
                    source="bench",
                )
                for n in range(count)
            ],
            batch_size=1000,
        )

    def add_appointments() -> None:
        today = timezone.localdate()
        Appointment.objects.bulk_create(
            [
                Appointment(
                    patient_id=patients[n % len(patients)],
                    day=today - timedelta(days=n % 300),
                    status="no_show" if n % 5 == 0 else "completed",
                    source="bench",
                    external_id=str(next(serial)),
                )
                for n in range(count)
            ],
            batch_size=1000,
        )

    for table, work in (("appointments", add_appointments), ("patients", add_patients)):
        yield _compare(
            house, f"bulk.{table}", f"bulk_create of {count:,} {table}", table, work, JOB, team.clinic,
            times=1, limit=BULK_GOAL, rounds=min(scale.rounds, 15), seconds=0,
        )  # fmt: skip


def _compare(
    house: House,
    key: str,
    title: str,
    table: str,
    work: Callable[[], object],
    actor: Actor,
    clinic: UUID,
    *,
    times: int,
    limit: float,
    rounds: int,
    seconds: float,
) -> Result:
    """The same work with the audit trigger of its table and without, and what of it the log has."""
    requests = {WITH: uuid4(), WITHOUT: uuid4()}
    done = {WITH: 0, WITHOUT: 0}

    def once(side: str) -> None:
        with context.enter(actor, clinic, request_id=requests[side]):
            work()
        done[side] += 1

    def several(side: str) -> None:
        for _ in range(times):
            once(side)

    with house.superuser() as connection:
        states = trigger_states(connection)
        audit = [name for name in states if name[0] == table and "record_changes" in name[1]]
        if len(audit) != 1:
            raise RuntimeError(f"{table} has {len(audit)} audit triggers.")

        def take(side: str) -> float:
            if side == WITHOUT:
                switch(connection, "DISABLE TRIGGER", audit)
            try:
                if times > 1:
                    once(side)
                return stopwatch(lambda: several(side)) / times
            finally:
                if side == WITHOUT:
                    switch(connection, "ENABLE ALWAYS TRIGGER", audit)

        taken = in_turn({WITH: lambda: take(WITH), WITHOUT: lambda: take(WITHOUT)}, rounds=rounds, seconds=seconds)
        if trigger_states(connection) != states:
            raise RuntimeError("The triggers are not as they were.")
        log = {side: _rows_of(connection, clinic, table, request) for side, request in requests.items()}
    return ratio(
        key, title, taken, WITH, WITHOUT, limit=limit,
        work={"transactions": done, "audit_rows": log},
    )  # fmt: skip


def _rows_of(connection: psycopg.Connection[Any], clinic: UUID, table: str, request: UUID) -> int:
    # Of this table: an appointment also opens care, on either side.
    row = connection.execute(
        "SELECT count(*) FROM audit_logs WHERE clinic_id = %s AND table_name = %s AND request_id = %s"
        " AND action IN ('INSERT', 'UPDATE')",
        [clinic, table, request],
    ).fetchone()
    assert row is not None
    return int(row[0])
