"""The page «who accessed» of a patient, and the copies of it that the patient is given."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from psycopg.types.json import Jsonb
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from clinics import trail
from neonpro.db.bound import execute
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act, purpose
from neonpro.vault.models import link
from patients import accesses, accesses_pdf
from patients.models import Patient

PURPOSE = "admin:patients_patient_accesses"
"""What the audit log keeps of opening the page; a copy adds `.export`."""


class SpanForm(forms.Form):
    """What part of the accesses to show."""

    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=UnfoldAdminSingleDateWidget)
    until = forms.DateField(label=gettext_lazy("To"), required=False, widget=UnfoldAdminSingleDateWidget)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kind: Any = self.fields["kind"]
        kind.choices = [("", _("Any")), *((code, capfirst(word)) for code, (word, _acts) in accesses.KINDS.items())]

    def span(self) -> accesses.Span | None:
        """What was asked for; None while something in it is wrong."""
        return accesses.Span(**self.cleaned_data) if self.is_valid() else None


def answer(admin: Any, request: HttpRequest, patient: Patient) -> HttpResponse:
    """The page, or with a POST of its buttons the copy as a file.

    Args:
        admin: the patients' admin.
        request: of somebody who may see this.
        patient: fetched for this page, and nothing of it opened yet.
    """
    form = SpanForm(request.POST if request.method == "POST" else request.GET)
    span = form.span()
    if request.method == "POST" and span is not None and request.POST.get("copy") in _COPIES:
        return _copy(request, patient, span, request.POST["copy"])
    link([patient], ("identification",), Act.READ)
    with purpose(PURPOSE):
        subtitle = admin.choice_label(patient)
    page = accesses.Page((), None)
    if span is not None:
        page = accesses.accesses(patient.pk, span, before=trail.Key.parse(request.GET.get("before", "")))
    filters = {name: value for name in form.fields if (value := form.data.get(name))}
    request.current_app = admin.admin_site.name  # as Django's own admin does
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Who accessed"),
        "subtitle": subtitle,
        "opts": admin.opts,
        "object": patient,
        "form": form,
        "filters": filters,
        "lines": page.lines,
        "summary": accesses.summary(patient.pk, span) if span is not None else None,
        "newest": f"?{urlencode(filters)}" if request.GET.get("before") else "",
        "older": f"?{urlencode({**filters, 'before': page.older})}" if page.older else "",
        "report_rows": accesses.REPORT_ROWS,
        "back_url": reverse("admin:patients_patient_page", args=[patient.pk]),
        "media": admin.media + form.media,
    }
    return TemplateResponse(request, "admin/patients/patient/accesses.html", context)


_COPIES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


def _copy(request: HttpRequest, patient: Patient, span: accesses.Span, kind: str) -> HttpResponse:
    """A file for the patient. Its name has the record number: it lands in folders, mails and histories."""
    link([patient], ("identification",), Act.EXPORT)
    with purpose(f"{PURPOSE}.export"):
        name = patient.display_name
    if isinstance(name, Withheld):
        # No key was opened for it, and still a copy leaves the clinic.
        _record_export(patient.pk)
    report = accesses.report(patient.pk, span)
    content = accesses.as_csv(report) if kind == "csv" else accesses_pdf.render(report, patient, name, request)
    response = HttpResponse(content, content_type=_COPIES[kind])
    file_name = _("accesses-%(number)s") % {"number": patient.record_number}
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}.{kind}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _record_export(patient: UUID) -> None:
    execute(
        "SELECT neonpro.record_reading('EXPORT', %s::uuid[], %s::jsonb)",
        [[patient], Jsonb({"purpose": f"{PURPOSE}.export"})],
    )
