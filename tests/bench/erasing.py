"""What erasing a patient takes who left 10,000 rows in the audit log, against one who left a few."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from django.conf import settings

from compliance.erasure import erase_by_rule
from neonpro.db import context
from patients.models import Patient
from tests.bench.house import House
from tests.bench.load import JOB, Team
from tests.bench.measure import Result, more, stopwatch, typical
from tests.bench.scale import Scale

ROWS = 10_000
GOAL_MS = 1000
TAKES = 5

MANY, FEW = "10,000 rows", "a few rows"


def erasing(scale: Scale, teams: dict[str, Team], house: House) -> Iterator[Result]:
    """An erasure as the rules let a job do it: plan, keys, rows, scan of the whole database, certificate, ledger."""
    clinic = teams["middle"].clinic
    times: dict[str, list[float]] = {MANY: [], FEW: []}
    with tempfile.TemporaryDirectory() as directory:
        settings.NEONPRO_ERASURE_LEDGER = str(Path(directory, "ledger"))
        for number in range(TAKES):
            for side in times:
                patient = _somebody(clinic, number)
                if side == MANY:
                    _log(house, clinic, patient)

                def erase(patient: UUID = patient) -> None:
                    with context.enter(JOB, clinic):
                        erase_by_rule(patient)

                times[side].append(stopwatch(erase))
        settings.NEONPRO_ERASURE_LEDGER = ""
    work = {"audit_rows": _audit_rows(house)}
    title = "erasing a patient with 10,000 rows in the audit log"
    yield typical("erasure", title, times[MANY], limit=GOAL_MS, work=work)
    yield more("erasure.rows", f"{title}, against one with a few", times, MANY, FEW)


def _somebody(clinic: UUID, number: int) -> UUID:
    with context.enter(JOB, clinic):
        return Patient.objects.create(
            name=f"Leonilda Apagável {number}", phone=f"1198765{number:04}", email=f"leonilda.{number}@bench.example"
        ).pk


def _log(house: House, clinic: UUID, patient: UUID) -> None:
    with house.superuser() as behind:
        behind.execute(
            "INSERT INTO audit_logs (clinic_id, action, table_name, record_id, patient_id, actor_kind, actor, role,"
            " changes) SELECT %s, 'UPDATE', 'patients', %s, %s, 'job', 'bench', 'job',"
            " jsonb_build_object('name', jsonb_build_array(md5(n::text), md5((-n)::text)))"
            " FROM generate_series(1, %s) AS n",
            [clinic, patient, patient, ROWS],
        )


def _audit_rows(house: House) -> int:
    with house.superuser() as behind:
        ((rows,),) = behind.execute("SELECT count(*) FROM audit_logs").fetchall()
    return int(str(rows))
