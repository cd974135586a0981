"""The pages of prescriptions, and what stands on paper."""

import io
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from clinics.roles import Role
from neonpro.db import context
from patients import prescribing
from patients.models import PatientAlert, Prescription, PrescriptionTemplate
from tests.factories import World
from tests.patients.prescriptions import MEDICINES, USUAL, equip, issue, write
from tests.visits import signed_in


@pytest.fixture
def clinic(clinic_a: World) -> World:
    return equip(clinic_a)


def editor(world: World, *kinds: str, **fields: Any) -> tuple[Any, Prescription, str]:
    """The professional's browser, a draft, and the draft's address."""
    with world.enter(Role.PROFESSIONAL):
        draft = write(world, *kinds, **fields)
    return (
        signed_in(world.user(Role.PROFESSIONAL)),
        draft,
        reverse("admin:patients_prescription_change", args=[draft.pk]),
    )


def text_of(world: World, prescription: Prescription) -> list[str]:
    """The text of each page of the paper."""
    client = signed_in(world.user(Role.PROFESSIONAL))
    answer = client.get(reverse("admin:patients_prescription_pdf", args=[prescription.pk]))
    assert answer.headers["Content-Type"] == "application/pdf"
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(answer.content)).pages]


def test_a_prescription_is_written_and_issued_from_the_patients_page(clinic: World) -> None:
    client = signed_in(clinic.user(Role.PROFESSIONAL))
    page = reverse("admin:patients_patient_prescriptions", args=[clinic.patients[0].pk])
    address = client.post(page).headers["Location"]
    item = USUAL | MEDICINES["RCE"] | {"what": "item", "quantity": "60"}
    assert client.post(address, item).status_code == 302
    shown = client.get(address)
    assert "Sertralina" in shown.content.decode()
    assert not shown.context["plan"].reasons
    assert client.post(address.replace("change", "issue")).status_code == 302
    with clinic.enter(Role.PROFESSIONAL):
        made = Prescription.objects.get(patient=clinic.patients[0])
        assert (made.status, made.kind, made.is_electronic) == ("issued", "RCE", False)
    assert "Sertralina" in client.get(address).content.decode()
    assert "Sertralina" in client.get(page).content.decode()


def test_a_medicine_is_changed_and_taken_out(clinic: World) -> None:
    client, draft, address = editor(clinic, "COMMON")
    with clinic.enter(Role.PROFESSIONAL):
        (item,) = prescribing.items_of(draft)
    form = client.get(address, {"item": str(item.pk)}).context["item_form"]
    assert form.initial["medicine"] == "Dipirona 500 mg"
    changed = {"what": "item", "item": str(item.pk), "medicine": "Paracetamol", "posology": "Tomar", "quantity": "1,5"}
    assert client.post(address, changed).status_code == 302
    with clinic.enter(Role.PROFESSIONAL):
        (item,) = prescribing.items_of(draft)
        assert (item.medicine, item.amount("quantity")) == ("Paracetamol", "1.5")
    assert client.post(address, {"what": "remove", "item": str(item.pk)}).status_code == 302
    with clinic.enter(Role.PROFESSIONAL):
        assert prescribing.items_of(draft) == []


def test_what_is_refused_stays_typed(clinic: World) -> None:
    client, _draft, address = editor(clinic)
    answer = client.post(address, {"what": "item", "medicine": "Cocaína", "posology": "Uso proibido mesmo"})
    assert answer.status_code == 409
    assert "Uso proibido mesmo" in answer.content.decode()
    answer = client.post(address, {"what": "item", "medicine": "Dipirona", "posology": ""})
    assert answer.status_code == 200
    assert answer.context["item_form"].errors


def test_an_allergy_is_loud(clinic: World) -> None:
    with clinic.enter(Role.PROFESSIONAL):
        PatientAlert.objects.create(patient=clinic.patients[0], kind="allergy", severity="high", text="penicilina")
    client, _draft, address = editor(clinic, "RET_ANTIMICROBIAL")
    assert [one.grave for one in client.get(address).context["plan"].warnings] == [True]


