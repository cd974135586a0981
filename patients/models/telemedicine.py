"""Telemedicine: sessions at a distance, which PostgreSQL lets nobody start without what CFM 2.314/2022 asks for."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges, RefuseTruncate
from neonpro.db.history import ONLY_TRIGGERS
from neonpro.db.policies import CURRENT_CLINIC, RowPolicy, tenancy
from neonpro.db.roles import OWNER
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedTextField
from neonpro.vault.models import VaultModel
from patients.models.care import open_to_reader

_PROFESSIONAL = "(SELECT nullif(neonpro.current_clinic_role() = 'professional', false)) IS NOT NULL"
IN_CARE = f"{_PROFESSIONAL} AND {open_to_reader('telemedicine_sessions')}"
IN_CARE_TO_WRITE = f"{_PROFESSIONAL} AND {open_to_reader('telemedicine_sessions', to_write=True)}"


class Modality(models.TextChoices):
    """The seven of CFM 2.314/2022, arts. 6-12 (`telemedicine.modalities`)."""

    TELECONSULTATION = "TELECONSULTA", _("teleconsultation")
    INTERCONSULTATION = "TELEINTERCONSULTA", _("tele-interconsultation")
    DIAGNOSIS = "TELEDIAGNOSTICO", _("telediagnosis")
    SURGERY = "TELECIRURGIA", _("telesurgery")
    MONITORING = "TELEMONITORAMENTO", _("telemonitoring")
    TRIAGE = "TELETRIAGEM", _("teletriage")
    CONSULTANCY = "TELECONSULTORIA", _("teleconsultancy")


class SessionStatus(models.TextChoices):
    """Where a session stands."""

    PLANNED = "planned", pgettext_lazy("session", "planned")
    RUNNING = "running", pgettext_lazy("session", "running")
    ENDED = "ended", pgettext_lazy("session", "ended")
    REFUSED = "refused", pgettext_lazy("session", "refused")
    CONVERTED = "converted", pgettext_lazy("session", "changed to in person")
    CANCELLED = "cancelled", pgettext_lazy("session", "cancelled")


class Identity(models.TextChoices):
    """How the professional made sure who the patient is."""

    DOCUMENT = "document", _("showed a document with a photograph")
    KNOWN = "known", _("known to the professional")
    REPRESENTATIVE = "representative", _("a representative identified both")


class RefusedBy(models.TextChoices):
    """Who said no (`telemedicine.may_be_refused_by`)."""

    PATIENT = "PATIENT", _("the patient")
    PROFESSIONAL = "PROFESSIONAL", _("the professional")


class GuardTelemedicine(AlwaysTrigger):
    """What a session needs to start, and how it goes on (`sql/guard_telemedicine.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_telemedicine", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_telemedicine()"


def _clinical(label: str, **options: Any) -> dict[str, Any]:
    options = {"label": f"telemedicine_session.{label}", "category": "clinical", "patient": "patient"} | options
    return {"blank": True, **options}


class TelemedicineSession(VaultModel, ClinicModel):
    """A session at a distance. The video is the clinic's own room, which NeonPro neither carries nor records.

    The front desk sees that there is one and where it stands; what is clinical in it opens to those who care for the
    patient alone. Times, and the consents it rests on, are written by PostgreSQL.
    """

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    professional = ClinicForeignKey("clinics.Professional", verbose_name=_("professional"))
    appointment = ClinicForeignKey("patients.Appointment", null=True, blank=True, verbose_name=_("appointment"))
    modality = models.CharField(
        _("modality"), max_length=20, choices=Modality.choices, default=Modality.TELECONSULTATION
    )
    room_url = EncryptedTextField(
        _("link of the video room"), max_length=300, blank=True,
        label="telemedicine_session.room_url", category="contact", patient="patient",
        help_text=_("The clinic's own room, for example of its video service. No name of a patient in it."),
    )  # fmt: skip
    status = models.CharField(
        _("status"), max_length=10, choices=SessionStatus.choices, default=SessionStatus.PLANNED,
        db_default=SessionStatus.PLANNED.value, editable=False,
    )  # fmt: skip
    consent = models.UUIDField(_("consent it rests on"), null=True, editable=False)
    emergency = models.BooleanField(_("emergency"), default=False, db_default=False, editable=False)
    emergency_reason = EncryptedTextField(
        _("why the emergency left no time for the term"), max_length=500, multiline=True, editable=False,
        **_clinical("emergency_reason"),
    )  # fmt: skip
    patient_identity = models.CharField(
        _("identity of the patient"), max_length=14, choices=Identity.choices, blank=True, editable=False
    )
    professional_identified = models.BooleanField(
        _("the professional said name and registration"), default=False, db_default=False, editable=False
    )
    patient_location = EncryptedTextField(
        _("where the patient said to be"), max_length=200, editable=False, **_clinical("patient_location")
    )
    professional_location = models.CharField(_("where the professional is"), max_length=120, blank=True, editable=False)
    started_at = models.DateTimeField(_("began at"), null=True, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)
    refused_by = models.CharField(_("refused by"), max_length=12, choices=RefusedBy.choices, blank=True, editable=False)
    refused_at = models.DateTimeField(_("refused at"), null=True, editable=False)
    reason = EncryptedTextField(
        _("why it was refused or changed"), max_length=500, multiline=True, editable=False, **_clinical("reason")
    )
    converted_to_in_person_at = models.DateTimeField(_("changed to in person at"), null=True, editable=False)
    in_person_appointment = ClinicForeignKey(
        "patients.Appointment", null=True, blank=True, editable=False, verbose_name=_("appointment in person")
    )
    in_person_overdue = models.BooleanField(
        _("a visit in person was overdue"), default=False, db_default=False, editable=False
    )
    overdue_reason = EncryptedTextField(
        _("why it went on at a distance all the same"), max_length=500, multiline=True, editable=False,
        **_clinical("overdue_reason"),
    )  # fmt: skip
    recording_started_at = models.DateTimeField(_("recording began at"), null=True, editable=False)
    recording_stopped_at = models.DateTimeField(_("recording stopped at"), null=True, editable=False)
    recording_consent = models.UUIDField(_("consent to the recording"), null=True, editable=False)
    shared_with = EncryptedTextField(
        _("with whom images and data are shared"), max_length=300, editable=False, **_clinical("shared_with")
    )
    sharing_consent = models.UUIDField(_("consent to the sharing"), null=True, editable=False)
    record = models.UUIDField(_("entry in the medical record"), null=True, editable=False)

    in_clear: ClassVar[dict[str, str]] = {
        "modality": "a closed list",
        "status": "a closed list",
        "patient_identity": "a closed list: how, not who",
        "professional_location": "the professional's place of work, a city",
        "refused_by": "a closed list",
    }

    retention: ClassVar = "telemedicine_session"

    class Meta:
        db_table = "telemedicine_sessions"
        verbose_name = _("telemedicine session")
        verbose_name_plural = _("telemedicine sessions")
        constraints = [
            *tenancy(
                "telemedicine_sessions",
                # A professional's rows go by care, below.
                {
                    permission: tuple(role for role in roles if role != "professional")
                    for permission, roles in ACCESS["telemedicine_sessions"].items()
                },
                same_clinic=["patient", "professional", "appointment", "in_person_appointment"],
            ),
            RowPolicy(
                name="telemedicine_sessions_care_view",
                command="SELECT",
                using=IN_CARE,
            ),
            RowPolicy(
                name="telemedicine_sessions_care_add",
                command="INSERT",
                using=IN_CARE_TO_WRITE,
            ),
            RowPolicy(
                name="telemedicine_sessions_care_change",
                command="UPDATE",
                using=IN_CARE_TO_WRITE,
            ),
            # For what a withdrawn consent stops, whoever writes it down.
            RowPolicy(
                name="telemedicine_sessions_stopped",
                command="ALL",
                using=f"clinic_id = {CURRENT_CLINIC} AND {ONLY_TRIGGERS}",
                to=[OWNER],
            ),
            closed_list("telemedicine_sessions", "modality", Modality),
            closed_list("telemedicine_sessions", "status", SessionStatus),
            closed_list("telemedicine_sessions", "patient_identity", Identity, blank=True),
            closed_list("telemedicine_sessions", "refused_by", RefusedBy, blank=True),
            models.CheckConstraint(
                condition=~Q(status__in=["running", "ended"])
                | (
                    Q(started_at__isnull=False, professional_identified=True)
                    & ~Q(patient_identity="")
                    & ~Q(professional_location="")
                    & (Q(consent__isnull=False) | Q(emergency=True))
                ),
                name="telemedicine_sessions_started_whole",
            ),
            models.CheckConstraint(
                condition=(Q(refused_by="", refused_at__isnull=True) & ~Q(status="refused"))
                | (Q(status="refused", refused_at__isnull=False) & ~Q(refused_by="")),
                name="telemedicine_sessions_refused_whole",
            ),
            models.CheckConstraint(
                condition=Q(status="converted", converted_to_in_person_at__isnull=False)
                | (~Q(status="converted") & Q(converted_to_in_person_at__isnull=True)),
                name="telemedicine_sessions_converted_when",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True)
                | (Q(started_at__isnull=False, ended_at__gte=F("started_at")) & ~Q(status__in=["planned", "running"])),
                name="telemedicine_sessions_ended_after",
            ),
            models.CheckConstraint(
                condition=Q(recording_started_at__isnull=True, recording_stopped_at__isnull=True)
                | Q(recording_started_at__isnull=False, recording_consent__isnull=False, started_at__isnull=False),
                name="telemedicine_sessions_recording_allowed",
            ),
            models.UniqueConstraint(
                fields=["clinic", "appointment"],
                condition=Q(appointment__isnull=False) & Q(status__in=["planned", "running", "ended"]),
                name="telemedicine_sessions_one_per_appointment",
                violation_error_message=_("This appointment has a telemedicine session already."),
            ),
        ]
        indexes = [
            models.Index(F("clinic"), F("created_at").desc(), F("id"), name="telemedicine_newest"),
            models.Index(fields=["clinic", "patient", "status"], name="telemedicine_patient"),
            models.Index(fields=["clinic", "professional", "status"], name="telemedicine_professional"),
        ]
        triggers = [RecordChanges(patient="patient"), TOUCH, KeepPatient(), GuardTelemedicine(), RefuseTruncate()]

    def __str__(self) -> str:
        return str(self.id)[:8]

    @property
    def is_open(self) -> bool:
        """Whether it is still to come or under way."""
        return self.status in (SessionStatus.PLANNED, SessionStatus.RUNNING)

    @property
    def is_recording(self) -> bool:
        """Whether it is being recorded now."""
        return self.recording_started_at is not None and self.recording_stopped_at is None
