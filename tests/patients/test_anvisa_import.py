"""The agency's files are read whole, dirt and all; importing again changes only what changed."""

import csv
import hashlib
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from clinics.roles import Role
from compliance.models import PLATFORM, AuditLog
from neonpro.db import context
from neonpro.db.bound import execute
from patients.anvisa_import import JOB, import_register, layout
from patients.import_files import ImportRefused
from patients.models import Product, ProductKind, RegisteredProduct
from patients.products import NumberError, clean_number
from tests import settings as test_settings
from tests.anvisa_files import device, dirt, medicine, write
from tests.conftest import superuser
from tests.factories import World, make_world
from tests.products import make_lot, make_product

TODAY = date(2026, 11, 25)


def bring(file: Path, kind: str, tmp_path: Path) -> Any:
    return import_register(file, layout(kind), rejects=tmp_path / "rejects.csv", today=TODAY)


def test_a_file_is_read_in_its_encoding(tmp_path: Path, db: None) -> None:
    report = bring(write(tmp_path / "f.csv", (device(n) for n in range(20))), "devices", tmp_path)
    assert (report.rows, report.new, report.changed, report.rejected.total()) == (20, 20, 0, 0)
    with context.enter(JOB, None):
        third = RegisteredProduct.objects.get(number="80000000007")
    assert third.name == "Ácido hialurônico «Nº 7»; seringa"
    assert (third.risk_class, third.valid_until, third.status) == ("IV", date(2033, 12, 31), "valid")
    assert third.holder == "Importadora São João 7 Ltda."
    assert not (tmp_path / "rejects.csv").exists()


def test_each_kind_of_dirt_is_listed_with_its_line_and_reason(tmp_path: Path, db: None) -> None:
    wrong = list(dirt())
    file = write(tmp_path / "f.csv", (device(n) for n in range(3)), (line for _reason, line in wrong))
    report = bring(file, "devices", tmp_path)
    assert report.new == 3
    with (tmp_path / "rejects.csv").open(encoding="latin-1", newline="") as rejects:
        listed = list(csv.reader(rejects, delimiter=";"))[1:]
    assert [(int(row[0]), row[1]) for row in listed] == [(line, reason) for line, (reason, _) in enumerate(wrong, 5)]
    assert all(row[2] for row in listed)


def test_windows_dashes_byte_order_marks_and_stray_semicolons_are_no_matter(tmp_path: Path, db: None) -> None:
    file = tmp_path / "f.csv"
    write(file, iter([device(1, NOME_COMERCIAL="Fio de sustentação")]))
    raw = b"\xef\xbb\xbf" + file.read_bytes().replace(b"Fio de ", b"Fio \x96 de  ").rstrip() + b";;\r\n\r\n;;;\r\n"
    file.write_bytes(raw)
    assert bring(file, "devices", tmp_path).new == 1
    with context.enter(JOB, None):
        assert RegisteredProduct.objects.get().name == "Fio – de sustentação"


def test_a_registration_said_twice_counts_once_and_a_contradiction_is_listed(tmp_path: Path, db: None) -> None:
    rows = [
        medicine(1),
        medicine(1, NOME_PRODUTO="Outra apresentação"),
        medicine(1, SITUACAO_REGISTRO="CANCELADO"),
        medicine(2, SITUACAO_REGISTRO="EM EXIGÊNCIA"),
    ]
    report = bring(write(tmp_path / "f.csv", iter(rows)), "medicines", tmp_path)
    assert (report.new, report.repeated) == (1, 1)
    assert {reason.value: count for reason, count in report.rejected.items()} == {"contradiction": 1, "status": 1}


def test_importing_again_changes_only_what_changed(tmp_path: Path, db: None) -> None:
    file = write(tmp_path / "f.csv", (medicine(n) for n in range(1, 50)))
    bring(file, "medicines", tmp_path)
    with context.enter(JOB, None):
        before = dict(RegisteredProduct.objects.values_list("number", "updated_at"))
    again = bring(file, "medicines", tmp_path)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 49)
    write(file, (medicine(n, **({"SITUACAO_REGISTRO": "SUSPENSO"} if n == 7 else {})) for n in range(1, 51)))
    third = bring(file, "medicines", tmp_path)
    assert (third.new, third.changed, third.unchanged) == (1, 1, 48)
    with context.enter(JOB, None):
        after = dict(RegisteredProduct.objects.values_list("number", "updated_at"))
    assert [number for number, when in before.items() if after[number] != when] == ["100000007"]


def test_a_cancelled_registration_reaches_the_products_of_every_clinic(tmp_path: Path, db: None) -> None:
    worlds = make_world("ALFAZEMA", patients=1), make_world("BERGAMOTA", patients=1)
    for world in worlds:
        with world.enter(Role.MANAGER):
            # Thirteen digits on the label; the register has the nine of the product.
            make_product(registration_number="1000000070011", registration_status="unchecked")
            make_product(name="Outro", registration_number="100000008", registration_status="unchecked")
    first = bring(write(tmp_path / "f.csv", (medicine(n) for n in (7, 8))), "medicines", tmp_path)
    assert (first.products, first.closed) == (4, 0)
    rows = (medicine(7, SITUACAO_REGISTRO="CADUCO/CANCELADO"), medicine(8))
    second = bring(write(tmp_path / "f.csv", iter(rows)), "medicines", tmp_path)
    assert (second.products, second.closed) == (2, 2)
    for world in worlds:
        with world.enter(Role.MANAGER):
            statuses = dict(Product.objects.values_list("registration_number", "registration_status"))
            assert statuses == {"1000000070011": "cancelled", "100000008": "valid"}
            logged = AuditLog.objects.filter(table_name="products", action="UPDATE", actor="import_anvisa")
            assert "cancelled" in str(logged.latest("created_at").changes)
    assert bring(tmp_path / "f.csv", "medicines", tmp_path).products == 0


