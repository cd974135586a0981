"""The page «Meus dados»: reads the request, calls the workflow, says what happened.

Outside of the admin, its accounts and its sessions. Each view opens its own context: the page's door before somebody is
in, and the patient's own from then on, rendering included. Nothing is cached or indexed, nothing needs a script.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from psycopg.types.json import Jsonb

from clinics import trail
from clinics.identifiers import format_phone
from clinics.middleware import own_context
from clinics.models import Clinic
from compliance import holder, holder_page, packages
from compliance.holder import HolderError, NotLetIn, TooOften
from compliance.holder_forms import ASKED, CodeForm, RequestForm, SignInForm, WithdrawForm
from compliance.models import DataRequest, HolderSession
from compliance.models.holder import TRIES
from compliance.packages import PackageError
from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.db.context import Door, Holder
from neonpro.vault.keys import Act, keyring, purpose
from patients import accesses as log

COOKIE = "meus_dados"

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The page has no script at all."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a patient who is in."""

    request: HttpRequest
    clinic: Clinic
    patient: UUID


def _closed(response: HttpResponseBase) -> HttpResponseBase:
    """No copy of the page stays anywhere, and no search engine knows it."""
    response["Cache-Control"] = "no-store, private"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Content-Security-Policy"] = POLICY
    return response


