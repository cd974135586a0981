"""The queue of holders' requests, one request with its clock and steps, and the downloads that answer it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from clinics import trail
from clinics.adminbase import place_of
from clinics.models import Clinic
from compliance import consents, package_pdf, packages, requests
from compliance.models import (
    ERASING,
    LETTERS,
    OPEN,
    PACKAGED,
    AnswerChannel,
    DataRequest,
    IdentityCheck,
    RequestStatus,
    RequestType,
)
from compliance.packages import PackageError
from compliance.requests import Clock, RequestError
from neonpro.db import context
from neonpro.rules import rule
from neonpro.vault.retention import patient_models
from patients import accesses

TAGS = {
    RequestStatus.RECEIVED: ("default", "inbox"),
    RequestStatus.IN_PROGRESS: ("info", "pending"),
    RequestStatus.ANSWERED: ("success", "check_circle"),
    RequestStatus.REFUSED: ("warning", "block"),
}
"""How a state looks: the kind of tag, and its icon."""


class TimeFilter(admin.SimpleListFilter):
    """Open and overdue, open and due soon, open, closed."""

    title = gettext_lazy("time left")
    parameter_name = "time"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("overdue", _("overdue")),
            ("soon", _("due soon")),
            ("open", _("all open")),
            ("closed", _("closed")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        today = timezone.localdate()
        match self.value():
            case "overdue":
                return queryset.filter(status__in=OPEN, due_on__lt=today)
            case "soon":
                last = today + timedelta(days=requests.SOON)
                return queryset.filter(status__in=OPEN, due_on__gte=today, due_on__lte=last)
            case "open":
                return queryset.filter(status__in=OPEN)
            case "closed":
                return queryset.exclude(status__in=OPEN)
        return queryset


class StepForm(forms.Form):
    """What a step on a request asks for: only the fields that its page shows are looked at."""

    how = forms.ChoiceField(
        label=gettext_lazy("Identity checked by"), choices=IdentityCheck.choices, required=False,
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    reason = forms.CharField(
        label=gettext_lazy("Reason for the extension, as the holder is told"), max_length=4000, required=False,
        widget=UnfoldAdminTextareaWidget,
    )  # fmt: skip
    answer = forms.CharField(
        label=gettext_lazy("Answer, as it went out"), max_length=4000, required=False, widget=UnfoldAdminTextareaWidget
    )
    channel = forms.ChoiceField(
        label=gettext_lazy("Sent how"), choices=AnswerChannel.choices, required=False, widget=UnfoldAdminSelectWidget
    )
    ground = forms.CharField(
        label=gettext_lazy("Ground of the refusal, of fact or of law"), max_length=4000, required=False,
        widget=UnfoldAdminTextareaWidget,
    )  # fmt: skip
    refused_channel = forms.ChoiceField(
        label=gettext_lazy("Sent how"), choices=AnswerChannel.choices, required=False, widget=UnfoldAdminSelectWidget
    )
    password = forms.CharField(
        label=gettext_lazy("Your own password, once more"), required=False, strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    released_answer = forms.CharField(
        label=gettext_lazy("Answer, as the holder reads it"), max_length=4000, required=False,
        initial=requests.released_answer, widget=UnfoldAdminTextareaWidget,
    )  # fmt: skip
    release_password = forms.CharField(
        label=gettext_lazy("Your own password, to confirm the release"), required=False, strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
    )  # fmt: skip


def clock_tag(clock: Clock, is_open: bool) -> SafeString:
    """The time left, in words and with an icon; colour only adds to it."""
    if not is_open:
        return mark_safe("–")
    kind, icon = "default", "schedule"
    if clock.is_over:
        kind, icon = "danger", "alarm"
    elif clock.is_soon:
        kind, icon = "warning", "hourglass_bottom"
    return format_html(
        '<span class="np-tag np-tag-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span> {}</span>',
        kind, icon, clock.words,
    )  # fmt: skip


class RequestPages:
    """What `DataRequestAdmin` shows and does besides the erasure; mixed into it."""

    list_display: ClassVar[tuple[str, ...]] = (
        "number_column", "patient_column", "kind", "left_column", "due_column", "state_column", "owner_column",
    )  # fmt: skip
    list_filter: ClassVar[tuple[Any, ...]] = (TimeFilter, "kind", "status")
    empty_hint = gettext_lazy("No holder has asked for anything yet. Note a request as soon as it arrives.")

    @display(description=gettext_lazy("number"))  # type: ignore[untyped-decorator]
    def number_column(self, record: DataRequest) -> str:
        return record.number

    @display(description=gettext_lazy("time left"))  # type: ignore[untyped-decorator]
    def left_column(self, record: Any) -> SafeString:
        return clock_tag(record.clock, record.is_open)

    @display(description=gettext_lazy("due on"))  # type: ignore[untyped-decorator]
    def due_column(self, record: DataRequest) -> str:
        return f"{record.due_on:%d/%m/%Y}"

    @display(description=gettext_lazy("status"))  # type: ignore[untyped-decorator]
    def state_column(self, record: DataRequest) -> SafeString:
        return state_tag(record)

    @display(description=gettext_lazy("who answers"))  # type: ignore[untyped-decorator]
    def owner_column(self, record: Any) -> str:
        return str(record.owner_name or "–")

    def with_clocks(self, records: list[Any]) -> list[Any]:
        """The clock and the owner's name of each, looked up once."""
        found, people = requests.clocks(records), trail.names()
        for record in records:
            record.clock = found[record.pk]
            record.owner_name = people.get(str(record.owner_id), "") if record.owner_id else ""
        return records

    # --- one request --------------------------------------------------------------------------------------------------

    def answering(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page of one request: its clock, its steps, what answers it, and what happened."""
        found: Any = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
        if found is None:
            raise Http404
        if request.method == "POST":
            data = request.POST.copy()
            # The answer to a release stands ready, whichever step had to be refused.
            data.setdefault("released_answer", requests.released_answer())
            form = StepForm(data)
            form.is_valid()
            act = request.POST.get("act", "")
            try:
                answer = self._act(request, found, act, form.cleaned_data)
            except (RequestError, PackageError) as error:
                messages.error(request, str(error))
                # A text that could not be saved stays on the page.
                found = self.get_object(request, unquote(object_id))  # type: ignore[attr-defined]
                return self._request_page(request, found, form)
            return answer or HttpResponseRedirect(request.path)
        return self._request_page(request, found, StepForm())

    def _act(self, request: HttpRequest, found: DataRequest, act: str, data: dict[str, Any]) -> HttpResponse | None:
        user: Any = request.user
        if act == "identify":
            requests.check_identity(found, data["how"], acting_user=user)
            messages.success(request, _("The identity is noted. The request can be answered now."))
        elif act == "extend":
            requests.extend_request(found, data["reason"], acting_user=user)
            messages.success(request, _("The term was extended. Tell the holder the reason."))
        elif act == "answer":
            requests.answer_request(found, data["answer"], channel=data["channel"], acting_user=user)
            messages.success(request, _("The answer is noted and the request closed."))
        elif act == "refuse":
            requests.refuse_request(found, data["ground"], channel=data["refused_channel"], acting_user=user)
            messages.success(request, _("The refusal is noted and the request closed."))
        elif act == "prepare":
            ticket = packages.prepare(found, acting_user=user, password=data["password"])
            return self._request_page(request, found, StepForm(), ticket=ticket)
        elif act == "release":
            until = requests.release_package(
                found, data.get("released_answer", ""), password=data["release_password"], acting_user=user
            )
            messages.success(
                request,
                _(
                    "The package is released and the request closed. The holder can download it on “My data” until"
                    " %(day)s."
                )
                % {"day": date_format(until, "d/m/Y")},
            )
        elif act == "package":
            return self._download(request, found)
        elif act == "letter":
            return self._letter(found)
        else:
            raise RequestError(_("Nothing was done. Choose one of the steps."))
        return None

    def _download(self, request: HttpRequest, found: DataRequest) -> HttpResponse:
        password, seal = request.POST.get("zip_password", ""), request.POST.get("seal", "")
        packages.admit(found, acting_user=request.user, password=password, seal=seal)
        place = place_of(request)
        pieces = _in_own_context(request.user, place, getattr(request, "request_id", None), found, password)
        answer: Any = StreamingHttpResponse(pieces, content_type="application/zip")
        answer.own_context = True
        answer["Content-Disposition"] = f'attachment; filename="pacote-{found.number}.zip"'
        return answer  # type: ignore[no-any-return]

    def _letter(self, found: DataRequest) -> HttpResponse:
        clinic = Clinic.objects.get(pk=cast("UUID", found.clinic_id))
        if not found.is_open:
            content = package_pdf.answer_letter(found, clinic)
        elif found.kind not in LETTERS:
            raise RequestError(_("This kind of request is not answered by a letter of facts."))
        elif not found.identity_check:
            raise RequestError(_("First check the identity of who asks, and note how."))
        else:
            content = package_pdf.letter(
                found, clinic, held=_held(found), standings=consents.standings(found.patient_id),
                visits=accesses.report(found.patient_id),
            )  # fmt: skip
        answer = HttpResponse(content, content_type="application/pdf")
        answer["Content-Disposition"] = f'attachment; filename="resposta-{found.number}.pdf"'
        return answer

    def _request_page(self, request: HttpRequest, found: Any, form: StepForm, *, ticket: Any = None) -> HttpResponse:
        (found,) = self.with_clocks([found])
        site: Any = self.admin_site  # type: ignore[attr-defined]
        request.current_app = site.name
        people = trail.names()
        context_ = {
            **site.each_context(request),
            "title": _("Request %(number)s") % {"number": found.number},
            "subtitle": self.choice_label(found),  # type: ignore[attr-defined]
            "opts": self.opts,  # type: ignore[attr-defined]
            "object": found,
            "clock": clock_tag(found.clock, found.is_open),
            "state": state_tag(found),
            "act_by": found.clock.act_by if found.is_open and found.clock.act_by != found.due_on else None,
            "owner_name": found.owner_name,
            "checked_by": people.get(str(found.identity_checked_by), "") if found.identity_checked_by else "",
            "form": form,
            "may_extend": requests.may_extend(found),
            "packaged": found.kind in PACKAGED,
            "released_for": rule("lgpd.requests.released", on=timezone.localdate()).period.number,
            "lettered": found.kind in LETTERS,
            "erasing": found.kind in ERASING,
            "elsewhere": _elsewhere(found),
            "ticket": ticket,
            "minutes": packages.MINUTES,
            "entries": _told(found, people),
        }
        return TemplateResponse(request, "admin/compliance/datarequest/request.html", context_)


def state_tag(record: DataRequest) -> SafeString:
    """The state of a request in words, with an icon."""
    kind, icon = TAGS[RequestStatus(record.status)]
    return format_html(
        '<span class="np-tag np-tag-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span> {}</span>',
        kind, icon, record.get_status_display(),
    )  # fmt: skip


def _told(found: DataRequest, people: dict[str, str]) -> list[trail.Entry]:
    """What the log says of a request, with people by name; whose it is the page says already."""
    ours = str(DataRequest._meta.get_field("patient_id").verbose_name)
    return [
        replace(
            entry,
            changes=[replace(one, new=people.get(one.new, one.new)) for one in entry.changes if one.field != ours],
        )
        for entry in trail.history(found)
    ]


def _in_own_context(user: Any, place: Any, request_id: Any, found: DataRequest, password: str) -> Iterator[bytes]:
    """The package in a context of its own: it is written after the request's has closed."""
    language = translation.get_language()
    with (
        timezone.override(ZoneInfo(place.time_zone)),
        translation.override(language),
        context.enter(user, place.id, request_id=request_id),
    ):
        yield from packages.build(DataRequest.objects.get(pk=found.pk), password)


def _held(found: DataRequest) -> list[tuple[str, int]]:
    """How many rows each table has of a patient."""
    told = []
    with connection.cursor() as cursor:
        for model in patient_models():
            cursor.execute(
                "SELECT count(*) FROM neonpro.data_of(%s, %s, '{}')", [model._meta.db_table, found.patient_id]
            )
            told.append((packages.Table(model, []).label, int(cursor.fetchone()[0])))
    return told


def _elsewhere(found: DataRequest) -> dict[str, Any] | None:
    """Where what is asked is done, of the kinds that another page does."""
    words = {
        RequestType.CORRECTION: (_("Correct the patient's data"), "admin:patients_patient_change"),
        RequestType.RECORD_RECTIFICATION: (_("Correct the patient's data"), "admin:patients_patient_change"),
        RequestType.REVOKE_CONSENT: (_("Consents of the patient"), "consents"),
        RequestType.OPPOSE: (_("Consents of the patient"), "consents"),
    }
    if found.kind not in words or not found.is_open:
        return None
    label, name = words[RequestType(found.kind)]
    if name == "consents":
        from compliance import consent_page

        return {"label": label, "url": consent_page.address(found.patient_id)}
    try:
        return {"label": label, "url": reverse(name, args=[found.patient_id])}
    except NoReverseMatch:
        return None
