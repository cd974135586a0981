"""Values that do not open: pages show so and do not fail, forms leave them alone, nothing typed is lost in silence."""

import threading
from datetime import date
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from clinics.roles import Role
from compliance.models import AuditLog
from neonpro.db import context
from neonpro.vault.fields import Withheld, encrypted_fields
from patients.models import Appointment, Patient
from patients.search import SORTED
from tests.erasing import destroy_keys
from tests.factories import JOB, World, make_world
from tests.pages import Page
from tests.patients.test_admin import AGENDA, PATIENTS, wait_until_somebody_waits_for_a_lock
from tests.visits import errors_of, filled, signed_in

FILLED: dict[str, Any] = {
    "birth_date": date(1990, 2, 3), "sex": "female", "cpf": "52998224725", "uf": "SP", "cep": "01310100",
    "mother_name": "Rita Prado",
}  # fmt: skip


@pytest.fixture
def patient(clinic_a: World) -> Patient:
    with context.enter(JOB, clinic_a.clinic.pk):
        made = clinic_a.patients[0]
        for name, value in FILLED.items():
            setattr(made, name, value)
        made.save()
    return made


def erase(world: World, patient: Patient, *categories: str) -> None:
    """Destroy keys, as an erasure will."""
    with context.enter(JOB, world.clinic.pk):
        destroy_keys(patient.pk, categories)


def stored(world: World, patient: Patient) -> dict[str, bytes | None]:
    """The ciphertexts that the database has."""
    columns = [found.column for found in encrypted_fields(Patient)]
    with context.enter(JOB, world.clinic.pk), connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM patients WHERE id = %s", [patient.pk])
        return {
            name: None if value is None else bytes(value)
            for name, value in zip(columns, cursor.fetchone(), strict=True)
        }


def url_of(patient: Patient) -> str:
    return f"{PATIENTS}{patient.pk}/change/"


def restrict(world: World, patient: Patient) -> Any:
    return signed_in(world.user(Role.DPO)).post(f"{PATIENTS}{patient.pk}/restrict/")


@pytest.mark.parametrize("how", ["erased", "restricted"])
def test_no_page_fails_and_each_says_why(clinic_a: World, patient: Patient, how: str) -> None:
    if how == "erased":
        erase(clinic_a, patient, "identification", "contact")
    else:
        assert restrict(clinic_a, patient).status_code == 302
    visit = clinic_a.appointments[0]
    client = signed_in(clinic_a.user(Role.MANAGER))
    for url in (
        PATIENTS, url_of(patient), f"{PATIENTS}{patient.pk}/history/", f"{PATIENTS}{patient.pk}/permissions/",
        f"{AGENDA}?when=all", f"{AGENDA}{visit.pk}/change/", f"{AGENDA}{visit.pk}/cancel/",
        f"{AGENDA}add/?patient={patient.pk}", "/admin/compliance/auditlog/", "/admin/",
    ):  # fmt: skip
        page = client.get(url)
        assert page.status_code == 200, url
        text = page.content.decode()
        for told in ("Paciente ALFAZEMA 0", "Rita Prado", "52998224725", "529.982"):
            assert told not in text, url
    listed = client.get(PATIENTS).content.decode()
    assert listed.count('class="np-withheld"') >= 2, "a name and a phone, each set apart"
    (row,) = (row for row in Page(listed).rows if any("«" in cell for cell in row))
    assert row[2].startswith("«"), "the date of birth too"
    assert "np-closed" in client.get(url_of(patient)).content.decode()
    assert "np-closed" in client.get(f"{AGENDA}{visit.pk}/change/").content.decode()


def test_a_form_leaves_alone_what_does_not_open(clinic_a: World, patient: Patient) -> None:
    erase(clinic_a, patient, "identification")
    before = stored(clinic_a, patient)
    client = signed_in(clinic_a.user(Role.RECEPTION))
    text = client.get(url_of(patient)).content.decode()
    form = client.get(url_of(patient)).context["adminform"].form
    for name in ("name", *FILLED):
        assert form.fields[name].disabled, name
        assert f'value="{form[name].value()}"' in text
    data = filled(client, url_of(patient), phone="(11) 91234-5678")
    assert not set(FILLED) & set(data), "a browser sends none of it"
    answer = client.post(url_of(patient), data)
    assert answer.status_code == 302, errors_of(answer)
    after = stored(clinic_a, patient)
    assert after["phone"] != before["phone"]
    assert {name: after[name] for name in ("name", *FILLED)} == {name: before[name] for name in ("name", *FILLED)}


