"""Adverse events with their legal clocks, and whom a recall has reached."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import RecordChanges
from neonpro.db.policies import RowPolicy, tenancy
from neonpro.db.roles import SEARCH
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedTextField, NotEmpty
from neonpro.vault.models import VaultModel
from patients.models.care import clinical_tenancy
from patients.models.products import OwnFunction


class EventSubject(models.TextChoices):
    """What an event is about: it decides the channel (rule anvisa.adverse_event.channels)."""

    MEDICINE = "MEDICINE", _("medicine")
    VACCINE = "VACCINE", _("vaccine")
    DEVICE = "DEVICE", _("medical device")
    COSMETIC = "COSMETIC", _("cosmetic")
    ASSISTANCE = "ASSISTANCE", _("care itself, without a product")
    QUALITY = "QUALITY", _("quality of a product (technical complaint)")


class EventSeverity(models.TextChoices):
    """How bad an event was; death has a clock of its own."""

    MILD = "mild", _("mild")
    MODERATE = "moderate", _("moderate")
    SEVERE = "severe", _("severe")
    DEATH = "death", _("death")


class EventStatus(models.TextChoices):
    """Where the notification stands."""

    OPEN = "open", _("to be notified")
    NOTIFIED = "notified", _("notified")
    DISMISSED = "dismissed", _("no notification needed")


def _clinical(label: str, **options: Any) -> dict[str, Any]:
    return {"label": f"adverse_event.{label}", "category": "clinical", "patient": "patient", "blank": True, **options}


class AdverseEvent(VaultModel, ClinicModel):
    """Something bad that happened to a patient in care, and its notification to Anvisa (RDC 36/2013)."""

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    application = ClinicForeignKey(
        "patients.ProductApplication", null=True, blank=True, verbose_name=_("application of a product")
    )
    lot = ClinicForeignKey("patients.ProductLot", null=True, blank=True, verbose_name=_("lot"))
    professional = ClinicForeignKey(
        "clinics.Professional", null=True, blank=True, verbose_name=_("professional responsible")
    )
    about = models.CharField(_("about"), max_length=10, choices=EventSubject.choices)
    severity = models.CharField(_("severity"), max_length=8, choices=EventSeverity.choices)
    occurred_on = models.DateField(_("day of the event"))
    known_at = models.DateTimeField(_("the clinic learned of it at"))
    due_at = models.DateTimeField(_("to be notified by"), editable=False)
    description = EncryptedTextField(
        _("what happened"), max_length=4000, multiline=True, **_clinical("description", blank=False)
    )
    measures = EncryptedTextField(_("what was done"), max_length=2000, multiline=True, **_clinical("measures"))
    outcome = EncryptedTextField(_("how the patient is now"), max_length=500, **_clinical("outcome"))
    status = models.CharField(
        _("situation"), max_length=9, choices=EventStatus.choices, default=EventStatus.OPEN,
        db_default=EventStatus.OPEN.value, editable=False,
    )  # fmt: skip
    notified_at = models.DateTimeField(_("notified at"), null=True, blank=True, editable=False)
    protocol = models.CharField(_("number of the notification"), max_length=60, blank=True, editable=False)
    dismissal = EncryptedTextField(_("why not"), max_length=500, editable=False, **_clinical("dismissal"))

    retention: ClassVar = "medical_record"
    in_clear: ClassVar[dict[str, str]] = {
        "about": "a closed list; it decides the channel",
        "severity": "a closed list; it decides the clock, and row policies show it to whom the patient is open",
        "status": "a closed list of states",
        "protocol": "the agency's number of a notification",
    }

    class Meta:
        db_table = "adverse_events"
        verbose_name = _("adverse event")
        verbose_name_plural = _("adverse events")
        constraints = [
            *clinical_tenancy(
                "adverse_events", same_clinic=["patient", "application", "lot", "professional"]
            ),
            closed_list("adverse_events", "about", EventSubject),
            closed_list("adverse_events", "severity", EventSeverity),
            closed_list("adverse_events", "status", EventStatus),
            NotEmpty(name="adverse_events_described", field="description"),
            models.CheckConstraint(
                condition=~Q(status=EventStatus.NOTIFIED) | Q(notified_at__isnull=False),
                name="adverse_events_notified_when",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["clinic", "status", "due_at"], name="adverse_events_clock"),
            models.Index(fields=["clinic", "patient"], name="adverse_events_patient"),
        ]
        triggers = [
            RecordChanges(patient="patient", withheld=["lot", "application", "about", "severity"]),
            TOUCH, KeepPatient(),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.id)[:8]


class ContactOutcome(models.TextChoices):
    """What came of an attempt to tell a patient of a recall."""

    REACHED = "reached", _("reached and informed")
    NO_ANSWER = "no_answer", _("no answer")
    WRONG_CONTACT = "wrong_contact", _("wrong number or address")
    LETTER = "letter", _("letter sent")


class RecallContact(VaultModel, ClinicModel):
    """One attempt to tell a patient that a lot is recalled. Rows are only ever added: they are the clinic's proof."""

    lot = ClinicForeignKey("patients.ProductLot", verbose_name=_("lot"))
    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    outcome = models.CharField(_("outcome"), max_length=13, choices=ContactOutcome.choices)
    note = EncryptedTextField(
        _("observations"), max_length=300, blank=True, label="recall_contact.note", category="contact",
        patient="patient", help_text=_("Nothing clinical here."),
    )  # fmt: skip
    recorded_by = models.UUIDField(_("recorded by"), null=True, blank=True, editable=False)

    retention: ClassVar = "medical_record"
    in_clear: ClassVar[dict[str, str]] = {"outcome": "a closed list of outcomes"}

    class Meta:
        db_table = "recall_contacts"
        verbose_name = _("contact in a recall")
        verbose_name_plural = _("contacts in recalls")
        constraints = [
            *tenancy("recall_contacts", ACCESS["recall_contacts"], same_clinic=["lot", "patient"]),
            # Of the professionals, the technical director alone: it says who got what.
            RowPolicy(
                name="recall_contacts_leads", command="ALL", using="(SELECT neonpro.leads_recalls())", restrictive=True
            ),
            RowPolicy(name="recall_contacts_search", command="SELECT", using="true", to=[SEARCH]),
            closed_list("recall_contacts", "outcome", ContactOutcome),
        ]
        indexes = [models.Index(F("clinic"), F("lot"), F("patient"), F("created_at"), name="recall_contacts_lot")]
        triggers = [
            RecordChanges(patient="patient", withheld=["lot"]),
            KeepPatient(),
            OwnFunction(name="recall_contact", when=pgtrigger.Before, operation=pgtrigger.Insert),
            OwnFunction(name="refuse_change", when=pgtrigger.Before, operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return str(self.id)[:8]
