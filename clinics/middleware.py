"""The clinic context of a request, around the whole of it: view and rendering."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils import timezone

from neonpro.db import context
from neonpro.vault.keys import purpose

SESSION_KEY = "clinic"
"""Where the session keeps the chosen clinic's id."""

FORM_FIELD = "_clinic"
"""The hidden field that says for which clinic a form was filled in."""


@dataclass(frozen=True, slots=True)
class Place:
    """A clinic where the signed-in user works, and as what."""

    id: UUID
    name: str
    role: str
    time_zone: str


class ClinicRequest(HttpRequest):
    """A request as the views get it."""

    request_id: UUID
    clinics: list[Place]
    clinic: Place | None


class ClinicMiddleware:
    """Holds the context's transaction around each request, and undoes it when the request failed.

    Sets on the request: `clinic` (the `Place` that is open, or None), `clinics` (all of the user's), `request_id`.
    """

    def __init__(self, get_response: Callable[[ClinicRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: ClinicRequest) -> HttpResponseBase:
        request.request_id = uuid4()
        request.clinics, request.clinic = [], None
        if _has_own_context(request):
            response = self.get_response(request)
            response.headers.setdefault("X-Request-ID", str(request.request_id))
            return response
        # Who is it, and where do they work? Asked anew each time: a membership that ended opens nothing any more.
        with context.enter(context.SignIn(), None, request_id=request.request_id):
            user = request.user
            if user.is_authenticated:
                request.clinics = places_of(user.pk)
        if not user.is_authenticated:
            return self._respond(request, context.SignIn(), None)
        request.clinic = choose(request)
        if request.clinic is None:
            return self._without_clinic(request)
        if request.POST.get(FORM_FIELD, str(request.clinic.id)) != str(request.clinic.id):
            # The form was opened in another clinic and the switch was made in another tab.
            return render(request, "admin/other_clinic.html", status=409)
        with timezone.override(ZoneInfo(request.clinic.time_zone)):
            return self._respond(request, user, request.clinic.id)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Django turns an exception into an answer before `__call__` sees it: undo the request's work here."""
        if connection.in_atomic_block:
            transaction.set_rollback(True)

    def _respond(self, request: ClinicRequest, actor: context.Actor, clinic: UUID | None) -> HttpResponseBase:
        try:
            # The audit log says for which page keys were opened, rendering included.
            with purpose(page_of(request)), context.enter(actor, clinic, request_id=request.request_id):
                response = self.get_response(request)
                # `own_context`: it opens one itself, piece after piece, so that a large file is never all in memory.
                if isinstance(response, StreamingHttpResponse) and not getattr(response, "own_context", False):
                    # What streams after the context has closed would find no rows.
                    response.streaming_content = list(cast("Iterator[bytes]", response.streaming_content))
                if response.status_code >= 500:
                    transaction.set_rollback(True)
        except context.NotAMember:
            # The membership ended between the two transactions.
            return self._without_clinic(request)
        response.headers.setdefault("X-Request-ID", str(request.request_id))
        return response

    def _without_clinic(self, request: ClinicRequest) -> HttpResponseBase:
        """Somebody who works nowhere may read why, and sign out."""
        if page_of(request) in {"admin:logout", "admin:jsi18n"}:
            return self._respond(request, context.SignIn(), None)
        response: HttpResponse = render(request, "admin/no_clinic.html", status=403)
        return response


def own_context(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view that opens its contexts itself: it is for people who are no users, and no user's role is theirs."""
    view.own_context = True  # type: ignore[attr-defined]
    return view


def _has_own_context(request: HttpRequest) -> bool:
    try:
        view = resolve(request.path_info, getattr(request, "urlconf", None)).func
    except Resolver404:
        return False
    return getattr(view, "own_context", False) is True


def page_of(request: HttpRequest) -> str:
    """The name of the view that an address leads to; "" for an address that leads nowhere."""
    try:
        return resolve(request.path_info, getattr(request, "urlconf", None)).view_name
    except Resolver404:
        return ""


def places_of(user_id: UUID) -> list[Place]:
    """The clinics where a user is an active member, by name (`clinics/sql/clinics_of.sql`)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clinic_id, clinic_name, role, time_zone FROM neonpro.clinics_of(%s)", [user_id])
        return [Place(*row) for row in cursor.fetchall()]


def choose(request: ClinicRequest) -> Place | None:
    """The clinic that the session names, if the user still works there; otherwise the first."""
    chosen = request.session.get(SESSION_KEY)
    for place in request.clinics:
        if str(place.id) == chosen:
            return place
    return request.clinics[0] if request.clinics else None