def _outside(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """A view for whoever is not in, or not yet."""

    @wraps(view)
    @sensitive_post_parameters()
    def answer(request: HttpRequest, clinic: UUID, **arguments: Any) -> HttpResponseBase:
        try:
            return _closed(view(request, _place(clinic), **arguments))
        except (context.NotAMember, Http404):
            return _gone(request)

    return own_context(answer)


def _inside(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view for a patient who is in: in their own context, or else the way to come in."""

    @wraps(view)
    @sensitive_post_parameters()
    def answer(request: Any, clinic: UUID, **arguments: Any) -> HttpResponseBase:
        secret = request.COOKIES.get(COOKIE, "")
        try:
            with (
                purpose(request.resolver_match.view_name),
                context.enter(Holder(secret), clinic, request_id=getattr(request, "request_id", uuid4())) as opened,
            ):
                place = Clinic.objects.get()
                assert opened.patient is not None
                with timezone.override(ZoneInfo(place.time_zone)):
                    response: HttpResponseBase = view(Visit(request, place, opened.patient), **arguments)
                if response.status_code >= 500:
                    transaction.set_rollback(True)
        except context.NotAMember:
            way = reverse("holder:sign_in", args=[clinic])
            response = HttpResponseRedirect(f"{way}?{urlencode({'fim': 1})}" if secret else way)
            response.delete_cookie(COOKIE, path=_path(clinic), samesite="Strict")
        except Http404:
            return _gone(request)
        return _closed(response)

    return own_context(answer)


def _gone(request: HttpRequest) -> HttpResponseBase:
    return _closed(render(request, "holder/gone.html", {"page": "gone"}, status=404))


# --- coming in and going out ------------------------------------------------------------------------------------------


@_outside
def sign_in(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """Ask who it is, and send a code to their confirmed address; the answer is the same for everybody."""
    form = SignInForm(request.POST if request.method == "POST" else None)
    error, status = "", 200
    if request.method == "POST" and form.is_valid():
        try:
            attempt = holder.ask_code(
                clinic.pk, identifier=form.cleaned_data["identifier"], born=form.cleaned_data["born"],
                address=_address(request),
            )  # fmt: skip
        except TooOften as refusal:
            error, status = str(refusal), 429
        else:
            return HttpResponseRedirect(reverse("holder:code", args=[clinic.pk, attempt]))
    return _page(request, clinic, "sign_in", status=status, form=form, error=error, over=request.GET.get("fim") == "1")


@_outside
def code(request: HttpRequest, clinic: Clinic, attempt: UUID) -> HttpResponse:
    """Take the code that was sent."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    error, status = "", 200
    if request.method == "POST" and form.is_valid():
        try:
            secret = holder.enter_code(
                clinic.pk, attempt=attempt, code=form.cleaned_data["code"], address=_address(request)
            )
        except HolderError as refusal:
            error, status = str(refusal), 429 if isinstance(refusal, TooOften) else 400
        else:
            return _let_in(request, clinic.pk, secret)
    return _page(
        request, clinic, "code", status=status, form=form, error=error,
        minutes=holder.CODE_LASTS.seconds // 60, tries=TRIES,
    )  # fmt: skip


@_outside
def invitation(request: HttpRequest, clinic: Clinic, token: str) -> HttpResponse:
    """The clinic's link. Opening it does nothing, or programs that look at links would use it up; the button does."""
    error, status = "", 200
    if request.method == "POST":
        try:
            return _let_in(request, clinic.pk, holder.enter_link(clinic.pk, token=token, address=_address(request)))
        except HolderError as refusal:
            error, status = str(refusal), 429 if isinstance(refusal, TooOften) else 400
    return _page(request, clinic, "invitation", status=status, error=error)


@_outside
@require_POST
def sign_out(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """End the session; the secret opens nothing any more, wherever else it may be."""
    holder.leave(clinic.pk, request.COOKIES.get(COOKIE, ""))
    response = HttpResponseRedirect(reverse("holder:sign_in", args=[clinic.pk]))
    response.delete_cookie(COOKIE, path=_path(clinic.pk), samesite="Strict")
    return response


def _let_in(request: HttpRequest, clinic: UUID, secret: str) -> HttpResponse:
    before = request.COOKIES.get(COOKIE)
    if before:
        # Whoever was in here is out now: a new secret, and the old one opens nothing.
        holder.leave(clinic, before)
    response = HttpResponseRedirect(reverse("holder:home", args=[clinic]))
    response.set_cookie(
        COOKIE, secret, path=_path(clinic), secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Strict"
    )
    return response


# --- inside -----------------------------------------------------------------------------------------------------------


@_inside
def home(visit: Visit) -> HttpResponse:
    """The patient's own data."""
    person = holder_page.me(visit.patient)
    return _page(
        visit.request, visit.clinic, "home", person=person, groups=holder_page.own_data(person),
        open_requests=holder_page.count_open(holder_page.own_requests(visit.patient)),
        done=visit.request.GET.get("feito", ""),
    )  # fmt: skip


@_inside
def consents(visit: Visit) -> HttpResponse:
    """What the patient agreed to; one click takes it back."""
    request, error = visit.request, ""
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not form.is_valid():
            raise Http404
        try:
            holder_page.withdraw(holder_page.me(visit.patient), *form.chosen)
        except HolderError as refusal:
            error = str(refusal)
        else:
            return HttpResponseRedirect(f"{request.path}?feito=1")
    return _page(
        request, visit.clinic, "consents", status=409 if error else 200, error=error,
        lines=holder_page.own_consents(visit.patient), done=request.GET.get("feito", ""),
    )  # fmt: skip


@_inside
def accesses(visit: Visit) -> HttpResponse:
    """Who accessed the patient's data, the newest first: the same facts that the clinic sees."""
    # To look at it is a reading, too.
    keyring().open([visit.patient], ("identification",), Act.READ)
    before = trail.Key.parse(visit.request.GET.get("antes", ""))
    found = log.accesses(visit.patient, before=before)
    return _page(visit.request, visit.clinic, "accesses", lines=found.lines, older=found.older, later=before)


@_inside
def requests(visit: Visit) -> HttpResponse:
    """Ask for something, and see what became of it."""
    request, error = visit.request, ""
    form = RequestForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            holder_page.ask(
                visit.patient, form.cleaned_data["kind"], checked=_checked(visit), details=form.cleaned_data["details"]
            )
        except HolderError as refusal:
            error = str(refusal)
        else:
            return HttpResponseRedirect(f"{request.path}?feito=1")
    chosen = form["kind"].value() or ""
    return _page(
        request, visit.clinic, "requests", status=409 if error else 200, error=error, form=form,
        asked=holder_page.own_requests(visit.patient), done=request.GET.get("feito", ""),
        choices=[(code.value, code.label, words, code == chosen) for code, words in ASKED.items()],
    )  # fmt: skip


@_inside
def file(visit: Visit, what: str, record: UUID) -> HttpResponse:
    """Something to take along: a letter, a certificate, a package."""
    found = holder_page.answer_file(visit.clinic, visit.patient, what, record)
    if found is None:
        raise Http404
    content, kind, name = found
    execute(
        "SELECT neonpro.record_reading('EXPORT', %s::uuid[], %s::jsonb)",
        [[visit.patient], Jsonb({"purpose": "holder:file"})],
    )
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@_inside
def package(visit: Visit, record: UUID) -> HttpResponseBase:
    """The package that the clinic released: first its password, and with that the download."""
    request = visit.request
    if request.method != "POST":
        # Reloaded, or come back to: the password is shown no second time.
        return HttpResponseRedirect(reverse("holder:requests", args=[visit.clinic.pk]))
    found = holder_page.released(visit.patient, record)
    if found is None:
        raise Http404
    password, seal = request.POST.get("zip_password", ""), request.POST.get("seal", "")
    try:
        if not seal:
            ticket = packages.prepare_own(found, patient=visit.patient)
            return _page(request, visit.clinic, "package", asked=found, ticket=ticket, minutes=packages.MINUTES)
        packages.admit_own(found, patient=visit.patient, password=password, seal=seal)
    except PackageError as refusal:
        return _page(request, visit.clinic, "package", status=409, asked=found, error=str(refusal))
    pieces = _in_own_context(
        Holder(request.COOKIES.get(COOKIE, "")), visit.clinic, context.require().request_id, found.pk, password
    )
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="pacote-{found.number}.zip"'
    return response


def _in_own_context(actor: Holder, clinic: Clinic, request_id: UUID, record: UUID, password: str) -> Iterator[bytes]:
    """The package in a context of its own: it is written after the request's has closed."""
    language = translation.get_language()
    with (
        timezone.override(ZoneInfo(clinic.time_zone)),
        translation.override(language),
        context.enter(actor, clinic.pk, request_id=request_id),
    ):
        yield from packages.build(DataRequest.objects.get(pk=record), password)


@_inside
def contact(visit: Visit) -> HttpResponse:
    """Confirm the e-mail of the record: codes are sent to it from then on."""
    request, error, status = visit.request, "", 200
    if request.method == "POST":
        try:
            attempt = holder.ask_contact_code(visit.clinic.pk, visit.patient, address=_address(request))
        except HolderError as refusal:
            error, status = str(refusal), 429 if isinstance(refusal, TooOften) else 409
        else:
            return HttpResponseRedirect(reverse("holder:contact_code", args=[visit.clinic.pk, attempt]))
    person = holder_page.me(visit.patient)
    return _page(request, visit.clinic, "contact", status=status, error=error, person=person)


@_inside
def contact_code(visit: Visit, attempt: UUID) -> HttpResponse:
    """Take the code that was sent to the e-mail of the record."""
    request, error, status = visit.request, "", 200
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            holder.confirm_contact_code(
                visit.clinic.pk, visit.patient, attempt=attempt, code=form.cleaned_data["code"],
                address=_address(request),
            )  # fmt: skip
        except NotLetIn as refusal:
            error, status = str(refusal), 400
        except TooOften as refusal:
            error, status = str(refusal), 429
        else:
            return HttpResponseRedirect(f"{reverse('holder:home', args=[visit.clinic.pk])}?feito=contato")
    return _page(request, visit.clinic, "contact_code", status=status, error=error, form=form)


# --- helpers ----------------------------------------------------------------------------------------------------------


def _page(request: HttpRequest, clinic: Clinic, name: str, *, status: int = 200, **values: Any) -> HttpResponse:
    common = {"clinic": clinic, "clinic_phone": format_phone(clinic.phone), "page": name}
    return render(request, f"holder/{name}.html", common | values, status=status)


def _place(clinic: UUID) -> Clinic:
    with context.enter(Door(), clinic):
        return Clinic.objects.get()


def _path(clinic: UUID) -> str:
    return reverse("holder:home", args=[clinic])


def _checked(visit: Visit) -> str:
    """How it was made sure who is in."""
    digest = Holder(visit.request.COOKIES.get(COOKIE, "")).digest
    with context.enter(Door(), visit.clinic.pk):
        return holder_page.identity_by(HolderSession.objects.get(digest=digest).method)


def _address(request: HttpRequest) -> str:
    """Where a request comes from; behind a proxy, as the proxy says: the last entry is the one it added itself."""
    if settings.SECURE_PROXY_SSL_HEADER:
        forwarded: str = request.META.get("HTTP_X_FORWARDED_FOR", "")
        if forwarded:
            return forwarded.rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))