def test_a_forged_form_changes_nothing_of_it(clinic_a: World, patient: Patient) -> None:
    erase(clinic_a, patient, "identification")
    before = stored(clinic_a, patient)
    client = signed_in(clinic_a.user(Role.RECEPTION))
    data = filled(client, url_of(patient)) | {
        "name": "Nome forjado", "birth_date": "01/01/2000", "sex": "male", "cpf": "111.444.777-35", "uf": "RJ",
    }  # fmt: skip
    answer = client.post(url_of(patient), data)
    assert answer.status_code == 200
    assert "__all__" in errors_of(answer)
    assert stored(clinic_a, patient) == before
    # What was sent is on the page, to copy.
    for typed in ("Nome forjado", "01/01/2000", "111.444.777-35"):
        assert typed in answer.content.decode()
    # The field itself refuses, whatever a form lets through.
    with clinic_a.enter():
        found = Patient.objects.get(pk=patient.pk)
        for name, value in (("name", "Nome forjado"), ("birth_date", date(2000, 1, 1)), ("sex", "male")):
            field: Any = Patient._meta.get_field(name)
            field.save_form_data(found, value)
            assert isinstance(getattr(found, name), Withheld)
        found.save()
    assert stored(clinic_a, patient) == before


def test_what_was_typed_before_an_erasure_stays_on_the_page(clinic_a: World, patient: Patient) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    data = filled(client, url_of(patient), mother_name="Rita de Cássia")
    erase(clinic_a, patient, "identification")
    answer = client.post(url_of(patient), data)
    assert answer.status_code == 200
    assert "__all__" in errors_of(answer)
    page = answer.content.decode()
    assert "Rita de Cássia</textarea>" in page
    assert "np-kept" in page


def test_a_save_that_meets_an_erasure_is_refused_with_the_text_kept(committed: None) -> None:
    """The form had opened everything when the keys were destroyed: the save itself has to wait, and is told."""
    world = make_world("ALFAZEMA")
    patient = world.patients[0]
    client = signed_in(world.user(Role.RECEPTION))
    data = filled(client, url_of(patient), mother_name="Rita de Cássia", email="nova@example.org")
    answers: list[Any] = []

    def send() -> None:
        try:
            answers.append(client.post(url_of(patient), data))
        finally:
            connections.close_all()

    thread = threading.Thread(target=send)
    with context.enter(JOB, world.clinic.pk):
        destroy_keys(patient.pk, ["identification", "contact"])
        thread.start()
        wait_until_somebody_waits_for_a_lock()
    thread.join(timeout=30)
    (answer,) = answers
    assert answer.status_code == 200
    assert errors_of(answer)["__all__"]
    page = answer.content.decode()
    assert "Rita de Cássia" in page
    assert "nova@example.org" in page
    with world.enter():
        assert Patient.objects.get(pk=patient.pk).name.status == "erased"


def test_a_note_for_a_restricted_patient_is_refused_with_the_text_kept(clinic_a: World, patient: Patient) -> None:
    restrict(clinic_a, patient)
    client = signed_in(clinic_a.user(Role.RECEPTION))
    url = f"{AGENDA}add/"
    fields = {
        "patient": patient.pk, "professional": clinic_a.professional.pk, "service": clinic_a.service.pk,
        "day": "08/01/2030", "time": "09:00",
    }  # fmt: skip
    answer = client.post(url, filled(client, url, **fields, note="recado guardado"))
    assert answer.status_code == 200
    assert "__all__" in errors_of(answer)
    assert "recado guardado" in answer.content.decode()
    assert client.post(url, filled(client, url, **fields)).status_code == 302, "without one it can be booked"
    with clinic_a.enter():
        assert Appointment.objects.filter(day=date(2030, 1, 8)).count() == 1


def test_the_cpf_of_a_restricted_patient_is_taken_all_the_same(clinic_a: World, patient: Patient) -> None:
    restrict(clinic_a, patient)
    client = signed_in(clinic_a.user(Role.RECEPTION))
    answer = client.post(f"{PATIENTS}add/", filled(client, f"{PATIENTS}add/", name="Outra", cpf="529.982.247-25"))
    assert answer.status_code == 200
    assert len(errors_of(answer)) == 1
    assert "CPF" in str(errors_of(answer))
    assert "Paciente ALFAZEMA 0" not in answer.content.decode()


# --- restricting -----------------------------------------------------------------------------------------------------


