"""Records whose time is over: a committee decides, two people carry it out, and nobody gets around either."""

import json
from collections.abc import Callable, Iterable
from datetime import date
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from clinics.roles import Role
from compliance.disposal import DisposalError, plan_disposal, propose_disposal, record_act
from compliance.disposal_admin import NO_RECORD
from compliance.erasure import ErasureError, approve_erasure, execute_erasure, plan_erasure
from compliance.models import DisposalAct, DisposalChoice, DisposalItem, Erasure, ErasureKind, LegalHold
from compliance.retention import due_records
from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.vault.retention import declared, patient_models
from patients.models import Patient
from tests.conftest import superuser
from tests.erasing import second_dpo
from tests.factories import World, make_world
from tests.settings import DATABASE
from tests.visits import signed_in

LONG_AGO = "2001-03-04 12:00+00"


def age(patient: UUID, when: str = LONG_AGO, but: Iterable[str] = ()) -> None:
    """Everything about a patient happened then: past every trigger of ours, as no role of the product can."""
    with superuser(DATABASE) as behind:
        for model in patient_models():
            table = model._meta.db_table
            if table in but:
                continue
            names = {"created_at"} | {share.since for share in declared(model)}
            columns = [str(model._meta.get_field(name).column) for name in sorted(names)]  # type: ignore[union-attr]
            whose = "id" if table == "patients" else "patient_id"
            changes = ", ".join(f"{column} = '{when}'" for column in columns)
            behind.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
            behind.execute(f"UPDATE {table} SET {changes} WHERE {whose} = %s".encode(), [patient])
            behind.execute(
                "DO $$ DECLARE t record; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND"
                f" tgrelid = '{table}'::regclass LOOP EXECUTE format('ALTER TABLE {table} ENABLE ALWAYS TRIGGER %I',"
                " t.tgname); END LOOP; END $$".encode()
            )


@pytest.fixture
def world(committed: None, tmp_path: Any, settings: Any) -> World:
    settings.NEONPRO_ERASURE_LEDGER = str(tmp_path / "ledger")
    return make_world("ESTRAGAO", signed=True)


@pytest.fixture
def old(world: World) -> Patient:
    """The patient of this world of whom there is everything: entries, a signature, prescriptions, an application."""
    patient = world.patients[-1]
    age(patient.pk)
    return patient


def decide(
    world: World, *patients: UUID, choice: str = DisposalChoice.ELIMINATE, number: str = "7/2026"
) -> DisposalAct:
    """An act, inside the DPO's context."""
    return record_act(
        number=number, decided_on=timezone.localdate(), members="Ana Lima, Rui Sá", choice=choice,
        reason="guarda cumprida", patients=patients, acting_user=world.user(Role.DPO),
    )  # fmt: skip


def proposed(world: World, item: DisposalItem) -> Erasure:
    return propose_disposal(item, plan_disposal(item), acting_user=world.user(Role.DPO))


def approve(world: World, erasure: Erasure) -> None:
    other = second_dpo(world)
    with context.enter(other, world.clinic.pk):
        approve_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=other)


def test_a_record_whose_time_is_over_goes_whole(world: World, old: Patient) -> None:
    second_dpo(world)
    with world.enter(Role.DPO):
        assert not plan_erasure(old.pk).whole
        assert [one.patient_id for one in due_records(on=timezone.localdate())] == [old.pk]
        act = decide(world, old.pk)
        item = DisposalItem.objects.get(act=act)
        assert (item.patient_id, item.kept_until) == (old.pk, date(2021, 3, 4))
        assert list(due_records(on=timezone.localdate())) == []
        erasure = proposed(world, item)
        assert (erasure.kind, erasure.disposal_id) == (ErasureKind.DISPOSAL, item.pk)
        with pytest.raises(ErasureError, match="Outro"):
            approve_erasure(erasure, acting_user=world.user(Role.DPO))
        with pytest.raises(ErasureError):
            execute_erasure(erasure, acting_user=world.user(Role.DPO))
    approve(world, erasure)
    with world.enter(Role.DPO):
        done = execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    certificate = json.loads(done.certificate)
    assert (certificate["kind"], certificate["whole"], certificate["request"]) == ("disposal", True, None)
    assert certificate["approved_by_another_person"] is True
    grounds = {line["ground"] for line in certificate["lines"] if line["table"] == "medical_records"}
    assert len(grounds) == 1
    assert "13.787/2018" in grounds.pop()
    with superuser(DATABASE) as behind:
        for model in patient_models():
            table = model._meta.db_table
            if table in {"erasures", "disposal_items"}:
                continue
            whose = "id" if table == "patients" else "patient_id"
            rows = behind.execute(f"SELECT count(*) FROM {table} WHERE {whose} = %s".encode(), [old.pk]).fetchone()
            assert rows == (0,), table
        keys = behind.execute("SELECT count(wrapped) FROM neonpro.data_keys WHERE patient_id = %s", [old.pk])
        assert keys.fetchone() == (0,)
    with world.enter():
        assert Patient.objects.count() == 2


