"""The medical record in a real browser: an entry is written from a template, autosaved, finalised, corrected."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clinics.roles import Role
from patients import care
from patients.models import CareTeam, MedicalRecord
from patients.templates import install_starters
from tests.browser.conftest import sign_in
from tests.factories import World, make_world

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("NEONPRO_SHOTS", "")
"""A folder for pictures of the pages; none are taken without one."""


def shoot(page: Page, name: str) -> None:
    """Pictures of a page, light and dark, wide and narrow."""
    if not SHOTS:
        return
    size = page.viewport_size
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
        for width in (1400, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=Path(SHOTS) / f"{name}-{scheme}-{width}.png", full_page=True)
    page.evaluate("document.documentElement.classList.remove('dark')")
    page.emulate_media(color_scheme="light")
    if size:
        page.set_viewport_size(size)


def stored(world: World) -> list[MedicalRecord]:
    with world.enter(Role.PROFESSIONAL):
        found = list(MedicalRecord.objects.filter(patient=world.patients[0]).order_by("created_at"))
        assert all(record.content for record in found)
        return found


def test_an_entry_from_the_first_word_to_its_addendum(page: Page) -> None:
    world = make_world("BERGAMOTA", patients=2)
    with world.enter(Role.PROFESSIONAL):
        install_starters()
    patient = world.patients[0]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, world.user(Role.PROFESSIONAL).email)

    # From the patient's page to the record, which is empty, and to an alert.
    page.goto(f"/admin/patients/patient/{patient.pk}/change/")
    page.get_by_role("link", name="Prontuário", exact=True).first.click()
    expect(page.get_by_text("Nenhuma alergia ou alerta anotado.")).to_be_visible()
    page.get_by_role("link", name="Alergias e alertas").click()
    page.locator("#id_kind").select_option(label="alergia")
    page.locator("#id_severity").select_option(label="grave")
    page.locator("#id_text").fill("Penicilina")
    shoot(page, "records-alerts")
    page.get_by_role("button", name="Incluir o alerta").click()
    expect(page.locator(".np-alerts")).to_contain_text("Penicilina")
    page.get_by_role("link", name="Prontuário", exact=True).click()

    # An anamnesis from a template, by keyboard; it is saved while it is written.
    page.locator("#id_template").select_option(label="Anamnese geral")
    page.get_by_role("button", name="Escrever com o modelo").focus()
    page.keyboard.press("Enter")
    field = page.locator("[name=section-anamnesis]")
    field.focus()
    page.keyboard.type("Tosse seca há três dias.")
    expect(page.locator("#np-saved")).to_have_text("Ainda não salvo")
    expect(page.locator("#np-saved")).to_contain_text("Rascunho salvo", timeout=15_000)
    assert stored(world)[0].sections[0]["text"] == "Tosse seca há três dias."

    # What is missing is named; nothing that was typed is lost.
    page.get_by_role("button", name="Revisar e finalizar").click()
    expect(page.get_by_role("alert")).to_contain_text("Exame físico")
    expect(page.get_by_text("nome da mãe")).to_be_visible()
    expect(page.get_by_role("button", name="Finalizar o registro")).to_have_count(0)
    shoot(page, "records-missing")
    page.get_by_role("link", name="Continuar escrevendo").first.click()
    page.locator("[name=section-examination]").fill("Bom estado geral. Ausculta limpa.")
    page.locator("[name=section-hypotheses]").fill("Infecção viral das vias aéreas superiores.")
    page.locator("[name=section-treatment]").fill("Sintomáticos e hidratação. Retorno se febre.")
    page.locator("#id_diagnoses").fill("J06.9 Infecção aguda das vias aéreas superiores")
    shoot(page, "records-editor")
    page.get_by_role("button", name="Revisar e finalizar").click()
    shoot(page, "records-finalise")
    page.get_by_role("button", name="Finalizar o registro").click()
    expect(page.get_by_text("O registro está finalizado.")).to_be_visible()
    expect(page.get_by_text("Dra. BERGAMOTA")).to_be_visible()

    # Corrected by an addendum, below the original.
    page.get_by_role("link", name="Escrever um adendo").click()
    page.locator("#id_reason").fill("Faltou a febre.")
    page.get_by_role("button", name="Continuar").click()
    page.locator("[name=section-addendum]").fill("Febre de 38 °C no primeiro dia.")
    page.get_by_role("button", name="Revisar e finalizar").click()
    page.get_by_role("button", name="Finalizar o registro").click()
    page.get_by_role("link", name="Todos os registros").click()
    expect(page.get_by_text("Tosse seca há três dias.")).to_be_visible()
    expect(page.get_by_text("Febre de 38 °C no primeiro dia.")).to_be_visible()
    shoot(page, "records-timeline")
    first, second = stored(world)
    assert (first.status, second.status, second.amends_id) == ("finalised", "finalised", first.pk)

    # On paper.
    page.goto(f"/admin/patients/medicalrecord/{first.pk}/print/")
    page.emulate_media(media="print")
    expect(page.locator(".np-sidebar")).to_be_hidden()
    expect(page.get_by_text("Tosse seca há três dias.")).to_be_visible()
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "records-print.png", full_page=True)
    page.emulate_media(media="screen")
    assert not [url for url in asked if "tosse" in url.lower() or "penicilina" in url.lower()]


def test_what_was_typed_survives_every_refusal(page: Page) -> None:
    world = make_world("ESTRAGAO", patients=2)
    patient = world.patients[0]
    sign_in(page, world.user(Role.PROFESSIONAL).email)
    page.goto(f"/admin/patients/patient/{patient.pk}/records/")
    page.get_by_label("Sem modelo").select_option(label="Evolução")
    page.get_by_role("button", name="Escrever", exact=True).click()
    field = page.locator("[name=section-evolution]")
    field.fill("Primeira versão")
    page.get_by_role("button", name="Salvar o rascunho").click()
    expect(page.get_by_text("O rascunho foi salvo.")).to_be_visible()

    # Saved in another window meanwhile: neither is overwritten.
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("[name=section-evolution]").fill("De outra janela")
    other.get_by_role("button", name="Salvar o rascunho").click()
    expect(other.get_by_text("O rascunho foi salvo.")).to_be_visible()
    other.close()
    field.fill("Desta janela")
    expect(page.locator("#np-saved")).to_contain_text("em outra janela", timeout=15_000)
    expect(field).to_have_value("Desta janela")
    page.get_by_role("button", name="Salvar o rascunho").click()
    expect(page.get_by_role("alert")).to_contain_text("em outra janela")
    expect(page.locator("[name=section-evolution]")).to_have_value("Desta janela")
    (draft,) = stored(world)
    assert draft.sections[0]["text"] == "De outra janela"

    # The care ends while somebody writes: what they typed is there to copy, and nothing else of the patient is.
    page.goto(f"/admin/patients/medicalrecord/{draft.pk}/change/")
    page.locator("[name=section-evolution]").fill("Escrito tarde demais")
    with world.enter(Role.MANAGER):
        care.end(CareTeam.objects.get(patient=patient, until=None).pk, reason="encerrado")
    page.get_by_role("button", name="Salvar o rascunho").click()
    expect(page.get_by_role("alert")).to_contain_text("não está mais")
    expect(page.get_by_label("Seção 1")).to_have_value("Escrito tarde demais")
    shoot(page, "records-kept")
    page.goto(f"/admin/patients/patient/{patient.pk}/records/")
    expect(page.get_by_role("note")).to_contain_text("não está aberto para você")
    shoot(page, "records-closed")


def test_the_care_team_on_screen(page: Page) -> None:
    world = make_world("DAMIANA", patients=2)
    sign_in(page, world.user(Role.MANAGER).email)
    page.goto(f"/admin/patients/patient/{world.patients[-1].pk}/change/")
    page.get_by_role("link", name="Equipe de cuidado").first.click()
    expect(page.get_by_text("em cuidado agora")).to_be_visible()
    page.locator("details.np-end summary").click()
    shoot(page, "records-care")
    page.locator("details.np-end input[name=end-reason]").fill("férias")
    page.get_by_role("button", name="Encerrar este cuidado").click()
    expect(page.get_by_text("O cuidado foi encerrado")).to_be_visible()
    page.locator("#id_professional").select_option(label=world.professional.full_name)
    page.locator("#id_reason").fill("voltou")
    page.get_by_role("button", name="Incluir na equipe de cuidado").click()
    expect(page.get_by_text("voltou")).to_be_visible()
    for path in ("patients/medicalrecord/", f"patients/patient/{world.patients[-1].pk}/records/"):
        answer = page.goto(f"/admin/{path}")
        assert answer is not None
        assert answer.status == 403
    page.goto("/admin/patients/careteam/")
    expect(page.get_by_text("Paciente DAMIANA 1")).to_be_visible()
    shoot(page, "records-teams")
