"""Who cares for whom, over all patients: for management, which sees nothing clinical by it."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from clinics import withheld
from clinics.adminbase import ClinicAdmin
from neonpro.vault.keys import Act
from patients.admin.appointments import ProfessionalFilter
from patients.admin.search import PatientSearch
from patients.models import CareTeam, Patient


class StayFilter(DropdownFilter):
    """Which stays: those of now, unless something else is asked for."""

    title = gettext_lazy("care")
    parameter_name = "stay"
    all_option = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("", _("Now")), ("ended", _("Ended")), ("all", _("All")),
            ("own", _("Opened by the professional’s own booking")),
        ]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[CareTeam]) -> QuerySet[CareTeam]:
        chosen = self.value() or ""
        if chosen == "ended":
            return queryset.filter(until__isnull=False)
        if chosen == "own":
            return queryset.filter(Q(began="appointment", added_by=F("professional__membership__user")))
        return queryset if chosen == "all" else queryset.filter(until__isnull=True)


@admin.register(CareTeam)
class CareTeamAdmin(PatientSearch, ClinicAdmin):
    """The stays in care teams, newest first. They begin and end on the patient's page."""

    list_display = ("patient_column", "professional_column", "began_column", "since_column", "until_column")
    list_filter = (StayFilter, ProfessionalFilter)
    list_filter_submit = True
    search_fields = ("id",)
    search_help_text = gettext_lazy("Patient: name, CPF, CNS, phone, e-mail or record number")
    ordering = ("-since", "pk")
    names = ("identification",)
    opens = ("identification", "contact")
    SEARCHED = "patient_id"
    empty_hint = gettext_lazy("An appointment with a professional opens care; or add somebody on the patient's page.")
    fieldsets = (
        (None, {"fields": ("patient_link", "professional", "since_column", "began", "reason")}),
        (gettext_lazy("End"), {"fields": ("until_column", "ended", "end_reason")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """On the patient's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """On the patient's page."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[CareTeam]:
        found: QuerySet[CareTeam] = super().get_queryset(request)
        patients = Patient.objects.opening("identification", act=Act.LIST)
        return found.prefetch_related(Prefetch("patient", patients), "professional")

    def choice_label(self, record: CareTeam) -> str:
        return f"{record.patient.display_name} · {record.professional}"

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, stay: CareTeam) -> str:
        name: str = stay.patient.display_name
        return name

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_link(self, stay: CareTeam) -> str:
        return format_html(
            '<a class="np-link" href="{}">{}</a>',
            reverse("admin:patients_patient_care", args=[stay.patient_id]),
            withheld.shown(stay.patient.display_name),
        )

    @display(description=gettext_lazy("professional"))  # type: ignore[untyped-decorator]
    def professional_column(self, stay: CareTeam) -> str:
        return str(stay.professional)

    @display(description=gettext_lazy("how it began"))  # type: ignore[untyped-decorator]
    def began_column(self, stay: CareTeam) -> str:
        return str(stay.get_began_display())

    @display(description=gettext_lazy("since"))  # type: ignore[untyped-decorator]
    def since_column(self, stay: CareTeam) -> str:
        return date_format(timezone.localtime(stay.since), "SHORT_DATETIME_FORMAT")

    @display(description=pgettext_lazy("care", "until"))  # type: ignore[untyped-decorator]
    def until_column(self, stay: CareTeam) -> str:
        return date_format(timezone.localtime(stay.until), "SHORT_DATETIME_FORMAT") if stay.until else ""
