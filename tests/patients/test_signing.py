"""Signing entries: who, when, with what certificate; what is kept of it, and what is found in it afterwards."""

from datetime import date, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pypdf import PdfReader

from clinics.models import Clinic, Professional
from clinics.roles import Role
from neonpro import pades
from neonpro.db import context
from neonpro.pades import Code, Level
from neonpro.vault.fields import Sealed, Withheld
from patients import records, signing
from patients.models import MedicalRecord, RecordSignature
from tests import pki
from tests.factories import JOB, World, make_colleague, make_world, write_entry
from tests.licences import verified

CANARY = "queixa-canário"


@pytest.fixture
def roots(monkeypatch: pytest.MonkeyPatch) -> pades.Roots:
    """The tests' root, trusted as if it were ICP-Brasil's."""
    trusted = pki.roots(icp=True)
    monkeypatch.setattr(pades, "configured_roots", lambda: trusted)
    monkeypatch.setattr(pades, "configured_timestamper", lambda: None)
    return trusted


@pytest.fixture
def doctor(db: None, roots: pades.Roots) -> World:
    """A clinic in which nothing is signed yet, and all is there that signing asks for."""
    return ready(make_world("ALFAZEMA"))


def ready(world: World) -> World:
    """The same with all that signing asks for."""
    with context.enter(JOB, world.clinic.pk):
        verified(Professional.objects.get(pk=world.professional.pk), cpf=pki.CPF)
        Clinic.objects.update(street="Rua das Acácias, 10", city="Campinas", uf="SP", phone="+551932345678")
    return world


def identity(**options: Any) -> pades.Identity:
    return pades.open_pfx(pki.pfx(**options), pki.PASSWORD)


def entry(world: World, **options: Any) -> UUID:
    """A finalised entry of the first patient."""
    with world.enter(Role.PROFESSIONAL):
        return write_entry(world.patients[0], CANARY, **options).pk


def document(world: World, kind: str, *, cid: bool = False, consent: bool = False) -> UUID:
    """A finalised document."""
    from patients.cid import Diagnosis

    with world.enter(Role.PROFESSIONAL):
        draft = records.new_draft(patient=world.patients[0].pk, kind="document", document_kind=kind)
        draft = records.save_draft(
            draft.pk, revision=draft.revision, texts={"text": CANARY}, cid_consent=consent,
            diagnoses=[Diagnosis("CID-10", "2019", "L70.0", "acne")] if cid else [],
        )  # fmt: skip
        return records.finalise(draft.pk, revision=draft.revision).pk


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


# --- what signing makes ----------------------------------------------------------------------------------------------


def test_a_signed_entry_is_kept_whole_and_verifies(doctor: World) -> None:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        kept = signing.sign_record(record, identity=identity())
    with doctor.enter(Role.PROFESSIONAL):
        found = RecordSignature.objects.get(pk=kept.pk)
        assert MedicalRecord.objects.get(pk=record).status == "signed"
        assert (found.level, found.pades_level, found.signer_cpf) == ("QUALIFIED", "B-B", pki.CPF)
        assert found.certificate_serial == format(pki.person().serial_number, "x")
        assert found.chain == pki.pem(pki.person(), pki.intermediate(), pki.root())
        assert found.document_sha256 == pades.sha256(found.document)
        assert found.document_size == len(found.document)
        report = signing.verify(found)
        assert report.ok
        assert report.level is Level.QUALIFIED
        text = text_of(found.document)
    for said in (CANARY, "Dra. ", "CRM-SP 123456", "Rua das Acácias", "assinatura qualificada", str(record)):
        assert said in text, said
    assert "NÃO ASSINADO" not in text