def test_details_templates_and_throwing_away(clinic: World) -> None:
    client, draft, address = editor(clinic, "COMMON")
    details = {"what": "details", "purpose": "care", "cid": "R52", "guidance": "Beber água"}
    assert client.post(address, details).status_code == 302
    assert client.post(address.replace("change", "template"), {"name": "Dor"}).status_code == 302
    assert client.post(address.replace("change", "template"), {"name": "Dor"}).status_code == 200
    with clinic.enter(Role.PROFESSIONAL):
        template = PrescriptionTemplate.objects.get(name="Dor")
        assert Prescription.objects.get(pk=draft.pk).guidance == "Beber água"
    assert client.post(address, {"what": "template", "template": str(template.pk)}).status_code == 302
    with clinic.enter(Role.PROFESSIONAL):
        assert len(prescribing.items_of(draft)) == 2
    assert client.get(address.replace("change", "discard")).status_code == 200
    assert client.post(address.replace("change", "discard")).status_code == 302
    with clinic.enter(Role.PROFESSIONAL):
        assert not Prescription.objects.filter(pk=draft.pk).exists()


def test_cancelled_and_renewed(clinic: World) -> None:
    (made,) = issue(clinic, "COMMON")
    client = signed_in(clinic.user(Role.PROFESSIONAL))
    address = reverse("admin:patients_prescription_cancel", args=[made.pk])
    assert client.post(address, {"reason": ""}).status_code == 200
    assert client.post(address, {"reason": "dose errada"}).status_code == 302
    assert "dose errada" in client.get(address.replace("cancel", "change")).content.decode()
    assert "CANCELADA" in text_of(clinic, made)[0].upper()
    answer = client.post(reverse("admin:patients_prescription_renew", args=[made.pk]))
    assert client.get(answer.headers["Location"]).context["plan"].reasons == []


def test_issuing_says_every_reason(clinic_a: World) -> None:
    client, _draft, address = editor(clinic_a, "RCE")
    answer = client.post(address.replace("change", "issue"), follow=True)
    said = [str(message) for message in answer.context["messages"]]
    assert len(said) == 2
    # No medicine and no name travels in a message.
    assert not [text for text in said if "Sertralina" in text or "Paciente" in text]


def test_the_starter_set_is_added_once_and_can_be_edited(clinic: World) -> None:
    client = signed_in(clinic.user(Role.MANAGER))
    url = reverse("admin:patients_prescriptiontemplate_starters")
    assert client.post(url).status_code == 302
    assert client.post(url).status_code == 302
    with clinic.enter(Role.PROFESSIONAL):
        templates = list(PrescriptionTemplate.objects.exclude(starter=""))
        assert len(templates) >= 10
        # Every one of them is common: no retention, no control.
        for template in templates:
            draft = prescribing.begin(patient=clinic.patients[0].pk)
            prescribing.apply_template(draft, template, today=timezone.localdate())
            assert {item.kind for item in prescribing.items_of(draft)} == {"COMMON"}, template.name


def test_numbers_and_substances(clinic: World) -> None:
    client = signed_in(clinic.user(Role.PROFESSIONAL))
    url = reverse("admin:patients_prescription_numbers")
    for typed, status in (("2026.1-00.0000001\n2026.1-00.0000002", 302), ("2026.1-00.0000001", 200), ("x", 200)):
        assert client.post(url, {"sncr_type": "RCE", "numbers": typed}).status_code == status
    assert ("RCE", 2, 0) in client.get(url).context["lines"]
    url = reverse("admin:patients_prescription_substances")
    assert len(client.get(url).context["substances"]) >= 150
    assert [one.code for one in client.post(url, {"q": "rivo"}).context["substances"]] == ["clonazepam"]


