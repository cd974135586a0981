"""Prescriptions from draft to paper; and every way past the workflow, refused by PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.models import Professional
from clinics.roles import Role
from neonpro.db import context
from neonpro.rules import rule
from patients import prescribing
from patients.models import (
    Patient,
    PatientAlert,
    PrescribingCouncil,
    Prescription,
    PrescriptionCancellation,
    PrescriptionItem,
    PrescriptionTemplate,
    SncrNumber,
    Substance,
)
from patients.models.substance import SNCR_FORM
from patients.prescribing import PrescribingError
from patients.prescription_rules import Kind
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.raw import Raw, connect
from tests.factories import JOB, World, make_colleague, make_world, opened
from tests.patients.prescriptions import MEDICINES, USUAL, equip, issue, write

CONTROLLED = [kind for kind in MEDICINES if kind != "COMMON"]


def today() -> Any:
    return timezone.localdate()


@pytest.fixture
def clinic(clinic_a: World) -> World:
    return equip(clinic_a)


@pytest.fixture
def at_work(clinic: World) -> Iterator[World]:
    """A clinic in which the professional's context is open."""
    with clinic.enter(Role.PROFESSIONAL):
        yield clinic


def numbers(world: World, kind: str, count: int = 1, *, start: int = 1) -> list[str]:
    """SNCR numbers recorded by the professional, whose context is open."""
    found = [f"2026.1-{number // 10**7:02}.{number % 10**7:07}" for number in range(start, start + count)]
    prescribing.record_numbers("\n".join(found), wanted=kind, user=world.user(Role.PROFESSIONAL).pk, today=today())
    return found


# --- The workflow -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MEDICINES)
def test_a_prescription_of_each_kind_is_issued_on_paper(clinic: World, kind: str) -> None:
    (made,) = issue(clinic, kind, terms_given=True)
    assert (made.kind, made.status, made.is_electronic, made.sncr_number) == (kind, "issued", False, "")
    assert made.issued_on == today()
    with clinic.enter(Role.PROFESSIONAL):
        content = Prescription.objects.get(pk=made.pk).content
    assert content["prescriber"]["licence"] == "CRM-SP 123456"
    assert content["patient"]["address"] == "Rua das Acácias, 10, Centro, Campinas – SP"
    assert content["items"][0]["in_words"].startswith("trinta ")
    assert content["copies"] == (2 if kind in {"RCE", "RET_ANTIMICROBIAL", "RET_GLP1"} else 1)


def test_a_mixed_draft_becomes_one_document_a_type(clinic: World) -> None:
    made = issue(clinic, "COMMON", "RCE", "NRB", "RET_ANTIMICROBIAL", "RCE", "RET_GLP1", guidance="Repouso")
    assert [one.kind for one in made] == ["NRB", "RCE", "RET_ANTIMICROBIAL", "RET_GLP1", "COMMON"]
    with clinic.enter(Role.PROFESSIONAL):
        for one in made:
            items = prescribing.items_of(one)
            assert {item.kind for item in items} == {one.kind}
            assert len(items) == (2 if one.kind == "RCE" else 1)
            stored = Prescription.objects.get(pk=one.pk)
            # Said once, where nothing of the others can be read from it.
            assert stored.content["guidance"] == ("Repouso" if one.kind == "COMMON" else "")
            assert stored.batch == made[0].batch