def test_what_is_not_due_or_is_held_is_not_decided_about(world: World, old: Patient) -> None:
    with world.enter(Role.DPO):
        for patients in ((), (world.patients[0].pk,), (old.pk, world.patients[0].pk)):
            with pytest.raises(DisposalError):
                decide(world, *patients)
        LegalHold.objects.create(patient_id=old.pk, reason="processo", placed_by=world.user(Role.DPO))
        with pytest.raises(DisposalError):
            decide(world, old.pk)
        assert DisposalAct.objects.count() == 1


def test_one_entry_of_yesterday_keeps_the_record(world: World) -> None:
    patient = world.patients[-1]
    age(patient.pk, but={"medical_records"})
    with world.enter(Role.DPO):
        assert list(due_records(on=timezone.localdate())) == []


def test_a_hold_placed_after_the_approval_stops_it(world: World, old: Patient) -> None:
    with world.enter(Role.DPO):
        erasure = proposed(world, DisposalItem.objects.get(act=decide(world, old.pk)))
    approve(world, erasure)
    with world.enter(Role.DPO):
        LegalHold.objects.create(patient_id=old.pk, reason="processo", placed_by=world.user(Role.DPO))
        with pytest.raises(ErasureError):
            execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    with world.enter():
        assert Patient.objects.filter(pk=old.pk).exists()


@pytest.mark.parametrize("choice", [DisposalChoice.KEEP, DisposalChoice.HAND_TO_PATIENT])
def test_only_an_act_that_eliminates_leads_to_an_erasure(choice: str, world: World, old: Patient) -> None:
    with world.enter(Role.DPO):
        item = DisposalItem.objects.get(act=decide(world, old.pk, choice=choice))
        with pytest.raises(DisposalError):
            plan_disposal(item)
        # And may be decided about anew.
        assert [one.patient_id for one in due_records(on=timezone.localdate())] == [old.pk]
        with pytest.raises(DatabaseError, match="no act"), transaction.atomic():
            forge(world, item.pk, old.pk)


def forge(world: World, item: UUID | None, patient: UUID, kind: str = "disposal") -> UUID:
    """An erasure written behind the workflow's back."""
    ((made,),) = execute(
        "INSERT INTO erasures (kind, disposal_id, patient_id, plan, plan_digest, proposed_by_id, alone, coincidences,"
        " certificate) VALUES (%s, %s::uuid, %s::uuid, '{}', repeat('0', 64), %s::uuid, false, '{}', '') RETURNING id",
        [kind, item, patient, world.user(Role.DPO).pk],
    )
    return UUID(str(made))


