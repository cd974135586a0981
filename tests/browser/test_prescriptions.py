"""A special control prescription in a real browser: written, split from the rest, printed to be signed by hand."""

import io
import re
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from clinics.roles import Role
from patients import records
from patients.models import Prescription
from patients.prescription_templates import install_starters
from tests.browser.conftest import sign_in
from tests.browser.test_records import SHOTS, shoot
from tests.factories import make_world
from tests.patients.prescriptions import equip

pytestmark = pytest.mark.browser


def test_a_special_control_prescription_is_printed_for_a_signature_by_hand(page: Page) -> None:
    world = equip(make_world("BERGAMOTA", patients=2))
    patient = world.patients[0]
    with world.enter(Role.PROFESSIONAL):
        install_starters()
        records.add_alert(patient=patient.pk, kind="allergy", severity="high", text="dipirona")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, world.user(Role.PROFESSIONAL).email)

    page.goto(f"/admin/patients/patient/{patient.pk}/change/")
    page.locator(f'a[href="/admin/patients/patient/{patient.pk}/prescriptions/"]').first.click()
    page.get_by_role("button", name="Nova prescrição").click()
    expect(page.get_by_text("Esta prescrição ainda não pode ser emitida.")).to_be_visible()

    # A template's medicine meets an allergy, loudly.
    page.locator("#id_template").select_option(label="Dor leve a moderada")
    page.get_by_role("button", name="Adicionar os medicamentos do modelo").click()
    expect(page.get_by_role("alert").filter(has_text="dipirona")).to_be_visible()

    # A trade name is recognised; over the limit, the norm is cited.
    page.locator("#id_medicine").fill("Zoloft 50 mg")
    page.locator("#id_concentration").fill("50 mg")
    page.locator("#id_form").fill("comprimido")
    page.locator("#id_quantity").fill("90")
    page.locator("#id_unit").fill("comprimidos")
    page.locator("#id_posology").fill("Tomar 1 comprimido pela manhã")
    page.locator("#id_days").fill("90")
    page.get_by_role("button", name="Adicionar o medicamento").click()
    expect(page.locator(".np-doc").filter(has_text="controle especial")).to_contain_text("Portaria 344/1998")
    shoot(page, "prescription-editor")
    page.get_by_role("link", name=re.compile("Alterar Zoloft")).click()
    page.locator("#id_quantity").fill("60")
    page.locator("#id_days").fill("60")
    page.get_by_role("button", name="Salvar o medicamento").click()
    expect(page.get_by_text("sessenta comprimidos")).to_be_visible()
    expect(page.get_by_text("2 vias em papel, assinadas à mão")).to_be_visible()

    # Issued: one document a type.
    page.get_by_role("button", name="Emitir para impressão").click()
    expect(page.get_by_role("link", name="Receita de controle especial")).to_be_visible()
    shoot(page, "prescriptions-of-patient")
    page.get_by_role("link", name="Receita de controle especial").click()
    expect(page.get_by_text("Impressa para assinatura manuscrita. Sem número do SNCR")).to_be_visible()
    shoot(page, "prescription-issued")
    link = page.get_by_role("link", name="Abrir para impressão (PDF)").get_attribute("href")
    assert link
    answer = page.context.request.get(link)
    assert answer.ok
    if SHOTS:
        (Path(SHOTS) / "prescription.pdf").write_bytes(answer.body())
    pages = [" ".join(one.extract_text().split()) for one in PdfReader(io.BytesIO(answer.body())).pages]
    assert len(pages) == 2
    assert "1ª via – retenção da farmácia" in pages[0]
    assert "2ª via – paciente" in pages[1]
    assert "60 comprimidos (sessenta comprimidos)" in pages[0]
    with world.enter(Role.PROFESSIONAL):
        issued = Prescription.objects.filter(patient=patient, status="issued")
        assert sorted(issued.values_list("kind", "is_electronic")) == [("COMMON", False), ("RCE", False)]
        assert {one.issued_on for one in issued} == {timezone.localdate()}

    # Cancelled with a reason.
    page.get_by_role("link", name="Cancelar a prescrição").click()
    page.locator("#id_reason").fill("troca de medicamento")
    page.get_by_role("button", name="Cancelar a prescrição").click()
    expect(page.get_by_text("troca de medicamento")).to_be_visible()
    assert not [url for url in asked if re.search("zoloft|sertralina|bergamota|dipirona", url, re.IGNORECASE)]