def test_another_file_is_refused_as_a_whole(tmp_path: Path, db: None) -> None:
    file = write(tmp_path / "f.csv", (medicine(n) for n in range(1, 3)))
    with pytest.raises(ImportRefused, match="CLASSE_RISCO"):
        bring(file, "devices", tmp_path)
    with pytest.raises(CommandError):
        call_command("import_anvisa", str(tmp_path / "none.csv"), kind="devices")
    with context.enter(JOB, None):
        assert not RegisteredProduct.objects.exists()


def test_the_command_says_what_it_did(tmp_path: Path, db: None) -> None:
    file = write(tmp_path / "f.csv", (device(n) for n in range(4)), iter([next(dirt())[1]]))
    out = io.StringIO()
    options = {"kind": "devices", "rejects": tmp_path / "r.csv", "stdout": out}
    call_command("import_anvisa", str(file), dry_run=True, **options)
    with context.enter(JOB, None):
        assert not RegisteredProduct.objects.exists()
    call_command("import_anvisa", str(file), **options)
    assert "r.csv" in out.getvalue()
    with context.enter(JOB, None):
        assert RegisteredProduct.objects.count() == 4


def test_the_register_has_its_trace_in_the_platforms_log(tmp_path: Path, committed: None) -> None:
    """A file's new lines are one event with the file's hash; whatever changes later is a row; and nothing goes."""
    file = write(tmp_path / "f.csv", (medicine(n) for n in range(1, 4)))
    bring(file, "medicines", tmp_path)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    bring(write(file, iter([medicine(1), medicine(2, SITUACAO_REGISTRO="SUSPENSO")])), "medicines", tmp_path)
    with pytest.raises(DatabaseError, match="permission denied"), context.enter(JOB, None):
        RegisteredProduct.objects.filter(number="100000003").delete()
    with superuser(test_settings.DATABASE) as behind:
        rows = behind.execute(
            "SELECT action, actor, table_name, changes FROM audit_logs WHERE clinic_id = %s AND actor = %s"
            " ORDER BY created_at, id",
            [PLATFORM, JOB.name],
        ).fetchall()
    changed: list[Any] = [row for row in rows if row[2] == "anvisa_register"]
    assert [row[0] for row in changed] == ["UPDATE"]
    assert changed[0][3]["status"] == ["valid", "suspended"]
    assert sha256 in str([row for row in rows if row not in changed])


@pytest.mark.parametrize("role", [*Role.values, "job"])
def test_nobody_inside_a_clinic_writes_the_register(role: str, clinic_a: World, tmp_path: Path) -> None:
    bring(write(tmp_path / "f.csv", (device(n) for n in range(2))), "devices", tmp_path)
    entered = context.enter(JOB, clinic_a.clinic.pk) if role == "job" else clinic_a.enter(role)
    with entered:
        assert RegisteredProduct.objects.count() == 2
        for statement in (
            "UPDATE anvisa_register SET status = 'valid'",
            "INSERT INTO anvisa_register (kind, number, name, status) VALUES ('device', '80000000000', 'x', 'valid')",
            "DELETE FROM anvisa_register",
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                execute(statement, [])
    with pytest.raises(DatabaseError, match="only a job"), transaction.atomic():
        execute("UPDATE anvisa_register SET status = 'valid'", [])


@pytest.mark.parametrize(
    ("kind", "typed", "stored"),
    [
        (ProductKind.MEDICINE, "1.0123.4567.001-9", "1012345670019"),
        (ProductKind.MEDICINE, "101234567", "101234567"),
        (ProductKind.VACCINE, "101234567", "101234567"),
        (ProductKind.MEDICINE, "80123450001", None),
        (ProductKind.MEDICINE, "10123456", None),
        (ProductKind.DEVICE, "8012345-0001", "80123450001"),
        (ProductKind.DEVICE, "10123450001", "10123450001"),
        (ProductKind.DEVICE, "20123450001", None),
        (ProductKind.DEVICE, "801234500011", None),
        (ProductKind.COSMETIC, "2.1234.5678", "212345678"),
        (ProductKind.COSMETIC, "25351.123456/2024-10", "25351123456/2024-10"),
        (ProductKind.COSMETIC, "25351123456/2024", "25351123456/2024"),
        (ProductKind.MEDICINE, "25351.123456/2024-10", None),
        (ProductKind.SANITIZER, "312345678", "312345678"),
        (ProductKind.SANITIZER, "212345678", None),
    ],
)
def test_a_number_looks_as_its_kind_says(kind: str, typed: str, stored: str | None) -> None:
    if stored is None:
        with pytest.raises(NumberError):
            clean_number(typed, kind, on=TODAY)
    else:
        assert clean_number(typed, kind, on=TODAY) == stored


def test_an_import_is_read_from_every_clinic(clinic_a: World, tmp_path: Path) -> None:
    with clinic_a.enter(Role.MANAGER):
        product = make_product(
            kind=ProductKind.DEVICE, risk_class="I", registration_number="80000000003", registration_valid_until=None
        )
        make_lot(product)
    bring(write(tmp_path / "f.csv", (device(n) for n in range(4))), "devices", tmp_path)
    with clinic_a.enter(Role.MANAGER):
        product.refresh_from_db()
        assert (product.risk_class, product.registration_status) == ("IV", "valid")
        assert product.registration_valid_until == date(2033, 12, 31)
