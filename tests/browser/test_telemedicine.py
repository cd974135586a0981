"""A teleconsultation in a real browser: term at the front desk, session, entry; and a withdrawal that stops."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clinics.roles import Role
from compliance.models import ConsentRecord
from patients.models import MedicalRecord, SessionStatus, TelemedicineSession
from tests.browser.conftest import sign_in
from tests.factories import World, make_world
from tests.patients.test_telemedicine import ready

pytestmark = pytest.mark.browser

SCAN = b"%PDF-1.7\nassinado"


def leave(page: Page) -> None:
    page.context.clear_cookies()


def consents_of(page: Page, world: World) -> None:
    page.goto(f"/admin/patients/patient/{world.patients[1].pk}/consents/")


def session(world: World) -> TelemedicineSession:
    with world.enter(Role.MANAGER):
        return TelemedicineSession.objects.get(appointment=world.appointments[1])


def test_from_the_term_to_the_record(page: Page, tmp_path: Path) -> None:
    world = ready(make_world("ALFAZEMA"))
    scan = tmp_path / "Paciente ALFAZEMA 1.pdf"
    scan.write_bytes(SCAN)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    # The front desk plans the session from the appointment, without a term yet.
    sign_in(page, world.user(Role.RECEPTION).email)
    page.goto(f"/admin/patients/appointment/{world.appointments[1].pk}/change/")
    page.get_by_role("link", name="Telemedicina").last.click()
    page.locator("#id_room_url").fill("https://sala.example/paciente-alfazema")
    page.get_by_role("button", name="Salvar", exact=True).click()
    expect(page.get_by_text("O endereço identifica o paciente").first).to_be_visible()
    page.locator("#id_room_url").fill("https://sala.example/consultorio-2")
    page.get_by_role("button", name="Salvar", exact=True).click()
    expect(page.locator("#result_list")).to_contain_text("Planejada", ignore_case=True)

    # The professional cannot begin.
    leave(page)
    sign_in(page, world.user(Role.PROFESSIONAL).email)
    page.goto(f"/admin/patients/telemedicinesession/{session(world).pk}/change/")
    page.get_by_role("link", name="Iniciar").click()
    expect(page.get_by_text("ainda não concordou com o termo")).to_be_visible()

    # At the front desk the patient signs the term, and its scan is kept.
    leave(page)
    sign_in(page, world.user(Role.RECEPTION).email)
    consents_of(page, world)
    page.get_by_role("link", name="Registrar consentimento: Atendimento à distância (telemedicina)").click()
    expect(page.get_by_role("heading", name="Termo de consentimento para atendimento por telemedicina")).to_be_visible()
    page.locator("#id_evidence").set_input_files(scan)
    page.get_by_role("button", name="Registrar que o paciente consente").click()
    expect(page.get_by_text("O consentimento foi registrado.")).to_be_visible()
    with world.enter(Role.RECEPTION):
        assert ConsentRecord.objects.get(purpose="telemedicine").evidence == SCAN

    # The session: identities, places, the entry, the end.
    leave(page)
    sign_in(page, world.user(Role.PROFESSIONAL).email)
    page.goto(f"/admin/patients/telemedicinesession/{session(world).pk}/change/")
    page.get_by_role("link", name="Iniciar").click()
    page.get_by_label("mostrou documento com foto").check()
    page.locator("#id_professional_identified").check(force=True)
    page.locator("#id_patient_location").fill("em casa, Campinas – SP")
    page.locator("#id_professional_location").fill("São Paulo – SP")
    page.get_by_role("button", name="Iniciar a sessão").click()
    expect(page.get_by_text("A sessão começou.")).to_be_visible()
    expect(page.get_by_text("em casa, Campinas – SP")).to_be_visible()
    page.get_by_role("link", name="Prontuário", exact=True).last.click()
    page.wait_for_url(re.compile(r"/medicalrecord/"))
    with world.enter(Role.PROFESSIONAL):
        entry = MedicalRecord.objects.get(pk=str(session(world).record))
        assert entry.appointment_id == world.appointments[1].pk
    page.goto(f"/admin/patients/telemedicinesession/{session(world).pk}/change/")
    page.get_by_role("link", name="Encerrar").click()
    page.get_by_role("button", name="Encerrar a sessão").click()
    expect(page.get_by_text("A sessão foi encerrada.")).to_be_visible()
    assert session(world).status == SessionStatus.ENDED

    # Withdrawing is one step, as granting was, and no further session begins.
    leave(page)
    sign_in(page, world.user(Role.RECEPTION).email)
    consents_of(page, world)
    page.get_by_role("link", name="Retirar: Atendimento à distância (telemedicina)").click()
    page.get_by_role("button", name="Retirar o consentimento").click()
    expect(page.get_by_text("Nenhum atendimento à distância pode começar").first).to_be_visible()
    assert not [url for url in asked if "alfazema" in url.lower()]
