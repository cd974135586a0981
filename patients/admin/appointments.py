"""The appointments' pages."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from clinics import scope, withheld
from clinics.adminbase import ClinicAdmin, ClinicChangeList
from clinics.models import Professional
from neonpro.vault.keys import Act
from patients.admin.agenda import AgendaPages
from patients.admin.reminders import ReminderPages
from patients.admin.search import PatientSearch
from patients.admin.telemedicine_steps import SessionOnAppointment, session_of
from patients.admin.waiting import offer_url
from patients.booking import BookingError, cancel, may_cancel
from patients.flow import events
from patients.forms.appointments import AppointmentForm, CancelForm
from patients.models import Appointment, AppointmentStatus, Patient
from patients.overbooking import may_overbook
from patients.waiting_list import matches


class WhenFilter(DropdownFilter):
    """Which days: from today on, unless a period or something else is asked for."""

    title = gettext_lazy("day")
    parameter_name = "when"
    all_option: ClassVar[Any] = None
    CHOICES: ClassVar[list[tuple[str, Any]]] = [
        ("", gettext_lazy("From today on")),
        ("today", gettext_lazy("Today")),
        ("tomorrow", gettext_lazy("Tomorrow")),
        ("week", gettext_lazy("This week")),
        ("past", gettext_lazy("Before today")),
        ("all", gettext_lazy("All days")),
    ]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return self.CHOICES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> QuerySet[Appointment]:
        today = timezone.localdate()
        monday = today - timedelta(days=today.weekday())
        days: dict[str, dict[str, Any]] = {
            "": {"day__gte": today},
            "today": {"day": today},
            "tomorrow": {"day": today + timedelta(days=1)},
            "week": {"day__range": (monday, monday + timedelta(days=6))},
            "past": {"day__lt": today},
            "all": {},
        }
        chosen = self.value() or ""
        if not chosen and (request.GET.get("day_from") or request.GET.get("day_to")):
            return queryset
        return queryset.filter(**days.get(chosen, days[""]))


class ProfessionalFilter(DropdownFilter):
    """The appointments of one professional, also of one who has left."""

    title = gettext_lazy("professional")
    parameter_name = "professional"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        people = Professional.objects.order_by("-is_active", "full_name").values_list("pk", "full_name")
        return [(str(key), name) for key, name in people]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Appointment]) -> QuerySet[Appointment]:
        chosen = self.value()
        if not chosen:
            return queryset
        # Anything else than a professional of this clinic finds nothing.
        known = {key for key, _name in self.lookup_choices}
        return queryset.filter(professional=UUID(chosen)) if chosen in known else queryset.none()


class AppointmentChangeList(ClinicChangeList):
    """The agenda."""

    def days(self) -> list[dict[str, Any]]:
        """Links to the days that people ask for most."""
        chosen = self.params.get("when", "")
        period = bool(self.params.get("day_from") or self.params.get("day_to"))
        return [
            {
                "label": label,
                "link": self.get_query_string({"when": value or None}, remove=["day_from", "day_to"]),
                "selected": value == chosen and not (period and not chosen),
            }
            for value, label in WhenFilter.CHOICES
        ]


def freed_url(professional: UUID | None, starts_at: datetime | None, ends_at: datetime | None) -> str:
    """The page that offers a time that became free; "" where nobody waits for it, or it has passed."""
    if starts_at is None or ends_at is None or starts_at < timezone.now():
        return ""
    minutes = int((ends_at - starts_at).total_seconds()) // 60
    if not matches(professional=professional, starts_at=starts_at, minutes=minutes):
        return ""
    return offer_url(professional, starts_at, minutes)


@admin.register(Appointment)
class AppointmentAdmin(SessionOnAppointment, AgendaPages, ReminderPages, PatientSearch, ClinicAdmin):
    """The agenda, from today on."""

    form = AppointmentForm
    list_display = ("when_column", "patient_column", "professional_column", "service_column", "status_badge")
    list_filter = (
        WhenFilter,
        ("day", RangeDateFilter),
        ProfessionalFilter,
        ("status", ChoicesDropdownFilter),
    )
    list_filter_submit = True
    list_before_template = "admin/patients/appointment/days.html"
    search_fields = ("id",)
    search_help_text = gettext_lazy("Patient: name, CPF, CNS, phone, e-mail or record number")
    names = ("identification",)
    opens = ("identification", "contact")
    SEARCHED = "patient_id"
    empty_hint = gettext_lazy("No appointment on these days: book one, or choose other days above.")
    autocomplete_fields = ("patient",)
    actions_detail = ("session", "apply_product", "cancel")
    change_form_before_template = "admin/patients/appointment/offered.html"
    change_form_outer_after_template = "admin/patients/appointment/events.html"
    refusals: ClassVar[dict[str, Any]] = {
        "appointments_professional_free": gettext_lazy(
            "This time of the professional was taken a moment ago. Choose another."
        ),
        "appointments_patient_free": gettext_lazy(
            "This patient was booked for this time a moment ago. Choose another."
        ),
        **scope.RULES,
        "appointments_status_flow": gettext_lazy(
            "The visit's state was changed a moment ago, and this one does not follow it. Reload the page."
        ),
        "appointments_overbooking_allowed": gettext_lazy(
            "You may not overbook. A manager can, or can allow it to you in the team's page."
        ),
    }
    fieldsets = (
        (None, {"fields": ("patient", "professional", "service")}),
        (gettext_lazy("When"), {"fields": ("day", "time", "minutes", "by_arrival")}),
        (gettext_lazy("Overbooking (encaixe)"), {"fields": ("overbooked", "overbook_reason")}),
        (gettext_lazy("Situation"), {"fields": ("status", "note")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Appointment | None = None) -> tuple[str, ...]:
        # What is kept in an appointment is bound to its patient: for another patient it is another appointment.
        return ("cancel_reason",) if obj is None else ("cancel_reason", "patient_link", "session_state")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "note":
            field.widget.attrs["rows"] = 3
        return field

    def get_fieldsets(self, request: HttpRequest, obj: Appointment | None = None) -> Any:
        sets = list(super().get_fieldsets(request, obj))
        if obj is not None:
            sets[0] = (None, {"fields": ("patient_link", "professional", "service")})
            if session_of(obj) is not None:
                sets.append((_("Telemedicine"), {"fields": ("session_state",)}))
        if obj is not None and obj.cancel_reason:
            sets.append((_("Cancelled"), {"fields": ("cancel_reason",)}))
        return self._without_overbooking(sets, obj)

    def _without_overbooking(self, sets: list[Any], obj: Appointment | None) -> list[Any]:
        """Without the encaixe's fields for whom it is not."""
        if may_overbook() or (obj is not None and obj.overbooked):
            return sets
        return [part for part in sets if "overbooked" not in part[1]["fields"]]

    def save_model(self, request: HttpRequest, obj: Appointment, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if obj.professional and obj.service and (not change or {"professional", "service"} & set(form.changed_data)):
            # Booking warns: a sign-off may still come, or a colleague take over. That care begins is refused.
            verdict = scope.may_perform(obj.professional, obj.service, on=obj.day)
            if not verdict.allowed:
                messages.warning(
                    request, _("Booked, but as it stands care will not begin: %(why)s") % {"why": verdict.text}
                )
        old = (
            Appointment.history.filter(id=obj.pk).order_by("-history_date").values_list(
                "professional_id", "starts_at", "ends_at"
            )[1:2]
            if change and {"day", "time", "professional"} & set(form.changed_data)
            else ()
        )  # fmt: skip
        for was in old:
            freed = freed_url(*was)
            if freed:
                # Whoever moves a visit is mostly on the telephone: the offer waits for them, beside the answer.
                messages.info(
                    request,
                    format_html(
                        '{} <a class="np-link" href="{}">{}</a>',
                        _("Somebody on the waiting list would come at the time that became free."), freed,
                        _("See who"),
                    ),
                )  # fmt: skip
        if getattr(form, "outside_hours", False):
            messages.warning(request, _("Booked outside the professional's working hours."))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        record = context.get("original")
        if record is not None:
            context["events"] = events(record)
        return super().render_change_form(request, context, *args, **kwargs)

    def closed(self, request: HttpRequest, record: Appointment) -> list[str]:
        patients: Any = self.admin_site.get_model_admin(Patient)
        return list(dict.fromkeys([*patients.closed(request, record.patient), *super().closed(request, record)]))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Appointment]:
        found: QuerySet[Appointment] = super().get_queryset(request)
        # Not joined: under row security PostgreSQL takes a join of two tables of a clinic to leave next to nothing, and
        # so would join and sort every coming appointment for the fifty that are shown.
        patients = Patient.objects.opening("identification", act=Act.LIST)
        return found.prefetch_related(Prefetch("patient", patients), "professional", "service")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # What is over is read backwards.
        return ("-day", "-starts_at", "-pk") if request.GET.get("when") == "past" else ("day", "starts_at", "pk")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ClinicChangeList]:
        return AppointmentChangeList

    def choice_label(self, record: Appointment) -> str:
        return f"{self.when_column(record)} · {record.patient.display_name}"

    def has_apply_product_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person's role applies products."""
        return bool(request.user.has_perm("patients.add_productapplication"))

    @action(  # type: ignore[untyped-decorator]
        description=gettext_lazy("Apply a product"), url_path="apply", permissions=["apply_product"]
    )
    def apply_product(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the page that records what is applied, with this appointment in it."""
        appointment = self.get_object(request, unquote(object_id))
        if appointment is None:
            raise Http404
        page = reverse("admin:patients_patient_apply", args=[appointment.patient_id])
        return HttpResponseRedirect(f"{page}?appointment={appointment.pk}")

    def has_cancel_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may cancel this appointment now: the button is there only then."""
        if not self.has_change_permission(request):
            return False
        appointment = self.get_object(request, unquote(object_id)) if object_id else None
        return appointment is None or may_cancel(appointment)

    @action(
        description=gettext_lazy("Cancel the appointment"),
        url_path="cancel",
        permissions=["cancel"],
        variant=ActionVariant.DANGER,
    )  # type: ignore[untyped-decorator]
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then cancel. The appointment stays in the records."""
        appointment = self.get_object(request, unquote(object_id))
        if appointment is None:
            raise Http404
        form = CancelForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                cancel(appointment.pk, reason=form.cleaned_data["reason"])
            except BookingError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, _("The appointment was cancelled and its time is free again."))
                freed = freed_url(appointment.professional_id, appointment.starts_at, appointment.ends_at)
                if freed:
                    return HttpResponseRedirect(freed)
                return HttpResponseRedirect(reverse("admin:patients_appointment_changelist"))
        return self.confirmation(
            request,
            appointment,
            title=_("Cancel the appointment"),
            text=_("%(appointment)s. The appointment stays in the records, and its time becomes free.")
            % {"appointment": self._summary(appointment)},
            submit=_("Cancel the appointment"),
            form=form,
            kind="np-danger",
        )

    def _summary(self, appointment: Appointment) -> str:
        parts = (self.choice_label(appointment), appointment.professional, appointment.service)
        return " · ".join(str(part) for part in parts if part)

    @display(description=gettext_lazy("when"))  # type: ignore[untyped-decorator]
    def when_column(self, appointment: Appointment) -> str:
        day = date_format(appointment.day, "D d/m/Y")
        if appointment.starts_at is None or appointment.ends_at is None:
            return _("%(day)s, order of arrival") % {"day": day}
        starts, ends = timezone.localtime(appointment.starts_at), timezone.localtime(appointment.ends_at)
        return f"{day}, {starts:%H:%M}–{ends:%H:%M}"

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, appointment: Appointment) -> str:
        name: str = appointment.patient.display_name
        return name

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_link(self, appointment: Appointment) -> str:
        return format_html(
            '<a class="np-link" href="{}">{}</a>',
            reverse("admin:patients_patient_page", args=[appointment.patient_id]),
            withheld.shown(appointment.patient.display_name),
        )

    @display(description=gettext_lazy("professional"))  # type: ignore[untyped-decorator]
    def professional_column(self, appointment: Appointment) -> str:
        return str(appointment.professional or "")

    @display(description=gettext_lazy("service"))  # type: ignore[untyped-decorator]
    def service_column(self, appointment: Appointment) -> str:
        return str(appointment.service or "")

    @display(
        description=gettext_lazy("status"),
        label={
            AppointmentStatus.CONFIRMED: "info",
            AppointmentStatus.ARRIVED: "primary",
            AppointmentStatus.IN_CARE: "warning",
            AppointmentStatus.COMPLETED: "success",
            AppointmentStatus.CANCELLED: "danger",
            AppointmentStatus.NO_SHOW: "danger",
        },
    )  # type: ignore[untyped-decorator]
    def status_badge(self, appointment: Appointment) -> tuple[str, str]:
        return appointment.status, appointment.get_status_display()

    # What the form computes, for those who may only look.

    @display(description=gettext_lazy("time"))  # type: ignore[untyped-decorator]
    def time(self, appointment: Appointment) -> str:
        return f"{timezone.localtime(appointment.starts_at):%H:%M}" if appointment.starts_at else ""

    @display(description=gettext_lazy("duration (minutes)"))  # type: ignore[untyped-decorator]
    def minutes(self, appointment: Appointment) -> str:
        if appointment.starts_at is None or appointment.ends_at is None:
            return ""
        return str(int((appointment.ends_at - appointment.starts_at).total_seconds() // 60))

    @display(description=gettext_lazy("by order of arrival"), boolean=True)  # type: ignore[untyped-decorator]
    def by_arrival(self, appointment: Appointment) -> bool:
        return appointment.starts_at is None
