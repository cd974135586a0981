"""The pages of telemedicine: planning a session, and each step of it."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from clinics.adminbase import ClinicAdmin, read_alone
from neonpro.vault.keys import Act
from patients.admin.search import PatientSearch
from patients.admin.telemedicine_actions import SessionActions
from patients.admin.telemedicine_words import BEGUN, SITUATION, SessionWords, is_professional
from patients.forms.telemedicine import SessionForm
from patients.models import Patient, SessionStatus, TelemedicineSession


@admin.register(TelemedicineSession)
class TelemedicineSessionAdmin(SessionActions, SessionWords, PatientSearch, ClinicAdmin):
    """Sessions at a distance, newest first."""

    form = SessionForm
    list_display = ("when_column", "patient_column", "professional_column", "modality", "status_badge")
    list_filter = (("status", ChoicesDropdownFilter), ("modality", ChoicesDropdownFilter))
    list_filter_submit = True
    search_fields = ("id",)
    search_help_text = gettext_lazy("Patient: name, CPF, CNS, phone, e-mail or record number")
    SEARCHED = "patient_id"
    ordering = ("-created_at", "pk")
    lists = ()
    names = ("identification",)
    opens = ("identification", "contact")
    autocomplete_fields = ("patient", "appointment")
    empty_hint = gettext_lazy("No session yet: plan one here, or from the page of an appointment.")
    refusals: ClassVar[dict[str, Any]] = {
        "telemedicine_sessions_own_appointment": gettext_lazy("The appointment is another patient's."),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[TelemedicineSession]:
        patients = Patient.objects.opening("identification", act=Act.LIST)
        found: QuerySet[TelemedicineSession] = super().get_queryset(request)
        return found.prefetch_related(Prefetch("patient", patients), "professional", "appointment")

    def has_change_permission(self, request: HttpRequest, obj: TelemedicineSession | None = None) -> bool:
        """What was planned can be planned otherwise; afterwards there are steps."""
        return super().has_change_permission(request, obj) and (obj is None or obj.status == SessionStatus.PLANNED)

    def has_delete_permission(self, request: HttpRequest, obj: TelemedicineSession | None = None) -> bool:
        """Never: a session is kept."""
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is not None and is_professional(request):
            read_alone(obj, (*self.opens, "clinical"))
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: TelemedicineSession | None = None) -> tuple[str, ...]:
        return () if obj is None else self._shown(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: TelemedicineSession | None = None) -> Any:
        fields = ("patient", "professional", "appointment", "modality", "room_url")
        if obj is None:
            return [(None, {"fields": fields})]
        planned = ("patient_link", "professional", "appointment_link", "modality", "room_url")
        shown = self._shown(request, obj)
        sets = [
            (None, {"fields": planned}),
            (_("Situation"), {"fields": tuple(name for name in SITUATION if name in shown)}),
        ]
        begun = tuple(name for name in BEGUN if name in shown)
        return [*sets, (_("The session"), {"fields": begun})] if begun else sets

    def _shown(self, request: HttpRequest, obj: TelemedicineSession) -> tuple[str, ...]:
        """What of a session there is to show to this reader."""
        names = ["patient_link", "appointment_link", "status_words", "consent_words", "missing_words"]
        if obj.in_person_appointment_id:
            names.append("in_person_link")
        if obj.started_at:
            names += ["patient_identity", "professional_location", "recording_words"]
        if is_professional(request):
            names.append("follow_up_words")
            clinical = ("patient_location", "emergency_reason", "overdue_reason", "reason", "shared_with")
            names += [name for name in clinical if getattr(obj, name)]
        return tuple(names)
