"""Electronic prescriptions: signed while they are issued, or not electronic at all, in SQL either."""

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from pypdf import PdfReader

from clinics.models import Professional
from clinics.roles import Role
from neonpro import pades
from neonpro.db import context
from patients import prescribing, prescription_signing, signatures
from patients.models import Patient, Prescription, PrescriptionSignature, SncrNumber
from patients.prescribing import PrescribingError
from tests import pki
from tests.factories import JOB, World, make_world
from tests.licences import verified
from tests.patients.prescriptions import MEDICINES, USUAL, equip, write

COMMON, RCE = frozenset({"COMMON"}), frozenset({"RCE"})


@pytest.fixture(autouse=True)
def roots(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """The tests' root, trusted as if it were ICP-Brasil's; and an installation that works with SNCR."""
    trusted = pki.roots(icp=True)
    monkeypatch.setattr(pades, "configured_roots", lambda: trusted)
    monkeypatch.setattr(pades, "configured_timestamper", lambda: None)
    settings.NEONPRO_SNCR = True


def ready(world: World) -> World:
    equip(world)
    with context.enter(JOB, world.clinic.pk):
        verified(Professional.objects.get(pk=world.professional.pk), cpf=pki.CPF)
    return world


@pytest.fixture
def doctor(clinic_a: World) -> World:
    return ready(clinic_a)


def identity(**options: Any) -> pades.Identity:
    return pades.open_pfx(pki.pfx(**options), pki.PASSWORD)


def numbers(world: World, kind: str, count: int = 1) -> None:
    found = "\n".join(f"2026.1-00.{number:07}" for number in range(1, count + 1))
    prescribing.record_numbers(found, wanted=kind, user=world.user(Role.PROFESSIONAL).pk, today=timezone.localdate())


def issue(draft: Any, kinds: frozenset[str], **options: Any) -> list[Prescription]:
    return prescribing.issue(
        draft.pk, today=timezone.localdate(), electronic=kinds, **{"identity": identity(), **options}
    )


def test_a_common_one_is_signed_kept_and_verifies(doctor: World) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        (made,) = issue(write(doctor, "COMMON"), COMMON)
    with doctor.enter(Role.PROFESSIONAL):
        assert Prescription.objects.get(pk=made.pk).is_electronic
        kept = prescription_signing.signature_of(made)
        assert kept is not None
        assert (kept.level, kept.signer_cpf) == ("QUALIFIED", pki.CPF)
        assert signatures.verify(kept).ok
        found, content = signatures.export(PrescriptionSignature, kept.pk)
        assert content.startswith(b"%PDF")
        assert found.document_sha256 == pades.sha256(content)
        with connection.cursor() as cursor:
            cursor.execute("SELECT document FROM prescription_signatures")
            assert b"%PDF" not in bytes(cursor.fetchone()[0])


def test_the_command_verifies_it_too(doctor: World, capsys: Any) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        issue(write(doctor, "COMMON"), COMMON)
    call_command("verify_signatures", clinic=doctor.clinic.pk, verbosity=1)
    assert "1" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["RCE", "RET_ANTIMICROBIAL", "RET_GLP1"])
def test_with_a_number_what_sncr_numbers_is_signed_too(doctor: World, kind: str) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        numbers(doctor, kind.partition("_")[0])
        (made,) = issue(write(doctor, kind), frozenset({kind}))
        assert made.sncr_number == "2026.1-00.0000001"
        assert SncrNumber.objects.get().used_for == made.pk
        kept = prescription_signing.signature_of(made)
        assert kept is not None
        text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(kept.document)).pages)
        assert "2026.1-00.0000001" in text


def test_a_number_is_used_once(doctor: World) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        numbers(doctor, "RCE")
        first, second = write(doctor, "RCE"), write(doctor, "RCE")
        issue(first, RCE)
        with pytest.raises(PrescribingError, match="RCE"), transaction.atomic():
            issue(second, RCE)
        for values in ({"used_for": second.pk}, {"used_for": None, "used_in": None, "used_at": None}):
            with pytest.raises(DatabaseError), transaction.atomic():
                SncrNumber.objects.update(**values)


@pytest.mark.parametrize("kind", [kind for kind in MEDICINES if kind != "COMMON"])
def test_without_sncr_nothing_controlled_is_electronic_even_with_a_number(
    doctor: World, kind: str, settings: Any
) -> None:
    settings.NEONPRO_SNCR = False
    with doctor.enter(Role.PROFESSIONAL):
        numbers(doctor, kind.partition("_")[0])
        draft = write(doctor, kind, terms_given=True)
        with pytest.raises(PrescribingError, match="SNCR"):
            issue(draft, frozenset({kind}))
        assert Prescription.objects.get(pk=draft.pk).is_draft
        assert not SncrNumber.objects.filter(used_for__isnull=False).exists()


