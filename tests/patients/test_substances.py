"""The table of substances: shipped, imported, in force on a day, recognised in free text; the same for every clinic."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from clinics.roles import Role
from neonpro.db import context
from neonpro.db.context import Job
from patients import substances
from patients.models import Substance
from patients.prescription_rules import SubstanceList
from patients.substances import SHIPPED, in_force, read, recognise
from tests.factories import World

TODAY = date(2026, 11, 25)
HEAD = ";".join(substances.COLUMNS)


@pytest.fixture
def job(db: None) -> Any:
    with context.enter(Job("substances"), None):
        yield


def write(tmp_path: Path, *rows: str, head: str = HEAD) -> Path:
    file = tmp_path / "table.csv"
    file.write_text("\n".join([head, *rows]), encoding="utf-8")
    return file


# --- What is shipped --------------------------------------------------------------------------------------------------


def test_the_shipped_table_is_whole() -> None:
    entries, rejected = read(SHIPPED, on=TODAY)
    assert rejected == []
    assert len(entries) >= 150
    by_code = {entry.code: entry for entry in entries}
    expected = {
        "paracetamol": ["COMMON"],
        "losartan": ["COMMON"],
        "metformin": ["COMMON"],
        "amoxicillin": ["RET_ANTIMICROBIAL"],
        "semaglutide": ["RET_GLP1"],
        "isotretinoin": ["NRR", "RCE"],
        "testosterone": ["RCE"],
        "clonazepam": ["NRB", "RCE"],
        "zolpidem": ["NRB", "RCE"],
        "morphine": ["NRA"],
        "codeine": ["NRA", "RCE"],
        "tramadol": ["NRA", "RCE"],
        "methylphenidate": ["NRA"],
        "fluoxetine": ["RCE"],
        "sibutramine": ["NRB2"],
        "cocaine": [],
        "cannabis": [],
        "thalidomide": [],
    }
    without_adendo = {"clonazepam", "zolpidem"}
    for code, kinds in expected.items():
        allowed = kinds[:1] if code in without_adendo else kinds
        assert by_code[code].kinds == allowed, code
    assert {entry.on_list for entry in entries} == set(SubstanceList.values)
    # What nobody is sure of says so.
    assert by_code["phenobarbital"].review
    assert not by_code["tramadol"].review


def test_every_clinic_has_it_and_nobody_but_a_job_writes_it(clinic_a: World, clinic_b: World) -> None:
    for world in (clinic_a, clinic_b):
        for role in Role.values:
            with world.enter(role):
                assert in_force(TODAY).count() >= 150
                with pytest.raises(DatabaseError), transaction.atomic():
                    Substance.objects.create(code="x", name="X", legal_ref="x", valid_from=TODAY)
                assert Substance.objects.update(review=False) == 0
    with pytest.raises(DatabaseError), clinic_a.enter(Role.PROFESSIONAL), connection.cursor() as cursor:
        cursor.execute("DELETE FROM substances")


# --- Importing --------------------------------------------------------------------------------------------------------


def test_importing_again_changes_nothing(job: Any) -> None:
    entries, _rejected = read(SHIPPED, on=TODAY)
    report = substances.bring_up_to_date(entries)
    assert (report.added, report.changed, report.ended) == (0, 0, 0)
    assert report.unchanged == len(entries)


def test_a_later_entry_ends_the_one_in_force(job: Any, tmp_path: Path) -> None:
    file = write(tmp_path, "minoxidil;Minoxidil;;C1;;;;;RDC 9.999/2027;2027-02-01;false")
    (entry,), _rejected = read(file, on=TODAY)
    report = substances.bring_up_to_date([entry])
    assert (report.added, report.ended) == (1, 1)
    first = date(2027, 2, 1)
    for day, kinds in ((first - timedelta(days=1), ["COMMON"]), (first, ["RCE"])):
        (found,) = in_force(day).filter(code="minoxidil")
        assert found.kinds == kinds
    # The same again changes nothing; an older one neither.
    (again,), _rejected = read(file, on=TODAY)
    assert substances.bring_up_to_date([again]).unchanged == 1
    older = write(tmp_path, "minoxidil;Minoxidil;;F;;;;;antiga;2020-01-01;false")
    assert substances.bring_up_to_date(read(older, on=TODAY)[0]).unchanged == 1


def test_what_is_wrong_is_rejected_with_line_and_reason(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "good;Boa;;C1;;;;;Portaria 344/1998;2026-11-22;false",
        "bad;Ruim;;Z9;;;;;Portaria 344/1998;2026-11-22;false",
        "Bad;Ruim;;C1;;;;;Portaria 344/1998;2026-11-22;false",
        "nodate;Ruim;;C1;;;;;Portaria 344/1998;22/11/2026;false",
        "noref;Ruim;;C1;;;;;;2026-11-22;false",
        "noreview;Ruim;;C1;;;;;x;2026-11-22;talvez",
        "short;Ruim",
        "good;De novo;;C1;;;;;x;2026-11-22;false",
    )
    entries, rejected = read(file, on=TODAY)
    assert [entry.code for entry in entries] == ["good"]
    assert [line for line, _reason in rejected] == [3, 4, 5, 6, 7, 8, 9]


def test_the_command(db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "novidade;Novidade;;C1;;;;;RDC;2026-11-22;true", "ruim;R;;Q;;;;;RDC;2026-11-22;true")
    call_command("import_substances", file)
    said = capsys.readouterr()
    assert said.out.startswith("1 ")
    assert "3" in said.err
    with context.enter(Job("substances"), None):
        assert Substance.objects.get(code="novidade").kinds == ["RCE"]
    with pytest.raises(CommandError):
        call_command("import_substances", write(tmp_path, head="a;b"))


# --- In free text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Clonazepam", ["clonazepam"]),
        ("RIVOTRIL 2mg", ["clonazepam"]),
        ("clonazepan 2 mg", ["clonazepam"]),
        ("Fentanil", ["fentanyl"]),
        ("paracetamol 500 mg + codeina 30 mg", ["paracetamol", "codeine"]),
        ("Amoxicilina + clavulanato de potássio 875 mg", ["amoxicillin_clavulanate"]),
        ("amoxicilina 500", ["amoxicillin"]),
        ("cloridrato de sibutramina", ["sibutramine"]),
        ("ácido valpróico", ["valproate"]),
        ("Água termal", []),
        ("", []),
    ],
)
def test_substances_are_recognised_whatever_they_are_called(text: str, codes: list[str]) -> None:
    entries, _rejected = read(SHIPPED, on=TODAY)
    found = [entry.code for entry in recognise(text, entries)]
    assert sorted(found) == sorted(codes)
