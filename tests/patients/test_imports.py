"""Importing appointments: every row is imported, known or rejected; all of it or nothing; and all of it on record."""

import csv
import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg import sql

from clinics.models import Professional
from clinics.roles import Role
from neonpro.db import context
from patients import import_mapping
from patients.import_files import ImportRefused
from patients.import_mapping import MappingError
from patients.imports import Reason, Report, import_appointments
from patients.models import Appointment, AppointmentStatus, Patient
from patients.search import find, known
from tests import settings as test_settings
from tests.conftest import superuser
from tests.factories import World, make_world

DATA = Path(__file__).parent / "data"
DIRTY = DATA / "dirty.csv"
AGENDA = DATA / "agenda.csv"
HEADING = DIRTY.read_text(encoding="utf-8").splitlines()[0]
BASE = Path(__file__).resolve().parents[2]

Import = Callable[..., Report]


@pytest.fixture
def rejects(tmp_path: Path) -> Path:
    return tmp_path / "rejects.csv"


@pytest.fixture
def run(clinic_a: World, rejects: Path) -> Import:
    """Import a file into clinic A, as its reception."""

    def run(file: Path, *, mapping: str = "noshow", **options: Any) -> Report:
        default: dict[str, Any] = {
            "actor": clinic_a.user(Role.RECEPTION),
            "clinic": clinic_a.clinic.pk,
            "rejects": rejects,
        }
        return import_appointments(file, import_mapping.load(mapping), **(default | options))

    return run


def export(file: Path, rows: int, *, patients: int = 10) -> Path:
    """A clean file of the public data set's form."""
    lines = [HEADING]
    for number in range(rows):
        patient, day = number % patients, f"2016-05-{1 + number % 30:02}T00:00:00Z"
        lines.append(
            f"{1000 + patient},{500_000 + number},F,2016-04-29T18:38:08Z,{day},{patient % 90},CENTRO,0,0,0,0,0,0,No"
        )
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def rejected(file: Path, **options: Any) -> dict[int, str]:
    """The lines and codes of a file of rejected rows."""
    with file.open(newline="", encoding=options.pop("encoding", "utf-8-sig")) as stream:
        return {int(row[0]): row[1] for row in list(csv.reader(stream, **options))[1:]}


def patient_of(key: str, source: str = "noshow") -> Patient:
    """The current clinic's patient with an id in another system."""
    return Patient.objects.get(pk=known("external", [(source, key)])[source, key])


def names_of(source: str) -> dict[str, str]:
    """The names of the current clinic's imported patients, by their id in the other system."""
    return {patient.external_id: patient.name for patient in Patient.objects.filter(source=source)}


def appointments(world: World) -> int:
    """How many imported appointments a clinic has."""
    with world.enter():
        return Appointment.objects.exclude(source="").count()


# --- What is imported, and what is not --------------------------------------------------------------------------


def test_rows_become_patients_and_appointments(clinic_a: World, run: Import) -> None:
    report = run(DIRTY)
    assert (report.rows, report.patients, report.appointments, report.already) == (20, 3, 4, 0)
    with clinic_a.enter():
        first = Appointment.objects.select_related("patient").get(source="noshow", external_id="9001")
        assert (first.day, first.starts_at, first.ends_at) == (date(2016, 5, 2), None, None)
        assert first.booked_at == datetime(2016, 4, 29, 18, 38, 8, tzinfo=UTC)
        assert (first.status, first.reminded) == (AppointmentStatus.COMPLETED, True)
        patient = first.patient
        assert (patient.sex, patient.birth_date, patient.birth_year) == ("female", None, 2016 - 62)
        assert (patient.district, patient.external_id, patient.cpf, patient.phone) == ("JARDIM DA PENHA", "101", "", "")
        assert len(patient.name.split()) >= 2
        assert patient.pk in find(patient.name)
        assert len(patient.record_number) == 8
        missed = Appointment.objects.get(source="noshow", external_id="9002")
        assert (missed.status, missed.reminded, missed.patient_id) == (AppointmentStatus.NO_SHOW, False, patient.pk)
        # Booked at 1:30 of the next day in Greenwich, which is the same evening where the clinic is.
        evening = Appointment.objects.select_related("patient").get(source="noshow", external_id="9003")
        assert (evening.patient.district, evening.patient.birth_year) == ("SANTO ANTÔNIO, ALTO", 2016)


