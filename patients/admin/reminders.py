"""The page of those who are to be reminded of a visit."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from patients.reminders import as_csv, due, hour_of, mark, tomorrow


class ReminderPages:
    """Adds the due list to the admin of appointments."""

    def get_urls(self) -> list[URLPattern]:
        view: Any = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("reminders/", view(self.reminders_view), name="patients_appointment_reminders"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def reminders_view(self, request: HttpRequest) -> HttpResponse:
        """Whom to remind of tomorrow, by what contact; as a file too, and to tick off."""
        admin: Any = self
        if not request.user.has_perm("patients.add_reminder"):
            raise PermissionDenied
        try:
            day = parse_date(request.GET.get("day", "")) or tomorrow()
        except ValueError:
            day = tomorrow()
        if request.method == "POST" and "export" in request.POST:
            response = HttpResponse(as_csv(day), content_type="text/csv; charset=utf-8")
            response["Content-Disposition"] = f'attachment; filename="lembretes-{day}.csv"'
            return response
        lines = due(day)
        if request.method == "POST":
            ticked = set(request.POST.getlist("done"))
            count = mark((one.appointment for one in lines if str(one.appointment.pk) in ticked), day=day)
            messages.success(
                request,
                ngettext("%(count)d reminder written down.", "%(count)d reminders written down.", count)
                % {"count": count},
            )
            return HttpResponseRedirect(f"{request.path}?day={day}")
        request.current_app = admin.admin_site.name  # type: ignore[attr-defined]
        context = {
            **admin.admin_site.each_context(request),
            "title": _("Reminders for %(day)s") % {"day": date_format(day, r"l, j \d\e F")},
            "opts": admin.opts,
            "day": day,
            "lines": [(one, hour_of(one.appointment)) for one in lines],
            "back_url": reverse("admin:patients_appointment_day"),
        }
        return TemplateResponse(request, "admin/patients/appointment/reminders.html", context)
