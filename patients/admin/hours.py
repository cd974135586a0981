"""Working hours and absences."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from clinics.adminbase import ClinicAdmin
from patients.models import FREES_THE_TIME, Absence, Appointment, WorkingHours


@admin.register(WorkingHours)
class WorkingHoursAdmin(ClinicAdmin):
    """Who works when."""

    list_display = ("who", "weekday", "starts", "ends", "valid_from", "valid_to")
    list_select_related = ("professional",)
    ordering = ("professional__full_name", "weekday", "starts")
    fields = ("professional", "weekday", "starts", "ends", "valid_from", "valid_to")
    empty_hint = gettext_lazy(
        "Without working hours the schedule offers Monday to Friday, 8:00 to 18:00."
        " Add one line for each day and shift."
    )

    def choice_label(self, record: WorkingHours) -> str:
        return f"{record.professional}, {record}"

    @display(description=gettext_lazy("professional"))  # type: ignore[untyped-decorator]
    def who(self, record: WorkingHours) -> str:
        return str(record.professional)


@admin.register(Absence)
class AbsenceAdmin(ClinicAdmin):
    """Who is away when; without a professional the whole clinic."""

    list_display = ("who", "kind", "starts_at", "ends_at")
    list_select_related = ("professional",)
    ordering = ("-starts_at",)
    fields = ("professional", "kind", "starts_at", "ends_at")
    empty_hint = gettext_lazy(
        "Vacations, courses, a single lunch, municipal holidays: nothing is booked in an absence but encaixes."
    )

    def choice_label(self, record: Absence) -> str:
        return f"{self.who(record)}, {record.get_kind_display()}"

    @display(description=gettext_lazy("professional"))  # type: ignore[untyped-decorator]
    def who(self, record: Absence) -> str:
        return str(record.professional) if record.professional else _("The whole clinic")

    def save_model(self, request: HttpRequest, obj: Absence, form: Any, change: bool) -> None:
        """Save it, and say how many visits are booked in it: somebody has to move them."""
        super().save_model(request, obj, form, change)
        booked = Appointment.objects.filter(starts_at__lt=obj.ends_at, ends_at__gt=obj.starts_at).exclude(
            status__in=FREES_THE_TIME
        )
        if obj.professional_id:
            booked = booked.filter(professional=obj.professional_id)
        count = booked.count()
        if count:
            messages.warning(
                request,
                ngettext(
                    "%(count)d visit is booked in this absence: move or cancel it in the schedule.",
                    "%(count)d visits are booked in this absence: move or cancel them in the schedule.",
                    count,
                )
                % {"count": count},
            )