def test_each_rejected_row_has_its_line_and_reason(run: Import, rejects: Path) -> None:
    report = run(DIRTY)
    assert rejected(rejects) == {
        5: "missing", 6: "missing", 7: "damaged_id", 8: "date", 9: "date", 10: "date", 11: "age", 12: "age", 13: "word",
        14: "word", 15: "word", 16: "repeated", 17: "booked_late", 18: "fields", 19: "unreadable", 20: "date",
    }  # fmt: skip
    assert report.rejected.total() == 16
    assert report.rows == report.appointments + report.already + report.rejected.total()


def test_rejects_hold_the_rows_and_no_formula(run: Import, rejects: Path) -> None:
    run(DIRTY)
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    with rejects.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.reader(stream))
    assert rows[0][3:] == HEADING.split(",")
    by_line = {row[0]: row for row in rows}
    assert ",".join(by_line["15"][3:]) == DIRTY.read_text(encoding="utf-8").splitlines()[14]
    assert (by_line["20"][3], by_line["20"][9], by_line["11"][8]) == ("'=1+1", "'@CENTRO", "'-1")
    assert all(row[2] for row in rows)


def test_rejects_can_be_corrected_and_imported(clinic_a: World, run: Import, rejects: Path, tmp_path: Path) -> None:
    run(DIRTY)
    corrected = tmp_path / "corrected.csv"
    lines = rejects.read_text(encoding="utf-8-sig").splitlines()
    one = next(line for line in lines if "9010" in line).replace("'-1", "1")
    corrected.write_text(f"{lines[0]}\n{one}\n", encoding="utf-8-sig")
    assert run(corrected).appointments == 1
    with clinic_a.enter():
        assert patient_of("104").birth_year == 2015


def test_another_systems_export(clinic_a: World, run: Import, rejects: Path) -> None:
    report = run(AGENDA, mapping="example")
    assert rejected(rejects, delimiter=";", encoding="cp1252") == {
        5: "professional_busy", 6: "patient_busy", 7: "cpf_taken", 8: "phone", 9: "cpf", 10: "missing", 11: "time",
        12: "minutes", 13: "date", 14: "professional", 15: "time",
    }  # fmt: skip
    assert (report.patients, report.appointments) == (3, 3)
    with clinic_a.enter():
        ana = Appointment.objects.select_related("patient").get(external_id="88231")
        assert (ana.patient.name, ana.patient.cpf, ana.patient.phone) == (
            "Ana Paula de Souza",
            "98003133700",
            "+5527900001234",
        )
        assert ana.patient.birth_date == date(1981, 3, 7)
        assert (ana.starts_at, ana.ends_at) == (
            datetime(2025, 5, 12, 17, 30, tzinfo=UTC), datetime(2025, 5, 12, 18, 15, tzinfo=UTC),
        )  # fmt: skip
        assert (ana.professional_id, ana.reminded) == (clinic_a.professional.pk, True)
        jose = Appointment.objects.select_related("patient").get(external_id="88232")
        assert jose.starts_at
        assert jose.ends_at
        assert (jose.ends_at - jose.starts_at).seconds == 30 * 60
        assert (jose.patient.name, jose.status) == ("José Conceição", AppointmentStatus.NO_SHOW)
        assert Appointment.objects.get(external_id="88233").starts_at is None
        # A patient whose only row was rejected did not come in either.
        assert not known("external", [("exemplo", "1044"), ("exemplo", "1045")])


def test_two_professionals_of_one_name_are_none(clinic_a: World, run: Import, rejects: Path) -> None:
    with clinic_a.enter(Role.MANAGER):
        Professional.objects.create(full_name="DRA.  Alfázema")
    run(AGENDA, mapping="example")
    assert rejected(rejects, delimiter=";", encoding="cp1252")[2] == "professional"


