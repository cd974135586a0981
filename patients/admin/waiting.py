"""The waiting list's pages: the list, and who would come at a time that is free."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from clinics.adminbase import ClinicAdmin
from clinics.identifiers import format_phone
from clinics.models import Professional
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act
from patients.booking import BookingError
from patients.forms.waiting import WaitingForm
from patients.models import Patient, Period, WaitingEntry, WaitingStatus, Weekday
from patients.waiting_list import book_from_list, matches, withdraw


def offer_url(professional: UUID | None, starts_at: datetime, minutes: int) -> str:
    """The page that offers a free time to those who wait."""
    local = timezone.localtime(starts_at)
    return (
        f"{reverse('admin:patients_waitingentry_offer')}?professional={professional or ''}"
        f"&at={local:%Y-%m-%dT%H:%M}&minutes={minutes}"
    )


def wanted_days(entry: WaitingEntry) -> str:
    """Days and periods in words."""
    days = [str(Weekday(day).label) for day in range(7) if entry.days & 1 << day]
    periods = [str(Period(bit).label) for bit in Period.values if entry.periods & bit]
    return (
        (_("any day") if len(days) == 7 else ", ".join(days))
        + "; "
        + (_("any time") if len(periods) == 3 else ", ".join(periods))
    )


@admin.register(WaitingEntry)
class WaitingEntryAdmin(ClinicAdmin):
    """Who waits for an earlier time."""

    form = WaitingForm
    list_display = ("patient_column", "wanted", "when", "priority", "since_column", "status")
    list_filter = (("status", ChoicesDropdownFilter), ("priority", ChoicesDropdownFilter))
    ordering = ("status", "since")
    autocomplete_fields = ("patient",)
    names = ("identification",)
    opens = ("identification", "contact")
    fields = ("patient", "professional", "service", "on_days", "in_periods", "priority", "note")
    actions_detail = ("withdraw",)
    empty_hint = gettext_lazy("Nobody waits. When the schedule is full, put the patient on this list.")

    def get_readonly_fields(self, request: HttpRequest, obj: WaitingEntry | None = None) -> tuple[str, ...]:
        return () if obj is None else ("patient_column",)

    def get_fields(self, request: HttpRequest, obj: WaitingEntry | None = None) -> Any:
        if obj is None:
            return self.fields
        if not self.has_change_permission(request, obj):
            return ("patient_column", "professional", "service", "when", "priority", "note")
        return ("patient_column", *(self.fields or ())[1:])

    def get_queryset(self, request: HttpRequest) -> QuerySet[WaitingEntry]:
        found: QuerySet[WaitingEntry] = super().get_queryset(request)
        patients = Patient.objects.opening("identification", act=Act.LIST)
        return found.prefetch_related(Prefetch("patient", patients), "professional", "service")

    def get_urls(self) -> list[URLPattern]:
        offer = path("offer/", self.admin_site.admin_view(self.offer_view), name="patients_waitingentry_offer")
        return [offer, *super().get_urls()]

    def choice_label(self, record: WaitingEntry) -> str:
        return str(record.patient.display_name)

    @display(description=gettext_lazy("patient"))  # type: ignore[untyped-decorator]
    def patient_column(self, entry: WaitingEntry) -> str:
        return str(entry.patient.display_name)

    @display(description=gettext_lazy("wants"))  # type: ignore[untyped-decorator]
    def wanted(self, entry: WaitingEntry) -> str:
        return " · ".join(str(part) for part in (entry.professional, entry.service) if part) or _("anybody")

    @display(description=gettext_lazy("days and periods"))  # type: ignore[untyped-decorator]
    def when(self, entry: WaitingEntry) -> str:
        return wanted_days(entry)

    @display(description=gettext_lazy("waiting since"))  # type: ignore[untyped-decorator]
    def since_column(self, entry: WaitingEntry) -> str:
        return date_format(timezone.localtime(entry.since), "d/m/Y")

    @action(description=gettext_lazy("Take off the list"), url_path="withdraw", permissions=["change"])  # type: ignore[untyped-decorator]
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then close the entry."""
        entry = self.get_object(request, object_id)
        if entry is None:
            raise Http404
        if request.method == "POST":
            try:
                withdraw(entry.pk)
            except BookingError as error:
                messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:patients_waitingentry_changelist"))
        return self.confirmation(
            request, entry, title=_("Take off the list"), submit=_("Take off the list"),
            text=_("The patient waits no longer. The entry stays in the records."),
        )  # fmt: skip

    def offer_view(self, request: HttpRequest) -> HttpResponse:
        """A free time, and those who would come then; one click books and closes the entry."""
        if not self.has_change_permission(request) or not request.user.has_perm("patients.add_appointment"):
            raise PermissionDenied
        try:
            starts = timezone.make_aware(datetime.fromisoformat(request.GET.get("at", "")))
            minutes = min(720, max(5, int(request.GET.get("minutes", ""))))
            wanted = UUID(request.GET["professional"]) if request.GET.get("professional") else None
        except ValueError as error:
            raise Http404 from error
        professional = Professional.objects.filter(pk=wanted).first() if wanted else None
        if wanted and professional is None:
            raise Http404
        if request.method == "POST":
            try:
                book_from_list(
                    UUID(request.POST.get("entry", "")), professional=wanted, starts_at=starts, minutes=minutes
                )
            except BookingError as error:
                # What is in the way may name a patient: it is shown here, and no message carries it away.
                return self._offer_page(request, professional, starts, minutes, refused=str(error))
            except (ValueError, WaitingEntry.DoesNotExist) as error:
                raise Http404 from error
            messages.success(request, _("Booked, and taken off the waiting list. Tell the patient."))
            return HttpResponseRedirect(f"{reverse('admin:patients_appointment_day')}?day={timezone.localdate(starts)}")
        return self._offer_page(request, professional, starts, minutes)

    def _offer_page(
        self, request: HttpRequest, professional: Any, starts: datetime, minutes: int, *, refused: str = ""
    ) -> HttpResponse:
        entries = matches(professional=professional.pk if professional else None, starts_at=starts, minutes=minutes)
        request.current_app = self.admin_site.name
        local = timezone.localtime(starts)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Free time for the waiting list"),
            "opts": self.opts,
            "professional": professional,
            "starts": local,
            "ends": local + timedelta(minutes=minutes),
            "refused": refused,
            "lines": [
                {
                    "entry": entry,
                    "name": entry.patient.display_name,
                    "phone": _phone(entry.patient.phone),
                    "wants": self.wanted(entry),
                    "when": wanted_days(entry),
                    "since": self.since_column(entry),
                }
                for entry in entries
            ],
            "waiting": WaitingStatus.WAITING,
            "back_url": f"{reverse('admin:patients_appointment_day')}?day={local:%Y-%m-%d}",
        }
        return TemplateResponse(request, "admin/patients/waitingentry/offer.html", context)


def _phone(value: Any) -> Any:
    return value if isinstance(value, Withheld) or not value else format_phone(value)
