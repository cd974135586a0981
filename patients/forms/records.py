"""The forms of the medical record: an entry being written, an addendum's reason, an alert, the care team."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from clinics.models import Professional
from patients import cid
from patients.models import AlertKind, Appointment, DocumentKind, MedicalRecord, RecordTemplate, Severity
from patients.records import TEXT_LENGTH

PREFIX = "section-"
"""Before the code of a section, in the names of the editor's fields."""


class EntryForm(forms.Form):
    """A draft: a field for each of its sections, and what belongs to every entry.

    Nothing is required: a draft is saved as far as it got. What is missing is said before it is finalised.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    occurred_on = forms.DateField(label=gettext_lazy("Day of the care"), widget=UnfoldAdminSingleDateWidget)
    occurred_at = forms.TimeField(label=gettext_lazy("Time of the care"), widget=UnfoldAdminSingleTimeWidget)
    appointment = forms.ModelChoiceField(
        label=gettext_lazy("Appointment"),
        queryset=Appointment.objects.none(),
        required=False,
        widget=UnfoldAdminSelectWidget,
        empty_label=gettext_lazy("No appointment"),
    )
    emergency = forms.BooleanField(
        label=gettext_lazy("Emergency"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("An emergency entry may leave out the anamnesis (CFM 1.638/2002 art. 5)."),
    )
    cid_system = forms.ChoiceField(
        label=gettext_lazy("Classification"),
        choices=[(name, name) for name in cid.SYSTEMS],
        widget=UnfoldAdminSelectWidget,
    )
    diagnoses = forms.CharField(
        label=gettext_lazy("Diagnoses (CID)"),
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=gettext_lazy("One a line: the code, then what it is called. For instance: L70.0 Acne vulgar"),
    )
    cid_consent = forms.BooleanField(
        label=gettext_lazy("The patient agreed that the CID stands on the certificate"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )

    def __init__(self, record: MedicalRecord, *args: Any, **kwargs: Any) -> None:
        self.record = record
        here = timezone.localtime(record.occurred_at)
        kwargs["initial"] = {
            "revision": record.revision,
            "occurred_on": here.date(),
            "occurred_at": here.time().replace(second=0, microsecond=0),
            "appointment": record.appointment_id,
            "emergency": record.emergency,
            "cid_system": cid.system_of(record.diagnoses),
            "diagnoses": cid.as_text(record.diagnoses),
            "cid_consent": record.cid_consent,
        }
        super().__init__(*args, **kwargs)
        visits: Any = self.fields["appointment"]
        visits.queryset = (
            Appointment.objects.filter(patient=record.patient_id)
            .select_related("professional", "service")
            .order_by("-day", "-starts_at")[:50]
        )
        visits.label_from_instance = visit_label
        if record.amends_id:
            for name in ("appointment", "emergency", "cid_system", "diagnoses", "cid_consent"):
                del self.fields[name]
        elif record.document_kind != DocumentKind.CERTIFICATE:
            del self.fields["cid_consent"]
        for number, section in enumerate(record.sections):
            name = PREFIX + section["code"]
            self.fields[name] = forms.CharField(
                label=section["heading"],
                required=False,
                max_length=TEXT_LENGTH,
                strip=False,
                initial=section.get("text", ""),
                help_text=section.get("hint", ""),
                widget=UnfoldAdminTextareaWidget(attrs={"rows": 5 if number == 0 else 3, "spellcheck": "true"}),
            )

    @property
    def section_fields(self) -> list[Any]:
        """The fields of what is written."""
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    @property
    def other_fields(self) -> list[Any]:
        """The fields of what every entry says."""
        return [self[name] for name in self.fields if not name.startswith(PREFIX) and name != "revision"]

    def clean_diagnoses(self) -> tuple[cid.Diagnosis, ...]:
        """Codes of the classification that was chosen."""
        system = self.cleaned_data.get("cid_system") or "CID-10"
        return cid.parse(self.cleaned_data["diagnoses"], system=system)

    def clean_appointment(self) -> Appointment | None:
        """A visit of this patient."""
        found: Appointment | None = self.cleaned_data["appointment"]
        if found is not None and found.patient_id != self.record.patient_id:
            raise ValidationError(_("This appointment is another patient's."))
        return found

    def values(self) -> dict[str, Any]:
        """What `records.save_draft` takes."""
        data = self.cleaned_data
        moment = timezone.make_aware(datetime.combine(data["occurred_on"], data["occurred_at"]))
        # The field shows no seconds: a time that nobody touched stays what it was.
        unchanged = timezone.localtime(self.record.occurred_at).replace(second=0, microsecond=0) == moment
        visit = data.get("appointment")
        kept = self.record.appointment_id if "appointment" not in self.fields else None
        return {
            "revision": data["revision"],
            "texts": {name.removeprefix(PREFIX): data[name] for name in self.fields if name.startswith(PREFIX)},
            "occurred_at": None if unchanged else moment,
            "emergency": bool(data.get("emergency")),
            "diagnoses": data.get("diagnoses", ()),
            "cid_consent": bool(data.get("cid_consent")),
            "appointment": visit.pk if visit is not None else kept,
        }


def visit_label(visit: Appointment) -> str:
    """A visit among a patient's, for a choice: when, with whom, what for."""
    when = f"{timezone.localtime(visit.starts_at):%d/%m/%Y %H:%M}" if visit.starts_at else f"{visit.day:%d/%m/%Y}"
    return " · ".join(str(part) for part in (when, visit.professional, visit.service) if part)


class NewEntryForm(forms.Form):
    """What kind of entry to begin: one of the clinic's templates, or a plain one."""

    template = forms.ModelChoiceField(
        label=gettext_lazy("Template"),
        queryset=RecordTemplate.objects.none(),
        widget=UnfoldAdminSelectWidget,
        empty_label=gettext_lazy("Select value"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["template"]
        field.queryset = RecordTemplate.objects.filter(is_active=True).order_by("kind", "name")


class AddendumForm(forms.Form):
    """Why an entry is corrected."""

    reason = forms.CharField(
        label=gettext_lazy("Reason of the addendum"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy("It stands in the record, above the addendum."),
    )


class AlertForm(forms.Form):
    """An allergy or another alert."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=AlertKind.choices, widget=UnfoldAdminSelectWidget)
    severity = forms.ChoiceField(
        label=gettext_lazy("Severity"), choices=Severity.choices, widget=UnfoldAdminSelectWidget
    )
    text = forms.CharField(
        label=gettext_lazy("What about"), max_length=200, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("For instance: dipyrone, anaphylaxis in 2024."),
    )  # fmt: skip


class CareForm(forms.Form):
    """Who joins a care team, and why."""

    professional = forms.ModelChoiceField(
        label=gettext_lazy("Professional"),
        queryset=Professional.objects.none(),
        widget=UnfoldAdminSelectWidget,
        empty_label=gettext_lazy("Select value"),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Nothing clinical here: management reads it."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["professional"]
        field.queryset = Professional.objects.filter(is_active=True).order_by("full_name")


class ReasonForm(forms.Form):
    """Why something ends."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget)