def test_what_is_missing_is_named_and_nothing_is_issued(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = write(clinic_a, "RCE", "RET_ANTIMICROBIAL")
        made = prescribing.plan(draft, today=today())
        assert {one.code for one in made.missing} == {
            "patient_home_address", "patient_cpf_or_passport", "age", "sex", "prescriber_address", "prescriber_phone",
            "institution_cnpj_or_cnes", "institution_address", "institution_phone",
        }  # fmt: skip
        assert made.licence
        with pytest.raises(PrescribingError):
            prescribing.issue(draft.pk, today=today())
        assert Prescription.objects.filter(status="issued").count() == 0
    # A common one asks for less.
    with clinic_a.enter(Role.PROFESSIONAL):
        common = prescribing.plan(write(clinic_a, "COMMON"), today=today())
        assert {one.code for one in common.missing} == {"patient_home_address", "prescriber_address"}


def test_a_passport_does_where_there_is_no_cpf(clinic: World) -> None:
    with context.enter(JOB, clinic.clinic.pk):
        patient = Patient.objects.get(pk=clinic.patients[0].pk)
        patient.cpf, patient.passport = "", "AB123456"
        patient.save()
    (made,) = issue(clinic, "RCE")
    with clinic.enter(Role.PROFESSIONAL):
        assert Prescription.objects.get(pk=made.pk).content["patient"]["passport"] == "AB123456"


@pytest.mark.parametrize("medicine", ["Cocaína", "Talidomida 100 mg", "Cannabis sativa", "gotas de maconha"])
def test_what_is_never_prescribed_does_not_enter_a_draft(at_work: World, medicine: str) -> None:
    draft = write(at_work)
    with pytest.raises(PrescribingError):
        prescribing.put_item(draft, today=today(), medicine=medicine, posology="Tomar")


def test_a_controlled_substance_is_found_in_free_text(at_work: World) -> None:
    draft = write(at_work)
    for medicine, kind in (
        ("Rivotril 2 mg", "NRB"),
        ("Fórmula manipulada: codeína 30 mg + paracetamol 500 mg", "NRA"),
        ("Ozempic 1 mg", "RET_GLP1"),
        ("Sabonete de enxofre", "COMMON"),
    ):
        assert prescribing.put_item(draft, today=today(), medicine=medicine, posology="Usar").kind == kind
    with pytest.raises(PrescribingError):
        prescribing.put_item(draft, today=today(), medicine="clonazepam + fluoxetina", posology="Tomar")


def test_a_dose_under_the_adendo_goes_lighter_when_a_person_says_so(at_work: World) -> None:
    draft = write(at_work)
    values: dict[str, Any] = USUAL | {
        "medicine": "Tramadol",
        "posology": "Tomar",
        "mg_per_unit": "50",
        "days": 10,
        "quantity": 20,
    }
    item = prescribing.put_item(draft, today=today(), **values)
    assert item.kind == "NRA"
    (sheet,) = prescribing.plan(draft, today=today()).sheets
    assert any("adendo" in str(problem) for problem in sheet.document.problems)
    item = prescribing.put_item(draft, item=item.pk, today=today(), **values, adendo=True)
    assert item.kind == "RCE"
    assert prescribing.plan(draft, today=today()).reasons == []


def test_limits_are_said_with_their_norm(at_work: World) -> None:
    draft = write(at_work)
    prescribing.put_item(draft, today=today(), **USUAL | MEDICINES["RCE"] | {"days": 61, "quantity": 61})
    (reason,) = prescribing.plan(draft, today=today()).reasons
    assert "60" in reason
    assert "Portaria 344/1998" in reason
    draft.justification, draft.cid = "Paciente mora longe", "F33"
    draft.save()
    assert prescribing.plan(draft, today=today()).reasons == []


@pytest.mark.parametrize("kind", MEDICINES)
@pytest.mark.parametrize("field", ["concentration", "form", "quantity", "unit"])
def test_a_controlled_medicine_is_written_out_in_full(at_work: World, kind: str, field: str) -> None:
    draft = prescribing.begin(patient=at_work.patients[0].pk, terms_given=True)
    prescribing.put_item(draft, today=today(), **USUAL | MEDICINES[kind] | {field: ""})
    assert bool(prescribing.plan(draft, today=today()).reasons) is (kind != "COMMON")


def test_other_councils_prescribe_what_the_clinic_opened(clinic: World) -> None:
    with context.enter(JOB, clinic.clinic.pk):
        Professional.objects.filter(pk=clinic.professional.pk).update(council="12")
        equip(clinic)
        Professional.objects.filter(pk=clinic.professional.pk).update(
            status="active", verified_at=timezone.now(), council="12"
        )
    with clinic.enter(Role.PROFESSIONAL):
        draft = write(clinic, "COMMON")
        assert len(prescribing.plan(draft, today=today()).sheets[0].document.problems) == 1
    with clinic.enter(Role.MANAGER):
        PrescribingCouncil.objects.create(council="12", kind="COMMON", basis="Protocolo da clínica")
        with pytest.raises(IntegrityError), transaction.atomic():
            PrescribingCouncil.objects.create(council="12", kind="RCE", basis="x")
    with clinic.enter(Role.PROFESSIONAL):
        assert prescribing.plan(draft, today=today()).sheets[0].document.problems == []
        controlled = write(clinic, "RCE")
        assert prescribing.plan(controlled, today=today()).sheets[0].document.problems


# --- While writing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alert", "medicine", "warned"),
    [
        ("Alergia a penicilina", "Amoxicilina", True),
        ("penicilinas", "Amoxicilina + clavulanato", True),
        ("dipirona", "Dipirona 500 mg", True),
        ("Novalgina", "Dipirona 500 mg", True),
        ("AINEs", "Ibuprofeno", True),
        ("látex", "Amoxicilina", False),
        ("penicilina", "Azitromicina", False),
        ("corante amarelo", "Sabonete de enxofre", False),
        ("enxofre", "Enxofre loção", True),
    ],
)
def test_an_allergy_that_matches_is_shown(at_work: World, alert: str, medicine: str, warned: bool) -> None:
    PatientAlert.objects.create(patient=at_work.patients[0], kind="allergy", severity="high", text=alert)
    draft = write(at_work)
    prescribing.put_item(draft, today=today(), medicine=medicine, posology="Usar")
    found = prescribing.plan(draft, today=today()).warnings
    assert [one.grave for one in found] == [True] * warned