def test_a_list_loads_no_file(doctor: World) -> None:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        signing.sign_record(record, identity=identity())
    with doctor.enter(Role.PROFESSIONAL):
        (found,) = RecordSignature.objects.all()
        assert found.get_deferred_fields() == {"document", "container", "chain"}
        assert isinstance(found.document, bytes)
        assert not isinstance(found.document, Sealed)
        assert RecordSignature.objects.only("document").get().document == found.document
        found.refresh_from_db()
        assert found.document.startswith(b"%PDF")


def test_the_file_is_ciphertext_in_the_database_and_its_log(doctor: World) -> None:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        kept = signing.sign_record(record, identity=identity())
    with doctor.enter(Role.PROFESSIONAL), connection.cursor() as cursor:
        cursor.execute("SELECT document, container, chain FROM record_signatures WHERE id = %s", [kept.pk])
        for stored in cursor.fetchone():
            assert b"%PDF" not in bytes(stored)
            assert pki.NAME.encode() not in bytes(stored)
    with doctor.enter(Role.MANAGER), connection.cursor() as cursor:
        cursor.execute("SELECT changes::text FROM audit_logs WHERE table_name = 'record_signatures'")
        (changes,) = cursor.fetchone()
        assert '"document": "•"' in changes
        assert len(changes) < 3000


def test_a_timestamp_is_kept(doctor: World) -> None:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        kept = signing.sign_record(record, identity=identity(), timestamper=pki.timestamper())
        assert kept.pades_level == "B-T"
        assert kept.stamped_at is not None


def test_an_addendum_is_signed_by_itself_and_the_original_stays(doctor: World) -> None:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        first = signing.sign_record(record, identity=identity())
        draft = records.new_addendum(record, reason="faltou a dose")
        draft = records.save_draft(draft.pk, revision=draft.revision, texts={"addendum": "dose de 10 mg"})
        records.finalise(draft.pk, revision=draft.revision)
        second = signing.sign_record(draft.pk, identity=identity())
        text = text_of(second.document)
        assert "Adendo" in text
        assert "faltou a dose" in text
        assert str(record)[:8] in text
        assert CANARY not in text
        assert signing.verify(RecordSignature.objects.get(pk=first.pk)).ok


@pytest.mark.parametrize(
    ("kind", "cid", "consent", "shown"),
    [("medical_certificate", True, True, True), ("medical_certificate", False, False, False),
     ("report", True, False, True)],
)  # fmt: skip
def test_the_cid_stands_on_a_certificate_only_with_consent(
    doctor: World, kind: str, cid: bool, consent: bool, shown: bool
) -> None:
    record = document(doctor, kind, cid=cid, consent=consent)
    with doctor.enter(Role.PROFESSIONAL):
        assert ("L70.0" in text_of(signing.unsigned_copy(record))) is shown
        # Also where an entry should have come to be without the consent.
        found = MedicalRecord.objects.get(pk=record)
        found.cid_consent = False
        from patients.record_pdf import shows_cid

        assert shows_cid(found) is (shown and kind == "report")


def test_a_document_says_no_more_of_the_patient_than_it_must(doctor: World) -> None:
    with doctor.enter(Role.RECEPTION):
        patient = doctor.patients[0]
        patient.mother_name, patient.cpf = "Mãe Canário", "11144477735"
        patient.save()
    certificate, note = document(doctor, "medical_certificate"), entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        assert "Mãe Canário" not in text_of(signing.unsigned_copy(certificate))
        assert "111.444.777-35" in text_of(signing.unsigned_copy(certificate))
        assert "Mãe Canário" in text_of(signing.unsigned_copy(note))


def test_an_unsigned_copy_says_so_and_is_written_down(doctor: World) -> None:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        text = text_of(signing.unsigned_copy(record))
    assert "DOCUMENTO NÃO ASSINADO" in text
    assert "página 1 de 1" in text
    with doctor.enter(Role.MANAGER), connection.cursor() as cursor:
        cursor.execute("SELECT patients FROM audit_logs WHERE action = 'PRINT'")
        assert cursor.fetchall() == [([doctor.patients[0].pk],)]


