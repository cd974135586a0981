"""An erasure reaches everywhere, keeps what the law keeps, and happens once, wholly or not at all."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from clinics.roles import Role
from compliance import certificates, ledger
from compliance.checks import check_ledger
from compliance.erasure import ErasureError, approve_erasure, execute_erasure, plan_erasure, propose_erasure
from compliance.models import AuditLog, Erasure, LegalHold
from compliance.plans import Outcome
from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.vault.fields import Withheld
from patients.models import Appointment, AppointmentStatus, Patient
from patients.search import find
from tests.conftest import superuser
from tests.erasing import approved, asked, erased, second_dpo
from tests.factories import World, make_world
from tests.settings import DATABASE, SERVER


@pytest.fixture
def world(committed: None, tmp_path: Path, settings: Any) -> World:
    settings.NEONPRO_ERASURE_LEDGER = str(tmp_path / "ledger")
    return make_world("ESTRAGAO")


@pytest.fixture
def lead(world: World) -> Patient:
    """Somebody who booked once and never came: no record."""
    with world.enter():
        made = Patient.objects.create(name="Leda Contato Estragão", phone="11955554444", email="leda@contato.example")
        Appointment.objects.create(patient=made, day="2031-01-07", note="recado da Leda que some")
    return made


@pytest.fixture
def attended(world: World) -> Patient:
    """A patient with a record: one visit that took place, one that did not."""
    patient = world.patients[1]
    with world.enter():
        visit = world.appointments[1]
        for status in (AppointmentStatus.ARRIVED, AppointmentStatus.IN_CARE, AppointmentStatus.COMPLETED):
            visit.status = status
            visit.save()
        Appointment.objects.create(
            patient=patient, day="2026-01-02", status=AppointmentStatus.NO_SHOW, note="recado do que faltou"
        )
    return patient


def whole_dump() -> bytes:
    from tests.vault.test_destroy import whole_dump as dumped

    return dumped()


def outcomes(world: World, patient: Patient) -> dict[tuple[str, str], Outcome]:
    with world.enter(Role.DPO):
        return {(line.table, line.category): line.outcome for line in plan_erasure(patient.pk).lines}


def test_a_contact_without_a_record_is_erased_whole(world: World, lead: Patient) -> None:
    other = world.patients[2]
    assert outcomes(world, lead)["patients", "lead"] is Outcome.ERASE
    erasure = erased(world, lead.pk)
    with superuser(DATABASE) as behind:
        for table in ("patients", "patients_history"):
            assert behind.execute(f"SELECT count(*) FROM {table} WHERE id = %s".encode(), [lead.pk]).fetchone() == (0,)
        for table in ("appointments", "appointments_history"):
            rows = behind.execute(f"SELECT count(*) FROM {table} WHERE patient_id = %s".encode(), [lead.pk])
            assert rows.fetchone() == (0,)
        keys = behind.execute("SELECT count(wrapped) FROM neonpro.data_keys WHERE patient_id = %s", [lead.pk])
        assert keys.fetchone() == (0,)
        assert behind.execute("SELECT count(*) FROM neonpro.erasing").fetchone() == (0,)
    with world.enter():
        assert Patient.objects.get(pk=other.pk).name == "Paciente ESTRAGAO 2"
        assert find("Paciente")
    assert [entry.act for entry in ledger.read()] == ["PREPARE", "DONE"]
    with world.enter(Role.DPO):
        assert AuditLog.objects.filter(action="ERASE", patient_id=lead.pk, record_id=erasure.pk).count() == 1
    assert b"Leda Contato" not in whole_dump()


def test_of_a_patient_with_a_record_the_law_keeps_most(world: World, attended: Patient) -> None:
    found = outcomes(world, attended)
    assert found["patients", "patient_identification"] is Outcome.REFUSE
    assert found["patients", "patient_contact"] is Outcome.RESTRICT
    assert found["appointments", "appointment_attended"] is Outcome.REFUSE
    assert found["appointments", "appointment_not_attended"] is Outcome.ANONYMISE
    with world.enter(Role.DPO):
        line = next(line for line in plan_erasure(attended.pk).lines if line.category == "patient_identification")
        assert "art. 16" in line.ground
        assert line.kept_until is not None
        assert line.kept_until.year == 2050
    erased(world, attended.pk)
    with world.enter(Role.RECEPTION):
        patient = Patient.objects.get(pk=attended.pk)
        assert patient.name == "Paciente ESTRAGAO 1"
        assert isinstance(patient.phone, Withheld)
        assert Appointment.objects.filter(patient=attended).count() == 1
        assert attended.pk in find("ESTRAGAO 1") or attended.pk in find("Paciente")
        assert find("11987654321") == [] or attended.pk not in find("11987654321")
    with world.enter(Role.DPO):
        assert Patient.objects.get(pk=attended.pk).phone == "+5511987654321"


def test_what_went_of_a_kept_category_opens_nowhere(world: World, attended: Patient) -> None:
    """The visit that took place and the one that did not had one key; the log still holds what both said."""
    from tests.vault.test_command import OLD, stored_keys
    from tests.vault.test_destroy import Attacker

    with world.enter():
        kept = world.appointments[1]
        kept.note = "recado de quem veio"
        kept.save()
        (gone,) = Appointment.objects.filter(patient=attended, status=AppointmentStatus.NO_SHOW)
    visits = [kept.pk, gone.pk]
    before = whole_dump()
    read = Attacker(OLD, stored_keys()).read(before, attended.pk, visits)
    assert read["recado do que faltou"] >= 2
    assert read["recado de quem veio"] >= 3
    with world.enter(Role.DPO):
        assert plan_erasure(attended.pk).renewed == ("contact",)
    done = json.loads(erased(world, attended.pk).certificate)
    assert done["keys_replaced"] == ["contact"]
    assert done["values_under_replaced_keys"] >= 4
    thief = Attacker(OLD, stored_keys())
    after = thief.read(whole_dump(), attended.pk, visits)
    assert "recado do que faltou" not in after
    # The row, its version, and the log's line of its being written anew; what it said before went with the old key.
    assert after["recado de quem veio"] == 3
    assert after["Paciente ESTRAGAO 1"] >= 2
    assert not {"recado do que faltou", "recado de quem veio"} & set(thief.read(before, attended.pk, visits))
    with world.enter(Role.DPO):
        assert Patient.objects.get(pk=attended.pk).phone == "+5511987654321"
        assert Appointment.objects.get(pk=kept.pk).note == "recado de quem veio"
        # No version and no later look at it tells of a change that was none.
        assert Appointment.history.filter(id=kept.pk, actor="").count() == 0


def test_who_opened_the_old_key_a_moment_ago_cannot_write_under_it(world: World, attended: Patient) -> None:
    from neonpro.vault.keys import Erased

    erasure = approved(world, attended.pk)
    ends: list[str] = []
    opened, gone = threading.Event(), threading.Event()

    def write() -> None:
        from django.db import connections

        try:
            with world.enter():
                visit = Appointment.objects.get(pk=world.appointments[1].pk)
                assert visit.note
                opened.set()
                gone.wait(timeout=60)
                visit.note = "tarde demais"
                visit.save()
            ends.append("saved")
        except Erased:
            ends.append("refused")
        finally:
            connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    assert opened.wait(timeout=60)
    with world.enter(Role.DPO):
        execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    gone.set()
    thread.join(timeout=60)
    assert ends == ["refused"]
    with world.enter(Role.DPO):
        assert Appointment.objects.get(pk=world.appointments[1].pk).note == f"recado {world.canary}"


def test_nobody_reseals_outside_an_erasure(world: World, attended: Patient) -> None:
    for query in (
        "SELECT neonpro.reseal_rows('patients', 'phone', ARRAY[%s]::uuid[], '{}', '{}')",
        "SELECT neonpro.sealed_values('patients', 'phone') WHERE %s <> ''",
        "SELECT neonpro.renew_keys(%s, '{contact}', 1, '{}')",
    ):
        with pytest.raises(DatabaseError, match="erasure"), world.enter(Role.DPO), connection.cursor() as cursor:
            cursor.execute(query, [str(attended.pk)])
    with superuser(DATABASE) as behind, pytest.raises(Exception, match="only ever added"):
        behind.execute("UPDATE patients_history SET phone = phone WHERE id = %s", [attended.pk])


def test_two_people(world: World, lead: Patient) -> None:
    patient = lead.pk
    me, other = world.user(Role.DPO), second_dpo(world)
    with world.enter(Role.DPO):
        erasure = propose_erasure(asked(world, patient), plan_erasure(patient), acting_user=me)
        with pytest.raises(ErasureError):
            execute_erasure(erasure, acting_user=me)
        with pytest.raises(ErasureError):
            approve_erasure(erasure, acting_user=me, password="senha de teste bem longa")
    # In another's name: the database knows who acts.
    with pytest.raises(DatabaseError, match="who approves"), world.enter(Role.DPO):
        Erasure.objects.filter(pk=erasure.pk).update(approved_by=other, approved_at=timezone.now())
    with context.enter(other, world.clinic.pk):
        approve_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=other)
    with world.enter(Role.DPO):
        done = execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=me)
        assert json.loads(done.certificate)["approved_by_another_person"] is True
    with pytest.raises(ErasureError), world.enter(Role.DPO):
        execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=me)


def test_the_only_dpo_signs_in_again(world: World, lead: Patient) -> None:
    me = world.user(Role.DPO)
    with world.enter(Role.DPO):
        patient = lead.pk
        erasure = propose_erasure(asked(world, patient), plan_erasure(patient), acting_user=me)
        with pytest.raises(ErasureError):
            approve_erasure(erasure, acting_user=me, password="errada")
        approve_erasure(erasure, acting_user=me, password="senha de teste bem longa")
        done = execute_erasure(erasure, acting_user=me)
        assert json.loads(done.certificate)["confirmed_alone_after_signing_in_again"] is True


def test_a_plan_that_went_stale_is_refused_with_both_shown(world: World, lead: Patient) -> None:
    erasure = approved(world, lead.pk)
    with world.enter():
        Appointment.objects.create(patient=lead, day="2031-01-02")
    with pytest.raises(ErasureError, match=r"appointments ANONYMISE 1\+.*appointments ANONYMISE 2\+"):
        with world.enter(Role.DPO):
            execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    with world.enter():
        assert Patient.objects.get(pk=lead.pk).name == "Leda Contato Estragão"


def test_a_hold_stops_erasure_and_every_other_deletion(world: World, lead: Patient) -> None:
    patient = lead.pk
    erasure = approved(world, patient)
    with world.enter(Role.DPO):
        hold = LegalHold.objects.create(patient_id=patient, reason="processo", placed_by=world.user(Role.DPO))
    with pytest.raises(ErasureError), world.enter(Role.DPO):
        execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    with superuser(DATABASE) as behind, pytest.raises(Exception, match="legal hold"):
        behind.execute("DELETE FROM appointments WHERE patient_id = %s", [patient])
    with world.enter(Role.DPO):
        hold.lifted_at = timezone.now()
        hold.save()


def test_what_is_found_elsewhere_undoes_everything(world: World, lead: Patient) -> None:
    with world.enter(Role.MANAGER):
        world.service.name = "Consulta de LEDA CONTATO ESTRAGÃO"
        world.service.save()
    erasure = approved(world, lead.pk)
    with pytest.raises(ErasureError, match=r"services\.name") as caught, world.enter(Role.DPO):
        execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    assert "leda" not in str(caught.value).lower()
    with world.enter():
        assert Patient.objects.get(pk=lead.pk).name == "Leda Contato Estragão"
    assert [entry.act for entry in ledger.read()] == ["PREPARE"]


def test_without_a_ledger_nothing_is_erased(world: World, lead: Patient, settings: Any, tmp_path: Path) -> None:
    erasure = approved(world, lead.pk)
    settings.NEONPRO_ERASURE_LEDGER = str(tmp_path / "missing" / "ledger")
    with pytest.raises(ErasureError), world.enter(Role.DPO):
        execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    with world.enter():
        assert Patient.objects.get(pk=lead.pk).name == "Leda Contato Estragão"


def test_no_erasure_without_an_approval_even_in_sql(world: World, lead: Patient) -> None:
    patient = lead.pk
    for query in (
        "SELECT neonpro.destroy_keys(%s, '{contact}')",
        "SELECT neonpro.erase_rows('patients', ARRAY[%s]::uuid[])",
        "SELECT * FROM neonpro.residual_scan(ARRAY[%s]::text[])",
    ):
        with pytest.raises(DatabaseError, match="erasure"), world.enter(Role.DPO), connection.cursor() as cursor:
            cursor.execute(query, [str(patient)])
    with superuser(DATABASE) as behind, pytest.raises(Exception, match="only ever added"):
        behind.execute("DELETE FROM patients_history WHERE id = %s", [patient])


def test_the_check_says_what_is_wrong_with_the_ledger(world: World, lead: Patient, settings: Any) -> None:
    def found() -> list[str | None]:
        return [message.id for message in check_ledger(databases=["default"])]

    assert found() == []
    erased(world, lead.pk)
    assert found() == []
    file = Path(settings.NEONPRO_ERASURE_LEDGER)
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"act":"DONE"', b'"act":"DINE"'))
    assert found() == ["compliance.E202"]
    file.unlink()
    assert found() == ["compliance.W204"]
    settings.NEONPRO_ERASURE_LEDGER = ""
    assert found() == ["compliance.E201"]
    assert check_ledger(databases=None) == []


def test_another_patients_rows_stay_also_with_an_erasure_under_way(world: World, lead: Patient) -> None:
    erasure = approved(world, lead.pk)
    with world.enter(Role.DPO):
        execute("SELECT neonpro.begin_erasure(%s::uuid)", [erasure.pk])
        other = [world.appointments[1].pk]
        assert execute("SELECT gone, versions FROM neonpro.erase_rows('appointments', %s::uuid[])", [other]) == [(0, 0)]
        execute("SELECT neonpro.end_erasure('{}'::jsonb)", [])


def test_a_certificate_is_checked_offline(world: World, lead: Patient, tmp_path: Path) -> None:
    done = erased(world, lead.pk)
    assert str(lead.pk) not in done.certificate
    file = tmp_path / "certificate.json"
    file.write_text(done.certificate, "utf-8")
    call_command("verify_certificate", str(file))
    key = certificates.public_text(certificates.private_key(project.NEONPRO_CERTIFICATE_KEY))
    command = [sys.executable, "manage.py", "verify_certificate", str(file), "--public-key", key]
    env = {"PATH": "/usr/bin"}
    checked = subprocess.run(
        command, cwd=project.BASE_DIR, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert checked.returncode == 0, checked.stderr
    file.write_text(done.certificate.replace('"whole":true', '"whole":false'), "utf-8")
    with pytest.raises(CommandError):
        call_command("verify_certificate", str(file))


def test_a_restored_dump_is_not_served_until_replayed(world: World, lead: Patient, client: Any, tmp_path: Path) -> None:
    from tests.vault.test_destroy import run

    dumped = tmp_path / "dump"
    run(["pg_dump", "--format=custom", f"--file={dumped}", SERVER.superuser_url(DATABASE)])
    gone = lead.pk
    erased(world, gone)
    ledger._seen.clear()
    assert client.get("/admin/login/").status_code == 200
    connection.close()
    with superuser() as root:
        root.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())
        root.execute(f"CREATE DATABASE {DATABASE} OWNER neonpro_owner".encode())
        root.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO neonpro_app".encode())
    run(["pg_restore", f"--dbname={SERVER.superuser_url(DATABASE)}", str(dumped)])
    ledger._seen.clear()
    answer = client.get("/admin/login/")
    assert answer.status_code == 503
    assert "replay_erasures" in answer.content.decode()
    assert [message.id for message in check_ledger(databases=["default"])] == ["compliance.E203"]
    call_command("replay_erasures")
    assert check_ledger(databases=["default"]) == []
    ledger._seen.clear()
    assert client.get("/admin/login/").status_code == 200
    with superuser(DATABASE) as behind:
        assert behind.execute("SELECT count(*) FROM patients WHERE id = %s", [gone]).fetchone() == (0,)


def test_retention_erases_contacts_alone_and_never_what_is_held(world: World, attended: Patient, lead: Patient) -> None:
    with world.enter():
        held = Patient.objects.create(name="Helda Contato", phone="11955554444")
        Appointment.objects.filter(patient=lead).update(day="2020-01-07")
    with superuser(DATABASE) as behind:
        behind.execute("SET session_replication_role = replica")
        behind.execute("ALTER TABLE patients DISABLE TRIGGER USER")
        behind.execute(
            "UPDATE patients SET created_at = '2003-01-02' WHERE id = ANY (%s)", [[lead.pk, held.pk, attended.pk]]
        )
        behind.execute(
            "DO $$ DECLARE t record; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'patients'::regclass"
            " AND NOT tgisinternal LOOP EXECUTE format('ALTER TABLE patients ENABLE ALWAYS TRIGGER %I', t.tgname);"
            " END LOOP; END $$"
        )
    with world.enter(Role.DPO):
        LegalHold.objects.create(patient_id=held.pk, reason="processo", placed_by=world.user(Role.DPO))
    call_command("retention", "--dry-run", clinic=world.clinic.pk)
    with world.enter():
        assert Patient.objects.filter(pk__in=[lead.pk, held.pk, attended.pk]).count() == 3
    call_command("retention", "--execute", clinic=world.clinic.pk)
    with world.enter():
        left = set(Patient.objects.filter(pk__in=[lead.pk, held.pk, attended.pk]).values_list("pk", flat=True))
    assert left == {held.pk, attended.pk}


def test_two_executions_at_once_give_one_erasure(world: World, lead: Patient) -> None:

    from django.db import connections

    erasure = approved(world, lead.pk)
    ends: list[str] = []

    def execute_it() -> None:
        try:
            with world.enter(Role.DPO):
                execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
            ends.append("done")
        except ErasureError:
            ends.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=execute_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(ends) == ["done", "refused"]
    assert [entry.act for entry in ledger.read()].count("DONE") == 1


@pytest.mark.parametrize("where", ["destroy_keys", "erase_rows", "reseal_rows", "residual_scan", "end_erasure"])
def test_a_killed_backend_leaves_all_or_nothing(
    world: World, attended: Patient, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL to the server's own process: PostgreSQL drops everybody and recovers from its log."""
    from django.db import Error, connections

    from compliance import erasure as work
    from compliance import reseal

    patient = attended.pk
    with world.enter():
        if where == "destroy_keys":
            patient = Patient.objects.create(name="Leda Contato Estragão", phone="11955554444").pk
    erasure = approved(world, patient)

    def dying(query: str, parameters: Any) -> Any:
        answer = execute(query, parameters)
        if where in query:
            ((backend,),) = execute("SELECT pg_backend_pid()", [])
            os.kill(backend, signal.SIGKILL)
        return answer

    with superuser(DATABASE) as behind:
        # The tests' server answers before what was committed is on the disk.
        behind.execute("CHECKPOINT")
    with monkeypatch.context() as patched:
        patched.setattr(work, "execute", dying)
        patched.setattr(reseal, "execute", dying)
        with pytest.raises((Error, ErasureError)), world.enter(Role.DPO):
            execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    connections.close_all()
    for _attempt in range(100):
        try:
            with superuser(DATABASE) as behind:
                keys = behind.execute(
                    "SELECT count(*) FROM neonpro.data_keys WHERE patient_id = %s"
                    " AND (wrapped IS NULL OR renewed_at IS NOT NULL OR restricted_at IS NOT NULL)",
                    [patient],
                ).fetchone()
            break
        except psycopg.OperationalError:
            time.sleep(0.1)
    assert keys == (0,)
    assert ledger.settle() == 0
    with world.enter(Role.DPO):
        assert Erasure.objects.get(pk=erasure.pk).executed_at is None
        execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    assert [entry.act for entry in ledger.read()] == ["PREPARE", "PREPARE", "DONE"]
    assert ledger.missing() == []