def test_what_is_prescribed_already_is_shown(at_work: World) -> None:
    first = write(at_work, "RCE")
    (issued,) = prescribing.issue(first.pk, today=today())
    second = write(at_work, "RCE", "RCE", "COMMON")
    assert len(prescribing.plan(second, today=today()).warnings) == 3
    # A renewal of it is no duplicate of it; nor is one of what was cancelled.
    renewal = prescribing.renew(issued, today=today())
    assert prescribing.plan(renewal, today=today()).warnings == []
    prescribing.cancel(issued, reason="troca de medicamento")
    assert len(prescribing.plan(second, today=today()).warnings) == 1


def test_renewing_copies_and_changes_nothing(at_work: World) -> None:
    (issued,) = prescribing.issue(write(at_work, "RCE").pk, today=today())
    draft = prescribing.renew(issued, today=today())
    assert draft.is_draft
    assert draft.renews_id == issued.pk
    (old,), (new,) = prescribing.items_of(issued), prescribing.items_of(draft)
    assert (old.medicine, old.posology, old.amounts) == (new.medicine, new.posology, new.amounts)
    assert old.pk != new.pk
    with pytest.raises(PrescribingError):
        prescribing.renew(draft, today=today())


def test_a_template_holds_medicines_and_nobody(at_work: World) -> None:
    draft = write(at_work, "COMMON", "RCE")
    template = prescribing.as_template(draft, name="Dor e ansiedade")
    assert at_work.patients[0].name not in str(template.lines)
    other = prescribing.begin(patient=at_work.patients[1].pk)
    assert prescribing.apply_template(other, template, today=today()) == 2
    assert [item.kind for item in prescribing.items_of(other)] == ["COMMON", "RCE"]


def test_a_cancellation_needs_a_reason_and_is_final(at_work: World) -> None:
    (issued,) = prescribing.issue(write(at_work, "COMMON").pk, today=today())
    with pytest.raises(PrescribingError):
        prescribing.cancel(issued, reason=" ")
    made = prescribing.cancel(issued, reason="dose errada")
    with pytest.raises(PrescribingError):
        prescribing.cancel(issued, reason="outra vez")
    assert Prescription.objects.get(pk=issued.pk).status == "issued"
    with pytest.raises(DatabaseError), transaction.atomic():
        PrescriptionCancellation.objects.filter(pk=made.pk).update(reason="")
    with pytest.raises(PrescribingError):
        prescribing.cancel(write(at_work, "COMMON"), reason="é rascunho")


