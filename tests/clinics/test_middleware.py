"""One request, one clinic, one transaction: what fails is undone, what streams sees rows, what ended opens nothing."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import path
from django.utils import timezone

from clinics.middleware import FORM_FIELD, SESSION_KEY
from clinics.models import Membership, Service
from compliance.models import AuditLog
from neonpro.db import context
from neonpro.urls import urlpatterns as product
from patients.models import Patient
from tests import settings as test_settings
from tests.conftest import superuser
from tests.db.raw import Raw
from tests.factories import JOB, World, join, make_user, make_world
from tests.visits import signed_in

pytestmark = pytest.mark.urls("tests.clinics.test_middleware")


def write(request: HttpRequest) -> Service:
    return Service.objects.create(name="Do pedido", category="exam", duration_minutes=20)


def fine(request: HttpRequest) -> HttpResponse:
    write(request)
    return HttpResponse("ok")


def raises(error: BaseException) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        write(request)
        raise error

    return view


def answers(status: int) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        write(request)
        return HttpResponse("text", status=status)

    return view


def broken_template(request: HttpRequest) -> TemplateResponse:
    write(request)

    def fail() -> str:
        raise ValueError("while rendering")

    return TemplateResponse(request, engines["django"].from_string("{{ fail }}"), {"fail": fail})


def template(request: HttpRequest) -> TemplateResponse:
    """Rendered after the view has returned, and after Django's own transactions would have ended."""
    return TemplateResponse(
        request, engines["django"].from_string("{% for p in patients %}[{{ p.name }}]{% endfor %}"),
        {"patients": Patient.objects.order_by("created_at")},
    )  # fmt: skip


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        yield from (f"[{patient.name}]" for patient in Patient.objects.order_by("created_at"))

    return StreamingHttpResponse(lines())


def broken_stream(request: HttpRequest) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        write(request)
        yield "half"
        raise ValueError("while streaming")

    return StreamingHttpResponse(lines())


def where(request: Any) -> HttpResponse:
    opened = context.require()
    names = ",".join(sorted(patient.name for patient in Patient.objects.all()))
    clinics = ",".join(place.name for place in request.clinics)
    return HttpResponse(
        f"{opened.role}|{opened.clinic}|{request.clinic}|{clinics}|{names}|{timezone.get_current_timezone_name()}"
    )


FAILURES = {
    "not-found": (raises(Http404()), 404),
    "denied": (raises(PermissionDenied()), 403),
    "suspicious": (raises(SuspiciousOperation("x")), 400),
    "error": (raises(ValueError("in the view")), 500),
    "rendering": (broken_template, 500),
    "streaming": (broken_stream, 500),
    "answer-500": (answers(500), 500),
    "answer-503": (answers(503), 503),
}

urlpatterns = [
    *product,
    path("fine/", fine),
    path("answer-400/", answers(400)),
    path("template/", template),
    path("stream/", stream),
    path("where/", where),
    *(path(f"{name}/", view) for name, (view, _) in FAILURES.items()),
]


@pytest.fixture
def world(committed: None) -> World:
    return make_world("ALFAZEMA")


def visit(user: Any, address: str, **options: Any) -> Any:
    client = signed_in(user, raise_request_exception=False)
    return client.get(address, **options)


def written(world: World) -> int:
    with world.enter("manager"):
        return Service.objects.filter(name="Do pedido").count()


# --- What is kept and what is undone ----------------------------------------------------------------------------


def test_a_request_that_goes_well_is_kept(world: World) -> None:
    assert visit(world.user("manager"), "/fine/").status_code == 200
    assert written(world) == 1
    assert not connection.in_atomic_block
    assert context.current() is None


def test_a_refusal_of_the_views_own_making_is_kept(world: World) -> None:
    assert visit(world.user("manager"), "/answer-400/").status_code == 400
    assert written(world) == 1


@pytest.mark.parametrize("failure", FAILURES)
def test_a_request_that_fails_leaves_nothing(failure: str, world: World) -> None:
    status = FAILURES[failure][1]
    assert visit(world.user("manager"), f"/{failure}/").status_code == status
    assert written(world) == 0
    assert context.current() is None
    assert not connection.in_atomic_block
    # Nor a trace of what did not happen.
    with world.enter("dpo"):
        assert not AuditLog.objects.filter(table_name="services", changes__name="Do pedido").exists()
    # And the connection serves the next request.
    assert visit(world.user("manager"), "/fine/").status_code == 200
    assert written(world) == 1


def test_a_page_that_is_not_there_says_so_to_whoever_is_signed_in(world: World) -> None:
    """The error page is rendered in a transaction that is about to be undone."""
    assert visit(world.user("manager"), "/admin/patients/patient/nowhere/").status_code in {302, 404}
    assert visit(world.user("manager"), "/nowhere/").status_code == 404
    assert visit(world.user("auditor"), "/admin/patients/patient/add/").status_code == 403


@pytest.mark.parametrize("address", ["/template/", "/stream/"])
def test_what_is_rendered_or_streamed_after_the_view_sees_its_rows(address: str, world: World) -> None:
    other = make_world("BERGAMOTA")
    for one in (world, other):
        answer = visit(one.user("reception"), address)
        assert answer.getvalue().decode() == "".join(f"[Paciente {one.canary} {n}]" for n in range(3))


# --- Which clinic -----------------------------------------------------------------------------------------------


