"""The pages of consents: on the patient, the lists and the texts; who may do what there, and what leaves them."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from clinics.roles import Role
from compliance import consents
from compliance.consent_page import address
from compliance.models import AuditLog, ConsentRecord, ConsentText
from compliance.purposes import Purpose
from patients.models import Patient
from tests.compliance.test_consents import SCAN, state_of, with_texts
from tests.factories import World
from tests.pages import Page
from tests.visits import signed_in


@pytest.fixture
def world(clinic_a: World) -> World:
    return with_texts(clinic_a)


def step(world: World, do: str, purpose: str = "telemedicine", **data: Any) -> Any:
    role = data.pop("role", Role.RECEPTION)
    client = signed_in(world.user(role))
    url = address(world.patients[1].pk, do=do, purpose=purpose, service=data.pop("service", ""))
    page = client.get(url)
    if page.status_code != 200:
        return page
    hidden = next(
        form for form in Page(page.content.decode()).forms if form.action == "" and form.method == "post"
    ).hidden
    return client.post(url, {**hidden, "channel": "paper", **data}, follow=True)


def test_from_asking_to_withdrawing(world: World) -> None:
    assert step(world, "ask").status_code == 200
    assert state_of(world, "telemedicine") == "asked"
    upload = SimpleUploadedFile("Ana Maria.pdf", SCAN, content_type="application/pdf")
    page = step(world, "grant", evidence=upload).content.decode()
    assert state_of(world, "telemedicine") == "granted"
    assert "Concedido" in page
    with world.enter(Role.RECEPTION):
        made = ConsentRecord.objects.get(event="granted", purpose="telemedicine")
        assert made.evidence == SCAN
    client = signed_in(world.user(Role.RECEPTION))
    scan = client.get(address(world.patients[1].pk, do="evidence", record=made.pk))
    assert scan.content == SCAN
    assert "Ana" not in scan.headers["Content-Disposition"]
    page = step(world, "withdraw", channel="phone").content.decode()
    assert "Nenhum atendimento à distância pode começar" in page
    assert state_of(world, "telemedicine") == "withdrawn"
    with world.enter(Role.DPO):
        told = AuditLog.objects.filter(action="EXPORT", changes__purpose__endswith=".evidence").get()
        assert told.patients == [world.patients[1].pk]


def test_what_is_wrong_is_said_in_the_form(world: World) -> None:
    with world.enter(Role.DPO):
        Patient.objects.filter(pk=world.patients[1].pk).update(birth_year=2020)
    page = step(world, "grant")
    assert "menor de idade" in page.content.decode()
    page = step(world, "grant", guardian_name="Maria", guardian_relation="mother", guardian_proof="certidão")
    assert state_of(world, "telemedicine") == "granted"
    page = step(world, "grant", purpose="marketing", evidence=SimpleUploadedFile("x.exe", b"MZ"))
    assert "PDF, JPEG" in page.content.decode()


def test_a_procedure_is_chosen_first(world: World) -> None:
    service = str(world.service.pk)
    assert step(world, "grant", purpose="procedure", role=Role.PROFESSIONAL).status_code == 404
    assert step(world, "grant", purpose="procedure", role=Role.RECEPTION, service=service).status_code == 403
    page = step(world, "grant", purpose="procedure", role=Role.PROFESSIONAL, service=service)
    assert world.service.name in page.content.decode()
    assert state_of(world, "procedure") == "granted"


@pytest.mark.parametrize("purpose", ["telemedicine", "image_publication"])
def test_the_term_and_the_statement_are_pdf_files_that_leave_a_trace(world: World, purpose: str) -> None:
    client = signed_in(world.user(Role.RECEPTION))
    for url, what in (
        (address(world.patients[1].pk, do="term", purpose=purpose), "term"),
        (address(world.patients[1].pk, do="statement"), "statement"),
        (address(world.patients[0].pk, do="statement"), "statement"),
    ):
        answer = client.get(url)
        assert answer.content.startswith(b"%PDF")
        assert "no-store" in answer.headers["Cache-Control"]
        with world.enter(Role.DPO):
            assert AuditLog.objects.filter(action="EXPORT", changes__purpose__endswith=f".{what}").exists()


@pytest.mark.parametrize("query", [
    {"do": "grant"}, {"do": "grant", "purpose": "care"}, {"do": "term", "purpose": "procedure"},
    {"do": "evidence"}, {"do": "evidence", "record": "x"},
    {"do": "evidence", "record": "00000000-0000-0000-0000-000000000000"},
])  # fmt: skip
def test_an_address_of_nothing_is_not_found(world: World, query: dict[str, str]) -> None:
    client = signed_in(world.user(Role.DPO))
    assert client.get(address(world.patients[1].pk, **query)).status_code == 404


def test_an_auditor_sees_no_consents(world: World) -> None:
    client = signed_in(world.user(Role.AUDITOR))
    for name in ("consent", "consentrecord", "consenttext"):
        assert client.get(reverse(f"admin:compliance_{name}_changelist")).status_code == 403
    assert client.get(address(world.patients[1].pk)).status_code == 403


def test_nobody_adds_or_changes_a_state_on_a_page(world: World) -> None:
    client = signed_in(world.user(Role.DPO))
    for name in ("consent", "consentrecord"):
        assert client.get(reverse(f"admin:compliance_{name}_add")).status_code == 403
        assert client.post(reverse(f"admin:compliance_{name}_add"), {}).status_code == 403


def test_texts_are_drafted_published_and_renewed(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.DPO))

    def press(url: str) -> Any:
        page = client.get(url)
        forms = [form for form in Page(page.content.decode()).forms if form.method == "post" and not form.action]
        return client.post(url, forms[-1].hidden | {}, follow=True)

    press(reverse("admin:compliance_consenttext_starters"))
    with clinic_a.enter(Role.DPO):
        draft = ConsentText.objects.get(purpose="telemedicine")
        assert draft.published_at is None
    press(reverse("admin:compliance_consenttext_publish", args=[draft.pk]))
    with clinic_a.enter(Role.DPO):
        assert consents.text_in_force("telemedicine") == draft
    page = press(reverse("admin:compliance_consenttext_renew", args=[draft.pk]))
    assert page.status_code == 200
    with clinic_a.enter(Role.DPO):
        assert set(ConsentText.objects.filter(purpose="telemedicine").values_list("version", flat=True)) == {1, 2}
    for role, status in ((Role.RECEPTION, 403), (Role.PROFESSIONAL, 403), (Role.MANAGER, 200)):
        other = signed_in(clinic_a.user(role))
        assert other.get(reverse("admin:compliance_consenttext_starters")).status_code == status


def test_every_purpose_has_its_line(world: World) -> None:
    page = Page(signed_in(world.user(Role.DPO)).get(address(world.patients[1].pk)).content.decode())
    lines = [row for row in page.rows if len(row) == 4]
    assert len(lines) - 1 == len(Purpose) - 1  # a procedure only where it was asked
