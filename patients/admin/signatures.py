"""Signing entries, and what was signed: to look at, to take along, to verify."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from unfold.decorators import action, display

from clinics.adminbase import ClinicAdmin, read_alone
from neonpro.pades import Report, findings_of
from neonpro.vault.keys import Act
from patients import record_pdf, signing
from patients.forms.signing import SignForm
from patients.models import MedicalRecord, RecordSignature, SignatureLevel

MAY_SIGN = "patients.add_recordsignature"


@admin.register(RecordSignature)
class RecordSignatureAdmin(ClinicAdmin):
    """The signatures of the entries that are open to the reader, the newest first. None is ever changed."""

    list_display = ("signed_column", "patient_column", "title_column", "level_column", "signer")
    list_select_related = ("record", "patient", "signer")
    ordering = ("-signed_at", "-pk")
    lists = ("identification",)
    opens = ("identification",)
    empty_hint = gettext_lazy("Finalised entries are signed under “Sign entries”.")
    fields = (
        "title_column", "patient_column", "signer", "signed_column", "level", "pades_level", "stamped_at",
        "certificate_issuer", "certificate_serial", "policy", "document_size", "document_sha256",
    )  # fmt: skip
    change_form_template = "admin/patients/recordsignature/change_form.html"
    actions_list = ("to_sign",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never by a form: a signature is made by signing."""
        return False

    def get_urls(self) -> list[Any]:
        def page(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"patients_recordsignature_{name}")

        return [
            page("sign/", self.sign_view, "sign"),
            page("unsigned/", self.unsigned_view, "unsigned"),
            page("<path:object_id>/verify/", self.verify_view, "verify"),
            page("<path:object_id>/download/", self.download_view, "download"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("record", "patient", "signer")

    def choice_label(self, record: RecordSignature) -> str:
        return " · ".join((record_pdf.title_of(record.record), record.patient.display_name, self.signed_column(record)))

    @display(description=gettext_lazy("signed at"))  # type: ignore[untyped-decorator]
    def signed_column(self, signature: RecordSignature) -> str:
        return date_format(timezone.localtime(signature.signed_at), "d/m/Y H:i")

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, signature: RecordSignature) -> str:
        return f"{signature.patient.display_name} · {signature.patient}"

    @display(description=gettext_lazy("entry in the medical record"))  # type: ignore[untyped-decorator]
    def title_column(self, signature: RecordSignature) -> str:
        return record_pdf.title_of(signature.record)

    @display(
        description=gettext_lazy("level"),
        label={SignatureLevel.QUALIFIED.label: "success", SignatureLevel.ADVANCED.label: "info"},
    )  # type: ignore[untyped-decorator]
    def level_column(self, signature: RecordSignature) -> str:
        return str(signature.get_level_display())

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        signature = context.get("original")
        if signature is not None:
            context["signature"] = signature
            context["findings"] = findings_of(signature.report)
        return super().render_change_form(request, context, *args, **kwargs)

    def has_sign_permission(self, request: HttpRequest) -> bool:
        """Whether this person signs entries."""
        return bool(request.user.has_perm(MAY_SIGN))

    @action(description=gettext_lazy("Sign entries"), url_path="to-sign", permissions=["sign"])  # type: ignore[untyped-decorator]
    def to_sign(self, request: HttpRequest) -> HttpResponse:
        """To the page on which entries are signed."""
        return HttpResponseRedirect(reverse("admin:patients_recordsignature_sign"))

    # --- signing ----------------------------------------------------------------------------------------------------

    @method_decorator(sensitive_post_parameters("password"))
    @sensitive_variables()
    def sign_view(self, request: HttpRequest) -> HttpResponse:
        """The own entries that wait for a signature; by POST they are signed, each by itself.

        The page's script posts one entry after the other and shows how far it is; without it all go in one request.
        """
        if not request.user.has_perm(MAY_SIGN):
            raise PermissionDenied
        by_script = "application/json" in request.headers.get("Accept", "")
        form = SignForm(request.POST, request.FILES) if request.method == "POST" else SignForm()
        chosen = _ids(request.POST.getlist("record") if request.method == "POST" else request.GET.getlist("record"))
        results: list[signing.Result] = []
        if request.method == "POST" and form.is_valid():
            try:
                results = signing.sign_all(
                    chosen, pfx=form.cleaned_data["certificate_file"], password=form.cleaned_data["password"]
                )
            except signing.SigningError as error:
                form.add_error(None, str(error))
        if by_script:
            return _as_json(form, results)
        return self._sign_page(request, form, chosen, results)

    def _sign_page(
        self, request: HttpRequest, form: SignForm, chosen: list[UUID], results: list[signing.Result]
    ) -> HttpResponse:
        waiting = list(
            signing.to_sign().select_related("patient").opening("identification", act=Act.LIST)[: signing.MOST]
        )
        today = timezone.localdate()
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Sign entries"),
            "opts": self.opts,
            "form": form,
            "lines": [
                {
                    "record": record,
                    "chosen": not chosen or record.pk in chosen,
                    "title": record_pdf.title_of(record),
                    "patient": f"{record.patient.display_name} · {record.patient}",
                    "when": timezone.localtime(record.occurred_at),
                    "qualified": "ADVANCED" not in signing.level_rule(record, on=today).choices,
                }
                for record in waiting
            ],
            "results": self._told(results),
            "signed": sum(not result.problem for result in results),
            "most": signing.MOST,
            "list_url": reverse("admin:patients_recordsignature_changelist"),
            "media": self.media,
        }
        response = TemplateResponse(request, "admin/patients/recordsignature/sign.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _told(self, results: list[signing.Result]) -> list[dict[str, Any]]:
        """What became of each entry, with its name."""
        rows = MedicalRecord.objects.filter(pk__in=[result.record for result in results]).select_related("patient")
        records = {record.pk: record for record in rows.opening("identification", act=Act.LIST)}
        return [
            {
                "problem": result.problem,
                "title": record_pdf.title_of(record),
                "patient": f"{record.patient.display_name} · {record.patient}",
                "level": result.signature.get_level_display() if result.signature else "",
                "url": _address(result.signature),
            }
            for result in results
            if (record := records.get(result.record)) is not None
        ]

    # --- looking, taking along, verifying ---------------------------------------------------------------------------

    def _signature(self, request: HttpRequest, object_id: str) -> RecordSignature:
        found: RecordSignature | None = self.get_object(request, unquote(object_id))
        if found is None:
            raise Http404
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        return found

    def download_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The signed file, byte for byte. By POST, since it is written down that a copy left the system."""
        signature = self._signature(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            _found, content = signing.document(signature.pk)
        except signing.SigningError as error:
            raise PermissionDenied(str(error)) from error
        return _pdf(content, _("signed-document-%(id)s") % {"id": signature.record})

    def unsigned_view(self, request: HttpRequest) -> HttpResponse:
        """An entry on paper, marked as not signed: to be read before signing, or to be signed by hand."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("patients.view_medicalrecord"):
            raise PermissionDenied
        chosen = _ids(request.POST.getlist("print"))
        try:
            content = signing.unsigned_copy(chosen[0]) if chosen else b""
        except signing.SigningError as error:
            raise PermissionDenied(str(error)) from error
        if not content:
            raise Http404
        return _pdf(content, _("document-not-signed-%(id)s") % {"id": str(chosen[0])[:8]})

    def verify_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The signature verified again now, with its file, and what was found in words."""
        signature = self._signature(request, object_id)
        read_alone(signature, ("identification", "clinical"))
        try:
            report: Report | None = signing.verify(signature)
            problem = ""
        except signing.SigningError as error:
            report, problem = None, str(error)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Verify the signature"),
            "subtitle": self.choice_label(signature),
            "opts": self.opts,
            "object": signature,
            "signature": signature,
            "report": report,
            "level": SignatureLevel(report.level.value).label if report and report.level else "",
            "findings": report.findings if report else (),
            "problem": problem,
            "now": timezone.localtime(),
            "back_url": reverse("admin:patients_recordsignature_change", args=[signature.pk]),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/patients/recordsignature/verify.html", context)


def _ids(texts: list[str]) -> list[UUID]:
    """The ids among what a form sent."""
    found = []
    for text in texts[: signing.MOST + 1]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _address(signature: RecordSignature | None) -> str:
    return reverse("admin:patients_recordsignature_change", args=[signature.pk]) if signature is not None else ""


def _as_json(form: SignForm, results: list[signing.Result]) -> JsonResponse:
    """The answer to the page's script: what is wrong with the certificate, or what became of each entry."""
    wrong = " ".join(str(error) for errors in form.errors.values() for error in errors)
    rows = [
        {
            "record": str(result.record),
            "problem": result.problem,
            "done": str(result.signature.get_level_display()) if result.signature else "",
            "url": _address(result.signature),
        }
        for result in results
    ]
    response = JsonResponse({"wrong": wrong, "results": rows})
    response.headers["Cache-Control"] = "no-store"
    return response


def _pdf(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response.headers["Cache-Control"] = "no-store"
    return response
