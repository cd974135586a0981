"""Entries of the medical record: drafted, finalised, corrected by addenda, and never rewritten."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from clinics.models import Professional
from clinics.roles import Role
from neonpro.db import context
from patients import care, cid, records
from patients.models import CareTeam, MedicalRecord, Patient, PatientAlert
from patients.records import RecordError, StaleDraft
from tests.conftest import superuser
from tests.db.raw import Raw, connect
from tests.factories import World, make_colleague, make_world, opened, write_entry
from tests.settings import DATABASE


@pytest.fixture
def lasting(committed: None) -> World:
    """A clinic whose rows are committed, for tests with several sessions."""
    return make_world("ESTRAGAO")


def saved(record: MedicalRecord, text: str, **more: Any) -> MedicalRecord:
    return records.save_draft(record.pk, revision=record.revision, texts={record.sections[0]["code"]: text}, **more)


# --- Drafting and finalising ------------------------------------------------------------------------------------------


def test_an_entry_is_drafted_and_finalised_with_its_author(clinic_a: World) -> None:
    before = timezone.now()
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = write_entry(clinic_a.patients[1], "sem queixas", final=False)
        assert draft.is_draft
        assert draft.author_name == ""
        final = opened(records.finalise(draft.pk, revision=draft.revision))
    assert final.status == "finalised"
    assert final.author_name == clinic_a.professional.full_name
    assert final.licence == "CRM-SP 123456"
    assert final.time_zone == "America/Sao_Paulo"
    assert final.finalised_at is not None
    assert before < final.finalised_at <= timezone.now() + timedelta(seconds=5)
    assert final.sections[0]["text"] == "sem queixas"


def test_the_author_in_an_entry_stays_who_they_were(clinic_a: World) -> None:
    with clinic_a.enter(Role.MANAGER):
        Professional.objects.filter(pk=clinic_a.professional.pk).update(full_name="Outro Nome", council_number="999")
    with clinic_a.enter(Role.PROFESSIONAL):
        entry = MedicalRecord.objects.get(pk=clinic_a.record.pk)
        assert (entry.author_name, entry.author_number) == (clinic_a.professional.full_name, "123456")
        assert write_entry(clinic_a.patients[0], "depois").author_name == "Outro Nome"


def test_what_is_missing_is_named_and_stops_the_finalising(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        patient = Patient.objects.get(pk=clinic_a.patients[0].pk)
        draft = records.new_draft(patient=patient.pk, kind="anamnesis")
        assert [one["code"] for one in draft.sections] == [
            "anamnesis", "examination", "tests", "hypotheses", "diagnosis", "treatment",
        ]  # fmt: skip
        missing = records.obstacles(draft, patient)
        assert len(missing.required) == 4
        assert missing.identification == records.missing_identification(patient)
        assert len(missing.identification) == 6, "only the name is known"
        with pytest.raises(RecordError, match=missing.required[0]):
            records.finalise(draft.pk, revision=0)
        texts = {"examination": "a", "hypotheses": "b", "treatment": "c"}
        draft = records.save_draft(draft.pk, revision=0, texts=texts, emergency=True)
        missing = records.obstacles(draft, patient)
        assert missing.required == ()
        assert missing.suggested == tuple(str(records.HEADINGS[code]) for code in ("tests", "diagnosis"))
        assert not missing.blocking
        assert records.finalise(draft.pk, revision=1).emergency
        # Without the emergency the anamnesis itself is asked for.
        draft = records.new_draft(patient=patient.pk, kind="anamnesis")
        draft = records.save_draft(draft.pk, revision=0, texts=texts)
        with pytest.raises(RecordError, match=str(records.HEADINGS["anamnesis"])):
            records.finalise(draft.pk, revision=1)


def test_a_complete_patient_lacks_nothing(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        patient = Patient.objects.get(pk=clinic_a.patients[0].pk)
        patient.birth_date, patient.sex, patient.mother_name = "1980-01-01", "female", "Mãe"
        patient.birthplace_city, patient.birthplace_uf = "Santos", "SP"
        patient.street, patient.city = "Rua A, 1", "Santos"
        assert len(records.missing_identification(patient)) == 1, "the address has no state"
        patient.uf = "SP"
        assert records.missing_identification(patient) == ()


def test_the_cid_stands_on_a_certificate_only_with_consent(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = records.new_draft(patient=clinic_a.patients[0].pk, kind="document", document_kind="medical_certificate")
        draft = saved(draft, "afastamento de 2 dias", diagnoses=cid.parse("j06.9 resfriado"))
        assert draft.diagnoses == [{"system": "CID-10", "version": "2019", "code": "J06.9", "text": "resfriado"}]
        with pytest.raises(RecordError, match="CID"):
            records.finalise(draft.pk, revision=draft.revision)
        draft = saved(draft, "afastamento de 2 dias", diagnoses=cid.parse("J069"), cid_consent=True)
        assert records.finalise(draft.pk, revision=draft.revision).diagnoses[0]["code"] == "J06.9"


@pytest.mark.parametrize("code", ["L70", "L700", "L70.0", "l70.0 Acne", "Z00 — exame"])
def test_codes_of_the_cid_10(code: str) -> None:
    (found,) = cid.parse(code)
    assert found.code in {"L70", "L70.0", "Z00"}
    assert cid.parse(cid.as_text([found.as_dict()])) == (found,)


@pytest.mark.parametrize("code", ["70.0", "L7", "L70.", "L70.00", "acne", "LL0"])
def test_what_is_no_code_of_the_cid_10(code: str) -> None:
    with pytest.raises(Exception, match="CID-10"):
        cid.parse(code)


def test_a_future_care_is_not_finalised(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = saved(
            write_entry(clinic_a.patients[0], "x", final=False), "x", occurred_at=timezone.now() + timedelta(hours=1)
        )
        with pytest.raises(RecordError):
            records.finalise(draft.pk, revision=draft.revision)
        with pytest.raises(DatabaseError, match="yet to happen"), transaction.atomic():
            MedicalRecord.objects.filter(pk=draft.pk).update(status="finalised")


def test_a_draft_is_its_authors_alone(clinic_a: World) -> None:
    user, colleague = make_colleague(clinic_a)
    patient = clinic_a.patients[0]
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = write_entry(patient, "só meu", final=False)
        care.add(patient=patient.pk, professional=colleague.pk, reason="segunda opinião")
        final = write_entry(patient, "de todos")
    with context.enter(user, clinic_a.clinic.pk):
        assert set(records.entries(patient.pk)) == {final}
        assert MedicalRecord.objects.filter(pk=draft.pk).update(emergency=True) == 0
        assert MedicalRecord.objects.filter(pk=draft.pk).delete()[0] == 0
        for attempt in (
            lambda: saved(draft, "meu agora"),
            lambda: records.finalise(draft.pk, revision=draft.revision),
            lambda: records.discard(draft.pk),
        ):
            with pytest.raises(RecordError):
                attempt()
    with clinic_a.enter(Role.PROFESSIONAL):
        assert MedicalRecord.objects.get(pk=draft.pk).sections[0]["text"] == "só meu"
        records.discard(draft.pk)
        assert not MedicalRecord.objects.filter(pk=draft.pk).exists()


def test_nobody_writes_in_anothers_name(clinic_a: World) -> None:
    _user, colleague = make_colleague(clinic_a)
    with clinic_a.enter(Role.PROFESSIONAL):
        fields = {"patient": clinic_a.patients[0], "kind": "evolution", "content": {"sections": []}}
        with pytest.raises(DatabaseError), transaction.atomic():
            MedicalRecord.objects.create(author=colleague, **fields)
        with pytest.raises(DatabaseError, match="begins as a draft"), transaction.atomic():
            MedicalRecord.objects.create(author=clinic_a.professional, status="finalised", **fields)


def test_a_stale_draft_overwrites_nothing(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = write_entry(clinic_a.patients[0], "um", final=False)
        newer = saved(draft, "dois")
        with pytest.raises(StaleDraft) as refused:
            records.save_draft(draft.pk, revision=draft.revision - 1, texts={"evolution": "três"})
        assert refused.value.current == newer.revision
        with pytest.raises(StaleDraft):
            records.finalise(draft.pk, revision=draft.revision - 1)
        assert MedicalRecord.objects.get(pk=draft.pk).sections[0]["text"] == "dois"


# --- Final is final ---------------------------------------------------------------------------------------------------

CHANGES = [
    "UPDATE medical_records SET emergency = NOT emergency WHERE id = %s",
    "UPDATE medical_records SET content = NULL WHERE id = %s",
    "UPDATE medical_records SET status = 'draft' WHERE id = %s",
    "UPDATE medical_records SET status = 'signed' WHERE id = %s",
    "UPDATE medical_records SET author_name = 'x', finalised_at = now() WHERE id = %s",
    "UPDATE medical_records SET occurred_at = now() WHERE id = %s",
    "UPDATE medical_records SET revision = 7 WHERE id = %s",
    "DELETE FROM medical_records WHERE id = %s",
    "INSERT INTO medical_records SELECT * FROM medical_records WHERE id = %s"
    " ON CONFLICT (clinic_id, id) DO UPDATE SET emergency = true",
]


@pytest.mark.parametrize("role", ["neonpro_app", "neonpro_owner"])
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_of_a_final_entry_changes_whoever_asks(role: str, change: str, lasting: World) -> None:
    """Whatever setting the session has: neither pgtrigger's ignore nor session_replication_role switches it off."""
    with superuser(DATABASE) as root:
        before = root.execute("SELECT t::text FROM medical_records AS t").fetchall()
    with connect(role) as connection_:
        raw = Raw(connection_)
        with raw.inside(lasting, Role.PROFESSIONAL):
            raw.run("SELECT set_config('pgtrigger.ignore', '{medical_records:guard_record}', true)")
            outcome = raw.attempt(change, [lasting.record.pk])
            # The row policy already hides a final entry from a DELETE; the trigger stops whoever gets past it.
            assert outcome.state in {"42501", "23514"} or outcome.status == "DELETE 0", outcome
    with superuser(DATABASE) as root:
        assert root.execute("SELECT t::text FROM medical_records AS t").fetchall() == before


