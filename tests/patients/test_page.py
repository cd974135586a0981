"""The patient's page: to each reader what is theirs and no sign of the rest, in one reading and a constant number of
queries."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from clinics.roles import Role
from compliance.models import AuditLog
from neonpro.db import context
from patients import page, records
from patients.admin.record_pages import closed_word
from patients.models import Appointment, CareTeam, Patient, TelemedicineSession
from patients.page import Section, register
from tests.factories import JOB, World, make_colleague, make_world, write_entry
from tests.pages import Page
from tests.visits import signed_in

CLINICAL = re.compile(r"alerg|alert|rascunh|adendo|entries|timeline|documents|assinad|registro clín", re.IGNORECASE)
"""What tells that there is a clinical part at all: nobody outside the professionals may find it."""


def url(patient: Patient, *, printing: bool = False) -> str:
    return reverse(f"admin:patients_patient_page{'_print' if printing else ''}", args=[patient.pk])


def body(client: Client, patient: Patient) -> str:
    """The page's own part, without the shell's menu."""
    answer = client.get(url(patient))
    assert answer.status_code == 200
    html = answer.content.decode()
    return html[html.index('<div class="np-patient') : html.index("</main>")]


@pytest.fixture
def clinic_a(db: None) -> World:
    """A clinic with something for every section of the page."""
    return make_world("ALFAZEMA", signed=True)


@pytest.fixture
def patient(clinic_a: World) -> Patient:
    """Somebody with a visit, an entry, an addendum and an alert."""
    found = clinic_a.patients[-1]
    with clinic_a.enter(Role.PROFESSIONAL):
        draft = records.new_addendum(clinic_a.record.pk, reason="faltou a dose")
        saved = records.save_draft(draft.pk, revision=draft.revision, texts={"addendum": "meio comprimido"})
        records.finalise(saved.pk, revision=saved.revision)
    return found


def test_the_care_team_reads_everything_with_alerts_first(clinic_a: World, patient: Patient) -> None:
    html = body(signed_in(clinic_a.user(Role.PROFESSIONAL)), patient)
    places = [html.index(text) for text in ("Paciente ALFAZEMA 2", "dipirona ALFAZEMA", "queixa ALFAZEMA")]
    assert places == sorted(places)
    assert html.index("queixa ALFAZEMA") < html.index("meio comprimido"), "an addendum stands below its original"
    assert "faltou a dose" in html
    assert "(11) 98765-4321" in html
    for link in ("records", "alerts", "care", "change"):
        assert reverse(f"admin:patients_patient_{link}", args=[patient.pk]) in html
    assert f"?patient={patient.pk}" in html


@pytest.mark.parametrize("role", [Role.RECEPTION, Role.MANAGER, Role.DPO])
def test_a_role_without_clinical_data_finds_no_sign_of_it(role: str, clinic_a: World, patient: Patient) -> None:
    client = signed_in(clinic_a.user(role))
    html = body(client, patient)
    assert "Paciente ALFAZEMA 2" in html
    assert "visits" in html
    assert not CLINICAL.search(html.replace("patients_patient_alerts", "")), CLINICAL.search(html)
    assert "dipirona" not in html
    # The same page for a patient who has a session planned too, and of whom nothing was ever written.
    with clinic_a.enter(Role.RECEPTION):
        TelemedicineSession.objects.create(
            patient=clinic_a.patients[1], professional=clinic_a.professional, appointment=clinic_a.appointments[1]
        )
    empty = body(client, clinic_a.patients[1])
    marks = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+|ALFAZEMA|[A-Z]\w\w ?")
    assert marks.sub("", html).split() == marks.sub("", empty).split()


def test_who_may_not_see_patients_does_not_see_the_page(clinic_a: World, patient: Patient) -> None:
    assert signed_in(clinic_a.user(Role.AUDITOR)).get(url(patient)).status_code == 403
    assert signed_in(clinic_a.user(Role.AUDITOR)).get(url(patient, printing=True)).status_code == 403


def test_another_clinics_patient_is_not_there(clinic_a: World, clinic_b: World) -> None:
    for printing in (False, True):
        answer = signed_in(clinic_b.user(Role.MANAGER)).get(url(clinic_a.patients[0], printing=printing))
        assert answer.status_code == 404


def test_a_professional_outside_the_team_is_told_why_and_whom_to_ask(clinic_a: World, patient: Patient) -> None:
    user, _colleague = make_colleague(clinic_a)
    html = body(signed_in(user), patient)
    assert "Paciente ALFAZEMA 2" in html
    assert closed_word() in html
    assert str(clinic_a.professional) in html
    for text in ("dipirona", "queixa", "comprimido", 'id="entries"', 'id="alerts"', 'id="documents"'):
        assert text not in html
    assert reverse("admin:patients_patient_records", args=[patient.pk]) not in html, "no button that leads nowhere"


def test_the_record_closes_with_the_care(clinic_a: World, patient: Patient) -> None:
    with clinic_a.enter(Role.MANAGER):
        CareTeam.objects.filter(patient=patient.pk).update(until=timezone.now(), ended="manager")
    html = body(signed_in(clinic_a.user(Role.PROFESSIONAL)), patient)
    assert "dipirona" not in html
    assert closed_word() in html


def test_a_restricted_patient_is_closed_to_all_but_the_dpo(clinic_a: World, patient: Patient) -> None:
    with clinic_a.enter(Role.DPO):
        Patient.objects.filter(pk=patient.pk).update(restricted_at=timezone.now())
    for role in (Role.RECEPTION, Role.PROFESSIONAL, Role.MANAGER):
        html = body(signed_in(clinic_a.user(role)), patient)
        for text in ("Paciente ALFAZEMA", "dipirona", "queixa", "98765"):
            assert text not in html, (role, text)
    assert "Paciente ALFAZEMA 2" in body(signed_in(clinic_a.user(Role.DPO)), patient)


# --- traces -----------------------------------------------------------------------------------------------------------


def rows_of(world: World, request_id: Any) -> list[AuditLog]:
    with world.enter(Role.DPO):
        found = AuditLog.objects.filter(request_id=request_id).exclude(action__in=["INSERT", "UPDATE"])
        return list(found.order_by("created_at", "id"))


READERS = [
    (Role.PROFESSIONAL, ["identification", "contact", "clinical"]),
    (Role.RECEPTION, ["identification", "contact"]),
    (Role.MANAGER, ["identification", "contact"]),
    (Role.DPO, ["identification", "contact"]),
]


@pytest.mark.parametrize(("role", "categories"), READERS)
def test_the_page_is_one_reading_of_what_it_shows(
    role: str, categories: list[str], clinic_a: World, patient: Patient
) -> None:
    answer = signed_in(clinic_a.user(role)).get(url(patient))
    (row,) = rows_of(clinic_a, answer.headers["X-Request-ID"])
    assert (row.action, row.patient_id) == ("READ", patient.pk)
    assert row.changes == {"purpose": "admin:patients_patient_page", "categories": categories}


def test_outside_the_team_the_clinical_key_is_not_even_asked_for(clinic_a: World, patient: Patient) -> None:
    user, _colleague = make_colleague(clinic_a)
    answer = signed_in(user).get(url(patient))
    (row,) = rows_of(clinic_a, answer.headers["X-Request-ID"])
    assert row.changes == {"purpose": "admin:patients_patient_page", "categories": ["identification", "contact"]}


@pytest.mark.parametrize(("role", "categories"), READERS)
def test_a_print_leaves_its_trace(role: str, categories: list[str], clinic_a: World, patient: Patient) -> None:
    answer = signed_in(clinic_a.user(role)).get(url(patient, printing=True))
    assert answer.status_code == 200
    found = {row.action: row for row in rows_of(clinic_a, answer.headers["X-Request-ID"])}
    assert set(found) == {"READ", "PRINT"}
    assert found["PRINT"].changes == {"purpose": "admin:patients_patient_page_print", "categories": categories}
    assert found["PRINT"].patient_id == patient.pk


# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.PROFESSIONAL, Role.RECEPTION, Role.MANAGER])
def test_the_number_of_queries_does_not_grow(role: str, clinic_a: World, patient: Patient) -> None:
    def count() -> int:
        client = signed_in(clinic_a.user(role))
        client.get(url(patient))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url(patient)).status_code == 200
        return len(queries)

    before = count()
    with clinic_a.enter(Role.PROFESSIONAL):
        for number in range(12):
            write_entry(patient, f"texto {number}")
            records.add_alert(patient=patient.pk, kind="allergy", severity="low", text=f"alergia {number}")
    with context.enter(JOB, clinic_a.clinic.pk):
        for number in range(12):
            starts = timezone.now() + timedelta(days=number + 1)
            Appointment.objects.create(
                patient=patient, professional=clinic_a.professional, service=clinic_a.service, starts_at=starts,
                ends_at=starts + timedelta(minutes=30),
            )  # fmt: skip
    assert count() == before


# --- what it is made of -----------------------------------------------------------------------------------------------


def test_the_page_has_landmarks_headings_and_ways_between_them(clinic_a: World, patient: Patient) -> None:
    html = signed_in(clinic_a.user(Role.PROFESSIONAL)).get(url(patient)).content.decode()
    read = Page(html)
    assert read.inline == []
    jumps = [link for link in read.links if link.startswith("#") and link != "#content"]
    assert jumps == [f"#{found}" for found in re.findall(r'<section id="([^"]+)"', html)]
    assert jumps[0] == "#alerts"
    assert {"#visits", "#entries", "#products", "#consents"} <= {*jumps}
    for jump in jumps:
        assert f'id="{jump[1:]}" tabindex="-1"' in html
        assert f'aria-labelledby="{jump[1:]}-title"' in html


def test_lists_search_and_agenda_lead_to_the_page(clinic_a: World, patient: Patient) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert url(patient) in client.get(reverse("admin:patients_patient_changelist")).content.decode()
    assert url(patient) in client.post(reverse("admin:search"), {"s": "paciente"}).content.decode()
    visit = reverse("admin:patients_appointment_change", args=[clinic_a.appointments[-1].pk])
    assert url(patient) in client.get(visit).content.decode()
    assert reverse("admin:patients_patient_change", args=[patient.pk]) in body(client, patient)


@pytest.fixture
def registered() -> Iterator[dict[str, Section]]:
    """The register of sections, put back afterwards."""
    before = dict(page._sections)
    yield page._sections
    page._sections.clear()
    page._sections.update(before)


def test_another_app_registers_a_section(clinic_a: World, patient: Patient, registered: dict[str, Section]) -> None:
    section = Section(
        key="extra", title="Mais", order=50, permission="patients.view_patient",
        template="admin/patients/patient/page/visits.html", fill=lambda reader: {"coming": [], "past": []},
        categories=("marketing",),
    )  # fmt: skip
    register(section)
    register(section)
    with pytest.raises(ValueError, match="already"):
        register(Section(key="extra", title="", order=1, permission="", template="", fill=lambda reader: None))
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert 'id="extra"' in body(client, patient)
    answer = client.get(url(patient))
    (row,) = rows_of(clinic_a, answer.headers["X-Request-ID"])
    assert row.changes is not None
    assert row.changes["categories"] == ["identification", "contact", "marketing"]


def test_a_section_with_nothing_to_say_is_not_there(
    clinic_a: World, patient: Patient, registered: dict[str, Section]
) -> None:
    register(
        Section(key="empty", title="Vazio", order=50, permission="patients.view_patient", template="x.html",
                fill=lambda reader: None)
    )  # fmt: skip
    assert "Vazio" not in body(signed_in(clinic_a.user(Role.RECEPTION)), patient)


def test_the_age_counts_whole_years(clinic_a: World) -> None:
    today = timezone.localdate()
    with clinic_a.enter(Role.RECEPTION):
        person = Patient.objects.create(name="Bia", birth_date=today.replace(year=today.year - 30))
        about = Patient.objects.create(name="Cris", birth_year=today.year - 40)
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert "30 anos" in body(client, person)
    assert "40 anos" in body(client, about)
    assert _("Date of birth") not in body(client, about)
