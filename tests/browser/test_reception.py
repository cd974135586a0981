"""A receptionist's morning in a real browser: find a patient, book, run into a clash, move, cancel, sign out."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from clinics.roles import Role
from neonpro.db import context
from patients.models import Appointment, AppointmentStatus
from tests.browser.conftest import sign_in
from tests.factories import JOB, World, join, make_world

pytestmark = pytest.mark.browser

SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def choose_patient(page: Page, term: str, name: str) -> None:
    """Pick a patient from the autocomplete field, by keyboard, not waiting for the list that comes before typing."""
    page.locator("#select2-id_patient-container").click()
    expect(page.locator(".select2-results__option").nth(1)).to_be_visible()
    page.locator(".select2-search__field").fill(term)
    # What was listed before is gone at once: an Enter too early chooses nobody.
    page.keyboard.press("Enter")
    expect(page.locator(".select2-search__field")).to_be_visible()
    expect(page.get_by_role("option", name=re.compile(name))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#select2-id_patient-container")).to_contain_text(name)


def fill_in(page: Page, world: World, *, day: str, time: str) -> None:
    """The rest of the form of an appointment."""
    page.locator("#id_professional").select_option(label=str(world.professional))
    page.locator("#id_service").select_option(label=str(world.service))
    page.locator("#id_day").fill(day)
    page.locator("#id_time").fill(time)
    page.keyboard.press("Escape")


def in_list(page: Page, when: str) -> Locator:
    """The appointment's row in the list; the message above it may have a link of the same name."""
    return page.locator("#result_list").get_by_role("link", name=when)


def stored(world: World) -> list[Appointment]:
    with context.enter(JOB, world.clinic.pk):
        found = list(Appointment.objects.filter(source="").order_by("created_at"))
        # Opened while the context is there.
        assert all(isinstance(visit.note + visit.cancel_reason, str) for visit in found)
        return found


def test_a_morning_at_the_reception(page: Page) -> None:
    elsewhere, here = make_world("ALFAZEMA", patients=0), make_world("BERGAMOTA", patients=2)
    reception = elsewhere.user(Role.RECEPTION)
    join(reception, here.clinic.pk, Role.RECEPTION)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    tomorrow = timezone.localdate(timezone=SAO_PAULO) + timedelta(days=1)
    day = f"{tomorrow:%d/%m/%Y}"
    sign_in(page, reception.email)

    # The clinic is switched in the head of the page.
    page.locator(".np-place summary").click()
    page.get_by_role("button", name=here.clinic.trade_name).click()
    expect(page.locator(".np-place")).to_contain_text(here.clinic.trade_name)

    # A patient is found by part of the name, accents and case ignored, and booked from there.
    page.get_by_role("link", name="Pacientes").first.click()
    page.locator("#searchbar").fill("páciente BERGAMOTA 1")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Paciente BERGAMOTA 1").click()
    page.get_by_role("link", name="Agendar atendimento").click()
    expect(page.locator("#select2-id_patient-container")).to_contain_text("Paciente BERGAMOTA 1")
    fill_in(page, here, day=day, time="09:00")
    page.get_by_role("button", name="Salvar", exact=True).click()
    expect(in_list(page, f"{day}, 09:00–09:30")).to_be_visible()

    # Somebody else at the same time: refused in Portuguese, naming what is in the way; nothing typed is lost.
    page.goto("/admin/patients/appointment/add/")
    choose_patient(page, "bergamota 0", "Paciente BERGAMOTA 0")
    fill_in(page, here, day=day, time="09:15")
    page.locator("#id_note").fill("vem com a mãe")
    page.get_by_role("button", name="Salvar", exact=True).click()
    refusal = page.locator(".errorlist, [role=alert], .text-red-700, .np-error").filter(has_text="Paciente BERGAMOTA 1")
    expect(refusal.first).to_contain_text("09:00")
    expect(page.locator("#id_note")).to_have_value("vem com a mãe")
    expect(page.locator("#select2-id_patient-container")).to_contain_text("Paciente BERGAMOTA 0")
    page.locator("#id_time").fill("09:30")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Salvar", exact=True).click()
    expect(in_list(page, f"{day}, 09:30–10:00")).to_be_visible()

    # Moved to the afternoon.
    in_list(page, f"{day}, 09:30–10:00").click()
    page.locator("#id_time").fill("14:00")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Salvar", exact=True).click()
    expect(in_list(page, f"{day}, 14:00–14:30")).to_be_visible()

    # Cancelled, which is confirmed and asks why; the record of it stays.
    in_list(page, f"{day}, 14:00–14:30").click()
    page.get_by_role("link", name="Cancelar agendamento").click()
    page.locator("#id_reason").fill("ligou e desmarcou")
    page.get_by_role("button", name="Cancelar agendamento").click()
    expect(page.get_by_text("foi cancelado")).to_be_visible()
    kept, cancelled = (row for row in stored(here)[-2:])
    assert kept.status == AppointmentStatus.SCHEDULED
    assert (cancelled.status, cancelled.cancel_reason) == (AppointmentStatus.CANCELLED, "ligou e desmarcou")
    assert (cancelled.day, cancelled.note) == (tomorrow, "vem com a mãe")

    # No address has ever held what was searched for or who was found.
    assert not [url for url in asked if "bergamota" in url.lower() or "paciente" in url.lower()]

    page.locator(".np-account > summary").click()
    page.get_by_role("button", name="Sair").click()
    page.goto("/admin/patients/patient/")
    expect(page.get_by_label("Senha")).to_be_visible()
