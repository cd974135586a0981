"""The pages of adverse events: what has to be notified first stands first."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from clinics.adminbase import ClinicAdmin
from clinics.models import Clinic
from clinics.signals import record_event
from neonpro.vault.keys import Act, keyring
from patients import adverse, adverse_pdf, records
from patients.admin.applications import PatientsOfList
from patients.admin.search import PatientSearch
from patients.adverse import EventError
from patients.applications import acting_professional
from patients.forms.products import EventForm, NotifiedForm, WhyForm
from patients.models import AdverseEvent, EventSeverity, EventStatus, ProductApplication


@admin.register(AdverseEvent)
class AdverseEventAdmin(PatientsOfList, PatientSearch, ClinicAdmin):
    """Adverse events of the patients in one's care, by the time that is left to notify them."""

    form = EventForm
    list_display = (
        "left_column",
        "patient_column",
        "about",
        "severity_badge",
        "occurred_on",
        "channel_column",
        "status_badge",
    )
    list_filter = (("status", ChoicesDropdownFilter), ("severity", ChoicesDropdownFilter))
    list_filter_submit = True
    search_fields = ("id",)
    search_help_text = gettext_lazy("Patient: name, CPF, CNS, phone, e-mail or record number")
    SEARCHED = "patient_id"
    lists = ("identification",)
    names = ("identification",)
    opens = ("identification", "clinical")
    autocomplete_fields = ("patient", "lot")
    empty_hint = gettext_lazy("Report one here, or from the application of the product.")
    actions_detail = ("draft", "notified", "dismiss")
    fieldsets = (
        (None, {"fields": ("patient", "lot", "about", "severity", "occurred_on", "known_at")}),
        (gettext_lazy("What happened"), {"fields": ("description", "measures", "outcome")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: AdverseEvent | None = None) -> Any:
        if obj is None:
            return self.fieldsets
        return (
            (None, {"fields": ("patient_link", "lot", "about", "severity", "occurred_on", "known_at")}),
            (_("What happened"), {"fields": ("description", "measures", "outcome")}),
            (
                _("Notification"),
                {"fields": ("due_column", "channel_column", "citation_column", "status_words", "protocol")},
            ),
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: AdverseEvent | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        return ("patient_link", "due_column", "channel_column", "citation_column", "status_words", "protocol")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was notified or dismissed stays as it was."""
        return super().has_change_permission(request, obj) and (obj is None or obj.status == EventStatus.OPEN)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AdverseEvent]:
        found: QuerySet[AdverseEvent] = super().get_queryset(request)
        return found.select_related("lot__product")

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        done = Case(When(status=EventStatus.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
        return (done, "due_at", "pk")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        done = _application(request)
        now = timezone.localtime().replace(second=0, microsecond=0)
        initial: dict[str, Any] = {**super().get_changeform_initial_data(request), "known_at": now}
        if done is not None:
            initial |= {
                "patient": done.patient_id, "lot": done.lot_id,
                "about": adverse.SUBJECTS[done.product.kind],
            }  # fmt: skip
        return initial

    def save_model(self, request: HttpRequest, obj: AdverseEvent, form: Any, change: bool) -> None:
        adverse.set_clock(obj)
        if not change:
            done = _application(request)
            if done is not None and done.patient_id == obj.patient_id:
                obj.application = done
                obj.lot_id = obj.lot_id or done.lot_id
            obj.professional_id = acting_professional()
        super().save_model(request, obj, form, change)

    def choice_label(self, record: AdverseEvent) -> str:
        return f"{date_format(record.occurred_on, 'SHORT_DATE_FORMAT')} · {record.patient.display_name}"

    # --- columns ----------------------------------------------------------------------------------------------------

    @display(
        description=gettext_lazy("time left"),
        label={"late": "danger", "soon": "warning", "calm": "info", "done": "default"},
    )  # type: ignore[untyped-decorator]
    def left_column(self, event: AdverseEvent) -> tuple[str, str]:
        if event.status != EventStatus.OPEN:
            return "done", "–"
        now = timezone.now()
        days = (event.due_at - now).total_seconds() / 86400
        return "late" if days < 0 else "soon" if days < 3 else "calm", adverse.time_left(event, now=now)

    @display(
        description=gettext_lazy("severity"),
        label={EventSeverity.DEATH: "danger", EventSeverity.SEVERE: "danger", EventSeverity.MODERATE: "warning"},
    )  # type: ignore[untyped-decorator]
    def severity_badge(self, event: AdverseEvent) -> tuple[str, str]:
        return event.severity, event.get_severity_display()

    @display(
        description=gettext_lazy("situation"),
        label={EventStatus.OPEN: "warning", EventStatus.NOTIFIED: "success", EventStatus.DISMISSED: "default"},
    )  # type: ignore[untyped-decorator]
    def status_badge(self, event: AdverseEvent) -> tuple[str, str]:
        return event.status, event.get_status_display()

    @display(description=gettext_lazy("situation"))  # type: ignore[untyped-decorator]
    def status_words(self, event: AdverseEvent) -> str:
        if event.status == EventStatus.NOTIFIED and event.notified_at:
            when = date_format(timezone.localtime(event.notified_at), "SHORT_DATETIME_FORMAT")
            return _("notified at %(when)s") % {"when": when}
        return str(event.get_status_display())

    @display(description=gettext_lazy("to be notified by"))  # type: ignore[untyped-decorator]
    def due_column(self, event: AdverseEvent) -> str:
        return date_format(timezone.localtime(event.due_at), "SHORT_DATETIME_FORMAT")

    @display(description=gettext_lazy("channel"))  # type: ignore[untyped-decorator]
    def channel_column(self, event: AdverseEvent) -> str:
        return adverse.channel(event.about, on=event.occurred_on)

    @display(description=gettext_lazy("by which norm"))  # type: ignore[untyped-decorator]
    def citation_column(self, event: AdverseEvent) -> str:
        return adverse.citation(event)

    # --- what is done with one --------------------------------------------------------------------------------------

    def _event(self, request: HttpRequest, object_id: str) -> AdverseEvent:
        event: AdverseEvent | None = self.get_object(request, unquote(object_id))
        if event is None:
            raise Http404
        return event

    def has_draft_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person reads adverse events."""
        return bool(request.user.has_perm("patients.view_adverseevent"))

    def has_notified_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this event is still to be notified, by this person."""
        if not request.user.has_perm("patients.change_adverseevent"):
            return False
        event = self.get_object(request, unquote(object_id)) if object_id else None
        return object_id is None or (
            event is not None
            and event.status == EventStatus.OPEN
            and records.is_open(event.patient_id, to_write=True)
        )  # fmt: skip

    has_dismiss_permission = has_notified_permission

    @action(description=gettext_lazy("Draft of the notification"), url_path="draft", permissions=["draft"])  # type: ignore[untyped-decorator]
    def draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What to type into the agency's form, with what is missing; by POST as a PDF."""
        event = self._event(request, object_id)
        printing = request.method == "POST"
        keyring().open([event.patient_id], ("identification", "clinical"), Act.EXPORT if printing else Act.READ)
        clinic = Clinic.objects.select_related("technical_director").get()
        lines = adverse.draft(event, clinic)
        channel = adverse.channel(event.about, on=event.occurred_on)
        if printing:
            record_event("PRINT", detail={"adverse_event": str(event.pk)})
            response = HttpResponse(
                adverse_pdf.render(lines, clinic, channel=channel, citation=adverse.citation(event), due=event.due_at),
                content_type="application/pdf",
            )
            response.headers["Content-Disposition"] = f'attachment; filename="{_("notification-draft")}.pdf"'
            response.headers["Cache-Control"] = "no-store"
            return response
        request.current_app = self.admin_site.name  # as Django's own admin does
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "object": event,
            "title": _("Draft of the notification"),
            "subtitle": self.choice_label(event),
            "lines": lines,
            "text": adverse.as_text(lines),
            "missing": adverse.missing(lines),
            "channel": channel,
            "citation": adverse.citation(event),
            "due": event.due_at,
            "left": adverse.time_left(event, now=timezone.now()),
            "open": event.status == EventStatus.OPEN,
            "back_url": reverse("admin:patients_adverseevent_change", args=[event.pk]),
        }
        return TemplateResponse(request, "admin/patients/adverseevent/draft.html", context)

    @action(description=gettext_lazy("It was notified"), url_path="notified", permissions=["notified"])  # type: ignore[untyped-decorator]
    def notified(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record the number that the agency answered with."""
        event = self._event(request, object_id)
        form = NotifiedForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                adverse.notified(event.pk, protocol=form.cleaned_data["protocol"], at=form.at())
            except EventError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("The notification was recorded."))
                return HttpResponseRedirect(reverse("admin:patients_adverseevent_changelist"))
        channel = adverse.channel(event.about, on=event.occurred_on)
        return self.confirmation(
            request, event, title=_("It was notified"), submit=_("Record it"), form=form,
            text=_("NeonPro sends nothing: notify in %(channel)s, then write down here what it answered.")
            % {"channel": channel},
        )  # fmt: skip

    @action(description=gettext_lazy("No notification needed"), url_path="dismiss", permissions=["dismiss"])  # type: ignore[untyped-decorator]
    def dismiss(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record why an event needs no notification."""
        event = self._event(request, object_id)
        form = WhyForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                adverse.dismissed(event.pk, reason=form.cleaned_data["reason"])
            except EventError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("Recorded."))
                return HttpResponseRedirect(reverse("admin:patients_adverseevent_changelist"))
        return self.confirmation(
            request, event, title=_("No notification needed"), submit=_("Record it"), form=form,
            text=_("Say why this event does not have to be notified. The reason stays in the record."),
        )  # fmt: skip


def _application(request: HttpRequest) -> ProductApplication | None:
    """The application that the address names, if it is open to this person."""
    try:
        wanted = UUID(request.GET.get("application", ""))
    except ValueError:
        return None
    return ProductApplication.objects.filter(pk=wanted).select_related("product").first()
