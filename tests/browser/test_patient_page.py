"""The patient's page in a real browser: found by search, read by keyboard, printed with a trace; who sees what."""

import pytest
from playwright.sync_api import Page, expect

from clinics.roles import Role
from tests.browser.conftest import sign_in
from tests.factories import make_colleague, make_world

pytestmark = pytest.mark.browser


def open_patient(page: Page, name: str) -> None:
    """Find a patient as people do, and open the page."""
    page.goto("/admin/patients/patient/")
    page.locator("#searchbar").fill(name)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=2, name=name)).to_be_visible()


def test_a_professional_reads_and_jumps_by_keyboard(page: Page) -> None:
    world = make_world("ALFAZEMA")
    sign_in(page, world.user(Role.PROFESSIONAL).email)
    open_patient(page, "Paciente ALFAZEMA 2")
    assert "/page/" in page.url
    alerts = page.get_by_role("region", name="Alergias e alertas")
    expect(alerts).to_contain_text("dipirona ALFAZEMA")
    expect(page.get_by_role("region", name="Prontuário")).to_contain_text("queixa ALFAZEMA")

    # What matters stands above what explains it.
    above = alerts.bounding_box()
    below = page.get_by_role("region", name="Prontuário").bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]

    # To a section and on from there, by keyboard alone.
    page.get_by_role("navigation", name="Nesta página").get_by_role("link", name="Prontuário").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#entries")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#entries").get_by_role("link").first).to_be_focused()

    # The form of the registration is one click away, and the way back too.
    page.get_by_role("link", name="Editar cadastro").click()
    expect(page.locator("#id_name")).to_have_value("Paciente ALFAZEMA 2")

    # On a telephone nothing sticks out to the side.
    page.go_back()
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_paper_comes_from_the_print_page_alone(page: Page) -> None:
    world = make_world("ALFAZEMA")
    sign_in(page, world.user(Role.PROFESSIONAL).email)
    open_patient(page, "Paciente ALFAZEMA 2")
    page.emulate_media(media="print")
    expect(page.get_by_text("o que sai em papel fica registrado")).to_be_visible()
    expect(page.get_by_text("dipirona ALFAZEMA")).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("link", name="Imprimir").click()
    page.emulate_media(media="print")
    expect(page.get_by_text("dipirona ALFAZEMA")).to_be_visible()
    expect(page.get_by_text("a impressão fica registrada")).to_be_visible()
    expect(page.locator(".np-sidebar")).to_be_hidden()


def test_reception_and_a_colleague_outside_see_what_is_theirs(page: Page) -> None:
    world = make_world("ALFAZEMA")
    colleague, _professional = make_colleague(world)
    sign_in(page, world.user(Role.RECEPTION).email)
    open_patient(page, "Paciente ALFAZEMA 2")
    expect(page.get_by_role("region", name="Atendimentos")).to_be_visible()
    expect(page.get_by_text("ALFAZEMA", exact=False).filter(has_text="dipirona")).to_have_count(0)
    expect(page.get_by_role("region", name="Prontuário")).to_have_count(0)
    page.get_by_role("link", name="Agendar atendimento").click()
    expect(page.locator("#select2-id_patient-container")).to_contain_text("Paciente ALFAZEMA 2")

    page.context.clear_cookies()
    sign_in(page, colleague.email)
    open_patient(page, "Paciente ALFAZEMA 2")
    expect(page.get_by_role("note")).to_contain_text("não está na equipe de cuidado")
    expect(page.get_by_role("note")).to_contain_text(str(world.professional))
    expect(page.get_by_role("region", name="Prontuário")).to_have_count(0)
