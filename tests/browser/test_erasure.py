"""The encarregado erases a contact in the browser: request, plan, confirmation, execution, certificate."""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from clinics.roles import Role
from compliance.models import DataRequest
from patients.models import Patient
from tests.browser.conftest import sign_in
from tests.erasing import asked
from tests.factories import make_world


def shot(page: Page, name: str) -> None:
    """A picture, where NEONPRO_SHOTS says where to put it."""
    if folder := os.environ.get("NEONPRO_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_a_contact_is_erased(page: Page, settings: Any, tmp_path: Path) -> None:
    settings.NEONPRO_ERASURE_LEDGER = str(tmp_path / "ledger")
    world = make_world("ESTRAGAO", signed=True)
    with world.enter():
        lead = Patient.objects.create(name="Leda Contato", phone="11955554444")
    with world.enter(Role.DPO):
        request = asked(world, lead.pk)
        of_record = asked(world, world.patients[-1].pk)
    sign_in(page, world.user(Role.DPO).email)
    page.goto("/admin/compliance/datarequest/")
    shot(page, "erasure-queue")
    page.goto(f"/admin/compliance/datarequest/{of_record.pk}/erasure/")
    shot(page, "erasure-plan")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    shot(page, "erasure-plan-390-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1400, "height": 900})
    page.goto(f"/admin/compliance/datarequest/{request.pk}/erasure/")
    page.get_by_role("button", name="Propor esta eliminação").click()
    page.get_by_label("Sua senha, como único encarregado").fill("senha de teste bem longa")
    shot(page, "erasure-approve")
    page.get_by_role("button", name="Aprovar").click()
    shot(page, "erasure-execute")
    with world.enter(Role.MANAGER):
        world.service.name = "Método Leda Contato"
        world.service.save()
    page.get_by_label("Sei que isto não pode ser desfeito").check()
    page.get_by_role("button", name="Eliminar em definitivo").click()
    # The words stand somewhere else too: whose they are is a person's to say, and the approval begins anew.
    for place in page.get_by_role("group", name="Onde ainda estão as mesmas palavras").get_by_role("checkbox").all():
        place.check()
    shot(page, "erasure-residue")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    shot(page, "erasure-residue-390-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1400, "height": 900})
    page.get_by_role("button", name="É de outra pessoa").click()
    page.get_by_label("Sua senha, como único encarregado").fill("senha de teste bem longa")
    page.get_by_role("button", name="Aprovar").click()
    page.get_by_label("Sei que isto não pode ser desfeito").check()
    page.get_by_role("button", name="Eliminar em definitivo").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Baixar o certificado").click()
    assert '"whole":true' in Path(download.value.path()).read_text("utf-8")
    with page.expect_download() as letter:
        page.get_by_role("button", name="Baixar a carta").click()
    if folder := os.environ.get("NEONPRO_SHOTS"):
        letter.value.save_as(Path(folder) / "erasure-letter.pdf")
    shot(page, "erasure-done")
    page.goto("/admin/compliance/legalhold/")
    shot(page, "erasure-holds")
    with world.enter(Role.DPO):
        assert DataRequest.objects.get(pk=request.pk).status == "answered"
