"""The pages of prescriptions: writing a draft, issuing it, paper, cancelling, renewing; SNCR numbers, substances."""

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from unfold.decorators import action, display

from clinics.adminbase import ClinicAdmin, read_alone
from neonpro.pades import Report
from neonpro.vault.keys import Act
from patients import prescribing, prescription_pdf, substances
from patients.admin.prescription_pages import active_lines, editor_context, issued_context, record_pdf_print
from patients.admin.record_pages import page_context, read_together
from patients.forms.prescriptions import (
    ApplyTemplateForm,
    CancellationForm,
    DetailsForm,
    ItemForm,
    NumbersForm,
    TemplateNameForm,
)
from patients.forms.signing import SignForm
from patients.models import (
    Patient,
    Prescription,
    PrescriptionCancellation,
    PrescriptionSignature,
    SignatureLevel,
    SncrNumber,
    SncrType,
)
from patients.prescribing import PrescribingError
from patients.prescription_signing import signature_of
from patients.signatures import SigningError, export, open_certificate, verify


@admin.register(Prescription)
class PrescriptionAdmin(ClinicAdmin):
    """Prescriptions of the patients in one's care: a list without a medicine, and pages of their own for each."""

    list_display = ("when_column", "patient_column", "kind_column", "prescriber_column", "status_badge")
    ordering = ("-created_at", "pk")
    lists = ()
    actions_list = ("numbers_link", "substances_link")
    empty_hint = gettext_lazy(
        "Prescriptions are written from the patient's page: open a patient, then “Prescriptions”."
    )

    # --- what Django offers and a prescription does not ---------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A prescription begins on the patient's page."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Drafts are thrown away on a page of their own; what was issued stays."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prescription]:
        found: QuerySet[Prescription] = super().get_queryset(request)
        patients = Patient.objects.opening("identification", act=Act.LIST)
        cancelled = PrescriptionCancellation.objects.filter(prescription=OuterRef("pk"))
        return found.annotate(cancelled=Exists(cancelled)).prefetch_related(Prefetch("patient", patients), "prescriber")

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("issue", self.issue_view),
            ("discard", self.discard_view),
            ("cancel", self.cancel_view),
            ("renew", self.renew_view),
            ("template", self.template_view),
            ("pdf", self.pdf_view),
            ("sign", self.sign_view),
            ("signed", self.signed_view),
            ("verify", self.verify_view),
        )
        return [
            path("numbers/", self.admin_site.admin_view(self.numbers_view), name="patients_prescription_numbers"),
            path(
                "substances/", self.admin_site.admin_view(self.substances_view), name="patients_prescription_substances"
            ),
            *(
                path(
                    f"<uuid:object_id>/{name}/",
                    self.admin_site.admin_view(view),
                    name=f"patients_prescription_{name}",
                )
                for name, view in pages
            ),
            *super().get_urls(),
        ]

    @display(description=gettext_lazy("when"))  # type: ignore[untyped-decorator]
    def when_column(self, prescription: Prescription) -> str:
        moment = prescription.issued_at or prescription.created_at
        return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, prescription: Prescription) -> str:
        name: str = prescription.patient.display_name
        return name

    @display(description=gettext_lazy("document"))  # type: ignore[untyped-decorator]
    def kind_column(self, prescription: Prescription) -> str:
        return str(prescription.get_kind_display()) if prescription.kind else "—"

    @display(description=gettext_lazy("prescriber"))  # type: ignore[untyped-decorator]
    def prescriber_column(self, prescription: Prescription) -> str:
        return str(prescription.prescriber)

    @display(
        description=gettext_lazy("status"),
        label={"draft": "warning", "issued": "success", "cancelled": "danger"},
    )  # type: ignore[untyped-decorator]
    def status_badge(self, prescription: Any) -> tuple[str, str]:
        if getattr(prescription, "cancelled", False):
            return "cancelled", _("cancelled")
        return prescription.status, prescription.get_status_display()

    def choice_label(self, record: Prescription) -> str:
        return f"{self.when_column(record)} · {self.kind_column(record)}"

    @action(description=gettext_lazy("SNCR numbers"), url_path="my-numbers")  # type: ignore[untyped-decorator]
    def numbers_link(self, request: HttpRequest) -> HttpResponse:
        """To the numbers of whoever asks."""
        return HttpResponseRedirect(reverse("admin:patients_prescription_numbers"))

    @action(description=gettext_lazy("Substances"), url_path="all-substances")  # type: ignore[untyped-decorator]
    def substances_link(self, request: HttpRequest) -> HttpResponse:
        """To the table of substances."""
        return HttpResponseRedirect(reverse("admin:patients_prescription_substances"))

    # --- one prescription ---------------------------------------------------------------------------------------------

    def _found(self, request: HttpRequest, object_id: Any) -> Prescription:
        """The prescription, for whom it is open; with one reading for everything on its page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found: Prescription | None = self.get_object(request, str(object_id))
        if found is None:
            raise Http404
        read_together(found.patient_id)
        return found

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """A draft to write on, or what was issued to read."""
        prescription = self._found(request, object_id)
        if prescription.is_draft:
            return self._editor(request, prescription)
        context = page_context(
            self,
            request,
            prescription.patient,
            title=prescription_pdf.titles()[prescription.kind],
            **issued_context(prescription),
            **(extra_context or {}),
        )
        return TemplateResponse(request, "admin/patients/prescription/issued.html", context)

    def _editor(self, request: HttpRequest, draft: Prescription) -> HttpResponse:
        post = request.POST if request.method == "POST" else None
        what = request.POST.get("what", "")
        today = timezone.localdate()
        refused = ""
        editing = _uuid(request.POST.get("item") or request.GET.get("item") or "")
        item = next((one for one in prescribing.items_of(draft) if one.pk == editing), None)
        item_form = ItemForm(post if what == "item" else None, item=item)
        details_form = DetailsForm(
            post if what == "details" else None,
            initial={name: getattr(draft, name) for name in DetailsForm.base_fields},
        )
        template_form = ApplyTemplateForm(post if what == "template" else None)
        try:
            with transaction.atomic():
                done = self._act(draft, what, request, item, (item_form, details_form, template_form))
        except (PrescribingError, IntegrityError) as error:
            refused = str(error) if isinstance(error, PrescribingError) else _closed()
        else:
            if done:
                messages.success(request, done)
                return HttpResponseRedirect(request.path)
        context = page_context(
            self,
            request,
            draft.patient,
            title=_("Write a prescription"),
            refused=refused,
            item_form=item_form,
            details_form=details_form,
            template_form=template_form if template_form.choices_there else None,
            editing=item,
            **editor_context(request, draft, today=today),
        )
        return TemplateResponse(
            request, "admin/patients/prescription/editor.html", context, status=409 if refused else 200
        )

    def _act(
        self, draft: Prescription, what: str, request: HttpRequest, item: Any,
        forms: tuple[ItemForm, DetailsForm, ApplyTemplateForm],
    ) -> str:  # fmt: skip
        """Do what a form of the page asks for; what to say about it, or '' where nothing was done."""
        item_form, details_form, template_form = forms
        today = timezone.localdate()
        if what == "item" and item_form.is_valid():
            prescribing.put_item(draft, item=item.pk if item else None, today=today, **item_form.cleaned_data)
            return _("The medicine was saved.")
        if what == "remove":
            gone = _uuid(request.POST.get("item", ""))
            if gone is None:
                raise Http404
            prescribing.remove_item(draft, gone)
            return _("The medicine was taken out.")
        if what == "details" and details_form.is_valid():
            for name, value in details_form.cleaned_data.items():
                setattr(draft, name, value)
            draft.save(update_fields=list(details_form.cleaned_data))
            return _("Saved.")
        if what == "template" and template_form.is_valid():
            prescribing.apply_template(draft, template_form.cleaned_data["template"], today=today)
            return _("The template's medicines were added.")
        return ""

    def issue_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Issue a draft, as the editor showed it, for paper."""
        draft = self._found(request, object_id)
        address = reverse("admin:patients_prescription_change", args=[draft.pk])
        if request.method != "POST" or not draft.is_draft:
            return HttpResponseRedirect(address)
        try:
            made = prescribing.issue(draft.pk, today=timezone.localdate())
        except PrescribingError as error:
            for reason in error.reasons:
                messages.error(request, reason)
            return HttpResponseRedirect(address)
        messages.success(
            request, _("Issued: %(count)d document(s). Print and sign each by hand.") % {"count": len(made)}
        )
        if len(made) == 1:
            return HttpResponseRedirect(address)
        return HttpResponseRedirect(reverse("admin:patients_patient_prescriptions", args=[draft.patient_id]))

    @method_decorator(sensitive_post_parameters("password"))
    @sensitive_variables()
    def sign_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Ask for the certificate, then issue a draft: what may be electronic signed with it, the rest for paper."""
        draft = self._found(request, object_id)
        address = reverse("admin:patients_prescription_change", args=[draft.pk])
        today = timezone.localdate()
        sheets = prescribing.plan(draft, today=today).sheets if draft.is_draft else []
        electronic = frozenset(sheet.kind.value for sheet in sheets if not sheet.on_paper_only)
        if not electronic:
            return HttpResponseRedirect(address)
        form = SignForm(request.POST, request.FILES) if request.method == "POST" else SignForm()
        if form.is_bound and form.is_valid():
            try:
                identity = open_certificate(form.cleaned_data["certificate_file"], form.cleaned_data["password"])
                made = prescribing.issue(draft.pk, today=today, electronic=electronic, identity=identity)
            except (PrescribingError, SigningError) as error:
                form.add_error(None, str(error))
            else:
                signed = sum(one.is_electronic for one in made)
                messages.success(request, _("Issued and signed electronically: %(count)d.") % {"count": signed})
                if len(made) > signed:
                    messages.warning(
                        request, _("To print and sign by hand: %(count)d.") % {"count": len(made) - signed}
                    )
                together = reverse("admin:patients_patient_prescriptions", args=[draft.patient_id])
                return HttpResponseRedirect(address if len(made) == 1 else together)
        paper = [str(sheet.kind.label) for sheet in sheets if sheet.on_paper_only]
        text = _("The signed file is the prescription: give it to the patient as it is.")
        if paper:
            text += " " + _("Only on paper, to be signed by hand: %(kinds)s.") % {"kinds": ", ".join(paper)}
        return self.confirmation(
            request, draft, title=_("Sign electronically"), text=text, submit=_("Issue and sign"), form=form
        )  # fmt: skip

    def _signature(self, prescription: Prescription) -> PrescriptionSignature:
        found = signature_of(prescription)
        if found is None:
            raise Http404
        return found

    def signed_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The signed file, byte for byte. By POST, since it is written down that a copy left the system."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        # Not by _found: whoever has the keys to look at it would not ask for them again, and the log say nothing of it.
        found = Prescription.objects.filter(pk=object_id).first()
        if found is None:
            raise Http404
        signature = self._signature(found)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            _kept, content = export(PrescriptionSignature, signature.pk)
        except SigningError as error:
            raise PermissionDenied(str(error)) from error
        response = HttpResponse(content, content_type="application/pdf")
        name = _("prescription-%(id)s") % {"id": str(object_id)[:8]}
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
        response.headers["Cache-Control"] = "no-store"
        return response

    def verify_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The signature verified again now, with its file, and what was found in words."""
        prescription = self._found(request, object_id)
        signature = self._signature(prescription)
        read_alone(signature, ("identification", "clinical"))
        try:
            report: Report | None = verify(signature)
            problem = ""
        except SigningError as error:
            report, problem = None, str(error)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Verify the signature"),
            "subtitle": self.choice_label(prescription),
            "opts": self.opts,
            "object": prescription,
            "signature": signature,
            "report": report,
            "level": SignatureLevel(report.level.value).label if report and report.level else "",
            "findings": report.findings if report else (),
            "problem": problem,
            "now": timezone.localtime(),
            "back_url": reverse("admin:patients_prescription_change", args=[prescription.pk]),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/patients/recordsignature/verify.html", context)

    def discard_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Ask, then throw a draft away."""
        draft = self._found(request, object_id)
        if not draft.is_draft:
            raise Http404
        if request.method == "POST":
            prescribing.discard(draft)
            messages.success(request, _("The draft was thrown away."))
            return HttpResponseRedirect(reverse("admin:patients_patient_prescriptions", args=[draft.patient_id]))
        return self.confirmation(
            request,
            draft,
            title=_("Throw the draft away"),
            text=_("What is written in this draft is lost. The audit log keeps that there was one."),
            submit=_("Throw the draft away"),
            kind="np-danger",
        )

    def cancel_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Ask why, then cancel what was issued."""
        prescription = self._found(request, object_id)
        if prescription.is_draft:
            raise Http404
        form = CancellationForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                prescribing.cancel(prescription, reason=form.cleaned_data["reason"])
            except PrescribingError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("The prescription is cancelled. It stays in the record."))
                return HttpResponseRedirect(reverse("admin:patients_prescription_change", args=[prescription.pk]))
        return self.confirmation(
            request,
            prescription,
            title=_("Cancel the prescription"),
            text=_("It stays as it was issued, marked as cancelled. Paper that the patient has must be taken back."),
            submit=_("Cancel the prescription"),
            form=form,
            kind="np-danger",
        )

    def renew_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Copy what was issued into a new draft."""
        prescription = self._found(request, object_id)
        address = reverse("admin:patients_prescription_change", args=[prescription.pk])
        if request.method != "POST":
            return HttpResponseRedirect(address)
        try:
            draft = prescribing.renew(prescription, today=timezone.localdate())
        except PrescribingError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(address)
        messages.success(request, _("A draft with the same medicines: look it over and issue it."))
        return HttpResponseRedirect(reverse("admin:patients_prescription_change", args=[draft.pk]))

    def template_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Keep the medicines of a prescription as a template, without anything of the patient."""
        prescription = self._found(request, object_id)
        form = TemplateNameForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                with transaction.atomic():
                    prescribing.as_template(prescription, name=form.cleaned_data["name"])
            except IntegrityError:
                form.add_error("name", _("This clinic already has a template with this name."))
            else:
                messages.success(request, _("The template was kept."))
                return HttpResponseRedirect(reverse("admin:patients_prescription_change", args=[prescription.pk]))
        return self.confirmation(
            request,
            prescription,
            title=_("Keep as a template"),
            text=_("Medicines and how to use them become a template of the clinic. Nothing of the patient goes along."),
            submit=_("Keep as a template"),
            form=form,
        )

    def pdf_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """A prescription on paper. The log calls it a print."""
        prescription = self._found(request, object_id)
        if prescription.is_draft:
            raise Http404
        try:
            content = prescription_pdf.render(
                prescription, cancelled=prescribing.cancellation_of(prescription) is not None
            )
        except prescription_pdf.PrescriptionPdfError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:patients_prescription_change", args=[prescription.pk]))
        record_pdf_print(prescription)
        response = HttpResponse(content, content_type="application/pdf")
        name = _("prescription-%(id)s") % {"id": prescription}
        response.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
        return response

    # --- what is no single prescription -------------------------------------------------------------------------------

    def numbers_view(self, request: HttpRequest) -> HttpResponse:
        """The SNCR numbers of whoever asks: how many are left of each type, and recording more."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = NumbersForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                with transaction.atomic():
                    count = prescribing.record_numbers(
                        form.cleaned_data["numbers"],
                        wanted=form.cleaned_data["sncr_type"],
                        user=cast("UUID", request.user.pk),
                        today=timezone.localdate(),
                    )
            except PrescribingError as error:
                form.add_error("numbers", str(error))
            except IntegrityError:
                form.add_error("numbers", _("One of these numbers was recorded before: SNCR gives each number once."))
            else:
                messages.success(request, _("Numbers recorded: %(count)d.") % {"count": count})
                return HttpResponseRedirect(request.path)
        held = list(SncrNumber.objects.values_list("sncr_type", "used_for"))
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("My SNCR numbers"),
            "form": form,
            "lines": [
                (
                    label,
                    sum(kind == value and used is None for kind, used in held),
                    sum(kind == value and used is not None for kind, used in held),
                )
                for value, label in SncrType.choices
            ],
            "back_url": reverse("admin:patients_prescription_changelist"),
        }
        return TemplateResponse(request, "admin/patients/prescription/numbers.html", context)

    def substances_view(self, request: HttpRequest) -> HttpResponse:
        """The substances in force, with list and norm; what was not compared with the norm says so."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        term = request.POST.get("q", "").strip()[:80]
        found = list(substances.in_force(timezone.localdate()))
        if term:
            found = substances.search(term, found)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Substances"),
            "term": term,
            "substances": found,
            "back_url": reverse("admin:patients_prescription_changelist"),
        }
        return TemplateResponse(request, "admin/patients/prescription/substances.html", context)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _closed() -> str:
    return _("Somebody else changed something at the same moment. Check the data and save again.")


