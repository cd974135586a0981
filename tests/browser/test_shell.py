"""The shell in a real browser. The `page` fixture sees to it that no page breaks the content security policy."""

import json

import pytest
from playwright.sync_api import Page, expect

from clinics.roles import Role
from patients.models import Patient
from tests.browser.conftest import sign_in
from tests.factories import World, join, make_world

pytestmark = pytest.mark.browser


def in_both_clinics(role: str = Role.MANAGER) -> tuple[World, World]:
    """Two clinics; the first one's user of this role works in the second, too."""
    first, second = make_world("ALFAZEMA"), make_world("BERGAMOTA", patients=0)
    join(first.user(role), second.clinic.pk, role)
    return first, second


def open_clinic(page: Page) -> str:
    return page.locator(".np-place .np-two-lines > span").first.inner_text()


def test_every_kind_of_page_obeys_the_policy_and_the_colours_can_be_chosen(page: Page) -> None:
    world = make_world("ALFAZEMA")
    page.goto("/admin/login/")
    page.locator("[name=username]").fill("ninguem@alfazema.example")
    page.locator("[name=password]").fill("errada")
    page.locator("#login-form [type=submit]").click()
    expect(page.get_by_role("alert")).to_be_visible()

    sign_in(page, world.user(Role.MANAGER).email)
    page.locator(".np-account > summary").click()
    page.locator(".np-themes button").nth(1).click()
    patient = f"/admin/patients/patient/{world.patients[0].pk}"
    for address in (
        "/admin/", "/admin/patients/appointment/", "/admin/patients/patient/", f"{patient}/change/",
        f"{patient}/history/", "/admin/patients/appointment/add/", "/admin/compliance/auditlog/",
        f"/admin/clinics/service/{world.service.pk}/delete/", "/admin/password_change/", "/admin/nada/",
    ):  # fmt: skip
        page.goto(address)
        expect(page.locator("html")).to_have_class("dark")
    page.evaluate("localStorage.clear()")
    page.goto("/admin/")
    expect(page.locator("html")).not_to_have_class("dark")


def test_the_menu_opens_and_closes_by_keyboard(page: Page) -> None:
    world = make_world("ALFAZEMA")
    sign_in(page, world.user(Role.RECEPTION).email)
    toggle, menu = page.locator(".np-bar button:visible"), page.locator("#nav-sidebar")
    expect(menu).to_be_visible()
    toggle.focus()
    page.keyboard.press("Enter")
    expect(menu).to_be_hidden()
    expect(toggle).to_have_attribute("aria-expanded", "false")
    page.reload()
    expect(menu).to_be_hidden()

    page.set_viewport_size({"width": 420, "height": 800})
    toggle = page.locator(".np-bar button:visible")
    toggle.focus()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    page.locator(".np-close").focus()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_the_clinic_is_switched_by_keyboard(page: Page) -> None:
    first, second = in_both_clinics()
    sign_in(page, first.user(Role.MANAGER).email)
    page.locator(".np-place summary").focus()
    page.keyboard.press("Enter")
    choice = page.get_by_role("button", name=second.clinic.trade_name)
    expect(choice).to_be_visible()
    page.keyboard.press("Escape")
    expect(choice).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(choice).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".np-place summary")).to_contain_text(second.clinic.trade_name)
    expect(page).to_have_title(f"{page.locator('h1').inner_text()} · {second.clinic.trade_name} · NeonPro")


def test_a_form_left_open_in_another_tab_reaches_its_own_clinic(page: Page) -> None:
    first, second = in_both_clinics()
    sign_in(page, first.user(Role.MANAGER).email)
    page.goto("/admin/patients/patient/add/")
    page.locator("[name=name]").fill("Paciente de outra aba")

    other = page.context.new_page()
    other.goto("/admin/")
    other.locator(".np-place summary").click()
    other.get_by_role("button", name=second.clinic.trade_name).click()
    expect(other.locator(".np-place summary")).to_contain_text(second.clinic.trade_name)

    page.locator("[name=_save]").click()
    expect(page.locator("h1")).to_be_visible()
    assert page.locator(".np-sheet strong").all_inner_texts() == [first.clinic.trade_name, second.clinic.trade_name]
    page.locator(".np-sheet form [type=submit]").click()
    page.wait_for_url("**/admin/patients/patient/")
    assert open_clinic(page) == first.clinic.trade_name
    with first.enter(Role.MANAGER):
        assert [patient.name for patient in Patient.objects.all()].count("Paciente de outra aba") == 1
    with second.enter(Role.MANAGER):
        assert Patient.objects.count() == 0


def test_a_patient_is_found_by_keyboard_and_nothing_remembers_it(page: Page) -> None:
    world = make_world("ALFAZEMA")
    with world.enter(Role.RECEPTION):
        sought = Patient.objects.create(name="Jurema Alfazema Prado")
    sign_in(page, world.user(Role.RECEPTION).email)
    page.goto("/admin/patients/appointment/")
    box = page.locator("input[type=checkbox], #searchbar").first
    box.focus()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("Control+k")
    page.keyboard.type("alfa jur")
    found = page.locator("#command-results a")
    expect(found).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(found).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#command input")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/admin/patients/patient/{sought.pk}/page/")
    assert not [address for address in asked if "alfa" in address.lower()]
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, history.state])")
    assert "alfa" not in json.dumps(json.loads(stored)).lower()


def test_a_search_from_a_page_of_another_clinic_says_that_it_failed(page: Page) -> None:
    first, second = in_both_clinics()
    sign_in(page, first.user(Role.MANAGER).email)
    other = page.context.new_page()
    other.goto("/admin/")
    other.locator(".np-place summary").click()
    other.get_by_role("button", name=second.clinic.trade_name).click()
    expect(other.locator(".np-place summary")).to_contain_text(second.clinic.trade_name)

    page.locator("[data-opens-command]").click()
    page.keyboard.type("paciente")
    expect(page.locator("#command-results p")).to_be_visible()
    expect(page.locator("#command-results a")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#command")).to_be_hidden()
    expect(page.locator("#command-results")).to_be_empty()
