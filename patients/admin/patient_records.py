"""What the patients' admin shows of one patient's medical record, alerts and care team."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from clinics.models import Membership
from clinics.roles import Role
from neonpro.db import context
from patients import care, records
from patients.admin.record_pages import closed_word, page_context, read_together, timeline
from patients.care import CareError
from patients.forms.records import AlertForm, CareForm, NewEntryForm, ReasonForm
from patients.models import CareTeam, DocumentKind, Patient, PatientAlert, RecordKind, RecordTemplate
from patients.records import RecordError

SHOWN = 100
"""Entries on the page of a patient; older ones are asked for."""


def plain_kinds() -> list[tuple[str, str]]:
    """Entries that can be begun without a template: `kind` or `document:kind`, and what people call it."""
    kinds = [(value, str(label)) for value, label in RecordKind.choices if value != RecordKind.DOCUMENT]
    return [*kinds, *((f"document:{value}", str(label)) for value, label in DocumentKind.choices)]


class PatientRecords:
    """Pages of the patients' admin: the medical record, alerts, the care team; a mix-in."""

    # --- the record -----------------------------------------------------------------------------------------------

    def has_records_permission(self: Any, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person's role reads medical records at all; of whom is PostgreSQL's to say."""
        return bool(request.user.has_perm("patients.view_medicalrecord"))

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Medical record"), url_path="records", permissions=["records"]
    )
    def records(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """A patient's entries, the newest first, and a way to begin one."""
        patient: Patient | None = self.get_object(request, unquote(object_id))
        if patient is None:
            raise Http404
        if not records.is_open(patient.pk):
            return closed(self, request, patient)
        refused = ""
        if request.method == "POST":
            try:
                draft = _begin(request, patient.pk)
            except RecordError as error:
                refused = str(error)
            else:
                return HttpResponseRedirect(reverse("admin:patients_medicalrecord_change", args=[draft]))
        read_together(patient.pk)
        rows = records.entries(patient.pk)
        kind = request.GET.get("kind", "")
        if kind in RecordKind.values:
            rows = rows.filter(kind=kind)
        every = request.GET.get("all") == "1"
        found = list(rows.select_related("author")[: None if every else SHOWN + 1])
        lines = timeline(found if every else found[:SHOWN])
        kinds = [("", _("All")), *RecordKind.choices]
        form = NewEntryForm()
        return TemplateResponse(
            request,
            "admin/patients/patient/records.html",
            page_context(
                self,
                request,
                patient,
                title=_("Medical record"),
                lines=[line for line in lines if not line["record"].is_draft],
                drafts=[one for line in lines for one in (line, *line["addenda"]) if one["record"].is_draft],
                more=len(found) > SHOWN and not every,
                kinds=[{"value": value, "label": label, "selected": value == kind} for value, label in kinds],
                form=form if RecordTemplate.objects.filter(is_active=True).exists() else None,
                plain=plain_kinds(),
                may_write=records.is_open(patient.pk, to_write=True),
                templates_url=reverse("admin:patients_recordtemplate_changelist"),
                care_url=reverse("admin:patients_patient_care", args=[patient.pk]),
                refused=refused,
            ),
            status=409 if refused else 200,
        )

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Allergies and alerts"), url_path="alerts", permissions=["records"]
    )
    def alerts(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """What holds of a patient, what held, and a way to add to it."""
        patient: Patient | None = self.get_object(request, unquote(object_id))
        if patient is None:
            raise Http404
        if not records.is_open(patient.pk):
            return closed(self, request, patient)
        ending = request.POST.get("end", "") if request.method == "POST" else ""
        form = AlertForm(request.POST if request.method == "POST" and not ending else None)
        refused = ""
        try:
            if ending:
                records.end_alert(_uuid(ending))
                messages.success(request, _("The alert was ended. It stays in the record."))
                return HttpResponseRedirect(request.path)
            if form.is_bound and form.is_valid():
                records.add_alert(patient=patient.pk, **form.cleaned_data)
                messages.success(request, _("The alert was added."))
                return HttpResponseRedirect(request.path)
        except RecordError as error:
            refused = str(error)
        read_together(patient.pk)
        past = PatientAlert.objects.filter(patient=patient.pk, ended_at__isnull=False).order_by("-ended_at")
        page = page_context(
            self,
            request,
            patient,
            title=_("Allergies and alerts"),
            form=form,
            past=list(past[:SHOWN]),
            refused=refused,
            may_write=records.is_open(patient.pk, to_write=True),
        )
        return TemplateResponse(request, "admin/patients/patient/alerts.html", page, status=409 if refused else 200)

    # --- the care team --------------------------------------------------------------------------------------------

    def has_care_permission(self: Any, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may see who cares for whom."""
        return bool(request.user.has_perm("patients.view_careteam"))

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Care team"), url_path="care", permissions=["care"]
    )
    def care(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """Who cares for a patient and who did; a colleague or a manager adds somebody, and ends a stay."""
        patient: Patient | None = self.get_object(request, unquote(object_id))
        if patient is None:
            raise Http404
        role = context.require().role
        own = records.current_professional()
        stays = list(care.team(patient.pk))
        may_add = bool(request.user.has_perm("patients.add_careteam")) and (
            role == Role.MANAGER or any(stay.until is None and stay.professional_id == own for stay in stays)
        )
        ending = request.POST.get("end", "") if request.method == "POST" else ""
        form = CareForm(request.POST if request.method == "POST" and not ending else None)
        end_form = ReasonForm(request.POST if ending else None, prefix="end")
        try:
            if ending and end_form.is_valid():
                care.end(_uuid(ending), reason=end_form.cleaned_data["reason"])
                messages.success(request, _("This care has ended: the record is closed to that professional."))
                return HttpResponseRedirect(request.path)
            if form.is_bound and form.is_valid():
                if not may_add:
                    raise CareError(_("Only somebody in the care team, or management, adds a professional to it."))
                care.add(
                    patient=patient.pk,
                    professional=form.cleaned_data["professional"].pk,
                    reason=form.cleaned_data["reason"],
                )
                messages.success(request, _("The care team has a new member, who sees the record from now on."))
                return HttpResponseRedirect(request.path)
        except CareError as error:
            (end_form if ending else form).add_error(None, str(error))
        request.current_app = self.admin_site.name
        names = _names(stays)
        page = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Care team"),
            "subtitle": self.choice_label(patient),
            "lines": [
                {
                    "stay": stay,
                    "added_by": names.get(stay.added_by_id, ""),
                    "ended_by": names.get(stay.ended_by_id, ""),
                    "may_end": stay.until is None and (role == Role.MANAGER or stay.professional_id == own),
                    "self_opened": own_booking(stay),
                }
                for stay in stays
            ],
            "form": form if may_add else None,
            "end_form": end_form,
            "ending": ending,
            "back_url": reverse("admin:patients_patient_page", args=[patient.pk]),
        }
        return TemplateResponse(request, "admin/patients/patient/care.html", page)


def closed(admin: Any, request: HttpRequest, patient: Patient) -> HttpResponse:
    """The page of a record that is not open to this professional: it says so, and who can change that."""
    request.current_app = admin.admin_site.name
    page = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("Medical record"),
        "subtitle": admin.choice_label(patient),
        "text": closed_word(),
        "team": [str(stay.professional) for stay in care.team(patient.pk) if stay.until is None],
        "back_url": reverse("admin:patients_patient_change", args=[patient.pk]),
    }
    return TemplateResponse(request, "admin/patients/patient/records_closed.html", page, status=403)


def _begin(request: HttpRequest, patient: UUID) -> UUID:
    """Begin the entry that a form of the page asks for."""
    kind = request.POST.get("kind", "")
    if kind:
        kind, _colon, document = kind.partition(":")
        return records.new_draft(patient=patient, kind=kind, document_kind=document).pk
    form = NewEntryForm(request.POST)
    if not form.is_valid():
        raise RecordError(_("Choose what kind of entry this is."))
    return records.new_draft(patient=patient, kind="", template=form.cleaned_data["template"]).pk


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def _names(stays: list[CareTeam]) -> dict[Any, str]:
    """What the clinic calls the accounts that began and ended stays."""
    accounts = {account for stay in stays for account in (stay.added_by_id, stay.ended_by_id) if account}
    return dict(Membership.objects.filter(user__in=accounts).values_list("user", "display_name"))


def own_booking(stay: CareTeam) -> bool:
    """Whether a professional opened the record to themselves, by booking: management is shown it."""
    membership = stay.professional.membership
    return stay.began == "appointment" and membership is not None and membership.user_id == stay.added_by_id
