"""The encarregado notes what the committee decided, and eliminates the record, in the browser."""

from pathlib import Path
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page

from clinics.roles import Role
from compliance.models import Erasure
from tests.browser.conftest import sign_in
from tests.browser.test_erasure import shot
from tests.compliance.test_disposal import age
from tests.factories import make_world


def both(page: Page, name: str) -> None:
    """Wide and light, narrow and dark."""
    shot(page, name)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    shot(page, f"{name}-390-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1400, "height": 900})


def test_the_committee_eliminates_a_record(page: Page, settings: Any, tmp_path: Path) -> None:
    settings.NEONPRO_ERASURE_LEDGER = str(tmp_path / "ledger")
    world = make_world("ESTRAGAO", signed=True)
    old = world.patients[-1]
    age(old.pk)
    sign_in(page, world.user(Role.DPO).email)
    page.get_by_role("link", name="Descarte de prontuários").first.click()
    both(page, "disposal-list")
    page.goto("/admin/compliance/disposalact/add/")
    page.get_by_label("Número").fill("7/2026")
    page.get_by_label("Decidido em").fill(f"{timezone.localdate():%d/%m/%Y}")
    page.get_by_label("Membros").fill("Ana Lima, Rui Sá")
    page.get_by_label("Decisão").select_option("ELIMINATE")
    page.get_by_label("Motivo").fill("Prazo de guarda vencido, sem interesse para o ensino")
    page.get_by_label(str(old)).check()
    both(page, "disposal-add")
    page.get_by_role("button", name="Salvar", exact=True).click()
    page.get_by_role("link", name="7/2026").click()
    both(page, "disposal-act")
    page.get_by_role("link", name="Eliminação", exact=True).click()
    both(page, "disposal-plan")
    page.get_by_role("button", name="Propor esta eliminação").click()
    page.get_by_label("Sua senha, como único encarregado").fill("senha de teste bem longa")
    page.get_by_role("button", name="Aprovar").click()
    page.get_by_label("Sei que isto não pode ser desfeito").check()
    page.get_by_role("button", name="Eliminar em definitivo").click()
    page.get_by_role("button", name="Baixar o certificado").wait_for()
    both(page, "disposal-done")
    with world.enter(Role.DPO):
        assert Erasure.objects.get(kind="disposal").executed_at
