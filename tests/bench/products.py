"""How long a recall and an import of Anvisa's data take: `python -m tests.bench.products [PATIENTS]`.

By itself, for it needs other rows than the rest of the bench: a lot of 10,000 applications among a million patients.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

APPLICATIONS = 10_000
ROWS = 100_000
BASE = Path(__file__).resolve().parents[2]


def fill(world: Any, patients: int) -> Any:
    """A clinic with so many patients, each with an application from some lot, and one lot with 10,000 of them."""
    from clinics.roles import Role
    from patients.models import Appointment, Patient, ProductLot
    from tests.conftest import superuser
    from tests.products import make_lot, make_product
    from tests.settings import DATABASE

    with world.enter(Role.PROFESSIONAL):
        product = make_product()
        lot = make_lot(product, number="RECALLED", units_received=1_000_000)
        other = make_lot(product, number="OTHER", units_received=1_000_000)
        named = [Patient.objects.create(name=f"Paciente {n}", phone="11987654321") for n in range(100)]
        Appointment.objects.bulk_create(
            Appointment(patient=one, professional=world.professional, day=timedelta(days=n) + lot.received_on)
            for n, one in enumerate(named)
        )
    with superuser(DATABASE) as behind:
        for table in ("patients", "product_applications"):
            behind.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        columns = [
            name
            for (name,) in behind.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = 'patients' AND"
                " data_type = 'bytea'"
            )
        ]
        given = ", ".join(f'"{name}"' for name in columns)
        empty = ", ".join("'\\x01'::bytea" for _ in columns)
        behind.execute(
            f"INSERT INTO patients (clinic_id, record_number, source, {given})"
            f" SELECT %s, lpad(n::text, 8, '0'), '', {empty} FROM generate_series(1, %s) AS n ON CONFLICT DO NOTHING",
            [world.clinic.pk, patients],
        )
        apply = (
            "INSERT INTO product_applications (clinic_id, patient_id, professional_id, service_id, lot_id, product_id,"
            " technique, quantity, applied_at, dilution, body_site, serial, udi_raw, udi_di, udi_pi, note,"
            " registration_number, holder, model, lot_number)"
            " SELECT p.clinic_id, p.id, %s, %s, %s, %s, 'injected', 20, now() - random() * interval '300 days',"
            " '', '\\x01', '', '', '', '', '', '', '', '', '' FROM patients AS p WHERE p.clinic_id = %s {}"
        )
        base = [world.professional.pk, world.service.pk]
        behind.execute(apply.format(""), [*base, other.pk, product.pk, world.clinic.pk])
        behind.execute(
            apply.format("AND p.id = ANY (%s)"), [*base, lot.pk, product.pk, world.clinic.pk, [one.pk for one in named]]
        )
        behind.execute(
            apply.format("AND record_number LIKE '%%7' LIMIT %s"),
            [*base, lot.pk, product.pk, world.clinic.pk, APPLICATIONS - len(named)],
        )
        for table in ("patients", "product_applications"):
            behind.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        behind.execute("ANALYZE")
    with world.enter(Role.MANAGER):
        ProductLot.objects.filter(pk=lot.pk).update(status="recalled", status_reason="alerta")
    return lot


def main() -> None:
    """Fill, measure, say."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from clinics.roles import Role
    from patients.recalls import recall
    from tests.conftest import clone_template
    from tests.factories import make_world

    patients = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    call_command("migrate", verbosity=0)
    clone_template()
    connections["owner"].settings_dict["NAME"] = connections["default"].settings_dict["NAME"]
    world = make_world("ALFAZEMA", patients=1)
    began = time.perf_counter()
    lot = fill(world, patients)
    print(f"filled with {patients} patients in {time.perf_counter() - began:.0f} s")
    for take, what in ((100, "page of 100"), (None, "everybody")):
        times = []
        for _round in range(5):
            with world.enter(Role.MANAGER):
                began = time.perf_counter()
                found = recall(lot.pk, take=take)
                times.append(time.perf_counter() - began)
        print(f"recall, {what}: {sorted(times)[2]:.3f} s (slowest {max(times):.3f}), {found.patients} patients")
    import_file()


def import_file() -> None:
    """The devices' file of 100,000 rows, twice, in a process of its own for its memory."""
    from tests.anvisa_files import device, dirt, write

    with tempfile.TemporaryDirectory() as directory:
        file = write(
            Path(directory, "TA_PRODUTO_SAUDE_SITE.csv"), (device(n) for n in range(1, ROWS + 1)),
            (line for _reason, line in dirt()),
        )  # fmt: skip
        for which in ("first", "again"):
            began = time.perf_counter()
            child = subprocess.Popen(
                [sys.executable, "manage.py", "import_anvisa", str(file), "--kind", "devices", "--rejects",
                 str(Path(directory, "rejects.csv"))],
                cwd=BASE, env=os.environ | {"DJANGO_SETTINGS_MODULE": "neonpro.settings"}, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            child.wait()
            seconds = time.perf_counter() - began
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
            print(f"import of {ROWS} rows, {which}: {seconds:.1f} s, {peak} MB, code {child.returncode}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    main()