def test_importing_again_adds_nothing(clinic_a: World, run: Import) -> None:
    run(DIRTY)
    again = run(DIRTY)
    assert (again.patients, again.appointments, again.already, again.rejected.total()) == (0, 0, 4, 16)
    assert appointments(clinic_a) == 4


def test_a_later_file_finds_the_patients_of_an_earlier_one(clinic_a: World, run: Import, tmp_path: Path) -> None:
    run(export(tmp_path / "may.csv", 20))
    later = tmp_path / "june.csv"
    later.write_text(
        f"{HEADING}\n1003,700001,F,2016-05-31T08:00:00Z,2016-06-02T00:00:00Z,50,CENTRO,0,0,0,0,0,0,No\n"
        "1999,700002,F,2016-05-31T08:00:00Z,2016-06-02T00:00:00Z,50,CENTRO,0,0,0,0,0,0,No\n"
    )
    report = run(later)
    assert (report.patients, report.appointments) == (1, 2)
    with clinic_a.enter():
        assert list(names_of("noshow")).count("1003") == 1
        assert len(names_of("noshow")) == Patient.objects.filter(source="noshow").count() == 11


def test_a_patient_has_the_same_name_everywhere_and_a_clinic_sees_its_own(
    clinic_a: World, clinic_b: World, run: Import, tmp_path: Path
) -> None:
    file = export(tmp_path / "a.csv", 30)
    run(file)
    with clinic_a.enter():
        names = names_of("noshow")
    assert len(names) == 10
    with clinic_b.enter():
        assert not Patient.objects.filter(source="noshow").exists()
        assert not Appointment.objects.filter(source="noshow").exists()
    report = run(file, actor=clinic_b.user(Role.RECEPTION), clinic=clinic_b.clinic.pk)
    assert (report.patients, report.appointments, report.already) == (10, 30, 0)
    with clinic_b.enter():
        assert names_of("noshow") == names


# --- All of it or nothing ---------------------------------------------------------------------------------------


def test_strict_imports_nothing_when_a_row_is_rejected(clinic_a: World, run: Import, rejects: Path) -> None:
    report = run(DIRTY, strict=True)
    assert not report.kept
    assert appointments(clinic_a) == 0
    assert len(rejected(rejects)) == 16


def test_a_trial_says_what_would_happen(clinic_a: World, run: Import) -> None:
    report = run(DIRTY, dry_run=True)
    assert (report.kept, report.appointments) == (False, 4)
    assert appointments(clinic_a) == 0


