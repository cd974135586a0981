"""The pages of telemedicine: the buttons that are there, each step, and what of it each role reads."""

from typing import Any

import pytest
from django.urls import reverse

from clinics.roles import Role
from patients import telemedicine
from patients.models import Appointment, MedicalRecord, SessionStatus, TelemedicineSession
from tests.factories import World
from tests.pages import Page
from tests.patients.test_telemedicine import START, again, agree, planned, ready, running
from tests.visits import errors_of, filled, signed_in


@pytest.fixture
def world(clinic_a: World) -> World:
    return ready(clinic_a)


def url(session: Any, step: str = "change") -> str:
    return reverse(f"admin:patients_telemedicinesession_{step}", args=[session.pk])


def press(world: World, session: Any, step: str, role: str = Role.PROFESSIONAL, **data: Any) -> Any:
    client = signed_in(world.user(role))
    page = client.get(url(session, step))
    if page.status_code != 200:
        return page
    hidden = [form for form in Page(page.content.decode()).forms if form.method == "post" and not form.action][
        -1
    ].hidden
    return client.post(url(session, step), hidden | data, follow=True)


BUTTONS = (
    "start", "finish", "refuse", "convert", "in_person", "record_on", "record_off", "share", "cancel", "entry", "room",
)  # fmt: skip
FORM = {name: "on" if value is True else value for name, value in START.items()}


def test_a_teleconsultation_from_the_appointment_to_the_record(world: World) -> None:
    agree(world)
    client = signed_in(world.user(Role.RECEPTION))
    visit = world.appointments[1]
    to_form = client.get(reverse("admin:patients_appointment_session", args=[visit.pk]))
    address = to_form.headers["Location"]
    data = filled(client, address, room_url="https://sala.example/2")
    assert data["appointment"] == str(visit.pk)
    assert client.post(address, data).status_code == 302
    with world.enter(Role.MANAGER):
        session = TelemedicineSession.objects.get(appointment=visit)
    assert client.get(reverse("admin:patients_appointment_session", args=[visit.pk])).headers["Location"] == url(
        session
    )
    page = client.get(reverse("admin:patients_appointment_change", args=[visit.pk])).content.decode()
    assert "Teleconsulta · Planejada" in page or "teleconsulta · planejada" in page

    press(world, session, "start", **FORM)
    assert again(world, session).status == SessionStatus.RUNNING
    entry = signed_in(world.user(Role.PROFESSIONAL)).get(url(session, "entry"))
    with world.enter(Role.PROFESSIONAL):
        record = MedicalRecord.objects.get(pk=str(again(world, session).record))
    assert str(record.pk) in entry.headers["Location"]
    press(world, session, "finish")
    assert again(world, session).status == SessionStatus.ENDED
    page = signed_in(world.user(Role.PROFESSIONAL)).get(url(session)).content.decode()
    assert START["patient_location"] in page
    # What is clinical is not on the front desk's page, nor are the buttons of the professional.
    page = client.get(url(session)).content.decode()
    assert START["patient_location"] not in page
    assert url(session, "entry") not in page


def test_without_the_term_the_page_says_so_and_leads_to_it(world: World) -> None:
    session = planned(world)
    page = signed_in(world.user(Role.PROFESSIONAL)).get(url(session, "start")).content.decode()
    assert reverse("admin:patients_patient_consents", args=[session.patient_id]) in page
    answer = press(world, session, "start", **FORM)
    assert "não concordou com o termo" in answer.content.decode()
    press(world, session, "start", **FORM, emergency_reason="dor torácica")
    assert again(world, session).emergency


def test_the_buttons_are_those_of_the_state_and_the_role(world: World) -> None:
    session = running(world)
    for role, steps in {
        Role.RECEPTION: {"refuse"},
        Role.MANAGER: {"refuse"},
        Role.PROFESSIONAL: {"refuse", "finish", "convert", "record_on", "share", "entry"},
    }.items():
        client = signed_in(world.user(role))
        page = client.get(url(session)).content.decode()
        there = {
            step
            for step in BUTTONS
            if f'href="{url(session, step)}"' in page
        }  # fmt: skip
        assert there == steps, role
        for step in ("start", "cancel", "record_off", "in_person"):
            assert client.get(url(session, step)).status_code == 403, (role, step)


def test_refused_changed_and_booked_in_person(world: World) -> None:
    session = planned(world)
    press(world, session, "refuse", Role.RECEPTION, by="PATIENT")
    assert again(world, session).status == SessionStatus.REFUSED
    press(
        world,
        session,
        "in_person",
        Role.RECEPTION,
        day="07/02/2030",
        time="09:00",
        service=str(world.service.pk),
        minutes="",
    )
    with world.enter(Role.RECEPTION):
        visit = Appointment.objects.get(pk=str(again(world, session).in_person_appointment_id))
        assert visit.professional_id == world.professional.pk
    other = planned(world)
    press(world, other, "convert", reason="precisa de exame")
    assert again(world, other).status == SessionStatus.CONVERTED
    third = planned(world)
    press(world, third, "cancel", Role.RECEPTION)
    assert again(world, third).status == SessionStatus.CANCELLED


def test_recording_and_sharing(world: World) -> None:
    session = running(world)
    assert "não autorizou a gravação" in press(world, session, "record_on").content.decode()
    agree(world, telemedicine.RECORDING)
    agree(world, telemedicine.SHARING)
    press(world, session, "record_on")
    assert again(world, session).is_recording
    press(world, session, "record_off")
    assert not again(world, session).is_recording
    press(world, session, "share", shared_with="Dr. Paulo, CRM-SP 1")
    assert again(world, session).sharing_consent is not None


def test_the_form_refuses_another_patients_appointment_and_a_telling_link(world: World) -> None:
    client = signed_in(world.user(Role.RECEPTION))
    address = reverse("admin:patients_telemedicinesession_add")
    data = filled(
        client, address, patient=str(world.patients[1].pk), appointment=str(world.appointments[0].pk),
        professional=str(world.professional.pk), room_url="https://sala.example/paciente",
    )  # fmt: skip
    answer = client.post(address, data)
    assert set(errors_of(answer)) == {"appointment", "room_url"}


def test_the_room_is_a_link_to_the_clinics_own(world: World) -> None:
    agree(world)
    session = planned(world, room_url="https://sala.example/2")
    client = signed_in(world.user(Role.PROFESSIONAL))
    assert client.get(url(session, "room")).headers["Location"] == "https://sala.example/2"
    press(world, session, "cancel", Role.RECEPTION)
    assert client.get(url(session, "room")).status_code == 403


@pytest.mark.parametrize("role", [Role.DPO, Role.AUDITOR])
def test_others_see_no_sessions(world: World, role: str) -> None:
    client = signed_in(world.user(role))
    assert client.get(reverse("admin:patients_telemedicinesession_changelist")).status_code == 403