# --- Past the workflow ------------------------------------------------------------------------------------------------


def by_hand(draft: Prescription, **fields: Any) -> int:
    """Issue a draft with SQL of one's own, as somebody who has the application's role."""
    values = {
        "status": "issued", "kind": "RCE", "issued_on": today(), "issued_at": timezone.now(),
        "valid_until": today() + timedelta(days=30), "content": b"\x01" + bytes(40), **fields,
    }  # fmt: skip
    assignments = ", ".join(f"{name} = %s" for name in values)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE prescriptions SET {assignments} WHERE id = %s", [*values.values(), draft.pk])
        return int(cursor.rowcount)


def test_by_hand_works_where_nothing_is_wrong(at_work: World) -> None:
    """Without this the refusals below could be of something else."""
    assert by_hand(write(at_work, "RCE")) == 1


@pytest.mark.parametrize("kind", CONTROLLED)
def test_nothing_controlled_is_electronic_without_a_number(at_work: World, kind: str) -> None:
    draft = write(at_work, kind, terms_given=True)
    with pytest.raises(IntegrityError, match="never_electronic_without_number"):
        by_hand(draft, kind=kind, is_electronic=True)
    # Nor with a number that nobody gave, or that is somebody else's or another document's.
    with pytest.raises(IntegrityError, match="not taken"):
        by_hand(draft, kind=kind, is_electronic=True, sncr_number="2026.1-00.0000009")
    kind_in_sncr = kind.partition("_")[0]
    (number,) = numbers(at_work, kind_in_sncr)
    with pytest.raises(IntegrityError, match="not taken"):
        by_hand(draft, kind=kind, is_electronic=True, sncr_number=number)
    SncrNumber.objects.filter(number=number).update(used_for=uuid4())
    with pytest.raises(IntegrityError, match="not taken"):
        by_hand(draft, kind=kind, is_electronic=True, sncr_number=number)
    (other,) = numbers(at_work, "NRT" if kind_in_sncr != "NRT" else "RCE", start=500)
    SncrNumber.objects.filter(number=other).update(used_for=draft.pk)
    with pytest.raises(IntegrityError, match="not taken"):
        by_hand(draft, kind=kind, is_electronic=True, sncr_number=other)
    # The ORM has no other way either.
    draft.is_electronic, draft.kind, draft.status = True, kind, "issued"
    draft.issued_on, draft.issued_at, draft.valid_until, draft.content = today(), timezone.now(), today(), {}
    with pytest.raises(IntegrityError), transaction.atomic():
        draft.save()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("valid_until", "2031-01-01"),
        ("kind", "COMMON"),
        ("status", "draft"),
        ("is_electronic", True),
        ("content", b"\x01" + bytes(40)),
        ("purpose", b""),
        ("issued_on", "2020-01-01"),
        ("prescriber_id", None),
        ("terms_given", True),
    ],
)
@pytest.mark.parametrize("role", ["neonpro_app", "neonpro_owner"])
def test_an_issued_prescription_never_changes(committed: None, role: str, column: str, value: Any) -> None:
    world = equip(make_world("ALFAZEMA", patients=2))
    (made,) = issue(world, "RCE")
    with connect(role) as connected:
        raw = Raw(connected)
        with raw.inside(world, Role.PROFESSIONAL):
            assert raw.run("SELECT status FROM prescriptions WHERE id = %s", [made.pk]) == [("issued",)]
            outcome = raw.attempt(f"UPDATE prescriptions SET {column} = %s WHERE id = %s", [value, made.pk])
            assert outcome.state == "42501", outcome
            assert raw.attempt("DELETE FROM prescriptions WHERE id = %s", [made.pk]).status in (None, "DELETE 0")
            for statement in (
                "UPDATE prescription_items SET position = 9 WHERE prescription_id = %s",
                "DELETE FROM prescription_items WHERE prescription_id = %s",
            ):
                assert raw.attempt(statement, [made.pk]).state == "42501", statement


