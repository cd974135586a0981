"""How long the server takes for a page, through the WSGI application with every middleware."""

import gzip
import http.cookies
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from itertools import cycle
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from clinics.models import Professional, User
from clinics.roles import Role
from neonpro.db import context
from neonpro.db.context import SignIn
from patients.models import Appointment, Patient
from tests.bench.load import JOB, Team
from tests.bench.measure import Result, in_turn, not_measured, ratio, slow_tail, stopwatch
from tests.bench.scale import Scale

PAGE_GOAL_MS = 100
STOCK_GOAL = 1.2
"""How long our list may take, in times of the stock admin's."""


class Failed(Exception):
    """A page was not answered with 200; says with what, and what was raised."""


class Browser:
    """Somebody signed in, who asks for pages as a browser does."""

    def __init__(self, user: User) -> None:
        client = Client()
        # Signing in is an event of the audit log, and needs a context as any other.
        with context.enter(SignIn(), None):
            client.force_login(user)
        cookie: http.cookies.Morsel[str] = client.cookies[settings.SESSION_COOKIE_NAME]
        self._headers = {"cookie": f"{cookie.key}={cookie.value}", "accept-encoding": "gzip"}
        self._application = WSGIHandler()

    def get(self, path: str) -> tuple[bytes, float]:
        """The decoded body, and the seconds from the request to its last byte.

        Raises:
            Failed: the answer is not 200.
        """
        environ = RequestFactory().get(path, headers=self._headers).environ
        answer: dict[str, Any] = {}
        raised = ""

        def remember(**_: object) -> None:
            nonlocal raised
            kind, error, _traceback = sys.exc_info()
            raised = f": {kind.__name__ if kind else ''} {error}"

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            answer.update(status=int(status.split()[0]), headers=dict(headers))

        def serve() -> None:
            response = self._application(environ, start_response)
            answer["body"] = b"".join(response)
            response.close()

        got_request_exception.connect(remember)
        try:
            seconds = stopwatch(serve)
        finally:
            got_request_exception.disconnect(remember)
        if answer["status"] != 200:
            raise Failed(f"answered {answer['status']}{raised}")
        body: bytes = answer["body"]
        if answer["headers"].get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return body, seconds


def pages(scale: Scale, teams: dict[str, Team]) -> Iterator[Result]:
    """The pages that the staff opens all day."""
    for place, team in teams.items():
        browsers = {role: Browser(team.users[role]) for role in (Role.RECEPTION, Role.MANAGER)}
        people, visits = _some_ids(team)
        for key, title, role, urls in (
            ("dashboard", "dashboard", Role.RECEPTION, _urls("admin:index")),
            ("dashboard_manager", "dashboard of a manager", Role.MANAGER, _urls("admin:index")),
            ("patients", "list of patients", Role.RECEPTION, _urls("admin:patients_patient_changelist")),
            ("patient", "a patient", Role.RECEPTION, _urls("admin:patients_patient_change", people)),
            ("appointments", "list of appointments", Role.RECEPTION, _urls("admin:patients_appointment_changelist")),
            ("appointment", "an appointment", Role.RECEPTION, _urls("admin:patients_appointment_change", visits)),
            ("new_appointment", "form of a new appointment", Role.RECEPTION, _urls("admin:patients_appointment_add")),
            ("agenda_day", "a day's agenda, all professionals", Role.RECEPTION, _day_urls(place, team)),
            ("audit_log", "audit log", Role.MANAGER, _urls("admin:compliance_auditlog_changelist")),
        ):
            if key == "agenda_day" and not urls:
                continue
            yield _page(scale, f"page.{key}.{place}", f"page: {title}, {place} clinic", browsers[role], urls)


def _page(scale: Scale, key: str, title: str, browser: Browser, urls: list[str]) -> Result:
    def missing(reason: str) -> Result:
        return not_measured(key, title, reason, limit=PAGE_GOAL_MS, unit="ms p95")

    if not urls:
        return missing("no admin is registered")
    size = 0
    following = cycle(urls)
    # Without what the machine did for others, and without PostgreSQL: what a busy machine does not lengthen.
    own: list[float] = []

    def take() -> float:
        nonlocal size
        began = time.process_time()
        body, seconds = browser.get(next(following))
        own.append(time.process_time() - began)
        size = len(body)
        return seconds

    try:
        times = in_turn({"": take}, rounds=scale.rounds, seconds=scale.seconds)[""]
    except Exception as error:  # a page that is broken must not take the others' figures along
        return missing(str(error)[:200])
    result = slow_tail(key, title, times, limit=PAGE_GOAL_MS, work={"addresses": len(urls), "bytes": size})
    result.sides["CPU"] = {"median_ms": statistics.median(own) * 1000}
    return result


