"""The forms of the reception: a patient, an appointment."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from guardian.forms import UserObjectPermissionsForm
from guardian.utils import get_user_obj_perms_model
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from clinics.adminbase import ClinicForm
from clinics.identifiers import clean_cpf
from clinics.models import Membership
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act
from patients.booking import describe_clash, find_clash
from patients.models import FREES_THE_TIME, Appointment, AppointmentStatus, Patient
from patients.search import known_cpf

OLDEST = 1900
"""The first year of birth that is no slip of the keyboard."""

NOT_BEFORE_THE_DAY = (
    AppointmentStatus.ARRIVED,
    AppointmentStatus.IN_CARE,
    AppointmentStatus.COMPLETED,
    AppointmentStatus.NO_SHOW,
)
"""What cannot have happened to an appointment whose day has not come."""

PERMISSIONS = {"view_patient": gettext_lazy("see the record"), "change_patient": gettext_lazy("change the record")}
"""What can be granted on one patient."""


class PatientForm(ClinicForm[Patient]):
    """A patient's identification and contact."""

    def clean_cpf(self) -> str:
        """The CPF, unless another patient of the clinic has it: then the error leads to that patient."""
        typed: str = self.cleaned_data["cpf"]
        cpf = typed if isinstance(typed, Withheld) else clean_cpf(typed)
        # To look for a CPF is a search, and leaves its trace: only for one that was typed now.
        other = patient_with_cpf(cpf, ignoring=self.instance.pk) if cpf != self.initial.get("cpf", "") else None
        if other is not None:
            raise ValidationError(
                format_html(
                    '{} <a class="underline" href="{}">{}</a>',
                    _("This clinic already has a patient with this CPF:"),
                    reverse("admin:patients_patient_change", args=[other.pk]),
                    other.display_name,
                )
            )
        return cpf

    def clean_birth_date(self) -> date | Withheld | None:
        """A day of birth that can be."""
        born: date | Withheld | None = self.cleaned_data["birth_date"]
        if isinstance(born, Withheld):
            return born
        if born and not OLDEST <= born.year <= timezone.localdate().year:
            raise ValidationError(_("Check the year of birth."))
        if born and born > timezone.localdate():
            raise ValidationError(_("The date of birth is in the future."))
        return born

    def clean_birth_year(self) -> int | None:
        """A year of birth that can be."""
        year: int | None = self.cleaned_data["birth_year"]
        if year and not OLDEST <= year <= timezone.localdate().year:
            raise ValidationError(_("Check the year of birth."))
        return year

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("birth_date") and not isinstance(data["birth_date"], Withheld):
            data["birth_year"] = data["birth_date"].year
            # The date decides, whatever stood in the field of the year.
            self.errors.pop("birth_year", None)
        return data


def patient_with_cpf(cpf: str, *, ignoring: UUID) -> Patient | None:
    """The current clinic's patient with a CPF, other than `ignoring`."""
    other = known_cpf(cpf)
    if other is None or other == ignoring:
        return None
    return Patient.objects.opening("identification", act=Act.LIST).filter(pk=other).first()


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


class MemberForm(forms.Form):
    """For whom to open one record."""

    member = forms.ModelChoiceField(
        label=gettext_lazy("Team member"),
        queryset=Membership.objects.none(),
        widget=UnfoldAdminSelectWidget,
        empty_label=gettext_lazy("Select value"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["member"]
        field.queryset = Membership.objects.filter(is_active=True).order_by("display_name")


class GrantForm(UserObjectPermissionsForm):
    """What one person may do with one patient, why, and until when."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)
    until = forms.DateField(
        label=gettext_lazy("Until"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        help_text=gettext_lazy("The last day. Empty: without an end."),
    )

    def __init__(self, user: Any, patient: Patient, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, patient, *args, **kwargs)
        held = self._held().first()
        if held is not None:
            self.initial |= {"reason": held.reason}
            if held.expires_at:
                self.initial["until"] = timezone.localtime(held.expires_at).date() - timedelta(days=1)

    def get_obj_perms_field_label(self) -> str:
        return pgettext("permission", "May")

    def get_obj_perms_field_choices(self) -> list[tuple[str, Any]]:
        return list(PERMISSIONS.items())

    def get_obj_perms_field_widget(self) -> Any:
        return UnfoldAdminCheckboxSelectMultipleWidget

    def save_for(self, granted_by: Any) -> None:
        """Grant what is marked, in the name of somebody, and take back what is not."""
        self.save_obj_perms()
        until = self.cleaned_data["until"]
        # The end is the midnight after the last day, where the clinic is.
        end = timezone.make_aware(datetime.combine(until + timedelta(days=1), datetime.min.time())) if until else None
        self._held().update(granted_by=granted_by, reason=self.cleaned_data["reason"], expires_at=end)

    def _held(self) -> Any:
        content_type = ContentType.objects.get_for_model(Patient)
        return get_user_obj_perms_model().objects.filter(
            user=self.user,
            content_type=content_type,
            object_pk=str(self.obj.pk),
            permission__in=Permission.objects.filter(content_type=content_type, codename__in=PERMISSIONS),
        )