def test_a_long_entry_runs_over_pages(doctor: World) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        record = write_entry(doctor.patients[0], "\n".join(f"linha {number} " + "x " * 60 for number in range(140)))
        pages = PdfReader(BytesIO(signing.unsigned_copy(record.pk))).pages
        assert len(pages) > 3
        assert "linha 139" in "".join(page.extract_text() for page in pages)


# --- what is refused -------------------------------------------------------------------------------------------------


def refused(world: World, record: UUID, match: str, **options: Any) -> None:
    """Signing fails with these words and leaves nothing."""
    with world.enter(Role.PROFESSIONAL):
        with pytest.raises(signing.SigningError, match=match) as error:
            signing.sign_record(record, identity=options.pop("identity", None) or identity(), **options)
        assert pki.PASSWORD not in str(error.value)
        assert not RecordSignature.objects.exists()
        assert MedicalRecord.objects.get(pk=record).status != "signed"


def test_the_certificate_must_be_the_authors_valid_and_trusted(doctor: World) -> None:
    record = entry(doctor)
    for certificate, words in (
        (pki.person(begins=-400, ends=-1), "venceu"),
        (pki.person(pki.OTHER_CPF), "outra pessoa"),
        (pki.person(""), "não traz CPF"),
    ):
        refused(doctor, record, words, identity=identity(certificate=certificate))
    other = pki.person(under="Outra Raiz")
    refused(doctor, record, "raiz", identity=identity(certificate=other, under="Outra Raiz"))
    with doctor.enter(Role.PROFESSIONAL):
        signing.sign_record(record, identity=identity())


@pytest.mark.parametrize("kind", ["medical_certificate", "report", ""])
def test_an_advanced_signature_is_refused_where_a_qualified_one_is_asked_for(doctor: World, kind: str) -> None:
    record = document(doctor, kind) if kind else entry(doctor)
    refused(doctor, record, "ICP-Brasil", roots=pki.roots(icp=False))


def test_another_council_may_sign_a_report_at_the_advanced_level(doctor: World) -> None:
    with context.enter(JOB, doctor.clinic.pk):
        Professional.objects.filter(pk=doctor.professional.pk).update(council="10")
        verified(Professional.objects.get(pk=doctor.professional.pk))
    record = document(doctor, "report")
    with doctor.enter(Role.PROFESSIONAL):
        kept = signing.sign_record(record, identity=identity(), roots=pki.roots(icp=False))
        assert kept.level == "ADVANCED"
        text = text_of(kept.document)
    assert "avançada, não ICP-Brasil" in text
    assert "qualificada" not in text


def test_a_draft_and_a_signed_entry_are_not_signed(doctor: World) -> None:
    refused(doctor, entry(doctor, final=False), "rascunho")
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        signing.sign_record(record, identity=identity())
        with pytest.raises(signing.SigningError, match="já está assinado"):
            signing.sign_record(record, identity=identity())


def test_only_the_author_signs(doctor: World) -> None:
    record = entry(doctor)
    user, colleague = make_colleague(doctor)
    with context.enter(JOB, doctor.clinic.pk):
        verified(colleague, cpf=pki.OTHER_CPF)
    from patients import care

    with doctor.enter(Role.PROFESSIONAL):
        care.add(patient=doctor.patients[0].pk, professional=colleague.pk, reason="plantão")
    with context.enter(user, doctor.clinic.pk):
        with pytest.raises(signing.SigningError, match="autor"):
            signing.sign_record(record, identity=identity(certificate=pki.person(pki.OTHER_CPF)))


def test_somebody_outside_the_care_team_neither_signs_nor_sees(doctor: World) -> None:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        kept = signing.sign_record(record, identity=identity())
    user, _colleague = make_colleague(doctor)
    with context.enter(user, doctor.clinic.pk):
        assert not RecordSignature.objects.exists()
        with pytest.raises(signing.SigningError):
            signing.document(kept.pk)
    for role in (Role.MANAGER, Role.RECEPTION, Role.DPO, Role.AUDITOR):
        with doctor.enter(role):
            assert not RecordSignature.objects.exists()


