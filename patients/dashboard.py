"""What the first page shows of patients and appointments, and the command search's way to a patient.

The admin site is floor 3 and knows neither: `neonpro.unfold` names these functions.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, Exists, Prefetch, Q, When
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.dataclasses import SearchResult

from clinics.licences import Standing, to_check
from clinics.middleware import ClinicRequest
from clinics.models import Clinic, Professional, Service
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act
from patients.models import Appointment, AppointmentStatus, Patient
from patients.search import alphabetical, find

AGENDA_ROWS = 40
"""How many of today's appointments the dashboard lists; the schedule has all of them."""

DAYS = 30
"""How far back the chart of no-shows goes, today not included."""

FOUND = 10
"""How many patients the command search shows."""

ICONS = {
    AppointmentStatus.SCHEDULED: "event",
    AppointmentStatus.CONFIRMED: "event_available",
    AppointmentStatus.ARRIVED: "chair",
    AppointmentStatus.IN_CARE: "stethoscope",
    AppointmentStatus.COMPLETED: "check_circle",
    AppointmentStatus.CANCELLED: "event_busy",
    AppointmentStatus.NO_SHOW: "person_off",
}

OVER = (AppointmentStatus.COMPLETED, AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW)
"""States after which nobody waits for the patient any more."""


@dataclass(frozen=True, slots=True)
class AgendaLine:
    """One of today's appointments."""

    appointment: Appointment
    icon: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name, and where to see what it counts."""

    name: str | Promise
    value: int
    icon: str
    link: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the chart: how many were expected, how many did not come; and its bar, in the drawing's units."""

    day: date
    expected: int
    missed: int
    x: int
    height: int
    missed_height: int

    @property
    def share(self) -> int:
        """No-shows in percent of those expected."""
        return round(100 * self.missed / self.expected) if self.expected else 0

    @property
    def top(self) -> int:
        return Chart.FLOOR - self.height

    @property
    def missed_top(self) -> int:
        return Chart.FLOOR - self.missed_height


class Chart:
    """The appointments of the last days, a bar a day, the no-shows in it dark."""

    FLOOR = 140
    STEP = 12
    TALLEST = 120

    def __init__(self, counted: dict[date, tuple[int, int]], today: date) -> None:
        """Take (expected, missed) by day; days without appointments may be missing."""
        first = today - timedelta(days=DAYS)
        self.most = max((expected for expected, _missed in counted.values()), default=0)
        self.days = []
        for number in range(DAYS):
            day = first + timedelta(days=number)
            expected, missed = counted.get(day, (0, 0))
            self.days.append(
                Day(day, expected, missed, number * self.STEP, self._height(expected), self._height(missed))
            )
        self.expected = sum(day.expected for day in self.days)
        self.missed = sum(day.missed for day in self.days)
        # The last of the axis's dates is wider than its day.
        self.width = (DAYS + 1) * self.STEP

    def _height(self, count: int) -> int:
        # Whatever happened can be seen: one no-show among thousands still is a line.
        return max(2, round(self.TALLEST * count / self.most)) if count else 0

    @property
    def share(self) -> float:
        """No-shows in percent of those expected, over all days."""
        return 100 * self.missed / self.expected if self.expected else 0.0

    @property
    def weeks(self) -> list[Day]:
        """The days that the axis names."""
        return self.days[::7]


@dataclass(frozen=True, slots=True)
class Step:
    """Something a new clinic does first."""

    title: str
    text: str
    done: bool
    link: str | None
    """None where it is somebody else's to do."""