def test_the_dpo_restricts_and_lifts_and_the_log_has_it(clinic_a: World, patient: Patient) -> None:
    dpo, reception = (signed_in(clinic_a.user(role)) for role in (Role.DPO, Role.RECEPTION))
    restrict_url, lift_url = (f"{PATIENTS}{patient.pk}/{word}/" for word in ("restrict", "lift"))
    page = dpo.get(url_of(patient)).content.decode()
    assert restrict_url in page
    assert lift_url not in page
    assert dpo.get(restrict_url).status_code == 200
    assert shows(reception, patient), "a link alone restricts nobody"
    assert dpo.post(restrict_url).status_code == 302
    assert not shows(reception, patient)
    page = dpo.get(url_of(patient)).content.decode()
    assert "Paciente ALFAZEMA 0" in page
    assert "np-closed" in page, "and the DPO is told that nobody else sees this"
    assert lift_url in page
    assert dpo.post(restrict_url).status_code == 403, "it is done once"
    assert dpo.post(lift_url).status_code == 302
    assert shows(reception, patient)
    with clinic_a.enter(Role.DPO):
        rows = AuditLog.objects.filter(action="UPDATE", record_id=patient.pk, changes__has_key="restricted_at")
        assert {row.actor for row in rows} == {str(clinic_a.user(Role.DPO).pk)}
        assert len(rows) == 2


def shows(client: Client, patient: Patient) -> bool:
    return "Paciente ALFAZEMA 0" in client.get(url_of(patient)).content.decode()


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.DPO])
def test_nobody_else_restricts_or_filters_by_it(clinic_a: World, patient: Patient, role: str) -> None:
    client = signed_in(clinic_a.user(role))
    for word in ("restrict", "lift"):
        assert client.post(f"{PATIENTS}{patient.pk}/{word}/").status_code == 403
    assert client.get(PATIENTS, {"restricted": "1"}).status_code in (400, 403)
    with clinic_a.enter():
        assert Patient.objects.get(pk=patient.pk).restricted_at is None


def test_the_dpo_lists_restricted_patients(clinic_a: World, patient: Patient) -> None:
    restrict(clinic_a, patient)
    client = signed_in(clinic_a.user(Role.DPO))
    for value, keys in (("1", {patient.pk}), ("0", {one.pk for one in clinic_a.patients[1:]})):
        assert {row.pk for row in client.get(PATIENTS, {"restricted": value}).context["cl"].result_list} == keys


# --- searching -------------------------------------------------------------------------------------------------------


def search(client: Client, term: str) -> Any:
    return client.get(client.post(PATIENTS, {"q": term}).headers["Location"])


def test_what_is_found_is_in_alphabetical_order(clinic_a: World) -> None:
    with context.enter(JOB, clinic_a.clinic.pk):
        Patient.objects.bulk_create(
            [Patient(name=f"{name} Quaresma") for name in ("Óscar", "ana", "Zé", "Bia", "Ângela", "Otávio")]
        )
    client = signed_in(clinic_a.user(Role.RECEPTION))
    page = search(client, "quaresma")
    assert [row[0].split()[0] for row in Page(page.content.decode()).rows if row and "Quaresma" in row[0]] == [
        "ana", "Ângela", "Bia", "Óscar", "Otávio", "Zé",
    ]  # fmt: skip
    assert page.context["cl"].notice == ""
    answer = client.post(
        "/admin/autocomplete/",
        {"app_label": "patients", "model_name": "appointment", "field_name": "patient", "term": "quaresma"},
    )
    assert [one["text"].split()[0] for one in answer.json()["results"]] == [
        "ana",
        "Ângela",
        "Bia",
        "Óscar",
        "Otávio",
        "Zé",
    ]


def test_a_search_says_when_there_are_more_or_when_it_is_too_short(clinic_a: World) -> None:
    with context.enter(JOB, clinic_a.clinic.pk):
        Patient.objects.bulk_create([Patient(name=f"Quaresma {number}") for number in range(SORTED + 1)])
    client = signed_in(clinic_a.user(Role.RECEPTION))
    page = search(client, "quaresma")
    changes = page.context["cl"]
    assert changes.result_count == SORTED + 1
    assert str(SORTED + 1) in changes.notice
    assert "np-notice" in page.content.decode()
    assert len(changes.result_list) == 50
    second = client.get(page.request["PATH_INFO"] + "?" + page.request["QUERY_STRING"] + "&p=2").context["cl"]
    assert len(second.result_list) == 50
    assert not {row.pk for row in second.result_list} & {row.pk for row in changes.result_list}
    short = search(client, "q")
    assert short.context["cl"].result_list == []
    assert short.context["cl"].notice


def test_widgets_are_the_admins_own(clinic_a: World, patient: Patient) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    fields = client.get(url_of(patient)).context["adminform"].form.fields
    kinds = {name: type(fields[name].widget).__name__ for name in ("birth_date", "sex", "email", "uf")}
    assert kinds == {
        "birth_date": "UnfoldAdminSingleDateWidget", "sex": "UnfoldAdminSelectWidget",
        "email": "UnfoldAdminEmailInputWidget", "uf": "UnfoldAdminSelectWidget",
    }  # fmt: skip
    form = client.get(f"{AGENDA}{clinic_a.appointments[0].pk}/change/").context["adminform"].form
    assert type(form.fields["note"].widget).__name__ == "UnfoldAdminTextareaWidget"
    assert "patient" not in form.fields, "an appointment stays its patient's"
