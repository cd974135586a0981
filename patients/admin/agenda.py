"""The agenda's pages: a day of everybody, a week of one."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from clinics.models import Professional
from patients.agenda import Column, read_day, read_week
from patients.agenda_table import Links, Table, arrivals
from patients.booking import BookingError
from patients.dashboard import ICONS
from patients.flow import BACK, move_on
from patients.models import Appointment, AppointmentStatus


class AgendaPages:
    """Adds the pages to the admin of appointments."""

    def get_urls(self) -> list[URLPattern]:
        view: Any = self.admin_site.admin_view  # type: ignore[attr-defined]
        own = [
            path("day/", view(self.day_view), name="patients_appointment_day"),
            path("week/", view(self.week_view), name="patients_appointment_week"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def day_view(self, request: HttpRequest) -> HttpResponse:
        """All professionals of a day, side by side."""
        self._may_look(request)
        day = _day(request)
        moved = self._moved(request)
        if isinstance(moved, HttpResponse):
            return moved
        columns = read_day(day)
        titles = [self._person(column, day) for column in columns]
        return self._page(
            request, columns, titles, day, step=1, moved=moved,
            title=_("Schedule of %(day)s") % {"day": date_format(day, r"l, j \d\e F \d\e Y").lower()},
            extra={"view": "day"},
        )  # fmt: skip

    def week_view(self, request: HttpRequest) -> HttpResponse:
        """One professional's week."""
        self._may_look(request)
        day = _day(request)
        people = list(Professional.objects.order_by("-is_active", "full_name"))
        who = _chosen(request, people)
        moved = self._moved(request)
        if isinstance(moved, HttpResponse):
            return moved
        monday = day - timedelta(days=day.weekday())
        columns = read_week(who.pk, monday) if who else []
        titles = [
            f'<a href="{reverse("admin:patients_appointment_day")}?day={column.day}">'
            f"{escape(capfirst(date_format(column.day, 'D d/m')))}</a>"
            for column in columns
        ]
        return self._page(
            request, columns, titles, day, step=7, moved=moved,
            title=_("Week of %(who)s") % {"who": who} if who else _("Week"),
            extra={"view": "week", "people": people, "who": who, "monday": monday},
        )  # fmt: skip

    def _may_look(self, request: HttpRequest) -> None:
        change = request.method == "POST"
        admin: Any = self
        if not admin.has_view_permission(request) or (change and not admin.has_change_permission(request)):
            raise PermissionDenied

    def _person(self, column: Column, day: date) -> str:
        if column.professional is None:
            return str(escape(column.name))
        week = reverse("admin:patients_appointment_week")
        return f'<a href="{week}?professional={column.professional}&amp;day={day}">{escape(column.name)}</a>'

    def _moved(self, request: HttpRequest) -> HttpResponse | str:
        """A visit's new state: the answer that leads back, or why it was refused; "" for a page that only looks."""
        if request.method != "POST":
            return ""
        key, _first, rest = request.POST.get("go", "").partition(":")
        before, _second, after = rest.partition(":")
        query = request.GET.copy()
        for name in ("done", "was"):
            query.pop(name, None)
        try:
            move_on(UUID(key), after, expected=before)
        except (ValueError, Appointment.DoesNotExist):
            return HttpResponseRedirect(f"{request.path}?{query.urlencode()}")
        except BookingError as error:
            return str(error)
        if (after, before) in BACK and "undo" not in request.POST:
            query["done"], query["was"] = key, before
        return HttpResponseRedirect(f"{request.path}?{query.urlencode()}#v-{key}")

    def _page(
        self,
        request: HttpRequest,
        columns: list[Column],
        titles: list[str],
        day: date,
        *,
        step: int,
        moved: str,
        title: str,
        extra: dict[str, Any],
    ) -> HttpResponse:
        admin: Any = self
        request.current_app = admin.admin_site.name
        changelist = reverse("admin:patients_appointment_changelist")
        may_add, may_change = admin.has_add_permission(request), admin.has_change_permission(request)
        add = reverse("admin:patients_appointment_add")
        table = Table(columns, Links(changelist, add if may_add else "", may_change), titles=titles)
        query = request.GET.copy()
        for name in ("day", "done", "was"):
            query.pop(name, None)
        today = timezone.localdate()

        def on(when: date) -> str:
            return f"{request.path}?{query.urlencode()}{'&' if query else ''}day={when}"

        context = {
            **admin.admin_site.each_context(request),
            "title": title,
            "opts": admin.opts,
            "day": day,
            "before": on(day - timedelta(days=step)),
            "after": on(day + timedelta(days=step)),
            "to_today": on(today),
            "is_today": day == today,
            "table": table.html() if columns else "",
            "arrivals": [
                # Built from escaped parts, as the table is.
                (column, mark_safe(table.visit(visit, column.day)))  # noqa: S308
                for column, visit in arrivals(columns)
            ],
            "legend": [
                (status.value, ICONS[status], capfirst(str(status.label)))
                for status in AppointmentStatus
                if status != AppointmentStatus.CANCELLED
            ],
            "empty": not any(column.visits or column.arrivals for column in columns),
            "add_url": f"{add}?day={day:%d/%m/%Y}" if may_add else "",
            "list_url": changelist,
            "reminders_url": reverse("admin:patients_appointment_reminders")
            if request.user.has_perm("patients.add_reminder")
            else "",
            "day_url": f"{reverse('admin:patients_appointment_day')}?day={day}",
            "week_url": f"{reverse('admin:patients_appointment_week')}?day={day}",
            "refused": moved,
            "undo": _undo(request) if may_change else None,
            **extra,
        }
        return TemplateResponse(request, "admin/patients/appointment/agenda.html", context)


def _day(request: HttpRequest) -> date:
    """The day that the address asks for; today for none, and for none that there is."""
    try:
        day = parse_date(request.GET.get("day", ""))
    except ValueError:
        day = None
    # A week around it is shown, and the calendar ends somewhere.
    return day if day and 1900 < day.year < 2200 else timezone.localdate()


def _chosen(request: HttpRequest, people: list[Professional]) -> Professional | None:
    """The professional whose week is asked for: by address, or whoever is signed in, or the first.

    Raises:
        Http404: there is none of that id here.
    """
    wanted = request.GET.get("professional", "")
    if wanted:
        for person in people:
            if str(person.pk) == wanted:
                return person
        raise Http404
    own = Professional.objects.filter(membership__user=request.user.pk).values_list("pk", flat=True).first()
    return next((person for person in people if person.pk == own), people[0] if people else None)


def _undo(request: HttpRequest) -> dict[str, str] | None:
    """The step back that is offered after one forwards."""
    done, was = request.GET.get("done", ""), request.GET.get("was", "")
    try:
        found = Appointment.objects.only("status").filter(pk=UUID(done)).first()
    except ValueError:
        return None
    if found is None or (found.status, was) not in BACK:
        return None
    return {
        "value": f"{found.pk}:{found.status}:{was}",
        "now": str(found.get_status_display()),
        "was": str(AppointmentStatus(was).label),
    }
