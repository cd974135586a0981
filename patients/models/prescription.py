"""Prescriptions: drafts, the documents that were issued from them and never change, and their cancellations."""

from decimal import Decimal
from typing import Any, ClassVar
from uuid import uuid4

import pgtrigger
from django.db import models
from django.db.models import F, Q
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
from patients.models.substance import SNCR_FORM
from patients.prescription_rules import Kind, Purpose, sncr_type


class PrescriptionStatus(models.TextChoices):
    """Where a prescription stands. What was issued and then cancelled stays issued, with its cancellation beside it."""

    DRAFT = "draft", _("draft")
    ISSUED = "issued", pgettext_lazy("prescription", "issued")


class _Guard(AlwaysTrigger):
    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete
    function = ""

    def __init__(self, **options: Any) -> None:
        super().__init__(name=self.function, **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return f"neonpro.{self.function}()"


class GuardPrescription(_Guard):
    """A draft is issued whole, once, by its prescriber, and then never changes (`sql/guard_prescription.sql`)."""

    function = "guard_prescription"


class GuardPrescriptionItem(_Guard):
    """Items come and go with their draft, and stay once it is issued (`sql/guard_prescription_item.sql`)."""

    function = "guard_prescription_item"


class GuardPrescriptionCancellation(_Guard):
    """Only what was issued is cancelled, once, with a reason (`sql/guard_prescription_cancellation.sql`)."""

    function = "guard_prescription_cancellation"


class RequireSignature(_Guard):
    """What is electronic has its signature when the transaction ends (`sql/require_signature.sql`)."""

    when = pgtrigger.After
    operation = pgtrigger.Insert | pgtrigger.Update
    function = "require_signature"
    at_the_end = True


def _clinical(label: str, **options: Any) -> dict[str, Any]:
    return {"label": label, "category": "clinical", "patient": "patient", "blank": True, **options}


class Prescription(VaultModel, ClinicModel):
    """One document: a draft of whatever a prescriber is writing, or what was issued of it, of one type.

    What stands in clear is what PostgreSQL itself must check: the type (no controlled prescription is electronic
    without its number; no document mixes types), the days, the number. It tells of health, so the row is seen by those
    alone who care for the patient, as everything clinical. Medicines, posology, CID and all the rest are encrypted.
    """

    patient = ClinicForeignKey("patients.Patient", editable=False, verbose_name=_("patient"))
    prescriber = ClinicForeignKey("clinics.Professional", editable=False, verbose_name=_("prescriber"))
    status = models.CharField(
        _("status"), max_length=8, choices=PrescriptionStatus.choices, default=PrescriptionStatus.DRAFT,
        db_default=PrescriptionStatus.DRAFT.value, editable=False,
    )  # fmt: skip
    kind = models.CharField(_("document"), max_length=20, choices=Kind.choices, blank=True, editable=False)
    batch = models.UUIDField(_("written together"), default=uuid4, editable=False)
    renews = ClinicForeignKey("patients.Prescription", null=True, editable=False, verbose_name=_("renews"))
    purpose = EncryptedTextField(
        _("purpose"), choices=Purpose.choices, default=Purpose.CARE.value, **_clinical("prescription.purpose")
    )
    cid = EncryptedTextField(
        _("CID or diagnosis"), max_length=120, **_clinical("prescription.cid"),
        help_text=_("Where the law asks for it: anabolics, and what passes a limit."),
    )  # fmt: skip
    justification = EncryptedTextField(
        _("justification"), max_length=1000, multiline=True, **_clinical("prescription.justification"),
        help_text=_("Why a quantity passes its limit, where the law lets a justification do so."),
    )  # fmt: skip
    guidance = EncryptedTextField(
        _("guidance to the patient"), max_length=2000, multiline=True, **_clinical("prescription.guidance")
    )
    terms_given = models.BooleanField(
        _("the patient signed the term"), default=False, db_default=False,
        help_text=_("Anorexigens ask for a responsibility term, retinoids by mouth for one of risk and consent."),
    )  # fmt: skip
    is_electronic = models.BooleanField(_("electronic"), default=False, db_default=False, editable=False)
    sncr_number = models.CharField(_("SNCR number"), max_length=20, blank=True, editable=False)
    issued_on = models.DateField(_("issued on"), null=True, editable=False)
    issued_at = models.DateTimeField(_("issued at"), null=True, editable=False)
    valid_until = models.DateField(_("valid until"), null=True, editable=False)
    content = EncryptedJSONField(
        _("what was issued"), null=True, editable=False, label="prescription.content", category="clinical",
        patient="patient", blank=True,
    )  # fmt: skip

    retention: ClassVar = "prescription"
    in_clear: ClassVar[dict[str, str]] = {
        "status": "a closed list",
        "kind": "PostgreSQL refuses by it; seen by the care team alone",
        "sncr_number": "a number of the document, not of the patient; PostgreSQL refuses without it",
    }

    class Meta:
        db_table = "prescriptions"
        verbose_name = _("prescription")
        verbose_name_plural = _("prescriptions")
        constraints = [
            *clinical_tenancy(
                "prescriptions",
                same_clinic=["patient", "prescriber", "renews"],
                visible=f"status <> 'draft' OR prescriber_id = {CURRENT_PROFESSIONAL}",
                changeable=f"prescriber_id = {CURRENT_PROFESSIONAL}",
                deletable=f"prescriber_id = {CURRENT_PROFESSIONAL} AND status = 'draft'",
            ),
            closed_list("prescriptions", "status", PrescriptionStatus),
            closed_list("prescriptions", "kind", Kind, blank=True),
            models.CheckConstraint(
                condition=Q(
                    status="draft", kind="", is_electronic=False, sncr_number="", issued_on__isnull=True,
                    issued_at__isnull=True, valid_until__isnull=True, content__isnull=True,
                )
                | (
                    Q(
                        status="issued", issued_on__isnull=False, issued_at__isnull=False, valid_until__isnull=False,
                        content__isnull=False, valid_until__gte=F("issued_on"),
                    )
                    & ~Q(kind="")
                ),
                name="prescriptions_issued_whole",
            ),
            # RDC 1.000/2025: without a number of SNCR nothing controlled or retained is electronic.
            models.CheckConstraint(
                condition=Q(is_electronic=False) | Q(kind="COMMON") | ~Q(sncr_number=""),
                name="prescriptions_never_electronic_without_number",
                violation_error_message=_(
                    "Without an SNCR number this prescription cannot be electronic: print it and sign it by hand."
                ),
            ),
            models.CheckConstraint(
                condition=Q(sncr_number="") | (Q(sncr_number__regex=SNCR_FORM) & ~Q(kind="COMMON")),
                name="prescriptions_number_form",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(F("clinic"), F("patient"), F("created_at").desc(), F("id"), name="prescriptions_patient"),
            models.Index(
                F("clinic"), F("prescriber"), F("created_at").desc(), F("id"), name="prescriptions_prescriber"
            ),
            models.Index(fields=["clinic", "batch"], name="prescriptions_batch"),
            models.Index(fields=["clinic", "renews"], condition=Q(renews__isnull=False), name="prescriptions_renews"),
        ]
        # Which document it is tells of health, and so do its term, its number and its terms; more people read the log
        # than the record.
        triggers = [
            RecordChanges(patient="patient", withheld=["kind", "valid_until", "terms_given", "sncr_number"]), TOUCH,
            KeepPatient(), GuardPrescription(), RequireSignature(), RefuseTruncate(),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.id)[:8]

    @property
    def is_draft(self) -> bool:
        """Whether it can still be changed."""
        return self.status == PrescriptionStatus.DRAFT

    @property
    def sncr_type(self) -> str:
        """What SNCR calls it; '' for a common prescription and for a draft."""
        return sncr_type(self.kind) if self.kind else ""


class PrescriptionItem(VaultModel, ClinicModel):
    """One medicine of a prescription.

    In clear are the substance and the document it goes on: PostgreSQL refuses by them what is proscribed and what does
    not belong together. They tell of health: only the care team sees the row, and the log repeats neither.
    """

    patient = ClinicForeignKey("patients.Patient", editable=False, verbose_name=_("patient"))
    prescription = ClinicForeignKey("patients.Prescription", editable=False, verbose_name=_("prescription"))
    position = models.PositiveSmallIntegerField(_("position"), default=1, db_default=1)
    substance = models.ForeignKey(
        "patients.Substance", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("substance"),
    )  # fmt: skip
    kind = models.CharField(_("document"), max_length=20, choices=Kind.choices, editable=False)
    medicine = EncryptedTextField(_("medicine"), max_length=160, **_clinical("prescription_item.medicine", blank=False))
    concentration = EncryptedTextField(
        _("concentration"), max_length=80, **_clinical("prescription_item.concentration")
    )
    form = EncryptedTextField(_("form"), max_length=80, **_clinical("prescription_item.form"))
    unit = EncryptedTextField(_("unit of the quantity"), max_length=60, **_clinical("prescription_item.unit"))
    posology = EncryptedTextField(
        _("posology"), max_length=600, multiline=True, **_clinical("prescription_item.posology", blank=False)
    )
    per_30_days = EncryptedTextField(
        _("quantity for each 30 days"), max_length=80, **_clinical("prescription_item.per_30_days")
    )
    amounts = EncryptedJSONField(
        _("amounts"), null=True, label="prescription_item.amounts", category="clinical", patient="patient", blank=True
    )

    retention: ClassVar = "prescription"
    in_clear: ClassVar[dict[str, str]] = {
        "kind": "PostgreSQL refuses by it; seen by the care team alone",
    }

    class Meta:
        db_table = "prescription_items"
        verbose_name = _("prescribed medicine")
        verbose_name_plural = _("prescribed medicines")
        constraints = [
            *clinical_tenancy("prescription_items", same_clinic=["patient", "prescription"]),
            closed_list("prescription_items", "kind", Kind),
            NotEmpty(name="prescription_items_medicine_given", field="medicine"),
            NotEmpty(name="prescription_items_posology_given", field="posology"),
            models.CheckConstraint(
                condition=Q(substance__isnull=False) | Q(kind="COMMON"), name="prescription_items_free_text_common"
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "prescription", "position"], name="prescription_items_of"),
            models.Index(fields=["clinic", "patient", "substance"], name="prescription_items_patient"),
        ]
        triggers = [
            RecordChanges(patient="patient", withheld=["kind", "substance"]), TOUCH, KeepPatient(),
            GuardPrescriptionItem(), RefuseTruncate(),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.id)[:8]

    def amount(self, name: str) -> Any:
        """One of the amounts: quantity, days, mg_per_unit, mg_per_day, and ampoules, continuous, topical, adendo."""
        amounts = self.amounts
        return amounts.get(name) if isinstance(amounts, dict) else None

    @property
    def quantity(self) -> Decimal:
        """How much; 0 where it does not open."""
        return Decimal(str(self.amount("quantity") or 0))


class PrescriptionCancellation(VaultModel, ClinicModel):
    """That a prescription no longer holds, since when, by whom and why. The prescription itself stays as it was."""

    patient = ClinicForeignKey("patients.Patient", editable=False, verbose_name=_("patient"))
    prescription = ClinicForeignKey("patients.Prescription", editable=False, verbose_name=_("prescription"))
    cancelled_by = ClinicForeignKey("clinics.Professional", editable=False, verbose_name=_("cancelled by"))
    cancelled_at = models.DateTimeField(_("cancelled at"), db_default=models.functions.Now(), editable=False)
    reason = EncryptedTextField(
        _("reason"), max_length=300, **_clinical("prescription_cancellation.reason", blank=False)
    )

    retention: ClassVar = "prescription"

    class Meta:
        db_table = "prescription_cancellations"
        verbose_name = _("cancellation of a prescription")
        verbose_name_plural = _("cancellations of prescriptions")
        constraints = [
            *clinical_tenancy("prescription_cancellations", same_clinic=["patient", "prescription", "cancelled_by"]),
            NotEmpty(name="prescription_cancellations_reason_given", field="reason"),
            models.UniqueConstraint(
                fields=["clinic", "prescription"], name="prescription_cancellations_once",
                violation_error_message=_("This prescription is cancelled already."),
            ),
        ]  # fmt: skip
        triggers = [
            RecordChanges(patient="patient"), TOUCH, KeepPatient(), GuardPrescriptionCancellation(), RefuseTruncate(),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.id)[:8]


class PrescriptionTemplate(ClinicModel):
    """Medicines that a clinic often prescribes together. It holds no patient's data.

    `lines` is a list of {"medicine", "concentration", "form", "quantity", "unit", "posology", "days", "continuous"}.
    """

    name = models.CharField(_("name"), max_length=80)
    lines = models.JSONField(_("medicines"), default=list)
    guidance = models.TextField(_("guidance to the patient"), max_length=2000, blank=True)
    starter = models.CharField(_("of the starter set"), max_length=40, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True, db_default=True)

    class Meta:
        db_table = "prescription_templates"
        verbose_name = _("prescription template")
        verbose_name_plural = _("prescription templates")
        constraints = [
            *tenancy("prescription_templates", ACCESS["prescription_templates"]),
            models.UniqueConstraint(
                fields=["clinic", "name"], name="prescription_templates_one_per_name",
                violation_error_message=_("This clinic already has a template with this name."),
            ),
            models.UniqueConstraint(
                fields=["clinic", "starter"], condition=~Q(starter=""), name="prescription_templates_starter_once"
            ),
        ]  # fmt: skip
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        return self.name


class OpenKind(models.TextChoices):
    """The documents that a clinic may open to other councils than doctors' and dentists': never a controlled one."""

    COMMON = Kind.COMMON.value, Kind.COMMON.label
    RET_ANTIMICROBIAL = Kind.RET_ANTIMICROBIAL.value, Kind.RET_ANTIMICROBIAL.label
    RET_GLP1 = Kind.RET_GLP1.value, Kind.RET_GLP1.label


class PrescribingCouncil(ClinicModel):
    """A document that a clinic lets another council write, with the norm it answers for. None by default."""

    council = models.CharField(_("council"), max_length=2, choices=Council.choices)
    kind = models.CharField(_("document"), max_length=20, choices=OpenKind.choices)
    basis = models.CharField(
        _("norm or protocol"), max_length=200,
        help_text=_("Under which norm or protocol this council prescribes in this clinic."),
    )  # fmt: skip

    class Meta:
        db_table = "prescribing_councils"
        verbose_name = _("council that prescribes")
        verbose_name_plural = _("councils that prescribe")
        constraints = [
            *tenancy("prescribing_councils", ACCESS["prescribing_councils"]),
            closed_list("prescribing_councils", "council", Council),
            closed_list("prescribing_councils", "kind", OpenKind),
            models.CheckConstraint(condition=~Q(basis=""), name="prescribing_councils_basis"),
            models.UniqueConstraint(
                fields=["clinic", "council", "kind"], name="prescribing_councils_once",
                violation_error_message=_("This council has this document already."),
            ),
        ]  # fmt: skip
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        return f"{self.get_council_display()}: {self.get_kind_display()}"
