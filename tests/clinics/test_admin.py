"""What every admin keeps to: sealed searches, one order, refusals in words, the audit log as history."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinics import sealed, trail
from clinics.models import Professional, Service, User
from clinics.roles import Role
from compliance.admin import ResourcePermissionAdmin
from neonpro.db import context
from patients.models import Appointment, Patient
from tests.conftest import superuser
from tests.factories import JOB, World, join, make_user
from tests.grants import grant
from tests.visits import errors_of, filled, signed_in

PATIENTS = "/admin/patients/patient/"
SERVICES = "/admin/clinics/service/"
PROFESSIONALS = "/admin/clinics/professional/"


def search(client: Client, url: str, term: str) -> Any:
    """Type a term into a list's search box and follow to its result."""
    answer = client.post(url, {"q": term})
    assert answer.status_code == 302
    return client.get(answer.headers["Location"])


def test_accounts_and_groups_have_no_page() -> None:
    assert not admin.site.is_registered(User)
    assert not admin.site.is_registered(Group)


# --- searching -----------------------------------------------------------------------------------------------------


def test_a_search_term_never_stands_in_an_address(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    with clinic_a.enter():
        clinic_a.patients[1].preferred_name = "Açucena"
        clinic_a.patients[1].save()
    answer = client.post(f"{PATIENTS}?registered=30&p=3", {"q": "alfazema acu"})
    address = answer.headers["Location"]
    assert "alfazema" not in address.lower()
    query = parse_qs(urlsplit(address).query)
    assert query["registered"] == ["30"], "the filters stay"
    assert "p" not in query, "the pages begin anew"
    page = client.get(address)
    assert [patient.pk for patient in page.context["cl"].result_list] == [clinic_a.patients[1].pk]
    assert page.context["cl"].query == "alfazema acu"
    assert 'value="alfazema acu"' in page.content.decode()
    further = page.context["cl"].get_query_string({"p": 2})
    assert parse_qs(urlsplit(further).query)["q"] == query["q"], "further pages keep the sealed term"


def test_an_empty_search_shows_everything(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert client.post(PATIENTS, {"q": "  "}).headers["Location"] == PATIENTS
    assert len(client.get(PATIENTS).context["cl"].result_list) == 3


@pytest.mark.parametrize("forger", ["other user", "other clinic", "garbage", "plain"])
def test_a_term_that_was_not_sealed_here_is_no_search(clinic_a: World, clinic_b: World, forger: str) -> None:
    me, here = clinic_a.user(Role.RECEPTION), clinic_a.clinic.pk
    term = {
        "other user": sealed.seal("alfazema 1", user=clinic_a.user(Role.MANAGER).pk, clinic=here),
        "other clinic": sealed.seal("alfazema 1", user=me.pk, clinic=clinic_b.clinic.pk),
        "garbage": "gAAAAA\x00é",
        "plain": "alfazema",
    }[forger]
    client = signed_in(me)
    answer = client.get(PATIENTS, {"q": term})
    assert (answer.status_code, answer.headers["Location"]) == (302, PATIENTS)
    page = client.get(PATIENTS)
    assert len(page.context["cl"].result_list) == 3
    assert len(list(page.context["messages"])) == 1


def test_a_sealed_term_is_readable_for_a_work_day(clinic_a: World) -> None:
    me, here = clinic_a.user(Role.RECEPTION).pk, clinic_a.clinic.pk
    token = sealed.seal("ana", user=me, clinic=here)
    assert sealed.unseal(token, user=me, clinic=here) == "ana"
    with patch("time.time", return_value=time.time() + sealed.WORK_DAY + 60), pytest.raises(sealed.UnreadableTerm):
        sealed.unseal(token, user=me, clinic=here)


def test_a_search_without_permission_is_refused(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.AUDITOR))
    assert client.post(PATIENTS, {"q": "alfazema"}).status_code == 403


def test_services_and_team_are_searched_by_their_names(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    assert len(search(client, SERVICES, "consulta").context["cl"].result_list) == 1
    assert len(search(client, SERVICES, "zzz").context["cl"].result_list) == 0
    assert len(search(client, "/admin/clinics/membership/", "dpo").context["cl"].result_list) == 1


# --- autocomplete --------------------------------------------------------------------------------------------------

AUTOCOMPLETE = {"app_label": "patients", "model_name": "appointment", "field_name": "patient"}


def test_autocomplete_asks_by_post_and_names_the_patient(clinic_a: World, clinic_b: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    url = reverse("admin:autocomplete")
    assert client.get(url, {**AUTOCOMPLETE, "term": "paciente"}).status_code == 405
    patient = clinic_a.patients[1]
    with clinic_a.enter():
        patient.preferred_name = "Açucena"
        patient.save()
        patient.refresh_from_db()
    found = client.post(url, {**AUTOCOMPLETE, "term": "paciente acuc"}).json()["results"]
    assert found == [{"id": str(patient.pk), "text": f"Açucena · {patient}"}]
    assert client.post(url, {**AUTOCOMPLETE, "term": "bergamota"}).json()["results"] == []
    assert client.post(url, {**AUTOCOMPLETE, "term": "nul\x00l"}).status_code == 200


def test_the_field_itself_asks_by_post(clinic_a: World) -> None:
    """select2 believes what stands on the element more than any script."""
    page = signed_in(clinic_a.user(Role.RECEPTION)).get("/admin/patients/appointment/add/").content.decode()
    (select,) = re.findall(r'<select name="patient"[^>]*>', page)
    assert 'data-ajax--type="POST"' in select
    assert "neonpro/autocomplete.js" in page
    assert "admin/js/autocomplete.js" not in page


def test_an_address_that_chooses_nonsense_is_no_error(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert client.get("/admin/patients/appointment/add/?patient=nonsense").status_code == 200


def test_autocomplete_needs_a_token(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION), enforce_csrf_checks=True)
    assert client.post(reverse("admin:autocomplete"), {**AUTOCOMPLETE, "term": "a"}).status_code == 403


def test_autocomplete_is_refused_to_whom_patients_are_not_shown(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.AUDITOR))
    assert client.post(reverse("admin:autocomplete"), {**AUTOCOMPLETE, "term": "a"}).status_code == 403


# --- lists ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["1", "-1", "2", "1.2", "-5.3", "99", "x"])
def test_no_list_is_sorted_by_what_an_address_asks_for(clinic_a: World, order: str) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    for url in (PATIENTS, "/admin/patients/appointment/", SERVICES, "/admin/clinics/membership/"):
        plain, asked = client.get(url).context["cl"], client.get(url, {"o": order}).context["cl"]
        assert str(asked.queryset.query) == str(plain.queryset.query)


@pytest.mark.parametrize("lookup", ["name__startswith", "name", "cpf", "phone__contains", "clinic__trade_name", "id"])
def test_no_address_filters_by_what_the_list_does_not_offer(clinic_a: World, lookup: str) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert client.get(PATIENTS, {lookup: "Paciente"}).status_code == 400
    assert client.get("/admin/patients/appointment/", {f"patient__{lookup}": "Paciente"}).status_code == 400


def queries_of(client: Client, url: str) -> int:
    """How many queries a page takes, once what Django remembers is warm."""
    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_a_list_takes_as_many_queries_for_3_rows_as_for_30(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    lists = [
        PATIENTS, "/admin/patients/appointment/", SERVICES, PROFESSIONALS, "/admin/clinics/membership/",
        "/admin/compliance/auditlog/", "/admin/compliance/resourcepermission/",
    ]  # fmt: skip
    grant(clinic_a, clinic_a.patients[0])
    before = {url: queries_of(client, url) for url in lists}
    grow(clinic_a, 30)
    assert {url: queries_of(client, url) for url in lists} == before


def grow(world: World, number: int) -> None:
    """More of everything, each with its own references."""
    for index in range(number):
        user = make_user(f"more{index}@example.org")
        join(user, world.clinic.pk, Role.RECEPTION)
    with context.enter(JOB, world.clinic.pk):
        for index in range(number):
            starts = datetime(2030, 2, 1, 10, tzinfo=UTC) + timedelta(days=index)
            patient = Patient.objects.create(name=f"Mais {index}")
            Appointment.objects.create(
                patient=patient,
                professional=Professional.objects.create(full_name=f"Dr. {index}"),
                service=Service.objects.create(name=f"Serviço {index}", category="exam", duration_minutes=10),
                starts_at=starts,
                ends_at=starts + timedelta(minutes=10),
            )
    for patient in list(_patients(world))[:number]:
        grant(world, patient)


def _patients(world: World) -> list[Patient]:
    with world.enter():
        return [patient for patient in Patient.objects.all() if patient.name.startswith("Mais")]


def test_an_empty_list_says_what_to_do_next(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    text = client.get("/admin/compliance/resourcepermission/").content.decode()
    assert str(ResourcePermissionAdmin.empty_hint)[:20] in text


# --- refusals ------------------------------------------------------------------------------------------------------


def test_what_the_database_refuses_is_said_in_the_form_and_nothing_typed_is_lost(clinic_a: World) -> None:
    """The unique name of a service is checked by PostgreSQL alone: its rule begins with the clinic."""
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{SERVICES}add/"
    data = filled(client, url, name="CONSULTA ALFAZEMA", category="exam", duration_minutes="45", price="1.234,50")
    answer = client.post(url, data)
    assert answer.status_code == 200
    rule = next(rule for rule in Service._meta.constraints if rule.name == "services_one_per_name")
    assert errors_of(answer) == {"__all__": [str(rule.violation_error_message)]}
    text = answer.content.decode()
    assert 'value="CONSULTA ALFAZEMA"' in text
    assert 'value="1.234,50"' in text
    with clinic_a.enter():
        assert Service.objects.count() == 1


def test_after_a_refusal_the_corrected_form_is_saved(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{SERVICES}add/"
    data = filled(client, url, name="Consulta ALFAZEMA", category="exam", duration_minutes="45")
    assert client.post(url, data).status_code == 200
    assert client.post(url, data | {"name": "Retorno"}).status_code == 302
    with clinic_a.enter():
        assert Service.objects.filter(name="Retorno", duration_minutes=45).exists()


def test_deleting_what_is_in_use_says_by_how_many(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{SERVICES}{clinic_a.service.pk}/delete/"
    page = client.get(url)
    assert page.context["protected"]
    assert page.context["protected"][0].startswith("3 ")
    assert client.post(url, {"post": "yes"}).status_code == 200
    with clinic_a.enter():
        assert Service.objects.count() == 1


def test_what_is_not_in_use_can_be_deleted(clinic_a: World) -> None:
    with context.enter(JOB, clinic_a.clinic.pk):
        unused = Service.objects.create(name="Sem uso", category="exam", duration_minutes=10)
    client = signed_in(clinic_a.user(Role.MANAGER))
    assert client.post(f"{SERVICES}{unused.pk}/delete/", {"post": "yes"}).status_code == 302
    with clinic_a.enter():
        assert not Service.objects.filter(pk=unused.pk).exists()


# --- history -------------------------------------------------------------------------------------------------------


def test_history_comes_from_the_audit_log(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{SERVICES}{clinic_a.service.pk}/change/"
    assert client.post(url, filled(client, url, duration_minutes="50")).status_code == 302
    entries = client.get(url.replace("change", "history")).context["entries"]
    assert next(entry.who for entry in entries) == "manager ALFAZEMA"
    (change,) = entries[0].changes
    assert (change.old, change.new, change.withheld) == ("30", "50", False)
    assert len(entries) == 2, "and its creation"


def test_history_explains_itself_to_those_who_may_not_read_the_log(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    page = client.get(f"{SERVICES}{clinic_a.service.pk}/history/")
    assert page.status_code == 200
    assert page.context["entries"] is None
    assert "tests" not in page.content.decode(), "the job that made it"


def test_a_long_history_from_the_log_says_that_there_is_more(clinic_a: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "HISTORY_LIMIT", 2)
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{SERVICES}{clinic_a.service.pk}/history/"
    for minutes, more in ((40, False), (50, True)):
        with clinic_a.enter(Role.MANAGER):
            Service.objects.update(duration_minutes=minutes)
        page = client.get(url)
        assert (len(page.context["entries"]), page.context["more"]) == (2, more)


def test_djangos_own_log_stays_empty(clinic_a: World) -> None:
    """The application's role may not even write there: a line would be an error, and no page is one."""
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{SERVICES}add/"
    assert client.post(url, filled(client, url, name="Novo", category="exam", duration_minutes="15")).status_code == 302
    with superuser("neonpro_test") as behind:
        assert behind.execute("SELECT count(*) FROM django_admin_log").fetchone() == (0,)
        granted = behind.execute("SELECT has_table_privilege('neonpro_app', 'django_admin_log', 'INSERT')").fetchone()
    assert granted == (False,)


# --- the clinic's own pages ----------------------------------------------------------------------------------------


def test_the_list_of_clinics_is_the_one_clinic(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    answer = client.get("/admin/clinics/clinic/")
    assert answer.headers["Location"] == f"/admin/clinics/clinic/{clinic_a.clinic.pk}/change/"


def test_a_manager_changes_the_clinic_and_punctuation_is_accepted(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"/admin/clinics/clinic/{clinic_a.clinic.pk}/change/"
    answer = client.post(url, filled(client, url, cnpj="11.222.333/0001-81", cep="01310-100", phone="(11) 98765-4321"))
    assert answer.status_code == 302, errors_of(answer)
    with clinic_a.enter():
        clinic_a.clinic.refresh_from_db()
    assert (clinic_a.clinic.cnpj, clinic_a.clinic.phone) == ("11222333000181", "+5511987654321")
    page = client.get(url).content.decode()
    assert 'value="11.222.333/0001-81"' in page
    assert 'value="(11) 98765-4321"' in page


@pytest.mark.parametrize(
    ("typed", "cents"), [("250", 25_000), ("250,00", 25_000), ("R$ 1.250,5", 125_050), ("", None), ("0", 0)]
)
def test_a_price_is_typed_in_reais_and_kept_in_cents(clinic_a: World, typed: str, cents: int | None) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{SERVICES}{clinic_a.service.pk}/change/"
    answer = client.post(url, filled(client, url, price=typed))
    assert answer.status_code == 302, errors_of(answer)
    with clinic_a.enter():
        clinic_a.service.refresh_from_db()
    assert clinic_a.service.price_cents == cents


def test_a_price_is_shown_in_reais(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert "R$ 250,00" in client.get(SERVICES).content.decode()


@pytest.mark.parametrize("typed", ["-1", "dez", "1,999"])
def test_a_price_that_is_none_is_refused(clinic_a: World, typed: str) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{SERVICES}{clinic_a.service.pk}/change/"
    assert list(errors_of(client.post(url, filled(client, url, price=typed)))) == ["price"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"council": "06", "council_number": "1", "council_uf": "RJ"}, set()),
        ({"council": "06", "council_number": "1"}, {"council_uf"}),
        ({"council": "06", "council_uf": "RJ"}, {"council_number"}),
        ({"council": "12", "council_number": "1", "council_region": "1"}, set()),
        ({"council": "12", "council_number": "1"}, {"council_region"}),
        ({"council": "15", "council_number": "1"}, {"council_uf"}),
        ({"council": "15", "council_number": "1", "council_uf": "RJ", "council_region": "2"}, {"council_region"}),
        ({}, set()),
        ({"council_number": "1", "council_uf": "RJ"}, {"council_number", "council_uf"}),
        ({"council": "06", "council_number": "12a", "council_uf": "RJ"}, {"council_number"}),
        ({"council": "06", "council_number": "1", "council_uf": "RJ", "cpf": "52998224725"}, set()),
        ({"council": "06", "council_number": "1", "council_uf": "RJ", "cpf": "52998224724"}, {"cpf"}),
        ({"council": "06", "council_number": "1", "council_uf": "RJ", "cpf": "390.533.447-05"}, {"cpf"}),
        # What the form hid when the council changed is left out.
        ({"council": "06", "council_number": "1", "council_uf": "RJ", "council_region": "3"}, set()),
    ],
)
def test_each_rule_of_a_licence_is_said_at_its_field(clinic_a: World, fields: dict[str, str], wrong: set[str]) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{PROFESSIONALS}add/"
    answer = client.post(url, filled(client, url, full_name="Ana Lima", **fields))
    assert (set() if answer.status_code == 302 else set(errors_of(answer))) == wrong


def test_a_licence_is_shown_as_people_write_it(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert "CRM-SP 123456" in client.get(PROFESSIONALS).content.decode()


def test_the_same_licence_twice_is_an_error_in_the_form(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    url = f"{PROFESSIONALS}add/"
    data = filled(client, url, full_name="Outra", council="06", council_number="123456", council_uf="SP")
    assert "__all__" in errors_of(client.post(url, data))
