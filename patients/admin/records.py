"""The pages of the medical record: writing, reading, correcting and printing entries; the clinic's templates."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from clinics.adminbase import ClinicAdmin, ClinicForm
from neonpro.vault.keys import Act
from patients import records, signing
from patients.admin.record_pages import author_of, entry_line, events, name_of, page_context, read_together
from patients.forms.records import PREFIX, AddendumForm, EntryForm
from patients.models import MedicalRecord, Patient, RecordStatus, RecordTemplate
from patients.records import RecordError, StaleDraft
from patients.templates import install_starters, sections_as_text, sections_from_text


@admin.register(MedicalRecord)
class MedicalRecordAdmin(ClinicAdmin):
    """Entries of the patients in one's care: a list without a clinical word, and pages of their own for each."""

    list_display = ("when_column", "patient_column", "kind_column", "author_column", "status_badge")
    ordering = ("-created_at", "pk")
    lists = ()
    empty_hint = gettext_lazy("Entries are written from the patient's page: open a patient, then “Medical record”.")

    # --- what Django offers and an entry does not -----------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Entries begin on the patient's page."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts are discarded, on a page of their own; entries stay."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[MedicalRecord]:
        found: QuerySet[MedicalRecord] = super().get_queryset(request)
        patients = Patient.objects.opening("identification", act=Act.LIST)
        return found.prefetch_related(Prefetch("patient", patients), "author")

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("autosave", self.autosave_view),
            ("finalise", self.finalise_view),
            ("discard", self.discard_view),
            ("addendum", self.addendum_view),
            ("print", self.print_view),
        )
        ours = [
            path(
                f"<uuid:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"patients_medicalrecord_{name}",
            )
            for name, view in pages
        ]
        return [*ours, *super().get_urls()]

    @display(description=gettext_lazy("when"))  # type: ignore[untyped-decorator]
    def when_column(self, record: MedicalRecord) -> str:
        return date_format(timezone.localtime(record.occurred_at), "SHORT_DATETIME_FORMAT")

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, record: MedicalRecord) -> str:
        name: str = record.patient.display_name
        return name

    @display(description=gettext_lazy("kind"))  # type: ignore[untyped-decorator]
    def kind_column(self, record: MedicalRecord) -> str:
        return name_of(record)

    @display(description=gettext_lazy("author"))  # type: ignore[untyped-decorator]
    def author_column(self, record: MedicalRecord) -> str:
        return author_of(record)

    @display(
        description=gettext_lazy("status"),
        label={RecordStatus.DRAFT: "warning", RecordStatus.FINALISED: "info", RecordStatus.SIGNED: "success"},
    )  # type: ignore[untyped-decorator]
    def status_badge(self, record: MedicalRecord) -> tuple[str, str]:
        return record.status, record.get_status_display()

    def choice_label(self, record: MedicalRecord) -> str:
        return f"{self.when_column(record)} · {self.kind_column(record)}"

    # --- one entry ------------------------------------------------------------------------------------------------

    def _entry(self, request: HttpRequest, object_id: Any) -> MedicalRecord:
        """The entry, for whom it is open; with one reading for everything on its page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found: MedicalRecord | None = self.get_object(request, str(object_id))
        if found is None:
            raise Http404
        read_together(found.patient_id)
        return found

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """A draft to write on, or an entry to read with its addenda."""
        try:
            record = self._entry(request, object_id)
        except Http404:
            typed = typed_in(request)
            if typed:
                return self._kept(request, typed)
            raise
        if record.is_draft:
            return self._editor(request, record)
        if request.method == "POST" and (typed := typed_in(request)):
            # Finalised in another window meanwhile.
            return self._kept(request, typed, _("This entry is final and cannot be changed any more."))
        found = list(records.entries(record.patient_id).filter(amends=record.pk).order_by("created_at"))
        original = MedicalRecord.objects.filter(pk=record.amends_id).first() if record.amends_id else None
        context = page_context(
            self,
            request,
            record.patient,
            title=capfirst(name_of(record)),
            entry=entry_line(record, found),
            events=events(record, found),
            original=original and entry_line(original),
            may_write=records.is_open(record.patient_id, to_write=True),
            signature=signing.signature_of(record.pk),
            may_sign=signing.to_sign().filter(pk=record.pk).exists(),
            **(extra_context or {}),
        )
        return TemplateResponse(request, "admin/patients/medicalrecord/entry.html", context)

    def _editor(self, request: HttpRequest, record: MedicalRecord) -> HttpResponse:
        form = EntryForm(record, request.POST if request.method == "POST" else None)
        refused = ""
        if request.method == "POST" and form.is_valid():
            try:
                records.save_draft(record.pk, **form.values())
            except RecordError as error:
                refused = str(error)
            else:
                if "_finalise" in request.POST:
                    return HttpResponseRedirect(reverse("admin:patients_medicalrecord_finalise", args=[record.pk]))
                messages.success(request, _("The draft was saved. Only you see it until you finalise it."))
                return HttpResponseRedirect(request.path)
        context = page_context(
            self,
            request,
            record.patient,
            title=_("Write: %(kind)s") % {"kind": self.kind_column(record)},
            form=form,
            record=record,
            refused=refused,
            original=record.amends_id and entry_line(MedicalRecord.objects.get(pk=record.amends_id)),
            media=self.media + form.media,
            autosave_url=reverse("admin:patients_medicalrecord_autosave", args=[record.pk]),
            discard_url=reverse("admin:patients_medicalrecord_discard", args=[record.pk]),
        )
        return TemplateResponse(
            request, "admin/patients/medicalrecord/editor.html", context, status=409 if refused else 200
        )

    def _kept(self, request: HttpRequest, typed: list[tuple[str, str]], why: str = "") -> HttpResponse:
        """What somebody typed into a draft that is not theirs to change any more: to copy, and nothing else."""
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Nothing was saved"),
            "why": why or records.closed_message(),
            "typed": typed,
        }
        return TemplateResponse(request, "admin/patients/medicalrecord/kept.html", context, status=409)

    def autosave_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Save a draft while it is being written; answers in JSON, and never with what was written."""
        record = self._entry(request, object_id)
        if request.method != "POST":
            raise Http404
        if not record.is_draft:
            return JsonResponse({"saved": False, "error": _("This entry is final and cannot be changed any more.")})
        form = EntryForm(record, request.POST)
        if not form.is_valid():
            wrong = [
                f"{form.fields[name].label}: {errors[0]}" for name, errors in form.errors.items() if name in form.fields
            ]
            return JsonResponse({"saved": False, "error": " ".join(wrong)})
        try:
            saved = records.save_draft(record.pk, **form.values())
        except StaleDraft as error:
            return JsonResponse({"saved": False, "stale": True, "error": str(error)})
        except RecordError as error:
            return JsonResponse({"saved": False, "error": str(error)})
        clock = f"{timezone.localtime():%H:%M}"
        return JsonResponse({
            "saved": True, "revision": saved.revision, "message": _("Draft saved at %(time)s.") % {"time": clock},
        })  # fmt: skip

    def finalise_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The entry as it will be, what is missing, and the button that makes it final."""
        record = self._entry(request, object_id)
        address = reverse("admin:patients_medicalrecord_change", args=[record.pk])
        if not record.is_draft:
            return HttpResponseRedirect(address)
        refused = ""
        if request.method == "POST":
            try:
                records.finalise(record.pk, revision=_number(request.POST.get("revision")))
            except RecordError as error:
                refused = str(error)
                record = self._entry(request, object_id)
            else:
                messages.success(request, _("The entry is final. From now on it is corrected by an addendum only."))
                return HttpResponseRedirect(address)
        context = page_context(
            self,
            request,
            record.patient,
            title=_("Review and finalise"),
            entry=entry_line(record),
            record=record,
            missing=records.obstacles(record, record.patient),
            refused=refused,
            editor_url=address,
        )
        return TemplateResponse(
            request, "admin/patients/medicalrecord/finalise.html", context, status=409 if refused else 200
        )

    def discard_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Ask, then throw a draft away."""
        record = self._entry(request, object_id)
        if not record.is_draft:
            raise Http404
        if request.method == "POST":
            try:
                records.discard(record.pk)
            except RecordError as error:
                messages.error(request, str(error))
            else:
                messages.success(request, _("The draft was discarded."))
            return HttpResponseRedirect(reverse("admin:patients_patient_records", args=[record.patient_id]))
        return self.confirmation(
            request,
            record,
            title=_("Discard the draft"),
            text=_("What is written in this draft is lost. The audit log keeps that there was one."),
            submit=_("Discard the draft"),
            kind="np-danger",
        )

    def addendum_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Ask why, then begin an addendum."""
        record = self._entry(request, object_id)
        if record.is_draft:
            raise Http404
        form = AddendumForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                draft = records.new_addendum(record.pk, reason=form.cleaned_data["reason"])
            except RecordError as error:
                form.add_error(None, str(error))
            else:
                return HttpResponseRedirect(reverse("admin:patients_medicalrecord_change", args=[draft.pk]))
        return self.confirmation(
            request,
            record,
            title=_("Write an addendum"),
            text=_(
                "The entry stays as it is and readable; the addendum stands below it, with your name and its reason."
            ),
            submit=_("Go on"),
            form=form,
        )

    def print_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """An entry on paper. Opening the page is what the log calls a print."""
        record = self._entry(request, object_id)
        if record.is_draft:
            raise Http404
        records.record_print(record)
        addenda = list(records.entries(record.patient_id).filter(amends=record.pk).order_by("created_at"))
        context = page_context(
            self,
            request,
            record.patient,
            title=capfirst(name_of(record)),
            entry=entry_line(record, [one for one in addenda if not one.is_draft]),
            back_url=reverse("admin:patients_medicalrecord_change", args=[record.pk]),
            printed_at=timezone.now(),
        )
        return TemplateResponse(request, "admin/patients/medicalrecord/print.html", context)


def typed_in(request: HttpRequest) -> list[tuple[str, str]]:
    """What a form of the editor brought along, section by section."""
    return [
        (name.removeprefix(PREFIX), text)
        for name, text in request.POST.items()
        if name.startswith(PREFIX) and isinstance(text, str) and text.strip()
    ]


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else -1


# --- templates --------------------------------------------------------------------------------------------------------


class TemplateForm(ClinicForm[RecordTemplate]):
    """A template: its sections are written one a line."""

    lines = forms.CharField(
        label=gettext_lazy("Sections"),
        max_length=4000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10}),
        help_text=gettext_lazy(
            "One section a line: the heading, then, after a bar, a hint for whoever writes. A star before the heading"
            " makes the section required. For instance: * Complaint | In the patient's words"
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "lines" in self.fields:
            self.initial.setdefault("lines", sections_as_text(self.instance.sections or []))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "lines" in data and data.get("kind"):
            try:
                self.instance.sections = sections_from_text(
                    data["lines"], kind=data["kind"], known=self.instance.sections or []
                )
            except ValidationError as error:
                self.add_error("lines", error)
        return data


@admin.register(RecordTemplate)
class RecordTemplateAdmin(ClinicAdmin):
    """The clinic's templates, which professionals and management edit."""

    form = TemplateForm
    list_display = ("name", "kind_column", "specialty", "is_active")
    ordering = ("kind", "name", "pk")
    actions_list = ("starters",)
    empty_hint = gettext_lazy("Add the starter set with the button above, or write a template of your own.")
    fieldsets = ((None, {"fields": ("name", "kind", "document_kind", "specialty", "lines", "is_active")}),)

    @display(description=gettext_lazy("kind"))  # type: ignore[untyped-decorator]
    def kind_column(self, template: RecordTemplate) -> str:
        return str(template.get_document_kind_display() if template.document_kind else template.get_kind_display())

    def lines(self, template: RecordTemplate) -> str:
        """The sections, for those who may only look."""
        return sections_as_text(template.sections)

    def has_starters_permission(self, request: HttpRequest) -> bool:
        """Whether this person may add templates."""
        return bool(self.has_add_permission(request))

    @action(description=gettext_lazy("Add the starter set"), url_path="starters", permissions=["starters"])  # type: ignore[untyped-decorator]
    def starters(self, request: HttpRequest) -> HttpResponse:
        """Ask, then add the templates that come with the product and are not there yet."""
        if request.method == "POST":
            count = install_starters()
            messages.success(request, _("Templates added: %(count)s.") % {"count": count})
            return HttpResponseRedirect(reverse("admin:patients_recordtemplate_changelist"))
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Add the starter set"),
            "text": _(
                "Templates for aesthetic and general practice are added to yours. What you have stays as it is, and"
                " each of them can be changed or switched off afterwards."
            ),
            "submit": _("Add the starter set"),
            "back_url": reverse("admin:patients_recordtemplate_changelist"),
        }
        return TemplateResponse(request, "admin/confirm.html", context)