def fill(request: ClinicRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: the page's context, with what this role may see. Always the same few queries."""
    assert request.clinic is not None
    user = request.user
    today = timezone.localdate()
    context |= {"title": _("Dashboard"), "today": today, "role": request.clinic.role}
    if not (user.has_perm("patients.view_appointment") and user.has_perm("patients.view_patient")):
        return context
    if user.has_perm("clinics.change_professional"):
        context["licences"] = licences_to_check(today)
    by_day = _count_by_day(today)
    context |= {
        "agenda": agenda(today),
        "agenda_total": sum(by_day.get(today, {}).values()),
        "figures": _figures(today, by_day.pop(today, {})),
        "chart": Chart({day: _attendance(counts) for day, counts in by_day.items()}, today),
        "steps": _first_steps(request, request.clinic.id),
        "may_book": user.has_perm("patients.add_appointment"),
    }
    return context


@dataclass(frozen=True, slots=True)
class LicenceLine:
    """A licence that somebody has to ask the council about."""

    professional: Professional
    text: str
    urgent: bool


def licences_to_check(today: date) -> list[LicenceLine]:
    """The licences to ask the council about, the most urgent first: in one query."""
    words = {
        Standing.STALE: gettext_lazy("check again: the last verification no longer counts"),
        Standing.EXPIRED: gettext_lazy("expired"),
        Standing.UNVERIFIED: gettext_lazy("never verified"),
        Standing.DUE: gettext_lazy("check again soon"),
    }
    return [LicenceLine(one, str(words[found]), found != Standing.DUE) for one, found in to_check(on=today)]


def agenda(today: date) -> list[AgendaLine]:
    """Today's appointments: those still to come or going on by their hour, then those that are over."""
    appointments = (
        Appointment.objects.filter(day=today)
        .order_by(Case(When(status__in=OVER, then=1), default=0), "starts_at", "id")
        # Separate queries: a join would look up the patients of the whole day before the limit.
        .prefetch_related(
            Prefetch("patient", Patient.objects.opening("identification", act=Act.LIST)), "professional", "service"
        )[:AGENDA_ROWS]
    )
    return [AgendaLine(appointment, ICONS[AppointmentStatus(appointment.status)]) for appointment in appointments]


def find_patients(request: ClinicRequest, term: str) -> list[SearchResult]:
    """The command search's callback: the current clinic's patients that match, for whom patients are."""
    if not request.user.has_perm("patients.view_patient"):
        return []
    ids = find(term, limit=FOUND)
    named = Patient.objects.opening("identification", act=Act.LIST).in_bulk(ids)
    patients = [named[key] for key in ids if key in named]
    return [
        SearchResult(
            title=patient.display_name,
            description=_describe(patient),
            link=reverse("admin:patients_patient_page", args=[patient.pk]),
            icon="person",
        )
        # Where there are more, those seen last.
        for patient in (patients if ids.more else alphabetical(patients))
    ]


def _describe(patient: Patient) -> str:
    parts = [_("Record %(number)s") % {"number": patient}]
    if isinstance(patient.birth_date, Withheld):
        parts.append(patient.birth_date)
    elif patient.birth_date:
        parts.append(_("born on %(date)s") % {"date": date_format(patient.birth_date, "SHORT_DATE_FORMAT")})
    return " · ".join(parts)


def _count_by_day(today: date) -> dict[date, dict[str, int]]:
    """Appointments by day and status, from the chart's first day until today."""
    counted: dict[date, dict[str, int]] = {}
    rows = (
        Appointment.objects.filter(day__gte=today - timedelta(days=DAYS), day__lte=today)
        .order_by()
        .values_list("day", "status")
        .annotate(count=Count("*"))
    )
    for day, status, count in rows:
        counted.setdefault(day, {})[status] = count
    return counted


def _attendance(counts: dict[str, int]) -> tuple[int, int]:
    """Expected and missed: who cancelled was not expected."""
    expected = sum(count for status, count in counts.items() if status != AppointmentStatus.CANCELLED)
    return expected, counts.get(AppointmentStatus.NO_SHOW, 0)


def _figures(today: date, counts: dict[str, int]) -> list[Figure]:
    schedule, patients = reverse("admin:patients_appointment_changelist"), reverse("admin:patients_patient_changelist")
    month = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    registered = Patient.objects.aggregate(all=Count("*"), new=Count("pk", filter=Q(created_at__gte=month)))
    cancelled = counts.get(AppointmentStatus.CANCELLED, 0)
    return [
        Figure(
            gettext_lazy("Appointments today"), sum(counts.values()) - cancelled, "calendar_today", schedule,
            ngettext("%(count)d cancelled", "%(count)d cancelled", cancelled) % {"count": cancelled}
            if cancelled
            else "",
        ),
        Figure(gettext_lazy("Waiting now"), counts.get(AppointmentStatus.ARRIVED, 0), "chair", schedule),
        Figure(gettext_lazy("Patients"), registered["all"], "groups", patients),
        Figure(gettext_lazy("New patients this month"), registered["new"], "person_add", patients),
    ]  # fmt: skip


def _first_steps(request: ClinicRequest, clinic: UUID) -> list[Step]:
    """What a clinic without appointments still has to do; nothing once it works."""
    done = Clinic.objects.values_list(
        *(Exists(model.objects.all()) for model in (Professional, Service, Patient, Appointment))
    ).get(pk=clinic)
    if all(done):
        return []
    steps = zip(
        (Professional, Service, Patient, Appointment),
        (
            (_("Register a professional"), _("Whoever cares for patients, with the licence of the council.")),
            (_("Register a service"), _("What the clinic offers, how long it takes and what it costs.")),
            (_("Register a patient"), _("A name is enough to begin with.")),
            (_("Book an appointment"), _("From then on it shows here.")),
        ),
        done,
        strict=True,
    )
    return [
        Step(title, text, is_done, _add_link(request, model) if not is_done else None)
        for model, (title, text), is_done in steps
    ]


def _add_link(request: ClinicRequest, model: Any) -> str | None:
    app, name = model._meta.app_label, model._meta.model_name
    return reverse(f"admin:{app}_{name}_add") if request.user.has_perm(f"{app}.add_{name}") else None
