"""How long `manage.py import_appointments` takes for a real export, and how much memory."""

import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.core.management import get_commands

from clinics.roles import Role
from neonpro.db import context
from patients.models import Appointment
from tests.bench.load import JOB, Team
from tests.bench.measure import Result, not_measured
from tests.bench.scale import Scale

SECONDS_GOAL = 120
MEMORY_GOAL_MB = 500
BASE = Path(__file__).resolve().parents[2]
HEADER = (
    "PatientId,AppointmentID,Gender,ScheduledDay,AppointmentDay,Age,Neighbourhood,Scholarship,Hipertension,Diabetes,"
    "Alcoholism,Handcap,SMS_received,No-show"
)


def importing(scale: Scale, teams: dict[str, Team]) -> Iterator[Result]:
    """Import NEONPRO_BENCH_CSV, or a generated file of the same shape, into the middle clinic."""
    lines = ("import.seconds", "import_appointments: time", "s", SECONDS_GOAL), (
        "import.memory", "import_appointments: memory", "MB", MEMORY_GOAL_MB,
    )  # fmt: skip

    def missing(reason: str) -> Iterator[Result]:
        for key, title, unit, limit in lines:
            yield not_measured(key, title, reason, limit=limit, unit=unit)

    if "import_appointments" not in get_commands():
        yield from missing("the command does not exist")
        return
    team = teams["middle"]
    with tempfile.TemporaryDirectory(prefix="neonpro-bench-csv-") as directory:
        named = os.environ.get("NEONPRO_BENCH_CSV")
        file = Path(named) if named else _generate(Path(directory) / "appointments.csv", scale.imported_rows)
        with file.open(encoding="utf-8") as lines_of_file:
            rows = sum(1 for _ in lines_of_file) - 1
        before = _count(team)
        command = [
            sys.executable, "manage.py", "import_appointments", str(file.absolute()), "--clinic", str(team.clinic),
            "--user", team.users[Role.MANAGER].email, "--rejects", str(Path(directory) / "rejects.csv"),
        ]  # fmt: skip
        output = Path(directory) / "output.txt"
        began = time.perf_counter()
        with output.open("wb") as stream:
            process = subprocess.Popen(command, cwd=BASE, stdout=stream, stderr=subprocess.STDOUT)
            # Unlike Popen.wait, this tells what the process used.
            _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        if process.returncode != 0:
            yield from missing(f"it failed: {output.read_text(errors='replace').strip()[-300:]}")
            return
        added = _count(team) - before
    work = {"rows": rows, "appointments_added": added, "file": "NEONPRO_BENCH_CSV" if named else "generated"}
    # Kilobytes on Linux, bytes on macOS.
    megabytes = usage.ru_maxrss / (1_000_000 if sys.platform == "darwin" else 1000)
    for (key, title, unit, limit), value in zip(lines, (seconds, megabytes), strict=True):
        yield Result(key=key, title=f"{title}, {rows:,} rows", unit=unit, value=value, limit=limit, rounds=1, work=work)


def _generate(file: Path, rows: int) -> Path:
    """A file like the public no-show export: some 1.8 appointments a patient, within two months."""
    chance = random.Random(1)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        stream.write(HEADER + "\n")
        for number in range(rows):
            patient = chance.randrange(int(rows / 1.8))
            day = datetime(2016, 5, 1, tzinfo=UTC) + timedelta(days=chance.randrange(60))
            booked = day - timedelta(minutes=chance.randrange(1, 40_000))
            writer.writerow(
                [
                    29_872_499_000_000 + patient,
                    5_600_000 + number,
                    "FM"[patient % 3 == 0],
                    f"{booked:%Y-%m-%dT%H:%M:%SZ}",
                    f"{day:%Y-%m-%dT%H:%M:%SZ}",
                    patient % 90,
                    "JARDIM DA PENHA",
                    *(0, 0, 0, 0, 0, int(number % 3 == 0)),
                    "Yes" if number % 5 == 0 else "No",
                ]
            )
    return file


def _count(team: Team) -> int:
    with context.enter(JOB, team.clinic):
        return Appointment.objects.count()
