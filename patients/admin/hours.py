"""Working hours and absences."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from clinics.adminbase import ClinicAdmin
from patients.absences import in_the_way
from patients.models import Absence, AbsenceKind, WorkingHours


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

    list_display = ("who", "reason_column", "starts_at", "ends_at")
    list_select_related = ("professional", "lot__product")
    ordering = ("-starts_at",)
    fields = ("professional", "kind", "starts_at", "ends_at")
    empty_hint = gettext_lazy(
        "Vacations, courses, a single lunch, municipal holidays: nothing is booked in an absence but encaixes."
    )

    def choice_label(self, record: Absence) -> str:
        return f"{self.who(record)}, {record.get_kind_display()}"

    def get_fields(self, request: HttpRequest, obj: Absence | None = None) -> Any:
        # Time for a recall is blocked on the recall's page; what it is for does not change here.
        return ("professional", "reason_link", "starts_at", "ends_at") if obj and obj.lot_id else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Absence | None = None) -> Any:
        return ("reason_link",) if obj and obj.lot_id else ()

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "kind":
            kwargs["choices"] = [("", "–"), *(one for one in AbsenceKind.choices if one[0] != AbsenceKind.RECALL)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @display(description=gettext_lazy("kind"), ordering="kind")  # type: ignore[untyped-decorator]
    def reason_column(self, record: Absence) -> str:
        return record.reason

    @display(description=gettext_lazy("kind"))  # type: ignore[untyped-decorator]
    def reason_link(self, record: Absence) -> str:
        lot = reverse("admin:patients_productlot_change", args=[record.lot_id])
        return format_html('<a class="np-link" href="{}">{}</a>', lot, record.reason)

    @display(description=gettext_lazy("professional"))  # type: ignore[untyped-decorator]
    def who(self, record: Absence) -> str:
        return str(record.professional) if record.professional else _("The whole clinic")

    def save_model(self, request: HttpRequest, obj: Absence, form: Any, change: bool) -> None:
        """Save it, and say how many visits are booked in it: somebody has to move them."""
        super().save_model(request, obj, form, change)
        count = len(in_the_way(professional=obj.professional_id, starts_at=obj.starts_at, ends_at=obj.ends_at))
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