def test_a_request_works_in_the_users_clinic_and_in_its_time(committed: None) -> None:
    world = make_world("ALFAZEMA", time_zone="America/Rio_Branco")
    answer = visit(world.user("reception"), "/where/").content.decode()
    role, clinic, _place, names, patients, zone = answer.rsplit("|", 5)
    assert (role, clinic, zone) == ("reception", str(world.clinic.pk), "America/Rio_Branco")
    assert names == world.clinic.trade_name
    assert patients.count("ALFAZEMA") == 3
    assert timezone.get_current_timezone_name() == "America/Sao_Paulo"


def test_nobody_signed_in_sees_no_rows_of_any_clinic(world: World) -> None:
    answer = Client().get("/where/").content.decode()
    assert answer.startswith("signin|None|None||")
    assert "ALFAZEMA" not in answer
    assert Client(raise_request_exception=False).get("/fine/").status_code == 500


@pytest.fixture
def two(world: World) -> tuple[World, World, Any]:
    """Two clinics, and somebody who is a manager in both."""
    other = make_world("BERGAMOTA")
    somebody = make_user("duas@casas.example")
    join(somebody, world.clinic.pk, "manager")
    join(somebody, other.clinic.pk, "manager")
    return world, other, somebody


def test_the_session_says_which_of_several_clinics(two: tuple[World, World, Any]) -> None:
    a, b, somebody = two
    client = signed_in(somebody)
    assert "ALFAZEMA 1" in client.get("/where/").content.decode()  # the first by name
    for one, other in ((b, a), (a, b)):
        assert client.post("/admin/clinic/", {"clinic": str(one.clinic.pk)}).status_code == 302
        answer = client.get("/where/").content.decode()
        assert f"Paciente {one.canary} 1" in answer
        assert f"Paciente {other.canary} 1" not in answer


def test_nobody_switches_to_a_clinic_that_is_not_theirs(two: tuple[World, World, Any]) -> None:
    a, b, _ = two
    client = signed_in(a.user("manager"))
    assert client.post("/admin/clinic/", {"clinic": str(b.clinic.pk)}).status_code == 403
    session = client.session
    session[SESSION_KEY] = str(b.clinic.pk)
    session.save()
    answer = client.get("/where/").content.decode()
    assert "BERGAMOTA" not in answer
    assert "ALFAZEMA" in answer


def test_a_form_of_another_clinic_is_refused_and_writes_nothing(two: tuple[World, World, Any]) -> None:
    a, b, somebody = two
    client = signed_in(somebody, clinic=a.clinic.pk)
    for form in (str(b.clinic.pk), "", "x", str(uuid.uuid4())):
        answer = client.post("/fine/", {FORM_FIELD: form})
        assert answer.status_code == 409, form
    assert written(a) == written(b) == 0
    assert client.post("/fine/", {FORM_FIELD: str(a.clinic.pk)}).status_code == 200
    assert (written(a), written(b)) == (1, 0)


def test_a_membership_that_ended_is_refused_from_the_next_request_on(world: World) -> None:
    client = signed_in(world.user("reception"))
    assert client.get("/where/").status_code == 200
    with context.enter(JOB, world.clinic.pk):
        Membership.objects.filter(user=world.user("reception")).update(is_active=False)
    answer = client.get("/where/")
    assert answer.status_code == 403
    assert "ALFAZEMA" not in answer.content.decode()
    assert client.post("/fine/").status_code == 403
    assert written(world) == 0
    # Signing out is still possible.
    assert client.post("/admin/logout/").status_code in {200, 302}
    assert client.get("/where/").content.decode().startswith("signin|")


def test_a_membership_that_ends_between_the_two_transactions_is_refused_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clinics are asked in one transaction and the context opens in the next."""
    from clinics import middleware

    client = signed_in(world.user("reception"))

    def choose_and_end(request: Any) -> Any:
        with context.enter(JOB, world.clinic.pk):
            Membership.objects.filter(user=world.user("reception")).update(is_active=False)
        return request.clinics[0]

    monkeypatch.setattr(middleware, "choose", choose_and_end)
    assert client.get("/where/").status_code == 403


def test_an_account_that_was_closed_is_signed_out(world: World) -> None:
    client = signed_in(world.user("reception"))
    with superuser(test_settings.DATABASE) as root:
        root.execute("UPDATE users SET is_active = false WHERE id = %s", [world.user("reception").pk])
    assert client.get("/where/").content.decode().startswith("signin|")


def test_a_platform_superuser_who_is_no_member_sees_no_patient(world: World) -> None:
    client = signed_in(make_user("raiz@plataforma.example", superuser=True))
    for address in ("/where/", "/admin/", "/admin/patients/patient/"):
        answer = client.get(address)
        assert answer.status_code == 403
        assert "ALFAZEMA" not in answer.content.decode()


# --- The request in the log -------------------------------------------------------------------------------------


def test_the_requests_id_is_in_its_answer_and_in_its_audit_rows(world: World) -> None:
    # Nobody can bring an id along.
    answer = visit(world.user("manager"), "/fine/", headers={"x-request-id": str(uuid.uuid4())})
    request_id = uuid.UUID(answer.headers["X-Request-ID"])
    with superuser(test_settings.DATABASE) as root:
        rows = Raw(root).run(
            "SELECT action, table_name, actor, role FROM audit_logs WHERE request_id = %s", [request_id]
        )
    assert rows == [("INSERT", "services", str(world.user("manager").pk), "manager")]
    assert visit(world.user("manager"), "/where/").headers["X-Request-ID"] != str(request_id)
    page = visit(world.user("manager"), "/where/")
    with superuser(test_settings.DATABASE) as root:
        rows = Raw(root).run(
            "SELECT action, changes ->> 'purpose' FROM audit_logs WHERE request_id = %s", [page.headers["X-Request-ID"]]
        )
    assert rows == [("LIST", "tests.clinics.test_middleware.where")]