def test_postgresql_refuses_what_goes_around_the_act(world: World, old: Patient) -> None:
    other = world.patients[0].pk
    listing = (
        "INSERT INTO disposal_items (act_id, patient_id, kept_until, plan_digest)"
        " VALUES (%s::uuid, %s::uuid, %s::date, repeat('0', 64))"
    )
    noting = (
        "INSERT INTO disposal_acts (id, number, decided_on, members, choice, reason, recorded_by_id)"
        " VALUES (%s::uuid, '8', '2026-01-01', 'a', 'ELIMINATE', 'b', %s::uuid)"
    )
    second_dpo(world)
    with world.enter(Role.DPO):
        item = DisposalItem.objects.get(act=decide(world, old.pk))
    with world.enter(Role.DPO):
        dpo, new = world.user(Role.DPO).pk, uuid4()

        def begin() -> None:
            execute("SELECT neonpro.begin_erasure(%s::uuid)", [forge(world, item.pk, old.pk)])

        def not_over() -> None:
            execute(noting, [new, dpo])
            execute(listing, [new, other, timezone.localdate()])

        attempts: list[tuple[Callable[[], Any], str]] = [
            (lambda: forge(world, item.pk, other), "no act"),
            (lambda: forge(world, None, old.pk), "no act"),
            (lambda: forge(world, None, old.pk, kind="request"), "erasures_of_a_request"),
            (lambda: forge(world, item.pk, old.pk, kind="retention"), "begins as the proposal"),
            (lambda: execute(listing, [item.act_id, other, date(2001, 1, 1)]), "closed"),
            (lambda: execute(noting, [new, world.user(Role.MANAGER).pk]), "who acts"),
            (begin, "not approved"),
            (not_over, "law or a legal hold"),
        ]
        for attempt, match in attempts:
            with pytest.raises(DatabaseError, match=match), transaction.atomic():
                attempt()
    for statement in (
        "UPDATE disposal_acts SET choice = 'KEEP'", "DELETE FROM disposal_items", "TRUNCATE disposal_acts CASCADE",
    ):  # fmt: skip
        with superuser(DATABASE) as behind, pytest.raises(psycopg.Error, match="only ever added"):
            behind.execute(statement.encode())


def test_another_clinic_neither_sees_nor_uses_an_act(world: World, old: Patient) -> None:
    with world.enter(Role.DPO):
        item = DisposalItem.objects.get(act=decide(world, old.pk))
    elsewhere = make_world("LAVANDA")
    with elsewhere.enter(Role.DPO):
        assert not DisposalItem.objects.filter(pk=item.pk).exists()
        with pytest.raises(DisposalError):
            decide(elsewhere, old.pk)
        with pytest.raises(DatabaseError), transaction.atomic():
            forge(elsewhere, item.pk, old.pk)
    for role in (Role.MANAGER, Role.RECEPTION, Role.PROFESSIONAL, Role.AUDITOR):
        with world.enter(role):
            assert not DisposalAct.objects.exists()


def test_the_command_says_that_an_act_lists_it(world: World, old: Patient) -> None:
    def told() -> str:
        said = StringIO()
        call_command("retention", "--dry-run", clinic=world.clinic.pk, stdout=said)
        return said.getvalue()

    assert "7/2026" not in told()
    with world.enter(Role.DPO):
        decide(world, old.pk)
    assert "7/2026" in told()
    assert old.name not in told()


ACTS = "/admin/compliance/disposalact/"


def test_the_whole_way_by_the_pages(world: World, old: Patient) -> None:
    second = signed_in(second_dpo(world), clinic=world.clinic.pk)
    client = signed_in(world.user(Role.DPO))
    add = client.get(f"{ACTS}add/").content.decode()
    assert str(old) in add
    assert str(world.patients[0]) not in add
    given = {
        "number": "7/2026", "decided_on": f"{timezone.localdate():%d/%m/%Y}", "members": "Ana Lima, Rui Sá",
        "choice": "ELIMINATE", "reason": "guarda cumprida", "patients": [str(old.pk)],
    }  # fmt: skip
    # Not due, whatever is posted; nobody chosen; a number that was given before.
    mistakes: list[dict[str, Any]] = [
        {"patients": [str(world.patients[0].pk)]}, {"patients": []}, {"number": "1/2026"}, {"decided_on": "01/01/2999"},
    ]  # fmt: skip
    for wrong in mistakes:
        assert client.post(f"{ACTS}add/", given | wrong).status_code == 200
    assert client.post(f"{ACTS}add/", given).status_code == 302
    with world.enter(Role.DPO):
        act = DisposalAct.objects.get(number="7/2026")
        item = DisposalItem.objects.get(act=act)
    page = f"/admin/compliance/disposalitem/{item.pk}/erasure/"
    shown = client.get(f"{ACTS}{act.pk}/change/").content.decode()
    assert page in shown
    assert str(old) in shown
    assert client.get(ACTS).status_code == client.get(f"/admin/compliance/disposalitem/{item.pk}/change/").status_code
    plan = client.get(page)
    assert plan.context["whole"]
    assert f"{ACTS}{act.pk}/change/" in plan.content.decode()
    assert client.post(page, {"act": "propose", "seen": plan.context["digest"]}).status_code == 302
    client.post(page, {"act": "approve"})
    assert not client.get(page).context["latest"].approved_by_id
    second.post(page, {"act": "approve"})
    client.post(page, {"act": "execute", "sure": "on"})
    assert client.get(page).context["done"]
    assert client.post(page, {"act": "certificate"}).headers["Content-Type"] == "application/json"
    assert client.post(page, {"act": "letter"}).status_code == 302
    after = client.get(f"{ACTS}{act.pk}/change/").content.decode()
    assert str(old.pk)[:8] in after
    assert str(old) not in after


