"""The forms of an appointment."""

from datetime import datetime, timedelta
from typing import Any

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
from patients.models import FREES_THE_TIME, Appointment, AppointmentStatus

NOT_BEFORE_THE_DAY = (
    AppointmentStatus.ARRIVED,
    AppointmentStatus.IN_CARE,
    AppointmentStatus.COMPLETED,
    AppointmentStatus.NO_SHOW,
)
"""What cannot have happened to an appointment whose day has not come."""


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
            self._check_clash(data)
        return data

    def _check_status(self, data: dict[str, Any]) -> None:
        day, status = data.get("day"), data.get("status")
        if day and status in NOT_BEFORE_THE_DAY and day > timezone.localdate():
            self.add_error(
                "status",
                _("The day has not come yet: “%(status)s” is for today or the past.")
                % {"status": AppointmentStatus(status).label},
            )
        if status and status != AppointmentStatus.CANCELLED:
            self.instance.cancel_reason = ""

    def _check_clash(self, data: dict[str, Any]) -> None:
        assert self.instance.starts_at is not None
        assert self.instance.ends_at is not None
        clash = find_clash(
            patient=self.instance.patient_id or data["patient"].pk,
            professional=data["professional"].pk if data.get("professional") else None,
            starts_at=self.instance.starts_at,
            ends_at=self.instance.ends_at,
            ignoring=self.instance.pk,
        )
        if clash is not None:
            # Whoever may book may see patients (clinics.roles), and needs to know whom to call.
            self.add_error("time", describe_clash(clash, with_patient=True))


class CancelForm(forms.Form):
    """Why an appointment is cancelled."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2, "autofocus": True}),
        help_text=gettext_lazy("Nothing clinical here: the whole reception reads it."),
    )
