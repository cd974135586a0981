"""The pages on which a prescription is signed electronically, taken out and verified."""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from clinics.models import Professional
from clinics.roles import Role
from compliance.models import AuditLog
from neonpro import pades
from neonpro.db import context
from patients import prescribing
from patients.models import Prescription
from tests import pki
from tests.factories import JOB, World
from tests.licences import verified
from tests.patients.prescriptions import equip, write
from tests.visits import signed_in


@pytest.fixture
def doctor(clinic_a: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A clinic whose professional may sign, and whose trusted root is the tests'."""
    trusted = pki.roots(icp=True)
    monkeypatch.setattr(pades, "configured_roots", lambda: trusted)
    monkeypatch.setattr(pades, "configured_timestamper", lambda: None)
    equip(clinic_a)
    with context.enter(JOB, clinic_a.clinic.pk):
        verified(Professional.objects.get(pk=clinic_a.professional.pk), cpf=pki.CPF)
    return clinic_a


@pytest.fixture
def browser(doctor: World) -> Client:
    return signed_in(doctor.user(Role.PROFESSIONAL))


def draft(world: World, *kinds: str) -> Prescription:
    with world.enter(Role.PROFESSIONAL):
        return write(world, *kinds)


def address(prescription: Prescription, what: str) -> str:
    return reverse(f"admin:patients_prescription_{what}", args=[prescription.pk])


def sign(browser: Client, prescription: Prescription, *, password: str = pki.PASSWORD, **options: Any) -> Any:
    file = SimpleUploadedFile("certificado.pfx", pki.pfx(**options), "application/x-pkcs12")
    return browser.post(address(prescription, "sign"), {"certificate_file": file, "password": password})


def test_a_common_one_is_signed_on_its_page_taken_out_and_verified(doctor: World, browser: Client) -> None:
    made = draft(doctor, "COMMON")
    assert address(made, "sign") in browser.get(address(made, "change")).content.decode()
    assert 'type="file"' in browser.get(address(made, "sign")).content.decode()
    assert sign(browser, made).status_code == 302
    shown = browser.get(address(made, "change")).content.decode()
    assert address(made, "signed") in shown
    assert address(made, "pdf") not in shown
    # It leaves the system by POST alone, and the log says so.
    assert browser.get(address(made, "signed")).status_code == 405
    answer = browser.post(address(made, "signed"))
    assert "no-store" in answer["Cache-Control"]
    assert answer["Content-Disposition"].endswith(f'{str(made.pk)[:8]}.pdf"')
    assert "Dipirona" in PdfReader(BytesIO(answer.content)).pages[0].extract_text()
    assert pades.verify(answer.content, roots=pki.roots(icp=True)).ok
    with doctor.enter(Role.DPO):
        (left,) = AuditLog.objects.filter(action="EXPORT")
        assert made.patient_id in {left.patient_id, *(left.patients or ())}
    report = browser.get(address(made, "verify")).content.decode()
    assert "qualificada" in report.lower()


def test_what_goes_on_paper_only_is_said_before_and_after(doctor: World, browser: Client) -> None:
    made = draft(doctor, "COMMON", "RCE")
    before = browser.get(address(made, "sign")).content.decode()
    assert "assinadas à mão" in before or "assinada à mão" in before or "assinar à mão" in before
    assert sign(browser, made).status_code == 302
    with doctor.enter(Role.PROFESSIONAL):
        issued = {one.kind: one.is_electronic for one in Prescription.objects.filter(patient=made.patient_id)}
    assert issued == {"COMMON": True, "RCE": False}


def test_a_controlled_one_has_no_way_to_be_signed(doctor: World, browser: Client) -> None:
    made = draft(doctor, "RCE")
    assert address(made, "sign") not in browser.get(address(made, "change")).content.decode()
    assert sign(browser, made).status_code == 302
    with doctor.enter(Role.PROFESSIONAL):
        assert Prescription.objects.get(pk=made.pk).is_draft


@pytest.mark.parametrize(
    ("password", "certificate"),
    [("outra senha", None), (pki.PASSWORD, pki.OTHER_CPF)],
    ids=["the wrong password", "somebody else's certificate"],
)
def test_a_refusal_says_why_and_leaves_the_draft(
    doctor: World, browser: Client, password: str, certificate: str | None
) -> None:
    made = draft(doctor, "COMMON")
    options = {"certificate": pki.person(certificate)} if certificate else {}
    answer = sign(browser, made, password=password, **options)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "senha" in text if certificate is None else "CPF" in text
    assert password not in text
    with doctor.enter(Role.PROFESSIONAL):
        assert Prescription.objects.get(pk=made.pk).is_draft


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.PROFESSIONAL])
def test_nobody_else_signs_takes_out_or_verifies(doctor: World, browser: Client, role: Role) -> None:
    made = draft(doctor, "COMMON")
    sign(browser, made)
    other = signed_in(doctor.user(role))
    for what in ("sign", "verify"):
        assert other.get(address(made, what)).status_code in (403, 404), what
    assert other.post(address(made, "signed")).status_code in (403, 404)


def test_one_on_paper_has_nothing_to_take_out_or_verify(doctor: World, browser: Client) -> None:
    made = draft(doctor, "COMMON")
    with doctor.enter(Role.PROFESSIONAL):
        prescribing.issue(made.pk, today=timezone.localdate())
    assert browser.post(address(made, "signed")).status_code == 404
    assert browser.get(address(made, "verify")).status_code == 404