class PatientPrescriptions:
    """A page of the patients' admin: one patient's prescriptions; a mix-in."""

    def has_prescriptions_permission(self: Any, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person's role sees prescriptions at all; of whom is PostgreSQL's to say."""
        return bool(request.user.has_perm("patients.view_prescription"))

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Prescriptions"),
        url_path="prescriptions",
        permissions=["prescriptions"],
        icon="prescriptions",
    )
    def prescriptions(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        """A patient's prescriptions, what is active first, and a way to begin one."""
        from patients import records

        patient: Patient | None = self.get_object(request, object_id)
        if patient is None:
            raise Http404
        if not records.is_open(patient.pk):
            answer: HttpResponse = self._closed(request, patient)
            return answer
        refused = ""
        if request.method == "POST":
            try:
                draft = prescribing.begin(patient=patient.pk)
            except PrescribingError as error:
                refused = str(error)
            else:
                return HttpResponseRedirect(reverse("admin:patients_prescription_change", args=[draft.pk]))
        read_together(patient.pk)
        context = page_context(
            self,
            request,
            patient,
            title=_("Prescriptions"),
            refused=refused,
            may_write=records.is_open(patient.pk, to_write=True),
            **active_lines(patient.pk, today=timezone.localdate()),
        )
        return TemplateResponse(
            request, "admin/patients/patient/prescriptions.html", context, status=409 if refused else 200
        )
