"""A professional's signature in a real browser: finalise, sign, download, verify, addendum, several at once."""

import os
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from clinics.roles import Role
from neonpro import pades
from patients.models import RecordSignature
from tests import pki
from tests.browser.conftest import sign_in
from tests.factories import make_world, write_entry
from tests.patients.test_signing import ready, roots

__all__ = ["roots"]

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("NEONPRO_SHOTS", "")


def shoot(page: Page, name: str) -> None:
    """Keep what the page looks like, where somebody asked for it (NEONPRO_SHOTS names a directory)."""
    if not SHOTS:
        return
    for scheme in ("light", "dark"):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
        for width in (1400, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=Path(SHOTS) / f"{name}-{scheme}-{width}.png", full_page=True)
    page.evaluate("document.documentElement.classList.remove('dark')")
    page.set_viewport_size({"width": 1400, "height": 900})


def fill_certificate(page: Page, tmp_path: Path, password: str = pki.PASSWORD) -> None:
    """Choose the file and type the password."""
    file = tmp_path / "certificado.pfx"
    file.write_bytes(pki.pfx())
    page.get_by_label("Certificado A1").set_input_files(file)
    page.get_by_role("textbox", name="Senha do certificado").fill(password)


def test_a_professional_signs(page: Page, tmp_path: Path, roots: pades.Roots) -> None:
    world = ready(make_world("ALFAZEMA"))
    with world.enter(Role.PROFESSIONAL):
        draft = write_entry(world.patients[0], "Evolução favorável, sem queixas.", final=False)
    sign_in(page, world.user(Role.PROFESSIONAL).email)

    # Finalised, and from there to its signature.
    page.goto(f"/admin/patients/medicalrecord/{draft.pk}/finalise/")
    page.locator("main form button[type=submit]").last.click()
    page.get_by_role("link", name="Assinar", exact=True).click()
    expect(page.locator("#np-sign input[name=record]:checked")).to_have_count(1)
    shoot(page, "sign")

    # A wrong password says so, and nothing of it stays in the page.
    fill_certificate(page, tmp_path, "errada")
    page.get_by_role("button", name="Assinar os registros escolhidos").click()
    expect(page.locator("#np-progress-text")).to_contain_text("senha do certificado está errada")
    expect(page.get_by_role("textbox", name="Senha do certificado")).to_have_value("")

    # Both entries in one act, by keyboard, one result each.
    page.locator("#np-sign input[name=record]").nth(0).set_checked(True)
    page.locator("#np-sign input[name=record]").nth(1).set_checked(True)
    page.get_by_role("textbox", name="Senha do certificado").fill(pki.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#np-progress-text")).to_have_text("2 de 2 registros assinados.")
    expect(page.locator(".np-tag-success", has_text="assinado")).to_have_count(2)
    shoot(page, "signed")

    # The kept document: downloaded as it was signed, and verified in words.
    page.goto(f"/admin/patients/medicalrecord/{draft.pk}/change/")
    page.get_by_role("link", name="Documento assinado").click()
    shoot(page, "signature")
    with page.expect_download() as download:
        page.get_by_role("button", name="Baixar o PDF assinado").click()
    content = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename.startswith("documento-assinado-")
    assert pades.verify(content, roots=pki.roots(icp=True)).ok
    text = "".join(paper.extract_text() for paper in PdfReader(BytesIO(content)).pages)
    assert "Evolução favorável" in text
    if SHOTS:
        (Path(SHOTS) / "signed.pdf").write_bytes(content)
    page.get_by_role("link", name="Verificar assinatura").click()
    expect(page.locator("main")).to_contain_text("a assinatura foi confirmada")
    expect(page.locator("main")).to_contain_text("Revogação do certificado: não verificada")
    shoot(page, "verify")

    # Signed is final: what remains is an addendum.
    page.goto(f"/admin/patients/medicalrecord/{draft.pk}/change/")
    expect(page.get_by_role("link", name="Assinar", exact=True)).to_have_count(0)
    expect(page.locator("main")).to_contain_text("assinado")
    page.locator(f"a[href='/admin/patients/medicalrecord/{draft.pk}/addendum/']").click()
    page.locator("main form textarea").fill("Faltou a dose.")
    page.locator("main form button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("Faltou a dose.")
    page.goto("/admin/patients/recordsignature/")
    shoot(page, "signatures")
    with world.enter(Role.PROFESSIONAL):
        assert RecordSignature.objects.count() == 2


def test_signing_works_without_scripts(page: Page, tmp_path: Path, roots: pades.Roots) -> None:
    world = ready(make_world("ALFAZEMA"))
    sign_in(page, world.user(Role.PROFESSIONAL).email)
    page.route("**/signing.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto("/admin/patients/recordsignature/sign/")
    fill_certificate(page, tmp_path)
    page.get_by_role("button", name="Assinar os registros escolhidos").click()
    expect(page.get_by_role("heading", name="1 de 1 registro assinado")).to_be_visible()
    shoot(page, "results")
