"""The shell: the menu by role, one clinic at a time, pages that need no context, and a search that leaves no trace."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.views.defaults import server_error

from clinics.middleware import FORM_FIELD, SESSION_KEY, Place
from clinics.roles import ACCESS, Role
from compliance.models import AuditLog
from patients.models import Patient
from tests.factories import World, join, make_user, named
from tests.pages import Page
from tests.visits import filled, signed_in

INDEX = "/admin/"
ENTER = "/admin/clinic/"
SEARCH = "/admin/search/"


def events(world: World, action: str) -> list[AuditLog]:
    with world.enter(Role.MANAGER):
        return list(AuditLog.objects.filter(action=action))


def request_in(world: World, role: str, **posted: str) -> Any:
    """A request as the middleware hands it on."""
    request: Any = RequestFactory().post(INDEX, posted) if posted else RequestFactory().get(INDEX)
    request.user = world.user(role)
    request.clinic = Place(world.clinic.pk, world.clinic.trade_name, role, world.clinic.time_zone)
    request.clinics = [request.clinic]
    return request


def in_both(first: World, second: World) -> Client:
    """Somebody of the reception who manages the second clinic; the first is open."""
    user = first.user(Role.RECEPTION)
    join(user, second.clinic.pk, Role.MANAGER)
    return signed_in(user, clinic=first.clinic.pk)


# --- the menu ---


@pytest.mark.parametrize("role", Role.values)
def test_the_menu_shows_what_the_role_may_view_and_nothing_else(clinic_a: World, role: str) -> None:
    page = Page(signed_in(clinic_a.user(role)).get(INDEX).content.decode())
    for table, address in {
        "patients": reverse("admin:patients_patient_changelist"),
        "appointments": reverse("admin:patients_appointment_changelist"),
        "clinic_memberships": reverse("admin:clinics_membership_changelist"),
        "professionals": reverse("admin:clinics_professional_changelist"),
        "services": reverse("admin:clinics_service_changelist"),
        "clinics": reverse("admin:clinics_clinic_change", args=[clinic_a.clinic.pk]),
        "audit_logs": reverse("admin:compliance_auditlog_changelist"),
        "resource_permissions": reverse("admin:compliance_resourcepermission_changelist"),
    }.items():
        assert (address in page.links) == (role in ACCESS[table]["view"]), (table, role)


def test_the_menu_marks_where_one_is(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    for address, title in ((INDEX, "dashboard"), ("/admin/patients/patient/add/", "person_search")):
        marked = client.get(address).content.decode().split("aria-current=")[1:]
        assert len(marked) == 1
        assert title in marked[0][:400]


# --- one clinic at a time ---


def test_every_page_says_which_clinic_is_open(clinic_a: World, clinic_b: World) -> None:
    client = in_both(clinic_a, clinic_b)
    for address in (INDEX, "/admin/patients/patient/", "/admin/patients/patient/add/", "/admin/password_change/"):
        answer = client.get(address)
        assert clinic_a.clinic.trade_name in Page(answer.content.decode()).title, address
        assert 'aria-current="true"' in answer.content.decode(), address


def test_a_title_names_no_patient(clinic_a: World) -> None:
    patient = clinic_a.patients[0]
    client = signed_in(clinic_a.user(Role.RECEPTION))
    for name in ("change", "history"):
        page = Page(client.get(reverse(f"admin:patients_patient_{name}", args=[patient.pk])).content.decode())
        assert patient.name not in page.title, "browsers keep titles in their history"


def test_switching_opens_the_other_clinic_and_is_written_down_there(clinic_a: World, clinic_b: World) -> None:
    client = in_both(clinic_a, clinic_b)
    answer = client.post(ENTER, {"clinic": str(clinic_b.clinic.pk)}, follow=True)
    assert answer.redirect_chain == [(INDEX, 302)]
    assert answer.context["request"].clinic.id == clinic_b.clinic.pk
    assert answer.context["request"].clinic.role == Role.MANAGER
    [event] = events(clinic_b, "CLINIC_ENTERED")
    assert (event.actor, event.role) == (str(clinic_a.user(Role.RECEPTION).pk), Role.MANAGER)
    assert events(clinic_a, "CLINIC_ENTERED") == []


@pytest.mark.parametrize("wanted", ["a stranger's", "nobody's", "", "'; DROP"])
def test_nobody_enters_a_clinic_that_is_not_theirs(clinic_a: World, clinic_b: World, wanted: str) -> None:
    clinic = {"a stranger's": str(clinic_b.clinic.pk), "nobody's": str(uuid4())}.get(wanted, wanted)
    client = signed_in(clinic_a.user(Role.MANAGER))
    assert client.post(ENTER, {"clinic": clinic}).status_code == 403
    assert client.get(INDEX).context["request"].clinic.id == clinic_a.clinic.pk
    assert events(clinic_b, "CLINIC_ENTERED") == []


def test_switching_is_a_post_that_no_other_site_can_make(clinic_a: World, clinic_b: World) -> None:
    join(clinic_a.user(Role.MANAGER), clinic_b.clinic.pk, Role.MANAGER)
    client = signed_in(clinic_a.user(Role.MANAGER), clinic=clinic_a.clinic.pk, enforce_csrf_checks=True)
    assert client.get(ENTER, {"clinic": str(clinic_b.clinic.pk)}).status_code == 405
    assert client.post(ENTER, {"clinic": str(clinic_b.clinic.pk)}).status_code == 403
    assert client.session[SESSION_KEY] == str(clinic_a.clinic.pk)


# --- a form belongs to the clinic it was opened in ---


def pages_with_forms(world: World) -> list[str]:
    """Every list, form and question of the admin, as far as the manager gets."""
    found = []
    with world.enter(Role.MANAGER):
        for model in admin.site._registry:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            found += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
            record = model._default_manager.first()
            if record is not None:
                for view in ("change", "delete", "history", "permissions"):
                    try:
                        found.append(reverse(f"{name}_{view}", args=[record.pk]))
                    except NoReverseMatch:
                        assert view == "permissions"
    return found


def test_every_form_that_posts_carries_its_clinic(clinic_a: World) -> None:
    # These are about the account and not about a clinic, or choose one.
    without = {ENTER, reverse("admin:logout")}
    client = signed_in(clinic_a.user(Role.MANAGER))
    seen = 0
    for address in pages_with_forms(clinic_a):
        answer = client.get(address)
        if answer.status_code != 200:
            continue
        for form in Page(answer.content.decode()).forms:
            if form.method == "post" and form.action not in without:
                seen += 1
                assert form.hidden.get(FORM_FIELD) == str(clinic_a.clinic.pk), (address, form)
    assert seen > 10, "the pages are there at all"


def test_a_form_of_another_clinic_is_refused_and_can_be_sent_to_its_own(clinic_a: World, clinic_b: World) -> None:
    client = in_both(clinic_a, clinic_b)
    add = reverse("admin:patients_patient_add")
    form = filled(client, add, name="Paciente de outra aba & cia")
    client.post(ENTER, {"clinic": str(clinic_b.clinic.pk)})

    refused = client.post(add, form)
    assert refused.status_code == 409
    html = refused.content.decode()
    assert clinic_a.clinic.trade_name in html
    assert clinic_b.clinic.trade_name in html
    for world in (clinic_a, clinic_b):
        with world.enter(Role.MANAGER):
            assert Patient.objects.count() == 3, "nothing was written"

    [offer] = [form for form in Page(html).forms if form.action == ENTER]
    back = client.post(ENTER, offer.hidden)
    assert (back.status_code, back.headers["Location"]) == (307, add), "the browser sends the same body on"
    assert client.post(add, offer.hidden).status_code == 302
    with clinic_a.enter(Role.MANAGER):
        assert named("Paciente de outra aba & cia")
    with clinic_b.enter(Role.MANAGER):
        assert Patient.objects.count() == 3


def test_the_way_back_leads_to_this_site_only(clinic_a: World, clinic_b: World) -> None:
    client = in_both(clinic_a, clinic_b)
    for elsewhere in ("https://example.org/", "//example.org/", "javascript:alert(1)"):
        answer = client.post(ENTER, {"clinic": str(clinic_b.clinic.pk), "next": elsewhere})
        assert (answer.status_code, answer.headers["Location"]) == (302, INDEX)


def test_a_form_of_a_clinic_one_has_left_is_refused_without_an_offer(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    answer = client.post(reverse("admin:patients_patient_add"), {FORM_FIELD: str(uuid4()), "name": "Paciente"})
    assert answer.status_code == 409
    assert Page(answer.content.decode()).forms == []


# --- pages outside any clinic ---


def test_an_account_without_a_clinic_reads_why_and_may_sign_out(db: None) -> None:
    user = make_user("ninguem@neonpro.example")
    client = signed_in(user)
    answer = client.get("/admin/patients/patient/")
    assert answer.status_code == 403
    assert "admin/no_clinic.html" in [template.name for template in answer.templates]
    assert user.email in answer.content.decode()
    assert [form.action for form in Page(answer.content.decode()).forms] == [reverse("admin:logout")]
    assert client.post(reverse("admin:logout")).status_code == 200
    assert client.get(INDEX).status_code == 302


@pytest.mark.parametrize("template", ["400", "403", "403_csrf", "404", "500", "admin/no_clinic", "admin/other_clinic"])
def test_pages_that_stand_alone_ask_the_database_nothing(clinic_a: World, template: str) -> None:
    request = request_in(clinic_a, Role.MANAGER, **{FORM_FIELD: str(clinic_a.clinic.pk)})
    with CaptureQueriesContext(connection) as queries:
        html = render_to_string(f"{template}.html", request=request)
    assert queries.captured_queries == []
    page = Page(html)
    assert (page.landmarks, page.inline) == (["main"], [])


def test_the_page_of_a_failure_needs_not_even_a_request(db: None) -> None:
    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    page = Page(answer.content.decode())
    assert page.landmarks == ["main"]
    assert INDEX in page.links


def test_what_is_not_there_or_not_allowed_has_its_page(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.AUDITOR))
    for address, status in (("/admin/nada/", 404), ("/admin/patients/patient/", 403)):
        answer = client.get(address)
        assert answer.status_code == status
        assert answer.templates[0].name == f"{status}.html"


def test_the_sign_in_says_when_it_failed_and_not_whether_the_account_exists(clinic_a: World) -> None:
    client = Client()
    answers = [
        client.post(reverse("admin:login"), {"username": email, "password": "errada"})
        for email in (clinic_a.user(Role.MANAGER).email, "ninguem@neonpro.example")
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.content.decode().count('role="alert"') == 1
    first, second = (answer.content.decode().split('role="alert"')[1].split("</div>")[0] for answer in answers)
    assert first == second


# --- a strict content security policy ---


def test_no_page_has_a_style_or_a_script_of_its_own(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.MANAGER))
    for address in (INDEX, "/admin/password_change/", "/admin/patients/", *pages_with_forms(clinic_a)):
        answer = client.get(address)
        if answer.status_code == 302:  # a list of one, such as the clinic's
            continue
        page = Page(answer.content.decode())
        assert page.inline == [], address
        assert page.landmarks == ["main"], address
    assert Page(Client().get(reverse("admin:login")).content.decode()).inline == []


# --- the command search ---


def search(client: Client, term: str) -> Page:
    answer = client.post(SEARCH, {"s": term})
    assert answer.status_code == 200
    return Page(answer.content.decode())


def page_of(patient_id: UUID) -> str:
    return reverse("admin:patients_patient_page", args=[patient_id])


def test_the_search_finds_this_clinics_patients_only(clinic_a: World, clinic_b: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert set(search(client, "paciente").links) >= {page_of(patient.pk) for patient in clinic_a.patients}
    assert search(client, "bergamota").links == []
    assert search(client, str(clinic_a.patients[1])).links == [page_of(clinic_a.patients[1].pk)]


def test_a_term_never_stands_in_an_address(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert client.get(SEARCH, {"s": "paciente"}).status_code == 405
    html = client.get(INDEX).content.decode()
    assert f'hx-post="{SEARCH}"' in html
    assert "hx-get" not in html


def test_the_search_remembers_nothing(clinic_a: World) -> None:
    cache.clear()
    client = signed_in(clinic_a.user(Role.RECEPTION))
    before = dict(client.session)
    answer = client.post(SEARCH, {"s": "paciente"})
    assert "no-store" in answer.headers["Cache-Control"]
    assert cache._cache == {}  # type: ignore[attr-defined]  # LocMemCache's own
    assert dict(client.session) == before


def test_the_search_shows_no_patients_to_whom_patients_are_not(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.AUDITOR))
    assert search(client, "paciente").links == []
    assert search(client, str(clinic_a.patients[0])).links == []


def test_the_search_finds_pages_of_the_menu_whatever_the_accents(clinic_a: World) -> None:
    service = reverse("admin:clinics_service_changelist")
    title = str(Page(signed_in(clinic_a.user(Role.MANAGER)).get(service).content.decode()).title).split(" · ")[0]
    for term in (title, title.upper().translate(str.maketrans("ÇÃÉÍÓÁ", "CAEIOA"))):
        assert service in search(signed_in(clinic_a.user(Role.MANAGER)), term).links
    assert search(signed_in(clinic_a.user(Role.RECEPTION)), "audit").links == []


def test_an_empty_search_asks_for_nothing(clinic_a: World) -> None:
    client = signed_in(clinic_a.user(Role.RECEPTION))
    assert client.post(SEARCH, {"s": "  "}).content.strip() == b""
    assert client.post(SEARCH).content.strip() == b""


def test_a_name_with_markup_in_it_is_text(clinic_a: World) -> None:
    with clinic_a.enter(Role.RECEPTION):
        Patient.objects.create(name="Marcação <img src=x onerror=alert(1)>")
    html = signed_in(clinic_a.user(Role.RECEPTION)).post(SEARCH, {"s": "marcacao"}).content.decode()
    assert "&lt;img" in html
    assert "<img" not in html


# --- speed ---


def test_the_shell_asks_the_database_nothing(clinic_a: World) -> None:
    request = request_in(clinic_a, Role.MANAGER)
    with clinic_a.enter(Role.MANAGER), CaptureQueriesContext(connection) as queries:
        before = len(queries)
        first, second = admin.site.each_context(request), admin.site.each_context(request)
        assert len(queries) == before
    assert first is not second, "a page may add to its own"
    assert first["sidebar_navigation"] is second["sidebar_navigation"], "worked out once"
