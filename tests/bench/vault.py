"""What encryption costs: a page of patients, and many patients made at once, against a twin in plain columns."""

import itertools
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from django.db import connection, models
from django.utils import timezone

from clinics.roles import Role
from neonpro.db import context
from patients.imports import _record_numbers
from patients.models import Patient
from tests.bench.house import House
from tests.bench.load import FAMILY, GIVEN, JOB, Team
from tests.bench.measure import Result, in_turn, more, ratio, stopwatch, typical
from tests.bench.scale import Scale

PAGE = 50
PAGE_GOAL_MS = 10
EACH_GOAL_MS = 0.5
"""For each patient: 2,000 a second."""

ENCRYPTED, PLAIN = "encrypted", "plain columns"


class PlainPatient(models.Model):
    """A patient as one would be without encryption (`tests/bench/house.py`)."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    clinic_id = models.UUIDField()
    created_at = models.DateTimeField()
    record_number = models.CharField(max_length=8)
    name = models.CharField(max_length=160)
    preferred_name = models.CharField(max_length=160)
    phone = models.CharField(max_length=16)

    objects = models.Manager["PlainPatient"]()

    class Meta:
        managed = False
        app_label = "patients"
        db_table = "bench_plain_patients"


def page_of_patients(scale: Scale, teams: dict[str, Team], house: House) -> Iterator[Result]:
    """Fifty names and telephones, read in a context of their own as a request does, with the row in the audit log."""
    team = teams["large"]
    requests = {ENCRYPTED: uuid4(), PLAIN: uuid4()}
    shown: dict[str, list[Any]] = {}

    def take(side: str, model: type[Any], *columns: str) -> float:
        def page() -> None:
            with context.enter(team.users[Role.RECEPTION], team.clinic, request_id=requests[side]):
                rows = model.objects.only("id", "created_at", "record_number", *columns).order_by("-created_at", "id")
                shown[side] = [(row.pk, row.preferred_name or row.name, row.phone) for row in rows[:PAGE]]

        return stopwatch(page)

    columns = ("name", "preferred_name", "phone")
    times = in_turn(
        {
            ENCRYPTED: lambda: take(ENCRYPTED, Patient, *columns),
            PLAIN: lambda: take(PLAIN, PlainPatient, *columns),
        },
        rounds=scale.rounds,
        seconds=scale.seconds,
    )
    assert [row[0] for row in shown[ENCRYPTED]] == [row[0] for row in shown[PLAIN]]
    assert not any(name.startswith("«") for _pk, name, _phone in shown[ENCRYPTED])
    with house.superuser() as behind:
        logged = {
            side: (
                behind.execute("SELECT count(*) FROM audit_logs WHERE request_id = %s", [request]).fetchone() or (0,)
            )[0]
            for side, request in requests.items()
        }
    work = {"rows": {side: len(rows) for side, rows in shown.items()}, "audit_rows": logged}
    yield more(
        "vault.page", f"a page of {PAGE} patients, decrypted and audited", times, ENCRYPTED, PLAIN,
        limit=PAGE_GOAL_MS, work=work,
    )  # fmt: skip


def many_patients(scale: Scale, teams: dict[str, Team]) -> Iterator[Result]:
    """Patients made at once, with keys, tokens, audit rows and history; their twins with none of that."""
    team = teams["middle"]
    count = scale.bulk_rows
    serial = itertools.count(500_000_000)

    def values(number: int) -> dict[str, Any]:
        name = f"{GIVEN[number % len(GIVEN)]} {FAMILY[number % 37]} {FAMILY[number % 29]}"
        return {"name": name, "phone": f"+55119{80_000_000 + number % 10_000_000}", "created_at": timezone.now()}

    def take(side: str) -> float:
        with context.enter(JOB, team.clinic):
            numbers = _record_numbers(count)
            made: list[Any]
            if side == ENCRYPTED:
                made = [
                    Patient(
                        record_number=n, updated_at=timezone.now(), source="bench", external_id=str(i), sex="female",
                        **values(i),
                    )
                    for n, i in zip(numbers, serial, strict=False)
                ]  # fmt: skip
                work = lambda: Patient.objects.bulk_create(made, batch_size=2000)  # noqa: E731
            else:
                made = [
                    PlainPatient(record_number=n, clinic_id=team.clinic, preferred_name="", **values(i))
                    for n, i in zip(numbers, serial, strict=False)
                ]
                plain: Any = PlainPatient._default_manager
                work = lambda: plain.bulk_create(made, batch_size=2000)  # noqa: E731
            return stopwatch(work) / count

    times = in_turn(
        {ENCRYPTED: lambda: take(ENCRYPTED), PLAIN: lambda: take(PLAIN)}, rounds=min(scale.rounds, 9), seconds=0
    )
    with context.enter(JOB, team.clinic), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM patients WHERE source = 'bench'")
        (there,) = cursor.fetchone()
    median = sorted(times[ENCRYPTED])[len(times[ENCRYPTED]) // 2]
    yield typical(
        "vault.bulk", f"{count:,} patients at once, each", times[ENCRYPTED], limit=EACH_GOAL_MS,
        work={"patients": there, "a_second": round(1 / median)},
    )  # fmt: skip
    yield ratio("vault.bulk.ratio", f"{count:,} patients at once against plain columns", times, ENCRYPTED, PLAIN)