def test_neither_pgtrigger_nor_replication_silences_the_guards(committed: None) -> None:
    world = equip(make_world("ALFAZEMA", patients=2))
    (made,) = issue(world, "RCE")
    with superuser(test_settings.DATABASE) as root:
        raw = Raw(root)
        with raw.undone():
            raw.run("SET LOCAL session_replication_role = replica")
            raw.run("SELECT set_config('pgtrigger.ignore', '{prescriptions:guard_prescription}', true)")
            for statement in (
                "UPDATE prescriptions SET terms_given = true WHERE id = %s",
                "DELETE FROM prescriptions WHERE id = %s",
                "DELETE FROM prescription_items WHERE prescription_id = %s",
            ):
                assert raw.attempt(statement, [made.pk]).state == "42501", statement
            assert raw.attempt("TRUNCATE prescriptions CASCADE").state == "42501"


def test_a_prescription_begins_as_a_draft_of_whoever_acts(at_work: World) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Prescription.objects.create(
            patient=at_work.patients[0], prescriber=at_work.professional, status="issued", kind="COMMON",
            issued_on=today(), issued_at=timezone.now(), valid_until=today(), content={},
        )  # fmt: skip
    with pytest.raises(DatabaseError), transaction.atomic():
        Prescription.objects.create(patient=at_work.patients[0], prescriber=at_work.director)


@pytest.mark.parametrize("days", [-1, 1, 30])
def test_the_day_of_issuing_is_the_day_of_signing(at_work: World, days: int) -> None:
    draft = write(at_work, "RCE")
    other = today() + timedelta(days=days)
    with pytest.raises(IntegrityError, match="day it is signed"):
        by_hand(draft, issued_on=other, valid_until=other + timedelta(days=30))
    assert by_hand(draft, issued_at=timezone.now() + timedelta(days=days)) == 1
    issued_at = Prescription.objects.get(pk=draft.pk).issued_at
    assert issued_at is not None
    assert abs(issued_at - timezone.now()) < timedelta(minutes=1)


def test_no_document_mixes_types_in_sql_either(at_work: World) -> None:
    draft = write(at_work, "RCE", "COMMON")
    for kind in ("RCE", "COMMON", "NRB"):
        with pytest.raises(IntegrityError, match="does not go on this document"):
            by_hand(draft, kind=kind)
    # Relabelling the item does not help: its substance goes on its own documents only.
    PrescriptionItem.objects.filter(prescription=draft).update(kind="COMMON")
    with pytest.raises(IntegrityError, match="does not go on this document"):
        by_hand(draft, kind="COMMON")
    with pytest.raises(IntegrityError, match="empty"):
        by_hand(write(at_work))


@pytest.mark.parametrize("code", ["cocaine", "cannabis", "thalidomide"])
@pytest.mark.parametrize("kind", Kind.values)
def test_proscribed_substances_are_refused_by_sql_on_any_document(at_work: World, code: str, kind: str) -> None:
    draft = write(at_work, "RCE")
    PrescriptionItem.objects.filter(prescription=draft).update(substance=Substance.objects.get(code=code), kind=kind)
    with pytest.raises(IntegrityError, match="does not go on this document"):
        by_hand(draft, kind=kind)


def test_free_text_is_common(at_work: World) -> None:
    draft = write(at_work, "COMMON")
    with pytest.raises(IntegrityError, match="free_text_common"), transaction.atomic():
        PrescriptionItem.objects.filter(prescription=draft).update(substance=None, kind="RCE")


def test_what_is_issued_is_what_was_saved(at_work: World) -> None:
    draft = write(at_work, "RCE")
    with pytest.raises(IntegrityError, match="as it was saved"):
        by_hand(draft, terms_given=True)


