"""The medical record: entries that are drafted, finalised and never rewritten; their templates; alerts."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.models import Council
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges, RefuseTruncate
from neonpro.db.policies import tenancy
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedJSONField, EncryptedTextField, NotEmpty
from neonpro.vault.models import VaultModel
from patients.models.care import CURRENT_PROFESSIONAL, clinical_tenancy


class RecordKind(models.TextChoices):
    """What an entry is."""

    ANAMNESIS = "anamnesis", _("anamnesis")
    EVOLUTION = "evolution", pgettext_lazy("record", "evolution")
    PROCEDURE = "procedure", pgettext_lazy("record", "procedure")
    EXAM = "exam", pgettext_lazy("record", "exam")
    DOCUMENT = "document", pgettext_lazy("record", "document")


class DocumentKind(models.TextChoices):
    """What a document is: it decides the level of its signature (`records.signature.*`)."""

    REPORT = "report", pgettext_lazy("document", "medical report")
    EXAM_REQUEST = "exam_request", pgettext_lazy("document", "request for tests")
    FINDINGS = "findings", pgettext_lazy("document", "findings")
    OPINION = "opinion", pgettext_lazy("document", "opinion")
    CERTIFICATE = "medical_certificate", pgettext_lazy("document", "medical certificate")
    REFERRAL = "referral", pgettext_lazy("document", "referral")
    OTHER = "other", pgettext_lazy("document", "other document")


class RecordStatus(models.TextChoices):
    """Where an entry stands. It only ever goes forward."""

    DRAFT = "draft", _("draft")
    FINALISED = "finalised", _("finalised")
    SIGNED = "signed", _("signed")


class GuardRecord(AlwaysTrigger):
    """Draft, finalised, signed, and no way back (`sql/guard_record.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_record", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_record()"


class GuardAlert(AlwaysTrigger):
    """Alerts are noted and ended, never rewritten (`sql/guard_alert.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_alert", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_alert()"


def kind_and_document(table: str) -> list[models.CheckConstraint]:
    """The closed lists of kinds; a document says which, and nothing else does."""
    return [
        closed_list(table, "kind", RecordKind),
        closed_list(table, "document_kind", DocumentKind, blank=True),
        models.CheckConstraint(
            condition=(Q(kind="document") & ~Q(document_kind="")) | (~Q(kind="document") & Q(document_kind="")),
            name=f"{table}_document_kind",
            violation_error_message=_("A document says which kind it is, and nothing else does."),
        ),
    ]


class RecordTemplate(ClinicModel):
    """The headings under which a clinic writes entries of one kind. It holds no patient's data.

    `sections` is a list of `{"code", "heading", "hint", "required"}`; an entry copies code and heading, so that
    changing a template never changes what was written (`patients.templates`).
    """

    name = models.CharField(_("name"), max_length=80)
    kind = models.CharField(_("kind"), max_length=12, choices=RecordKind.choices)
    document_kind = models.CharField(_("kind of document"), max_length=20, choices=DocumentKind.choices, blank=True)
    specialty = models.CharField(_("specialty"), max_length=80, blank=True)
    sections = models.JSONField(_("sections"), default=list)
    starter = models.CharField(_("of the starter set"), max_length=40, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True, db_default=True)

    class Meta:
        db_table = "record_templates"
        verbose_name = _("template of entries")
        verbose_name_plural = _("templates of entries")
        constraints = [
            *tenancy("record_templates", ACCESS["record_templates"]),
            *kind_and_document("record_templates"),
            models.UniqueConstraint(
                fields=["clinic", "kind", "name"],
                name="record_templates_one_per_name",
                violation_error_message=_("This clinic already has a template of this kind with this name."),
            ),
            models.UniqueConstraint(
                fields=["clinic", "starter"], condition=~Q(starter=""), name="record_templates_starter_once"
            ),
        ]
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        return self.name


class MedicalRecord(VaultModel, ClinicModel):
    """An entry in a patient's medical record (CFM 1.638/2002).

    A draft is its author's alone. Once finalised, PostgreSQL lets nothing of it change: a correction is an addendum, an
    entry of its own that `amends` the original. Who wrote it stands in the entry as it was then, and is never looked up
    again. It keeps no versions of its own: drafts' changes are in the audit log, encrypted; afterwards there are none.
    """

    patient = ClinicForeignKey("patients.Patient", editable=False, verbose_name=_("patient"))
    kind = models.CharField(_("kind"), max_length=12, choices=RecordKind.choices, editable=False)
    document_kind = models.CharField(
        _("kind of document"), max_length=20, choices=DocumentKind.choices, blank=True, editable=False
    )
    appointment = ClinicForeignKey("patients.Appointment", null=True, blank=True, verbose_name=_("appointment"))
    template = ClinicForeignKey(
        "patients.RecordTemplate", null=True, blank=True, editable=False, verbose_name=_("template of entries")
    )
    occurred_at = models.DateTimeField(
        _("when it happened"), default=timezone.now, help_text=_("The time of the care, not of the writing.")
    )
    emergency = models.BooleanField(
        _("emergency"), default=False, db_default=False,
        help_text=_("An emergency entry may leave out the anamnesis (CFM 1.638/2002 art. 5)."),
    )  # fmt: skip
    content = EncryptedJSONField(
        _("content"), null=True, blank=True, label="medical_record.content", category="clinical", patient="patient"
    )
    diagnoses = EncryptedJSONField(
        _("diagnoses (CID)"), null=True, blank=True,
        label="medical_record.diagnoses", category="clinical", patient="patient",
    )  # fmt: skip
    cid_consent = models.BooleanField(
        _("the patient agreed that the CID stands on the certificate"), default=False, db_default=False
    )
    status = models.CharField(
        _("status"), max_length=10, choices=RecordStatus.choices, default=RecordStatus.DRAFT,
        db_default=RecordStatus.DRAFT.value, editable=False,
    )  # fmt: skip
    revision = models.PositiveIntegerField(_("revision"), default=0, db_default=0, editable=False)
    amends = ClinicForeignKey("patients.MedicalRecord", null=True, editable=False, verbose_name=_("corrects"))
    amend_reason = EncryptedTextField(
        _("reason of the addendum"), max_length=500, blank=True, editable=False, multiline=True,
        label="medical_record.amend_reason", category="clinical", patient="patient",
    )  # fmt: skip
    author = ClinicForeignKey("clinics.Professional", editable=False, verbose_name=_("author"))
    author_name = models.CharField(_("author's name"), max_length=120, blank=True, editable=False)
    author_council = models.CharField(_("council"), max_length=2, choices=Council.choices, blank=True, editable=False)
    author_number = models.CharField(_("council number"), max_length=15, blank=True, editable=False)
    author_uf = models.CharField(_("council's state"), max_length=2, blank=True, editable=False)
    author_region = models.PositiveSmallIntegerField(_("council's region"), null=True, editable=False)
    author_category = models.CharField(_("category"), max_length=10, blank=True, editable=False)
    author_rqe = models.CharField(_("RQE"), max_length=15, blank=True, editable=False)
    author_role = models.CharField(_("occupation or specialty"), max_length=80, blank=True, editable=False)
    finalised_at = models.DateTimeField(_("finalised at"), null=True, editable=False)
    time_zone = models.CharField(_("time zone"), max_length=40, blank=True, editable=False)

    in_clear: ClassVar[dict[str, str]] = {
        "kind": "which sort of entry, not what it says",
        "document_kind": "which sort of document, not what it says",
        "status": "a closed list",
        "author_name": "the professional's, who signs with it",
        "author_council": "the professional's licence",
        "author_number": "the professional's licence",
        "author_uf": "the professional's licence",
        "author_category": "the professional's licence",
        "author_rqe": "the professional's registered specialty",
        "author_role": "the professional's occupation",
        "time_zone": "the clinic's",
    }

    retention: ClassVar = "medical_record"

    class Meta:
        db_table = "medical_records"
        verbose_name = _("entry in the medical record")
        verbose_name_plural = _("entries in the medical record")
        constraints = [
            *clinical_tenancy(
                "medical_records",
                same_clinic=["patient", "appointment", "template", "amends", "author"],
                visible=f"status <> 'draft' OR author_id = {CURRENT_PROFESSIONAL}",
                changeable=f"author_id = {CURRENT_PROFESSIONAL}",
                deletable=f"author_id = {CURRENT_PROFESSIONAL} AND status = 'draft'",
            ),
            *kind_and_document("medical_records"),
            closed_list("medical_records", "status", RecordStatus),
            models.CheckConstraint(
                condition=Q(status="draft", finalised_at__isnull=True, author_name="", time_zone="")
                | (
                    ~Q(status="draft")
                    & Q(finalised_at__isnull=False, content__isnull=False)
                    & ~Q(author_name="")
                    & ~Q(time_zone="")
                ),
                name="medical_records_finalised_whole",
            ),
        ]
        indexes = [
            models.Index(F("clinic"), F("patient"), F("occurred_at").desc(), F("id"), name="medical_records_patient"),
            models.Index(F("clinic"), F("author"), F("created_at").desc(), F("id"), name="medical_records_author"),
            models.Index(F("clinic"), F("created_at").desc(), F("id"), name="medical_records_newest"),
            models.Index(fields=["clinic", "amends"], condition=Q(amends__isnull=False), name="medical_records_amends"),
        ]
        triggers = [RecordChanges(patient="patient"), TOUCH, KeepPatient(), GuardRecord(), RefuseTruncate()]

    def __str__(self) -> str:
        return str(self.id)[:8]

    @property
    def is_draft(self) -> bool:
        """Whether it can still be changed."""
        return self.status == RecordStatus.DRAFT

    @property
    def licence(self) -> str:
        """The author's licence as it was at finalising: CRM-SP 123456; '' without one."""
        if not self.author_council:
            return ""
        return f"{self.get_author_council_display()}-{self.author_uf or self.author_region} {self.author_number}"

    @property
    def author_occupation(self) -> str:
        """The author's occupation or specialty as it may be shown: a doctor's only with its RQE (CFM 2.336/2023)."""
        return "" if self.author_council == Council.CRM and not self.author_rqe else self.author_role

    @property
    def sections(self) -> list[dict[str, str]]:
        """What was written: `{"code", "heading", "text"}` in order."""
        content = self.content
        return list(content.get("sections", ())) if isinstance(content, dict) else []


class AlertKind(models.TextChoices):
    """What an alert warns of."""

    ALLERGY = "allergy", _("allergy")
    CONDITION = "condition", _("condition")
    MEDICINE = "medicine", _("medicine in use")
    DEVICE = "device", _("implant or device")
    OTHER = "other", pgettext_lazy("alert", "other alert")


class Severity(models.TextChoices):
    """How much it matters."""

    HIGH = "high", pgettext_lazy("severity", "severe")
    MODERATE = "moderate", pgettext_lazy("severity", "moderate")
    LOW = "low", pgettext_lazy("severity", "mild")


class PatientAlert(VaultModel, ClinicModel):
    """An allergy or another thing that whoever treats this patient must see first. What kind it is is clinical too."""

    patient = ClinicForeignKey("patients.Patient", editable=False, verbose_name=_("patient"))
    kind = EncryptedTextField(
        _("kind"), choices=AlertKind.choices, label="patient_alert.kind", category="clinical", patient="patient"
    )
    severity = EncryptedTextField(
        _("severity"), choices=Severity.choices, label="patient_alert.severity", category="clinical", patient="patient"
    )
    text = EncryptedTextField(
        _("alert"), max_length=200, label="patient_alert.text", category="clinical", patient="patient"
    )
    noted_by = ClinicForeignKey("clinics.Professional", editable=False, null=True, verbose_name=_("noted by"))
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)
    ended_by = ClinicForeignKey("clinics.Professional", editable=False, null=True, verbose_name=_("ended by"))

    retention: ClassVar = "medical_record"

    class Meta:
        db_table = "patient_alerts"
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = [
            *clinical_tenancy("patient_alerts", same_clinic=["patient", "noted_by", "ended_by"]),
            NotEmpty(name="patient_alerts_text_given", field="text"),
        ]
        indexes = [models.Index(fields=["clinic", "patient", "created_at"], name="patient_alerts_patient")]
        triggers = [RecordChanges(patient="patient"), TOUCH, KeepPatient(), GuardAlert(), RefuseTruncate()]

    def __str__(self) -> str:
        return str(self.id)[:8]