def test_an_error_in_the_middle_leaves_nothing(clinic_a: World, run: Import, rejects: Path, tmp_path: Path) -> None:
    file = export(tmp_path / "a.csv", 12_000)
    read = 0

    def stop(count: int) -> None:
        nonlocal read
        read += count
        if read > 600_000:
            with clinic_a.enter():
                assert appointments(clinic_a) >= 2_000
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run(file, progress=stop)
    assert appointments(clinic_a) == 0
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_ending_the_process_leaves_nothing(committed: None, tmp_path: Path, number: signal.Signals) -> None:
    world = make_world("ALFAZEMA")
    file = export(tmp_path / "a.csv", 60_000, patients=30_000)
    command = [
        sys.executable, "manage.py", "import_appointments", str(file), "--clinic", str(world.clinic.pk),
        "--user", world.user(Role.RECEPTION).email, "--rejects", str(tmp_path / "rejects.csv"),
    ]  # fmt: skip
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "neonpro.settings"}
    process = subprocess.Popen(
        command, cwd=BASE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A shell makes what it runs in the background, tests too, deaf to Ctrl-C; this one is to hear it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    with superuser(test_settings.DATABASE) as behind:
        # Rows of others are not to be seen, but the table's growth is.
        while size(behind, "appointments") < 500_000:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    assert output == b""
    # No bar where nobody looks; and whoever interrupts is told.
    assert bool(errors) == (number == signal.SIGINT)
    assert b"Traceback" not in errors
    assert appointments(world) == 0
    assert list(tmp_path.iterdir()) == [file]
    with superuser(test_settings.DATABASE) as behind:
        assert count(behind, "SELECT count(*) FROM audit_logs WHERE action = 'IMPORT'") == 0
    # Nothing was left in the way either.
    report = import_appointments(
        export(tmp_path / "b.csv", 10), import_mapping.load("noshow"), actor=world.user(Role.RECEPTION),
        clinic=world.clinic.pk, rejects=tmp_path / "rejects.csv",
    )  # fmt: skip
    assert (report.kept, appointments(world)) == (True, 10)


def size(connection: Any, table: str) -> int:
    return count(connection, sql.SQL("SELECT pg_relation_size({})").format(sql.Literal(table)))


def count(connection: Any, query: Any) -> int:
    return int(connection.execute(query).fetchone()[0])


def test_a_refusal_of_the_database_that_is_no_rows_fault_is_not_hidden(
    clinic_a: World, run: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import IntegrityError

    from patients import people

    monkeypatch.setattr(people, "full_name", lambda *seed, sex: "")
    with pytest.raises(IntegrityError, match="patients_name_given"):
        run(export(tmp_path / "a.csv", 3))


# --- On record --------------------------------------------------------------------------------------------------


def test_every_row_is_audited_with_the_importing_user(committed: None, tmp_path: Path) -> None:
    world = make_world("ALFAZEMA", patients=0)
    user = world.user(Role.RECEPTION)
    file = export(tmp_path / "Maria da Silva.csv", 5_000, patients=700)
    report = import_appointments(
        file, import_mapping.load("noshow"), actor=user, clinic=world.clinic.pk, rejects=tmp_path / "rejects.csv"
    )
    assert (report.patients, report.appointments) == (700, 5_000)
    with superuser(test_settings.DATABASE) as behind:
        written = behind.execute(
            "SELECT table_name, action, count(*), count(DISTINCT record_id), count(DISTINCT request_id) "
            "FROM audit_logs WHERE actor = %s AND role = 'reception' AND clinic_id = %s GROUP BY 1, 2 ORDER BY 1",
            [str(user.pk), world.clinic.pk],
        ).fetchall()
        assert [row[:4] for row in written] == [
            ("", "IMPORT", 1, 0), ("appointments", "INSERT", 5_000, 5_000), ("patients", "INSERT", 700, 700),
            # Whether the clinic knew any of them was asked once: all of them are in the first batch.
            ("patients", "SEARCH", 1, 0),
        ]  # fmt: skip
        changes: Any = behind.execute("SELECT changes FROM audit_logs WHERE action = 'IMPORT'").fetchone()
        assert changes[0] == {
            "source": "noshow", "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "rows": 5_000, "patients": 700,
            "appointments": 5_000, "already": 0, "rejected": 0,
        }  # fmt: skip
        # While it ran, the planner was told that the tables are not empty any more.
        assert count(behind, "SELECT reltuples FROM pg_class WHERE relname = 'patients'") >= 700


# --- Files that are none ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The file is empty"),
        (b"\n\n", "The file is empty"),
        (HEADING.encode() + b"\n", "The file has no rows"),
        (DIRTY.read_bytes().replace(b",", b";"), "separated by ','; in the file it seems to be ';'"),
        (DIRTY.read_bytes().replace(b"AppointmentDay", b"Day").replace(b"Gender", b"Sex"), "Gender, AppointmentDay"),
        (DIRTY.read_bytes().replace(b"Handcap", b"Gender"), "in the file twice: Gender"),
        (DIRTY.read_text(encoding="utf-8").encode("utf-16"), "not in utf-8-sig"),
        (DIRTY.read_text(encoding="utf-8").encode("latin-1"), "not in utf-8-sig, as the mapping says"),
        (b"\x7fELF\x00\x01" + bytes(range(128)) * 20, "not a text table"),
        (b"a" * 2_000_000, "not a text table"),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(
    clinic_a: World, run: Import, rejects: Path, tmp_path: Path, content: bytes, told: str, english: None
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(ImportRefused, match=told):
        run(file)
    assert appointments(clinic_a) == 0
    assert not rejects.exists()


def test_a_file_that_cannot_be_read_or_rejects_without_a_place(run: Import, tmp_path: Path) -> None:
    file = export(tmp_path / "a.csv", 3)
    for wrong, options in (
        (tmp_path / "none.csv", {}),
        (tmp_path, {}),
        (file, {"rejects": file}),
        (file, {"rejects": tmp_path / "none" / "rejects.csv"}),
        (file, {"rejects": tmp_path}),
    ):
        before = file.read_bytes()
        with pytest.raises(ImportRefused):
            run(wrong, **options)
        assert file.read_bytes() == before


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes_give_an_answer_and_never_a_traceback(
    clinic_a: World, run: Import, tmp_path: Path, data: st.DataObject
) -> None:
    """Wild bytes, and (what finds more) good rows with wild bytes put in."""
    good = DIRTY.read_bytes().splitlines(keepends=True)
    mapping = data.draw(st.sampled_from(["noshow", "example"]))
    if mapping == "example":
        good = AGENDA.read_bytes().splitlines(keepends=True)
    lines = [good[0]] if data.draw(st.integers(0, 9)) else []
    for line in data.draw(st.lists(st.sampled_from(good[1:]), max_size=6)):
        at = data.draw(st.integers(0, len(line)))
        wild = data.draw(
            st.one_of(st.just(b""), st.binary(max_size=6), st.sampled_from([b'"', b",", b";", b"\r", b"9" * 9]))
        )
        lines.append(line[:at] + wild + line[at + data.draw(st.integers(0, 3)) :])
    file = tmp_path / "wild.csv"
    file.write_bytes(b"".join(lines) + data.draw(st.binary(max_size=20)))
    try:
        report = run(file, mapping=mapping, dry_run=True)
    except ImportRefused:
        return
    assert report.rows == report.appointments + report.already + report.rejected.total()


def test_an_open_quotation_mark_swallows_nothing(run: Import, rejects: Path, tmp_path: Path) -> None:
    lines = export(tmp_path / "a.csv", 50).read_text().splitlines()
    lines[5] = lines[5].replace("CENTRO", '"CENTRO')
    file = tmp_path / "b.csv"
    file.write_text("\n".join(lines))
    assert run(file).appointments == 49
    assert rejected(rejects) == {6: "unreadable"}


# --- The mapping ------------------------------------------------------------------------------------------------

GOOD = import_mapping.MAPPINGS.joinpath("noshow.toml").read_text(encoding="utf-8")


@pytest.fixture
def english() -> Any:
    """Messages as they are written, whatever they are translated to."""
    from django.utils import translation

    with translation.override(None):
        yield


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('age = "Age"', 'age = "Age"\nagee = "Age"', "patient.agee"),
        ('source = "noshow"', 'source = "noshow"\ndelimeter = ";"', "delimeter"),
        ('day = "AppointmentDay"', 'day = { column = "AppointmentDay", fromat = "iso" }', "appointment.day.fromat"),
        ('id = "PatientId"', "", "patient.id"),
        ('source = "noshow"', 'source = "No Show"', "source names"),
        ('names = "generated"', 'name = "Gender"\nnames = "generated"', "names"),
        ('names = "generated"', "", "names"),
        ('names = "generated"', 'names = "invented"', "names"),
        ('age = "Age"', 'age = "Age"\nbirth_date = "Age"', "either birth_date or age"),
        ('No = "completed"', 'No = "done"', "completed, cancelled, no_show"),
        ('No = "completed"', 'YES = "completed"', "there twice"),
        ("1 = true", "1 = 1", "one of true, false"),
        ('day = "AppointmentDay"', 'starts_at = "AppointmentDay"', "default_minutes"),
        ('day = "AppointmentDay"', 'day = { column = "AppointmentDay", format = "%d/%m" }', "appointment.day.format"),
        ('day = "AppointmentDay"', 'day = { column = "AppointmentDay", format = "%d/%m/%Y %Q" }', "day.format"),
        ('day = "AppointmentDay"', 'day = "AppointmentDay"\ndefault_minutes = 30', "without an hour"),
        ('delimiter = ","', 'delimiter = ",,"', "one character"),
        ('encoding = "utf-8-sig"', 'encoding = "ebcdic"', "utf-8-sig, latin-1, cp1252"),
        ("[patient]", "[patient", "not valid TOML"),
        ('district = "Neighbourhood"', "district = 7", "patient.district must name a column"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mapping_is_named(old: str, new: str, told: str, english: None) -> None:
    assert old in GOOD
    with pytest.raises(MappingError, match=told):
        import_mapping.parse(GOOD.replace(old, new))


@given(st.text(max_size=60), st.integers(0, len(GOOD)))
def test_any_text_is_a_mapping_or_a_mapping_error(text: str, at: int) -> None:
    try:
        import_mapping.parse(GOOD[:at] + text + GOOD[at:])
    except MappingError:
        return


def test_a_mapping_is_found_by_name_or_file(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(GOOD.replace('"noshow"', '"own"'))
    assert import_mapping.load(str(own)).source == "own"
    for name in ("none", str(tmp_path / "none.toml"), "../mappings/noshow"):
        with pytest.raises(MappingError):
            import_mapping.load(name)


# --- The command ------------------------------------------------------------------------------------------------


def test_the_command(clinic_a: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, rejects = export(tmp_path / "a.csv", 12), tmp_path / "rejects.csv"
    who = clinic_a.user(Role.MANAGER).email.upper()
    for clinic in (clinic_a.clinic.trade_name, str(clinic_a.clinic.pk)):
        call_command("import_appointments", file, clinic=clinic, user=who, rejects=rejects)
    said = capsys.readouterr()
    assert said.err == ""
    assert "12" in said.out
    assert appointments(clinic_a) == 12
    call_command("import_appointments", DIRTY, clinic=str(clinic_a.clinic.pk), user=who, rejects=rejects)
    assert str(rejects) in capsys.readouterr().out


def test_the_command_refuses(clinic_a: World, clinic_b: World, tmp_path: Path) -> None:
    file, rejects = export(tmp_path / "a.csv", 3), tmp_path / "rejects.csv"
    here, manager = str(clinic_a.clinic.pk), clinic_a.user(Role.MANAGER).email
    for wrong in (
        {"user": "nobody@nowhere.example"},
        {"user": clinic_b.user(Role.MANAGER).email},
        {"user": clinic_a.user(Role.DPO).email},
        {"user": clinic_a.user(Role.AUDITOR).email},
        {"clinic": clinic_b.clinic.trade_name},
        {"clinic": "Clínica"},
        {"mapping": "none"},
        {"rejects": file},
    ):
        with pytest.raises(CommandError) as refused:
            call_command("import_appointments", file, **({"clinic": here, "user": manager, "rejects": rejects} | wrong))
        assert refused.value.returncode == 1
    with pytest.raises(CommandError):
        call_command("import_appointments", DIRTY, clinic=here, user=manager, rejects=rejects, strict=True)
    assert appointments(clinic_a) == 0


def test_whoever_leaves_the_team_imports_no_more(clinic_a: World, run: Import, tmp_path: Path) -> None:
    from clinics.models import Membership

    with clinic_a.enter(Role.MANAGER):
        Membership.objects.filter(role=Role.RECEPTION).update(is_active=False)
    with pytest.raises(context.NotAMember):
        run(export(tmp_path / "a.csv", 3))


def test_every_reason_is_told(clinic_a: World, run: Import, rejects: Path, tmp_path: Path) -> None:
    """The two files of `data/` know every reason but two."""
    seen = set(run(DIRTY).rejected) | set(run(AGENDA, mapping="example").rejected)
    lines = export(tmp_path / "a.csv", 2).read_text().splitlines()
    odd = tmp_path / "b.csv"
    odd.write_text("\n".join([lines[0], lines[1].replace("CENTRO", "a\x01b"), lines[2].replace("CENTRO", "a" * 81)]))
    seen |= set(run(odd).rejected)
    assert seen == set(Reason)
