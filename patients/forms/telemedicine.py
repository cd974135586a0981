"""The forms of telemedicine sessions."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from clinics.adminbase import ClinicForm
from clinics.models import Service
from patients.models import Identity, RefusedBy, TelemedicineSession
from patients.telemedicine import FollowUp, TelemedicineError, check_room


def _text(label: Any, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), max_length=500, **options)


class SessionForm(ClinicForm[TelemedicineSession]):
    """A planned session."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "professional" in self.fields:
            field: Any = self.fields["professional"]
            field.queryset = field.queryset.filter(is_active=True)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        patient = data.get("patient") or (self.instance.patient if self.instance.patient_id else None)
        visit = data.get("appointment")
        if visit is not None and patient is not None and visit.patient_id != patient.pk:
            self.add_error("appointment", _("The appointment is another patient's."))
        if patient is not None and isinstance(data.get("room_url"), str):
            try:
                data["room_url"] = check_room(data["room_url"], patient)
            except TelemedicineError as error:
                self.add_error("room_url", str(error))
        return data


class StartForm(forms.Form):
    """What is said before a session begins (CFM 2.314/2022)."""

    patient_identity = forms.ChoiceField(
        label=gettext_lazy("How the patient was identified"),
        choices=Identity.choices,
        widget=UnfoldAdminRadioSelectWidget,
    )
    professional_identified = forms.BooleanField(
        label=gettext_lazy("I said my name and my registration"), widget=UnfoldBooleanSwitchWidget
    )
    patient_location = forms.CharField(
        label=gettext_lazy("Where the patient says to be"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Address, or at least city and state: help may have to be sent there."),
    )
    professional_location = forms.CharField(
        label=gettext_lazy("Where you are (city and state)"), max_length=120, widget=UnfoldAdminTextInputWidget
    )
    overdue_reason = _text(gettext_lazy("Why it goes on at a distance all the same"))
    emergency_reason = _text(
        gettext_lazy("Emergency: why there was no time for the term"),
        help_text=gettext_lazy("Only in an emergency. Otherwise record the consent first."),
    )

    def __init__(self, *args: Any, standing: FollowUp, agreed: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not standing.overdue:
            del self.fields["overdue_reason"]
        if agreed:
            del self.fields["emergency_reason"]


class RefuseForm(forms.Form):
    """Who says no, and for the professional why."""

    by = forms.ChoiceField(label=gettext_lazy("Who refuses"), widget=UnfoldAdminSelectWidget)
    reason = _text(gettext_lazy("Reason"), required=False)

    def __init__(self, *args: Any, own: bool, clinical: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        by: Any = self.fields["by"]
        by.choices = [choice for choice in RefusedBy.choices if own or choice[0] != RefusedBy.PROFESSIONAL]
        if not clinical:
            del self.fields["reason"]


class ConvertForm(forms.Form):
    """Why a session becomes a visit in person."""

    reason = _text(gettext_lazy("Reason"), required=False)

    def __init__(self, *args: Any, clinical: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not clinical:
            del self.fields["reason"]


class ShareForm(forms.Form):
    """With whom images and data are shared."""

    shared_with = forms.CharField(
        label=gettext_lazy("With whom (name, profession and registration)"),
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
    )


class InPersonForm(forms.Form):
    """When the visit in person is."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=UnfoldAdminSingleDateWidget)
    time = forms.TimeField(label=gettext_lazy("Time"), widget=UnfoldAdminSingleTimeWidget)
    service: Any = forms.ModelChoiceField(
        label=gettext_lazy("Service"), queryset=None, required=False, widget=UnfoldAdminSelectWidget
    )
    minutes = forms.IntegerField(
        label=gettext_lazy("Duration (minutes)"),
        required=False,
        min_value=5,
        max_value=720,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=gettext_lazy("Empty: as long as the service takes."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        service: Any = self.fields["service"]
        service.queryset = Service.objects.filter(is_active=True).order_by("name")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("day") and data["day"] < timezone.localdate():
            self.add_error("day", _("The day is over."))
        if not data.get("minutes"):
            if data.get("service"):
                data["minutes"] = data["service"].duration_minutes
            elif not self.errors:
                self.add_error("minutes", _("Give the duration, or choose a service."))
        return data

    def starts_at(self) -> datetime:
        """The hour on the clinic's clock."""
        return timezone.make_aware(datetime.combine(self.cleaned_data["day"], self.cleaned_data["time"]))