def test_a_superusers_slip_is_stopped_too(lasting: World) -> None:
    with superuser(DATABASE) as root:
        root.execute("SET session_replication_role = replica")
        for statement in ("UPDATE medical_records SET emergency = true", "DELETE FROM medical_records",
                          "TRUNCATE medical_records", "TRUNCATE medical_records CASCADE"):  # fmt: skip
            with pytest.raises(Exception, match=r"finalised entry|draft is its author|only ever added|cannot truncate"):
                root.execute(statement)


@pytest.mark.parametrize("role", ["neonpro_app", "neonpro_owner"])
def test_a_final_entry_is_not_truncated(role: str, lasting: World) -> None:
    with connect(role) as connection_:
        Raw(connection_).refused("TRUNCATE medical_records CASCADE")


def test_an_addendum_leaves_the_original_readable(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        with pytest.raises(RecordError):
            records.new_addendum(clinic_a.record.pk, reason="  ")
        draft = saved(records.new_addendum(clinic_a.record.pk, reason="dose errada"), "o certo é 5 mg")
        addendum = records.finalise(draft.pk, revision=draft.revision)
        assert addendum.amends_id == clinic_a.record.pk
        assert addendum.amend_reason == "dose errada"
        original = MedicalRecord.objects.get(pk=clinic_a.record.pk)
        assert original.sections[0]["text"] == "queixa ALFAZEMA"
        # The addendum of an addendum corrects the entry itself.
        assert records.new_addendum(addendum.pk, reason="outra vez").amends_id == clinic_a.record.pk


def test_an_addendum_is_of_the_same_patient_and_of_a_final_entry(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = write_entry(clinic_a.patients[0], "rascunho", final=False)
        with pytest.raises(RecordError):
            records.new_addendum(draft.pk, reason="x")
        for patient, amends, reason in (
            (clinic_a.patients[0], clinic_a.record, "x"),  # another patient's
            (clinic_a.patients[0], draft, "x"),  # not final
            (clinic_a.patients[-1], clinic_a.record, ""),  # no reason
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                MedicalRecord.objects.create(
                    patient=patient, kind="evolution", author=clinic_a.professional, amends=amends, amend_reason=reason
                )


def test_the_patient_of_an_entry_never_changes(clinic_a: World) -> None:
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = write_entry(clinic_a.patients[0], "x", final=False)
        with pytest.raises(DatabaseError), transaction.atomic():
            MedicalRecord.objects.filter(pk=draft.pk).update(patient=clinic_a.patients[1])


# --- Alerts -----------------------------------------------------------------------------------------------------------


def test_alerts_are_noted_and_ended_never_rewritten(clinic_a: World) -> None:
    patient = clinic_a.patients[0]
    with clinic_a.enter(Role.PROFESSIONAL):
        low = records.add_alert(patient=patient.pk, kind="condition", severity="low", text="asma leve")
        high = records.add_alert(patient=patient.pk, kind="allergy", severity="high", text="penicilina")
        assert [alert.text for alert in records.alerts(patient.pk)] == ["penicilina", "asma leve"]
        for statement in ("SET text = noted_by_id::text::bytea", "SET ended_at = NULL, created_at = now()"):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"UPDATE patient_alerts {statement} WHERE id = %s", [high.pk])
        with pytest.raises(RecordError):
            records.add_alert(patient=patient.pk, kind="allergy", severity="high", text=" ")
        records.end_alert(high.pk)
        with pytest.raises(RecordError):
            records.end_alert(high.pk)
        assert records.alerts(patient.pk) == [low]
        assert PatientAlert.objects.get(pk=high.pk).ended_by == clinic_a.professional
        with pytest.raises(DatabaseError), transaction.atomic():
            PatientAlert.objects.filter(pk=low.pk).delete()


# --- Several at once --------------------------------------------------------------------------------------------------


def together(world: World, *works: Any) -> list[Any]:
    """Run works at the same moment, each in the professional's context of its own; what came of each."""
    start = Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int, work: Any) -> None:
        try:
            start.wait(10)
            with world.enter(Role.PROFESSIONAL):
                results[place] = work()
        except RecordError as error:
            results[place] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_of_two_that_finalise_one_wins(lasting: World) -> None:
    with lasting.enter(Role.PROFESSIONAL):
        draft = write_entry(lasting.patients[0], "x", final=False)
    finalise = lambda: records.finalise(draft.pk, revision=draft.revision).status  # noqa: E731
    results = together(lasting, *[finalise] * 5)
    assert results.count("finalised") == 1
    assert sum(isinstance(one, RecordError) for one in results) == 4


def test_an_edit_meets_a_finalising_and_neither_is_lost(lasting: World) -> None:
    for number in range(4):
        with lasting.enter(Role.PROFESSIONAL):
            draft = write_entry(lasting.patients[0], f"antes {number}", final=False)
        results = together(
            lasting,
            lambda d=draft: records.finalise(d.pk, revision=d.revision).status,
            lambda d=draft: saved(d, "depois").revision,
        )
        assert sum(isinstance(one, RecordError) for one in results) == 1, results
        with lasting.enter(Role.PROFESSIONAL):
            entry = MedicalRecord.objects.get(pk=draft.pk)
            assert entry.sections[0]["text"] == (f"antes {number}" if entry.status == "finalised" else "depois")


def test_care_that_ends_while_somebody_writes(lasting: World) -> None:
    patient = lasting.patients[0]
    with lasting.enter(Role.PROFESSIONAL):
        draft = write_entry(patient, "começo", final=False)
        # The keys of this context are open; the care ends in another session, and nothing more is written.
        assert MedicalRecord.objects.get(pk=draft.pk).sections[0]["text"] == "começo"

        def end_care() -> None:
            try:
                with lasting.enter(Role.MANAGER):
                    stay = CareTeam.objects.get(patient=patient, professional=lasting.professional, until=None)
                    care.end(stay.pk, reason="encerrado")
            finally:
                connections.close_all()

        thread = Thread(target=end_care)
    with lasting.enter(Role.PROFESSIONAL):
        assert MedicalRecord.objects.get(pk=draft.pk).sections[0]["text"] == "começo"
        thread.start()
        thread.join(30)
        with pytest.raises(RecordError):
            saved(draft, "tarde demais")
        assert not MedicalRecord.objects.filter(patient=patient).exists()
        assert records.alerts(patient.pk) == []