def test_without_a_valid_licence_nothing_is_issued(clinic: World) -> None:
    with clinic.enter(Role.PROFESSIONAL):
        draft = write(clinic, "COMMON")
    with context.enter(JOB, clinic.clinic.pk):
        Professional.objects.filter(pk=clinic.professional.pk).update(recheck_on=today() - timedelta(days=1))
    with clinic.enter(Role.PROFESSIONAL):
        with pytest.raises(PrescribingError, match="CRM-SP"):
            prescribing.issue(draft.pk, today=today())
        with pytest.raises(DatabaseError, match="licence"):
            by_hand(draft, kind="COMMON")


def test_a_substance_counts_while_it_is_in_force(at_work: World) -> None:
    draft = write(at_work, "RCE")
    with context.enter(JOB, at_work.clinic.pk):
        Substance.objects.filter(code="sertraline").update(valid_from=today() - timedelta(days=9), valid_to=today())
    with transaction.atomic():
        assert by_hand(draft) == 1
        transaction.set_rollback(True)
    with context.enter(JOB, at_work.clinic.pk):
        Substance.objects.filter(code="sertraline").update(valid_to=today() - timedelta(days=1))
    with pytest.raises(IntegrityError, match="does not go on this document"):
        by_hand(draft)


# --- Who sees it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.RECEPTION, Role.MANAGER, Role.AUDITOR, Role.DPO])
def test_other_roles_see_nothing(clinic: World, role: str) -> None:
    (made,) = issue(clinic, "RCE")
    with clinic.enter(Role.PROFESSIONAL):
        prescribing.cancel(made, reason="engano")
    with clinic.enter(role):
        for model in (Prescription, PrescriptionItem, PrescriptionCancellation):
            assert model.objects.count() == 0
        for model in (Prescription, PrescriptionItem):
            assert model.objects.filter(pk__isnull=False).update(updated_at=timezone.now()) == 0
        with pytest.raises(PrescribingError):
            prescribing.begin(patient=clinic.patients[0].pk)
        with connection.cursor() as cursor:
            cursor.execute("SELECT changes::text FROM audit_logs WHERE table_name LIKE 'prescription%%'")
            logged = " ".join(row[0] or "" for row in cursor.fetchall())
        # Neither the document nor the substance stands in the log.
        substance = str(Substance.objects.get(code="sertraline").pk)
        assert "RCE" not in logged
        assert substance not in logged


def test_a_colleague_outside_the_care_team_sees_nothing_and_one_inside_no_draft(clinic: World) -> None:
    (made,) = issue(clinic, "RCE")
    with clinic.enter(Role.PROFESSIONAL):
        draft = write(clinic, "RCE")
    user, colleague = make_colleague(clinic)
    with context.enter(user, clinic.clinic.pk):
        assert Prescription.objects.count() == 0
        assert PrescriptionItem.objects.count() == 0
        with pytest.raises(PrescribingError):
            prescribing.begin(patient=clinic.patients[0].pk)
    from patients import care

    with clinic.enter(Role.MANAGER):
        care.add(patient=clinic.patients[0].pk, professional=colleague.pk, reason="plantão")
    with context.enter(user, clinic.clinic.pk):
        assert list(Prescription.objects.values_list("pk", flat=True)) == [made.pk]
        assert opened(Prescription.objects.get(pk=made.pk)).content["items"]
        with pytest.raises(PrescribingError):
            prescribing.issue(draft.pk, today=today())


@pytest.mark.parametrize("table", ["substances", "sncr_numbers", "prescriptions", "prescription_items"])
def test_without_a_context_there_is_nothing_and_nothing_is_written(committed: None, table: str) -> None:
    world = equip(make_world("ALFAZEMA", patients=2))
    with world.enter(Role.PROFESSIONAL):
        numbers(world, "RCE")
    with superuser(test_settings.DATABASE) as root, connect("neonpro_app") as connected:
        ((row,),) = Raw(root).run(f"SELECT to_jsonb(t)::text FROM {table} AS t ORDER BY created_at DESC LIMIT 1")
        raw = Raw(connected)
        assert raw.run(f"SELECT FROM {table}") == []
        assert raw.attempt(f"UPDATE {table} SET created_at = now()").status == "UPDATE 0"
        assert raw.attempt(f"DELETE FROM {table}").status in (None, "DELETE 0")
        raw.refused(f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, %s::jsonb)", [row])


