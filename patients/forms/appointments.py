"""The forms of an appointment."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from clinics.adminbase import ClinicForm
from patients.booking import describe_clash, find_clash
from patients.flow import NOT_BEFORE_THE_DAY, refused_step
from patients.models import FREES_THE_TIME, LAWFUL, Appointment, AppointmentStatus
from patients.overbooking import may_overbook
from patients.slots import Timetable, free_slots

SLOT = "_slot"
"""The name of the buttons that choose one of the free times offered; their value is the local day and hour."""


class AppointmentForm(ClinicForm[Appointment]):
    """An appointment: a day with an hour on the clinic's clock, or a day and the order of arrival."""

    time = forms.TimeField(label=gettext_lazy("Time"), required=False, widget=UnfoldAdminSingleTimeWidget)
    minutes = forms.IntegerField(
        label=gettext_lazy("Duration (minutes)"),
        required=False,
        min_value=5,
        max_value=720,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("Empty: as long as the service takes."),
    )
    by_arrival = forms.BooleanField(
        label=gettext_lazy("By order of arrival"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("The patient comes on this day, at no set time."),
    )

    offered: Sequence[datetime] = ()
    """The next free times, where the one asked for is not: the page has a button for each."""
    outside_hours = False
    """Whether the time lies outside the professional's hours: it is booked, with a warning."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose_slot()
        instance = self.instance
        if not instance._state.adding:
            self.initial["by_arrival"] = instance.starts_at is None
            if instance.starts_at and instance.ends_at:
                self.initial["time"] = timezone.localtime(instance.starts_at).time()
                self.initial["minutes"] = int((instance.ends_at - instance.starts_at).total_seconds() // 60)
        for name in ("professional", "service"):
            if name in self.fields:
                field: Any = self.fields[name]
                field.queryset = field.queryset.filter(Q(is_active=True) | Q(pk=getattr(instance, f"{name}_id")))
        if "status" in self.fields:
            status: Any = self.fields["status"]
            # Cancelling asks for a reason and has its own page.
            status.choices = [
                (value, label)
                for value, label in AppointmentStatus.choices
                if value != AppointmentStatus.CANCELLED or instance.status == AppointmentStatus.CANCELLED
            ]
        # Who may not overbook is not asked; a visit that is an encaixe shows so all the same.
        if "overbooked" in self.fields and not instance.overbooked and not may_overbook():
            del self.fields["overbooked"], self.fields["overbook_reason"]

    def _choose_slot(self) -> None:
        """One of the offered times was chosen: it takes the place of the day and hour typed, all else stays."""
        try:
            chosen = datetime.fromisoformat(self.data.get(SLOT, ""))
        except ValueError:
            return
        data: Any = cast("Any", self.data).copy()
        data["day"], data["time"] = f"{chosen:%d/%m/%Y}", f"{chosen:%H:%M}"
        for name in ("by_arrival", "overbooked"):
            data.pop(name, None)
        self.data = data

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self._check_status(data)
        if "day" not in data or "time" not in data or "minutes" not in data:
            return data
        if data.get("by_arrival"):
            if data["time"]:
                self.add_error("time", _("By order of arrival there is no time: leave it empty."))
            self.instance.starts_at = self.instance.ends_at = None
            return data
        if not data["time"]:
            self.add_error("time", _("Give the time, or mark “by order of arrival”."))
            return data
        minutes = data["minutes"] or (data["service"].duration_minutes if data.get("service") else None)
        if minutes is None:
            self.add_error("minutes", _("Give the duration, or choose a service."))
            return data
        self.instance.starts_at = timezone.make_aware(datetime.combine(data["day"], data["time"]))
        self.instance.ends_at = self.instance.starts_at + timedelta(minutes=minutes)
        if not self.errors and data.get("status") not in FREES_THE_TIME:
            self._check_time(data, minutes)
        return data

    def _check_status(self, data: dict[str, Any]) -> None:
        day, status = data.get("day"), data.get("status")
        if day and status in NOT_BEFORE_THE_DAY and day > timezone.localdate():
            self.add_error(
                "status",
                _("The day has not come yet: “%(status)s” is for today or the past.")
                % {"status": AppointmentStatus(status).label},
            )
        before = str(self.initial.get("status", ""))
        if status and not self.instance._state.adding and status not in (before, *LAWFUL.get(before, ())):
            self.add_error("status", refused_step(before, status))
        if status and status != AppointmentStatus.CANCELLED:
            self.instance.cancel_reason = ""

    def _check_time(self, data: dict[str, Any], minutes: int) -> None:
        """The time is free and open; an encaixe may be booked where it is not, with its reason."""
        overbooked = bool(data.get("overbooked"))
        if overbooked and not data.get("overbook_reason"):
            self.add_error("overbook_reason", _("Say why this is an overbooking."))
        professional = data.get("professional")
        starts, ends = self.instance.starts_at, self.instance.ends_at
        assert starts is not None
        assert ends is not None
        # A time that was not touched stays as it was agreed.
        if not self.instance._state.adding and not {"day", "time", "minutes", "professional"} & set(self.changed_data):
            self._check_clash(data, overbooked=overbooked, minutes=minutes)
            return
        if professional and not overbooked:
            days = timezone.localdate(starts), timezone.localdate(ends)
            table = Timetable(*days, [professional.pk])
            closed = table.closed_for(professional.pk, starts, ends)
            if closed is not None:
                self.add_error("time", self._closed_words(closed, professional))
                self._offer(data, minutes)
                return
            self.outside_hours = table.knows(professional.pk, days[0]) and not table.works(
                professional.pk, starts, ends
            )
        self._check_clash(data, overbooked=overbooked, minutes=minutes)

    def _closed_words(self, closed: Any, professional: Any) -> str:
        kind = closed.absence.reason if closed.absence else _("national or state holiday")
        who = professional if closed.professional else _("The clinic")
        text = _("%(who)s sees nobody at this time: %(kind)s.") % {"who": who, "kind": kind}
        if "overbooked" in self.fields:
            text += " " + _("To book all the same, mark “encaixe” and give the reason.")
        return text

    def _offer(self, data: dict[str, Any], minutes: int) -> None:
        if data.get("professional"):
            assert self.instance.starts_at is not None
            self.offered = [
                timezone.localtime(slot)
                for slot in free_slots(
                    professional=data["professional"].pk,
                    minutes=minutes,
                    after=self.instance.starts_at,
                    patient=self.instance.patient_id or data["patient"].pk,
                    ignoring=self.instance.pk,
                )
            ]

    def _check_clash(self, data: dict[str, Any], *, overbooked: bool, minutes: int) -> None:
        assert self.instance.starts_at is not None
        assert self.instance.ends_at is not None
        clash = find_clash(
            patient=self.instance.patient_id or data["patient"].pk,
            # An encaixe is in the professional's way on purpose; nobody is in two places as a patient.
            professional=data["professional"].pk if data.get("professional") and not overbooked else None,
            starts_at=self.instance.starts_at,
            ends_at=self.instance.ends_at,
            ignoring=self.instance.pk,
        )
        if clash is not None:
            # Whoever may book may see patients (clinics.roles), and needs to know whom to call.
            text = describe_clash(clash, with_patient=True)
            if clash.of_professional and "overbooked" in self.fields:
                text += " " + _("To book all the same, mark “encaixe” and give the reason.")
            self.add_error("time", text)
            self._offer(data, minutes)


class CancelForm(forms.Form):
    """Why an appointment is cancelled."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "autofocus": True}),
        help_text=gettext_lazy("Nothing clinical here: the whole reception reads it."),
    )
