"""The forms of the steps of a consent."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from clinics.adminbase import ClinicForm
from clinics.models import Service
from compliance.consents import Guardian, is_minor
from compliance.models import Channel, ConsentText, Relation
from patients.models import Patient

STAFF_CHANNELS = [channel for channel in Channel if channel not in (Channel.PORTAL, Channel.POLICY)]
"""How a patient tells the clinic's people."""


class ConsentTextForm(ClinicForm[ConsentText]):
    """A text, as long as it is a draft."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("service") and data.get("purpose") != "procedure":
            self.add_error("service", _("Only the consent to a procedure is of one service."))
        return data


class StepForm(forms.Form):
    """How the patient said it, and the scan of what was signed."""

    channel = forms.ChoiceField(
        label=gettext_lazy("How the patient said it"),
        choices=[(channel.value, channel.label) for channel in STAFF_CHANNELS],
        widget=UnfoldAdminSelectWidget,
    )


class AnswerForm(StepForm):
    """Besides, when, and the scan of what was signed."""

    happened_on = forms.DateField(
        label=gettext_lazy("When, if not today"), required=False, widget=UnfoldAdminSingleDateWidget
    )
    evidence = forms.FileField(
        label=gettext_lazy("Scan of the signed term (PDF, JPEG or PNG)"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy("It is kept encrypted; the name of the file is not kept."),
    )

    def clean_happened_on(self) -> Any:
        """A day that has been."""
        day = self.cleaned_data["happened_on"]
        if day and day > timezone.localdate():
            raise forms.ValidationError(_("The date is in the future."))
        return day


class GrantConsentForm(AnswerForm):
    """Besides, who grants where it is not the patient."""

    adult = forms.BooleanField(
        label=gettext_lazy("I have seen that the patient is of age"), required=False, widget=UnfoldBooleanSwitchWidget
    )
    guardian_name = forms.CharField(
        label=gettext_lazy("Name of the guardian or representative"),
        required=False,
        max_length=160,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Empty where the patient answers."),
    )
    guardian_relation = forms.ChoiceField(
        label=gettext_lazy("Relation to the patient"), required=False, widget=UnfoldAdminSelectWidget
    )
    guardian_proof = forms.CharField(
        label=gettext_lazy("Document that proves it"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("For example: certificate of birth, order of guardianship."),
    )

    def __init__(self, *args: Any, patient: Patient, **options: Any) -> None:
        super().__init__(*args, **options)
        relation: Any = self.fields["guardian_relation"]
        relation.choices = [("", "–"), *Relation.choices]
        minor = is_minor(patient, on=timezone.localdate())
        if minor is not None:
            del self.fields["adult"]
        if minor:
            self.fields["guardian_name"].help_text = _("The patient is under age: fill in who answers for them.")

    def guardian(self) -> Guardian | None:
        """Who grants in the patient's place, if anybody was filled in."""
        name, relation, proof = (
            self.cleaned_data.get(f"guardian_{part}", "") for part in ("name", "relation", "proof")
        )
        return Guardian(name=name, relation=relation, proof=proof) if name or relation or proof else None


class ProcedureForm(forms.Form):
    """Which procedure a new consent is of."""

    service: Any = forms.ModelChoiceField(
        label=gettext_lazy("Procedure"), queryset=None, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["service"]
        field.queryset = Service.objects.filter(is_active=True).order_by("name")

    @staticmethod
    def chosen(text: str) -> Service | None:
        """A service of the open clinic by its id in an address; None for anything else."""
        try:
            return Service.objects.filter(pk=UUID(text)).first()
        except ValueError:
            return None