@pytest.mark.parametrize("role", [Role.MANAGER, Role.RECEPTION, Role.DPO, Role.AUDITOR])
def test_nobody_else_has_the_pages(clinic: World, role: str) -> None:
    (made,) = issue(clinic, "COMMON")
    client = signed_in(clinic.user(role))
    for name in ("change", "pdf", "cancel", "issue", "renew", "template", "discard"):
        assert client.get(reverse(f"admin:patients_prescription_{name}", args=[made.pk])).status_code == 403
    for name in ("numbers", "substances", "changelist"):
        assert client.get(reverse(f"admin:patients_prescription_{name}")).status_code == 403


# --- paper ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MEDICINES)
def test_the_paper_says_everything(clinic: World, kind: str) -> None:
    (made,) = issue(clinic, kind, terms_given=True)
    pages = text_of(clinic, made)
    unit = MEDICINES[kind].get("unit", "comprimidos")
    assert len(pages) == (2 if kind in {"RCE", "RET_ANTIMICROBIAL", "RET_GLP1"} else 1)
    for page in pages:
        for wanted in (
            "Paciente ALFAZEMA 0", "Rua das Acácias, 10", "Dra. ALFAZEMA", "CRM-SP 123456",
            f"30 {unit}", f"trinta {unit}", f"{made.valid_until:%d/%m/%Y}", f"{made.issued_on:%d/%m/%Y}",
            MEDICINES[kind]["posology"],
        ):  # fmt: skip
            assert wanted in page, (kind, wanted)
        assert ("390.533.447-05" in page) or kind == "COMMON"
        if kind != "COMMON":
            assert "CNES 1234567" in page
            assert "(19) 3234-5678" in page
        assert ("46 anos" in page or "45 anos" in page) is kind.startswith("RET")
    if kind in {"NRA", "NRB", "NRB2", "NRR"}:
        assert "RASCUNHO SEM VALIDADE" in pages[0]
    elif kind != "COMMON":
        assert ["1ª via" in page for page in pages] == [True, False]
        assert ["2ª via" in page for page in pages] == [False, True]
        assert "SNCR" in pages[0]


def test_anabolics_carry_cpf_and_cid_and_others_do_not(clinic: World) -> None:
    with clinic.enter(Role.PROFESSIONAL):
        draft = prescribing.begin(patient=clinic.patients[0].pk, cid="E29.1")
        prescribing.put_item(
            draft, today=timezone.localdate(), medicine="Testosterona", posology="Aplicar", quantity=1, unit="ampola",
            days=60, concentration="250 mg/mL", form="solução injetável",
        )  # fmt: skip
        (made,) = prescribing.issue(draft.pk, today=timezone.localdate())
    assert "529.982.247-25" in text_of(clinic, made)[0]
    assert "E29.1" in text_of(clinic, made)[0]
    (other,) = issue(clinic, "RCE", cid="F33")
    assert "529.982.247-25" not in text_of(clinic, other)[0]
    assert "F33" not in text_of(clinic, other)[0]


def test_the_paper_stays_what_it_was(clinic: World) -> None:
    (made,) = issue(clinic, "RCE")
    from clinics.models import Professional
    from tests.factories import JOB

    with context.enter(JOB, clinic.clinic.pk):
        Professional.objects.filter(pk=clinic.professional.pk).update(full_name="Outra Pessoa")
        patient = clinic.patients[0]
        patient.street = "Outra rua"
        patient.save(update_fields=["street"])
    page = text_of(clinic, made)[0]
    assert "Outra" not in page
    assert "Rua das Acácias" in page


def test_a_print_is_in_the_log(clinic: World) -> None:
    (made,) = issue(clinic, "RCE")
    text_of(clinic, made)
    with clinic.enter(Role.DPO):
        from compliance.models import AuditLog

        (entry,) = AuditLog.objects.filter(action="PRINT")
        assert (entry.changes or {})["purpose"] == "admin:patients_prescription_pdf"