def against_stock(scale: Scale, teams: dict[str, Team]) -> Iterator[Result]:
    """Our lists against the stock Django admin's and the stock Unfold theme's, with the same rows and columns."""
    team = teams["large"]
    browser = Browser(team.users[Role.RECEPTION])
    for model, title in ((Patient, "patients"), (Appointment, "appointments")):
        yield from _against_stock(scale, browser, model, title)


def _against_stock(scale: Scale, browser: Browser, model: type[Any], title: str) -> Iterator[Result]:
    info = f"{model._meta.app_label}_{model._meta.model_name}_changelist"
    ours, stock, themed = "ours", "stock admin", "stock Unfold"
    line = {
        "key": f"list_page.{title}.stock",
        "title": f"list page of {title}: ours against the stock admin's",
        "limit": STOCK_GOAL,
    }
    if model not in admin.site._registry:
        yield not_measured(**line, reason="no admin is registered", unit="times")  # type: ignore[arg-type]
        return
    shown: dict[str, list[str]] = {}

    def take(side: str, url: str) -> Callable[[], float]:
        # Each row is linked by its id, to its form or its own page; the order they come in is compared as well.
        links = re.compile(rf"{model._meta.model_name}/([0-9a-f-]{{36}})/(?:change|page)/".encode())

        def request() -> float:
            body, seconds = browser.get(url)
            shown[side] = list(dict.fromkeys(found.decode() for found in links.findall(body)))
            return seconds

        return request

    try:
        times = in_turn(
            {
                side: take(side, reverse(f"{site}:{info}"))
                for side, site in ((ours, "admin"), (stock, "stock"), (themed, "themed"))
            },
            rounds=scale.rounds,
            seconds=scale.seconds * 3,
        )
    except Exception as error:
        yield not_measured(**line, reason=str(error)[:200], unit="times")  # type: ignore[arg-type]
        return
    work = {
        "rows": {side: len(ids) for side, ids in shown.items()},
        "same_rows": len(set(map(tuple, shown.values()))) == 1,
    }
    yield ratio(times=times, of=ours, to=stock, work=work, **line)  # type: ignore[arg-type]
    yield ratio(
        f"list_page.{title}.unfold",
        f"list page of {title}: ours against the stock Unfold's",
        times,
        ours,
        themed,
        work=work,
    )


def _urls(name: str, ids: list[UUID] | None = None) -> list[str]:
    """The addresses of a page; none when it does not exist (yet)."""
    try:
        return [reverse(name, args=[pk]) for pk in ids] if ids is not None else [reverse(name)]
    except NoReverseMatch:
        return []


def _day_urls(place: str, team: Team) -> list[str]:
    """A day of 12 professionals with 300 visits, made for this; the large clinic has too many professionals for it."""
    if place == "large":
        return []
    day = timezone.localdate() + timedelta(days=400)
    with context.enter(JOB, team.clinic):
        people = list(Professional.objects.order_by("id")[:12])
        people += [Professional.objects.create(full_name=f"Dra. {n}") for n in range(12 - len(people))]
        patients = Patient.objects.order_by("id").values_list("pk", flat=True)[:300]
        opens = datetime.combine(day, time_of_day(10), tzinfo=UTC)
        if not Appointment.objects.filter(day=day).exists():
            Appointment.objects.bulk_create(
                Appointment(
                    patient_id=patient, professional=people[n % 12], day=day,
                    starts_at=opens + timedelta(minutes=30 * (n // 12)),
                    ends_at=opens + timedelta(minutes=30 * (n // 12 + 1)),
                )
                for n, patient in enumerate(patients)
            )  # fmt: skip
    return [f"{url}?day={day}" for url in _urls("admin:patients_appointment_day")]


def _some_ids(team: Team) -> tuple[list[UUID], list[UUID]]:
    with context.enter(team.users[Role.RECEPTION], team.clinic):
        return (
            list(Patient.objects.order_by("-created_at", "id").values_list("pk", flat=True)[:20]),
            list(Appointment.objects.order_by("-day", "-starts_at", "id").values_list("pk", flat=True)[:20]),
        )