KILLED = """
import os, signal, sys
import django
django.setup()
from uuid import UUID
from compliance import erasure as work, ledger
from compliance.models import Erasure
from clinics.models import User
from neonpro.db import context
where, clinic, user, which = sys.argv[1:]
def die(*a, **k):
    os.kill(os.getpid(), signal.SIGKILL)
if where == "before ledger":
    work.ledger.append = die
elif where == "after rows":
    work._scan = die
elif where == "before commit":
    work.certificates.sign = die if False else work.certificates.sign
    real = work.execute
    def dying(query, parameters):
        answer = real(query, parameters)
        if "end_erasure" in query:
            die()
        return answer
    work.execute = dying
elif where == "before done":
    work._done = die
with context.enter(User(pk=UUID(user)), UUID(clinic)):
    work.execute_erasure(Erasure.objects.get(pk=UUID(which)), acting_user=User(pk=UUID(user)))
"""


@pytest.mark.parametrize("where", ["before ledger", "after rows", "before commit", "before done"])
def test_a_killed_process_leaves_all_or_nothing_and_is_finished(world: World, lead: Patient, where: str) -> None:

    from tests.vault.test_command import environment

    erasure = approved(world, lead.pk)
    user = world.user(Role.DPO)
    env = environment(NEONPRO_ERASURE_LEDGER=project.NEONPRO_ERASURE_LEDGER)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, where, str(world.clinic.pk), str(user.pk), str(erasure.pk)],
        cwd=project.BASE_DIR, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with superuser(DATABASE) as behind:
        left = behind.execute("SELECT count(*) FROM patients WHERE id = %s", [lead.pk]).fetchone()
    assert left == ((0,) if where == "before done" else (1,))
    if where == "before done":
        assert ledger.settle() == 1
    else:
        with world.enter(Role.DPO):
            execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=user)
    assert [entry.act for entry in ledger.read()][-1] == "DONE"
    assert ledger.missing() == []