# --- Numbers ----------------------------------------------------------------------------------------------------------


def test_the_form_of_a_number_is_the_rules() -> None:
    pattern = rule("prescriptions.sncr.number", on=today()).pattern.pattern
    assert pattern.replace(r"\d", "[0-9]") == SNCR_FORM


@pytest.mark.parametrize("text", ["", "x", "2026.1-00.000001", "2026.1-00.0000001 nada"])
def test_what_is_no_number_is_not_recorded(at_work: World, text: str) -> None:
    with pytest.raises(PrescribingError):
        prescribing.record_numbers(text, wanted="RCE", user=at_work.user(Role.PROFESSIONAL).pk, today=today())
    assert SncrNumber.objects.count() == 0


def test_numbers_are_their_owners_in_every_clinic_and_nobody_elses(clinic: World, clinic_b: World) -> None:
    from tests.factories import join

    with clinic.enter(Role.PROFESSIONAL):
        (number,) = numbers(clinic, "RCE")
        for mistake in ({"number": "2026.1-00.0000002"}, {"user_id": clinic.user(Role.MANAGER).pk}):
            with pytest.raises(DatabaseError), transaction.atomic():
                SncrNumber.objects.filter(number=number).update(**mistake)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM sncr_numbers")
        with pytest.raises(DatabaseError), transaction.atomic():
            SncrNumber.objects.create(user_id=clinic.user(Role.MANAGER).pk, sncr_type="RCE", number="2026.1-00.0000003")
    join(clinic.user(Role.PROFESSIONAL), clinic_b.clinic.pk, Role.PROFESSIONAL)
    with context.enter(clinic.user(Role.PROFESSIONAL), clinic_b.clinic.pk):
        assert SncrNumber.objects.get().number == number
    for role in (Role.MANAGER, Role.DPO, Role.AUDITOR, Role.RECEPTION):
        with clinic.enter(role):
            assert SncrNumber.objects.count() == 0
    # Somebody else cannot record it again.
    with clinic_b.enter(Role.PROFESSIONAL), pytest.raises(IntegrityError), transaction.atomic():
        numbers(clinic_b, "RCE")


def test_a_draft_that_is_issued_twice_at_once_is_issued_once(committed: None) -> None:
    world = equip(make_world("ALFAZEMA", patients=2))
    with world.enter(Role.PROFESSIONAL):
        draft = write(world, "RCE", "COMMON").pk
    barrier = Barrier(4)

    def work(_number: int) -> int:
        from django.db import connections

        try:
            barrier.wait(60)
            with world.enter(Role.PROFESSIONAL):
                return len(prescribing.issue(draft, today=today()))
        except PrescribingError:
            return 0
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(work, range(4))) == [0, 0, 0, 2]


# --- Mixes ------------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(list(MEDICINES)), min_size=1, max_size=7))
def test_whatever_is_mixed_the_stored_documents_have_one_type_each(at_work: World, kinds: list[str]) -> None:
    with transaction.atomic():
        draft = write(at_work, *kinds, terms_given=True)
        made = prescribing.issue(draft.pk, today=today())
        held = [item.kind for one in made for item in prescribing.items_of(one)]
        assert sorted(held) == sorted(kinds)
        for one in made:
            items = prescribing.items_of(one)
            assert {item.kind for item in items} == {one.kind}
            assert all(one.kind in (item.substance.kinds if item.substance else ["COMMON"]) for item in items)
        transaction.set_rollback(True)


def test_a_template_is_seen_by_its_clinic_alone(clinic: World, clinic_b: World) -> None:
    with clinic.enter(Role.PROFESSIONAL):
        PrescriptionTemplate.objects.create(name="Só daqui", lines=[])
    with clinic_b.enter(Role.PROFESSIONAL):
        assert not PrescriptionTemplate.objects.filter(name="Só daqui").exists()