def test_a_signing_that_fails_leaves_draft_and_number(doctor: World) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        numbers(doctor, "RCE")
        draft = write(doctor, "RCE")
        for wrong in ({"identity": None}, {"roots": pki.roots(icp=False)}):
            with pytest.raises(PrescribingError):
                issue(draft, RCE, **wrong)
            assert Prescription.objects.get(pk=draft.pk).is_draft
            assert SncrNumber.objects.get().used_for is None
        assert not PrescriptionSignature.objects.exists()


def on_paper(draft: Prescription, kind: str) -> None:
    """Issue a draft for paper in SQL."""
    by_hand(draft, kind, electronic=False)


def by_hand(draft: Prescription, kind: str, *, electronic: bool = True) -> None:
    """Issue a draft as electronic in SQL, as a signing would, but for the signature."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE prescriptions SET status = 'issued', kind = %s, is_electronic = %s, issued_on = %s,"
            " issued_at = now(), valid_until = %s, content = guidance WHERE id = %s",
            [kind, electronic, timezone.localdate(), timezone.localdate(), draft.pk],
        )


def test_sql_keeps_no_electronic_prescription_without_a_signature(doctor: World) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        draft = write(doctor, "COMMON", guidance="Repouso")
        with pytest.raises(IntegrityError, match="without its signature"), transaction.atomic():  # noqa: PT012
            by_hand(draft, "COMMON")
            connection.check_constraints()
    # Nor one without a number of SNCR, which is refused at once.
    with doctor.enter(Role.PROFESSIONAL):
        draft = write(doctor, "RCE", guidance="Repouso")
        with pytest.raises(IntegrityError, match="never_electronic_without_number"), transaction.atomic():
            by_hand(draft, "RCE")


def test_the_end_of_the_transaction_refuses_it_by_itself(committed: None) -> None:
    world = ready(make_world("ALFAZEMA", patients=2))
    with world.enter(Role.PROFESSIONAL):
        draft = write(world, "COMMON", guidance="Repouso")
    with pytest.raises(IntegrityError, match="without its signature"), world.enter(Role.PROFESSIONAL):
        by_hand(draft, "COMMON")
    with world.enter(Role.PROFESSIONAL):
        assert Prescription.objects.get(pk=draft.pk).is_draft


def test_a_signature_is_of_its_own_prescription_and_stays(doctor: World) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        (paper,) = prescribing.issue(write(doctor, "COMMON").pk, today=timezone.localdate())
        (made,) = issue(write(doctor, "COMMON"), COMMON)
        kept = prescription_signing.signature_of(made)
        assert kept is not None
        values = {
            field.attname: getattr(kept, field.attname)
            for field in PrescriptionSignature._meta.concrete_fields
            if field.name not in {"id", "created_at", "updated_at"}
        }
        for changed in ({"prescription_id": paper.pk}, {}, {"signer_id": None}):
            with pytest.raises(DatabaseError), transaction.atomic():
                PrescriptionSignature(**values | changed).save(force_insert=True)
        for statement in (
            "UPDATE prescription_signatures SET level = 'ADVANCED'",
            "DELETE FROM prescription_signatures",
        ):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)


def test_threads_that_sign_at_once_never_share_a_number(committed: None) -> None:
    world = ready(make_world("ALFAZEMA", patients=2))
    with world.enter(Role.PROFESSIONAL):
        numbers(world, "RCE", 4)
        drafts = [write(world, "RCE").pk for _ in range(6)]
    barrier = Barrier(6)

    def work(draft: Any) -> str:
        from django.db import connections

        try:
            barrier.wait(60)
            with world.enter(Role.PROFESSIONAL):
                (made,) = prescribing.issue(draft, today=timezone.localdate(), electronic=RCE, identity=identity())
                return str(made.sncr_number)
        except PrescribingError:
            return ""
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        taken = [number for number in pool.map(work, drafts) if number]
    assert sorted(taken) == [f"2026.1-00.{number:07}" for number in range(1, 5)]
    with world.enter(Role.PROFESSIONAL):
        assert PrescriptionSignature.objects.count() == 4


def test_sql_issues_nothing_controlled_for_a_patient_without_cpf_or_passport(doctor: World) -> None:
    with context.enter(JOB, doctor.clinic.pk):
        patient = Patient.objects.get(pk=doctor.patients[0].pk)
        patient.cpf, patient.passport = "", ""
        patient.save()
    with doctor.enter(Role.PROFESSIONAL):
        draft = write(doctor, "RET_ANTIMICROBIAL", guidance="Repouso")
        with pytest.raises(IntegrityError, match="CPF or passport"), transaction.atomic():
            on_paper(draft, "RET_ANTIMICROBIAL")


def test_sql_issues_no_anabolic_without_a_cid(doctor: World) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        draft = write(doctor, guidance="Repouso")
        prescribing.put_item(
            draft,
            item=None,
            today=timezone.localdate(),
            **USUAL,
            medicine="Testosterona",
            posology="Aplicar 1 ampola",
            days=30,
        )
        with pytest.raises(IntegrityError, match="needs a CID"), transaction.atomic():
            on_paper(draft, "RCE")
        draft.cid = "E29.1"
        draft.save(update_fields=["cid"])
        on_paper(draft, "RCE")
