"""A visit booked from the agenda by keyboard alone, brought on by one key, and the next one from the offered times."""

import os
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clinics.roles import Role
from patients.models import Appointment
from tests.browser.conftest import sign_in
from tests.browser.test_reception import choose_patient
from tests.factories import make_world

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("NEONPRO_SHOTS")
"""A folder to leave pictures in, for whoever wants to look."""


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"agenda-{name}.png", full_page=True)


def test_booked_by_keyboard_confirmed_and_booked_again_from_the_offer(page: Page) -> None:
    world = make_world("ALFAZEMA")
    sign_in(page, world.user(Role.RECEPTION).email)
    page.goto("/admin/patients/appointment/day/?day=2030-01-07")
    expect(page.get_by_role("link", name="Paciente ALFAZEMA 0")).to_be_visible()
    shot(page, "day-light")
    # To the first time that is free, one down and back up again, Enter.
    page.locator(".np-free a").first.focus()
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#id_day")).to_have_value("07/01/2030")
    expect(page.locator("#id_time")).to_have_value("08:00")
    choose_patient(page, "alfazema 0", "Paciente ALFAZEMA 0")
    page.locator("#id_service").select_option(label=str(world.service))
    page.get_by_role("button", name="Salvar", exact=True).press("Enter")
    expect(page.locator("#result_list")).to_be_visible()

    # Its state changes in one step, without leaving the page, and back.
    page.goto("/admin/patients/appointment/day/?day=2030-01-07")
    page.get_by_role("button", name="Confirmar").first.press("Enter")
    expect(page.locator("#agenda")).to_contain_text("O atendimento agora está: Confirmado")
    page.get_by_role("button", name="Desfazer").press("Enter")
    expect(page.locator(".np-visit .np-state", has_text="Confirmado")).to_have_count(0)

    # The same time again: the next free ones are offered, and one of them takes it with all that was typed.
    page.goto(
        f"/admin/patients/appointment/add/?professional={world.director.pk}&service={world.service.pk}"
        f"&day=07/01/2030&time=08:00&patient={world.patients[2].pk}"
    )
    page.locator("#id_note").fill("retorno")
    page.get_by_role("button", name="Salvar", exact=True).press("Enter")
    offered = page.locator(".np-offered button")
    expect(offered).to_have_count(3)
    shot(page, "offered")
    offered.first.press("Enter")
    expect(page.locator("#result_list")).to_be_visible()
    with world.enter():
        made = Appointment.objects.filter(day=date(2030, 1, 7)).order_by("starts_at")
        assert len(made) == 5
        assert made[1].note == "retorno"

    if SHOTS:
        page.goto("/admin/patients/appointment/week/?day=2030-01-07")
        shot(page, "week-light")
        page.emulate_media(media="print")
        shot(page, "week-print")
        page.emulate_media(media="screen", color_scheme="dark")
        page.goto("/admin/patients/appointment/day/?day=2030-01-07")
        shot(page, "day-dark")
        page.set_viewport_size({"width": 390, "height": 844})
        shot(page, "day-narrow")