def test_a_licence_must_count_today(doctor: World) -> None:
    record = entry(doctor)
    with context.enter(JOB, doctor.clinic.pk):
        verified(Professional.objects.get(pk=doctor.professional.pk), until=timezone.localdate())
        Professional.objects.filter(pk=doctor.professional.pk).update(status="suspended")
    refused(doctor, record, "Suspenso")


def test_without_a_cpf_nothing_is_compared_and_nothing_signed(doctor: World) -> None:
    record = entry(doctor)
    with doctor.enter(Role.MANAGER):
        found = Professional.objects.get(pk=doctor.professional.pk)
        found.cpf = ""
        found.save()
    refused(doctor, record, "CPF não está cadastrado")


def test_a_document_without_an_address_is_not_signed(doctor: World) -> None:
    with context.enter(JOB, doctor.clinic.pk):
        Clinic.objects.update(street="")
    refused(doctor, document(doctor, "report"), "endereço")


def test_an_altered_output_is_never_kept(doctor: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong inside pyHanko, what does not verify is thrown away."""
    original = pades.verify
    monkeypatch.setattr(
        "neonpro.pades.signing.verify", lambda data, **options: original(data[:-20] + b" " * 20, **options)
    )
    refused(doctor, entry(doctor), "descartada")


# --- what PostgreSQL keeps by itself ---------------------------------------------------------------------------------


@pytest.fixture
def signed(doctor: World) -> RecordSignature:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        return signing.sign_record(record, identity=identity())


@pytest.mark.parametrize(
    "statement",
    ["UPDATE record_signatures SET level = 'ADVANCED'", "UPDATE record_signatures SET document = 'x'",
     "DELETE FROM record_signatures"],
)  # fmt: skip
def test_a_signature_never_changes_by_the_applications_sql(
    doctor: World, signed: RecordSignature, statement: str
) -> None:
    # Neither a row policy nor a grant lets it reach one.
    with doctor.enter(Role.PROFESSIONAL), transaction.atomic(), connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except DatabaseError:
            transaction.set_rollback(True)
        else:
            assert cursor.rowcount == 0
    with doctor.enter(Role.PROFESSIONAL):
        assert signing.verify(RecordSignature.objects.get(pk=signed.pk)).ok


def copy_of(kept: RecordSignature, **changes: Any) -> RecordSignature:
    """A signature made up from another one, as somebody with SQL could."""
    values = {
        found.attname: getattr(kept, found.attname)
        for found in RecordSignature._meta.concrete_fields
        if found.attname not in {"id", "created_at", "updated_at", "clinic_id"}
    }
    return RecordSignature(**values | changes)


@pytest.mark.parametrize("change", ["draft", "signed", "other author", "other patient", "future", "no licence"])
def test_postgresql_refuses_a_signature_that_is_none(doctor: World, signed: RecordSignature, change: str) -> None:
    record = entry(doctor, final=change != "draft")
    changes: dict[str, Any] = {"record_id": record}
    if change == "signed":
        changes["record_id"] = signed.record_id
    elif change == "other author":
        changes["signer_id"] = doctor.director.pk
    elif change == "other patient":
        changes["patient_id"] = doctor.patients[1].pk
    elif change == "future":
        changes["signed_at"] = timezone.now() + timedelta(days=1)
    elif change == "no licence":
        with context.enter(JOB, doctor.clinic.pk):
            Professional.objects.filter(pk=doctor.professional.pk).update(recheck_on=date(2026, 1, 1))
    with doctor.enter(Role.PROFESSIONAL):
        kept = RecordSignature.objects.get(pk=signed.pk)
        values = {"signed_at": timezone.now(), **changes}
        with pytest.raises(DatabaseError), transaction.atomic():
            copy_of(kept, **values).save(force_insert=True)


def test_the_database_hashes_the_file_and_marks_the_entry_itself(doctor: World, signed: RecordSignature) -> None:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        made = copy_of(RecordSignature.objects.get(pk=signed.pk), record_id=record, signed_at=timezone.now())
        made.sealed_sha256 = "0" * 64
        made.save(force_insert=True)
        assert signing.unchanged_files([made.pk]) == {made.pk}
        assert MedicalRecord.objects.get(pk=record).status == "signed"


def test_a_rollback_after_signing_leaves_nothing(doctor: World) -> None:
    record = entry(doctor)
    with doctor.enter(Role.PROFESSIONAL):
        signing.sign_record(record, identity=identity())
        transaction.set_rollback(True)
    with doctor.enter(Role.PROFESSIONAL):
        assert not RecordSignature.objects.exists()
        assert MedicalRecord.objects.get(pk=record).status == "finalised"
        signing.sign_record(record, identity=identity())


# --- several at once -------------------------------------------------------------------------------------------------


def test_several_are_signed_in_one_act_and_each_has_its_result(doctor: World) -> None:
    good = [entry(doctor) for _ in range(3)]
    draft = entry(doctor, final=False)
    with doctor.enter(Role.PROFESSIONAL):
        results = signing.sign_all([good[0], draft, *good[1:], good[0]], pfx=pki.pfx(), password=pki.PASSWORD)
        assert [(result.record, bool(result.problem)) for result in results] == [
            (good[0], False), (draft, True), (good[1], False), (good[2], False),
        ]  # fmt: skip
        # The world's own entry is the one left.
        assert [record.pk for record in signing.to_sign()] == [doctor.record.pk]
        with pytest.raises(signing.SigningError, match="senha"):
            signing.sign_all(good, pfx=pki.pfx(), password="outra")
        with pytest.raises(signing.SigningError, match="pelo menos um"):
            signing.sign_all([], pfx=pki.pfx(), password=pki.PASSWORD)


# --- verifying again -------------------------------------------------------------------------------------------------


def test_a_job_verifies_without_reading_the_file(doctor: World, signed: RecordSignature) -> None:
    with context.enter(context.Job("verify_signatures"), doctor.clinic.pk):
        found = RecordSignature.objects.get(pk=signed.pk)
        report = signing.verify_unread(found, same_file=True)
        assert report is not None
        assert report.ok
        assert Code.NOT_OPENED in report.codes()
        assert isinstance(found.document, Withheld)
        with pytest.raises(signing.SigningError):
            signing.verify(found)
        assert not MedicalRecord.objects.exists()


def test_a_certificate_of_somebody_else_is_noticed(doctor: World, signed: RecordSignature) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        found = RecordSignature.objects.get(pk=signed.pk)
        found.signer_cpf = pki.OTHER_CPF
        report = signing.verify(found)
        assert not report.ok
        assert Code.OTHER_SIGNER in report.codes()
        found = RecordSignature.objects.get(pk=signed.pk)
        found.document_sha256 = "0" * 64
        assert Code.OTHER_FILE in signing.verify(found).codes()


def test_the_command_says_that_all_is_well(doctor: World, signed: RecordSignature, capsys: Any) -> None:
    call_command("verify_signatures", verbosity=1)
    said = capsys.readouterr().out
    assert "1" in said
    assert pki.NAME not in said


def test_the_command_names_the_bad_ones_by_id(
    doctor: World, signed: RecordSignature, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pades, "configured_roots", lambda: pades.Roots(icp=(pki.root("Outra Raiz"),)))
    with pytest.raises(CommandError, match=str(signed.pk)) as error:
        call_command("verify_signatures", clinic=doctor.clinic.pk, verbosity=0)
    assert pki.NAME not in str(error.value)
    assert "raiz" in str(error.value)