def test_the_pages_of_what_cannot_be_eliminated(world: World) -> None:
    client = signed_in(world.user(Role.DPO))
    assert "1/2026" in client.get(ACTS).content.decode()
    assert str(NO_RECORD) in client.get(f"{ACTS}add/").content.decode()
    with world.enter(Role.DPO):
        item = DisposalItem.objects.get()
        address = f"{ACTS}{item.act_id}/change/"
    assert client.get(f"/admin/compliance/disposalitem/{item.pk}/erasure/").status_code == 403
    assert "/erasure/" not in client.get(address).content.decode()
    assert client.post(address, {"number": "2"}).status_code == 403
    assert client.get("/admin/compliance/disposalitem/add/").status_code == 403
    for role in (Role.MANAGER, Role.RECEPTION, Role.PROFESSIONAL, Role.AUDITOR):
        assert signed_in(world.user(role)).get(ACTS).status_code == 403


@pytest.mark.parametrize("change", ["kept_until = current_date", "choice = 'KEEP'"])
def test_what_was_approved_still_wants_its_act(change: str, world: World, old: Patient) -> None:
    """Nobody of the product can change an act; were it changed all the same, PostgreSQL opens no erasure."""
    with world.enter(Role.DPO):
        erasure = proposed(world, DisposalItem.objects.get(act=decide(world, old.pk)))
    approve(world, erasure)
    table = "disposal_items" if change.startswith("kept") else "disposal_acts"
    with superuser(DATABASE) as behind:
        behind.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        behind.execute(f"UPDATE {table} SET {change}".encode())
        for name in ("record_changes", "touch_updated_at", "guard_disposal", "refuse_change", "refuse_truncate"):
            trigger = behind.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE %s",
                [table, f"pgtrigger_{name}%"],
            ).fetchone()
            assert trigger
            behind.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger[0]}".encode())
    with world.enter(Role.DPO), pytest.raises(DatabaseError, match="no act"), transaction.atomic():
        execute("SELECT neonpro.begin_erasure(%s::uuid)", [erasure.pk])
    with world.enter(Role.DPO), pytest.raises(ErasureError, match="Nenhum ato"):
        execute_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=world.user(Role.DPO))
    with world.enter():
        assert Patient.objects.filter(pk=old.pk).exists()


def test_what_the_law_keeps_for_longer_is_not_eliminated(world: World, old: Patient) -> None:
    """A new entry after the act: the plan names what is kept, and until when."""
    with world.enter(Role.DPO):
        item = DisposalItem.objects.get(act=decide(world, old.pk))
        erasure = proposed(world, item)
    age(old.pk, when=f"{timezone.localdate()} 12:00+00", but={"disposal_items", "erasures", "patients"})
    with context.enter(second_dpo(world), world.clinic.pk), pytest.raises(ErasureError):
        approve_erasure(Erasure.objects.get(pk=erasure.pk), acting_user=second_dpo(world))
    with world.enter(Role.DPO), pytest.raises(DisposalError, match=str(timezone.localdate().year + 20)):
        plan_disposal(item)
    client = signed_in(world.user(Role.DPO))
    answer = client.get(f"/admin/compliance/disposalitem/{item.pk}/erasure/")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{ACTS}{item.act_id}/change/")
