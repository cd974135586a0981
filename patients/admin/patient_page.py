"""The patient's page in the admin: who, what matters, and the ways on (`patients.page`)."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinics.adminbase import ClinicChangeList, place_of
from clinics.identifiers import format_phone
from clinics.roles import Role
from neonpro.vault.fields import Withheld
from patients.admin import treatment_sections as treatment_sections
from patients.admin.page_sections import quick_actions
from patients.admin.record_pages import closed_word
from patients.models import Patient
from patients.page import Page, age_on, build, pages, record_print


class PatientChangeList(ClinicChangeList):
    """The list of patients: each line leads to the patient's page."""

    def url_for_result(self, result: Any) -> str:
        """Where a line leads. A window that asks for a choice needs the form's address, as Django has it."""
        if self.is_popup:
            return str(super().url_for_result(result))
        return page_url(result.pk)


def page_url(patient: Any) -> str:
    """The address of a patient's page."""
    return reverse("admin:patients_patient_page", args=[patient])


class PatientPageViews:
    """The page and its print, and the pages that other apps bring, in the patients' admin; a mix-in."""

    def get_urls(self: Any) -> list[URLPattern]:
        views = [("page", self.page_view), ("page/print", self.print_view)]
        views += [(page.key, self._view_of(page)) for page in pages()]
        return [
            *(
                path(
                    f"<uuid:object_id>/{route}/",
                    self.admin_site.admin_view(view),
                    name=f"patients_patient_{route.replace('/', '_')}",
                )
                for route, view in views
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ClinicChangeList]:
        return PatientChangeList

    def page_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The page: one reading in the log, of what this reader is shown."""
        return self._page(request, object_id, printing=False)

    def print_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The page for paper. Opening it is what the log calls a print."""
        return self._page(request, object_id, printing=True)

    def _view_of(self: Any, page: Page) -> Callable[[HttpRequest, UUID], HttpResponse]:
        """The view of another app's page: whose role may see it, and the patient."""

        def view(request: HttpRequest, object_id: UUID) -> HttpResponse:
            if not (self.has_view_permission(request) and request.user.has_perm(page.permission)):
                raise PermissionDenied
            patient: Patient | None = self.get_object(request, str(object_id))
            if patient is None:
                raise Http404
            return page.answer(self, request, patient)

        return view

    def _page(self: Any, request: HttpRequest, object_id: UUID, *, printing: bool) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        patient: Patient | None = self.get_object(request, str(object_id))
        if patient is None:
            raise Http404
        restricted = bool(patient.restricted_at) and place_of(request).role != Role.DPO
        found = build(request, patient, restricted=restricted, printing=printing)
        if printing:
            record_print(found)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            # The tab and the browser's history name nobody.
            "title": _("Patient"),
            "patient": patient,
            "who": _who(patient),
            "contact": _contact(patient),
            "page": found,
            "closed_reasons": self.closed(request, patient),
            "closed_word": closed_word() if found.closed else "",
            "actions": quick_actions(found.reader),
            "printing": printing,
            "printed_at": timezone.now(),
            "page_url": page_url(patient.pk),
        }
        return TemplateResponse(request, "admin/patients/patient/page.html", context)


def _who(patient: Patient) -> list[tuple[str, Any]]:
    """Name and value of what identifies a person at a glance; what is not known is left out."""
    today = timezone.localdate()
    born = patient.birth_date
    rows: list[tuple[str, Any]] = []
    if isinstance(born, Withheld):
        rows.append((_("Age"), born))
    elif born:
        years = age_on(born, today)
        rows.append((_("Age"), ngettext("%(years)s year", "%(years)s years", years) % {"years": years}))
        rows.append((_("Date of birth"), date_format(born, "SHORT_DATE_FORMAT")))
    elif patient.birth_year:
        years = today.year - patient.birth_year
        rows.append((_("Age"), ngettext("about %(years)s year", "about %(years)s years", years) % {"years": years}))
    rows.append((_("Record number"), str(patient)))
    return rows


def _contact(patient: Patient) -> list[tuple[str, Any]]:
    """How to reach the person."""
    rows = (
        (_("Phone"), patient.phone and _phone(patient.phone)),
        (_("Other phone"), patient.other_phone and _phone(patient.other_phone)),
        (_("E-mail"), patient.email),
    )
    return [(name, value) for name, value in rows if value]


def _phone(value: str) -> str:
    return value if isinstance(value, Withheld) else format_phone(value)
