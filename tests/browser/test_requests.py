"""Access in the browser: request → identity checked → package downloaded → ZIP opened with its password, validated."""

import io
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyzipper
from django.utils import timezone
from fhir.resources.R4B.bundle import Bundle
from playwright.sync_api import Page, expect

from clinics.roles import Role
from compliance import requests
from tests.browser.conftest import sign_in
from tests.factories import make_world


def shots(page: Page, name: str) -> None:
    """Pictures, light and dark, wide and narrow, where NEONPRO_SHOTS says where to put them."""
    if place := os.environ.get("NEONPRO_SHOTS"):
        for scheme in ("light", "dark"):
            for width in (1400, 390):
                page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
                page.set_viewport_size({"width": width, "height": 900})
                page.screenshot(path=str(Path(place) / f"{name}-{scheme}-{width}.png"), full_page=True)
        page.evaluate("document.documentElement.classList.remove('dark')")
        page.set_viewport_size({"width": 1400, "height": 900})


def test_access(page: Page) -> None:
    world = make_world("ACEROLA", signed=True)
    with world.enter(Role.DPO):
        patient: Any = world.patients[-1]
        patient.refresh_from_db()
        for kind, days in (("CORRECTION", 40), ("OPPOSE", 13), ("CONFIRMATION", 0)):
            requests.open_request(
                patient_id=patient.pk, kind=kind, channel="email", received_at=timezone.now() - timedelta(days=days)
            )
    sign_in(page, world.user(Role.DPO).email)
    shots(page, "requests-dashboard")
    page.goto("/admin/compliance/datarequest/add/")
    page.get_by_label("Número do prontuário").fill(str(patient))
    page.locator("#id_kind").select_option("ACCESS")
    page.locator("#id_channel").select_option("in_person")
    shots(page, "requests-add")
    page.get_by_role("button", name="Salvar", exact=True).click()
    shots(page, "requests-new")
    page.get_by_label("Identidade conferida por").select_option("document")
    page.get_by_role("button", name="Anotar a conferência").click()
    shots(page, "requests-identified")
    page.get_by_label("Sua própria senha, de novo").fill("senha de teste bem longa")
    page.get_by_role("button", name="Preparar o pacote").click()
    password = page.locator("code").inner_text()
    shots(page, "requests-ticket")
    with page.expect_download() as download:
        page.get_by_role("button", name="Baixar o pacote").click()
    content = Path(download.value.path()).read_bytes()
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(password.encode())
        data = json.loads(archive.read("dados.json"))
        assert Bundle.model_validate_json(archive.read("fhir-r4.json")).entry
        document = archive.read("dados.pdf")
    if place := os.environ.get("NEONPRO_SHOTS"):
        (Path(place) / "pacote.pdf").write_bytes(document)
    assert any(table["table"] == "medical_records" and table["rows"] for table in data["tables"])
    for password in ("errada", "senha de teste bem longa"):
        page.goto(page.url)
        page.locator("summary", has_text="Liberar o pacote").click()
        expect(page.get_by_label("Resposta, como o titular vai ler")).to_contain_text("por 15 dias")
        page.get_by_label("Sua própria senha, para confirmar a liberação").fill(password)
        page.get_by_role("button", name="Liberar o pacote").click()
        shots(page, f"requests-release-{len(password)}")
    expect(page.get_by_text("O titular pode baixá-lo até").last).to_be_visible()
    page.goto("/admin/compliance/datarequest/")
    shots(page, "requests-queue")
