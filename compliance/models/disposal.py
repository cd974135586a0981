"""The acts by which a committee disposes of records whose time is over (Lei 13.787/2018 arts. 3 and 6)."""

from typing import Any, ClassVar

import pgtrigger
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges, RefuseChange, RefuseTruncate
from neonpro.db.policies import tenancy


class GuardDisposal(AlwaysTrigger):
    """Who notes an act is who acts, and its list is closed with it (`sql/guard_disposal.sql`).

    After the row policies, which so refuse whoever may not write at all.
    """

    when = pgtrigger.After
    operation = pgtrigger.Insert

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_disposal", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_disposal()"


class DisposalChoice(models.TextChoices):
    """What the committee decided (`retention.disposal.choices`)."""

    ELIMINATE = "ELIMINATE", _("eliminate")
    HAND_TO_PATIENT = "HAND_TO_PATIENT", _("hand over to the patient")
    KEEP = "KEEP", _("go on keeping")


class DisposalAct(ClinicModel):
    """One decision of the committee about one or more records. Added once, never changed."""

    number = models.CharField(_("number"), max_length=20, help_text=_("Of the minutes, for instance 1/2026."))
    decided_on = models.DateField(_("decided on"))
    members = models.CharField(
        _("members"), max_length=500, help_text=_("The names of the members of the committee; never of a patient.")
    )
    choice = models.CharField(_("decision"), max_length=16, choices=DisposalChoice.choices)
    reason = models.CharField(_("reason"), max_length=500, help_text=_("Why, without naming a patient."))
    recorded_by = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, editable=False, related_name="+", db_index=False,
        verbose_name=_("recorded by"),
    )  # fmt: skip

    class Meta:
        db_table = "disposal_acts"
        verbose_name = _("act of disposal")
        verbose_name_plural = _("acts of disposal")
        constraints = [
            *tenancy("disposal_acts", ACCESS["disposal_acts"]),
            closed_list("disposal_acts", "choice", DisposalChoice),
            models.UniqueConstraint(fields=["clinic", "number"], name="disposal_acts_number"),
        ]
        triggers = [RecordChanges(), TOUCH, GuardDisposal(), RefuseChange(), RefuseTruncate()]

    def __str__(self) -> str:
        return self.number


class DisposalItem(ClinicModel):
    """A record that an act lists, by the patient's id: who erased it later has nothing else to name it by."""

    act = ClinicForeignKey("compliance.DisposalAct", verbose_name=_("act of disposal"))
    patient_id = models.UUIDField(_("patient"))
    kept_until = models.DateField(_("kept until"))
    plan_digest = models.CharField(
        _("fingerprint of the plan"), max_length=64, validators=[RegexValidator(r"\A[0-9a-f]{64}\Z")]
    )

    retention: ClassVar = "data_request"
    in_clear: ClassVar[dict[str, str]] = {"plan_digest": "a hash of which rows there were"}

    class Meta:
        db_table = "disposal_items"
        verbose_name = _("record to dispose of")
        verbose_name_plural = _("records to dispose of")
        constraints = [
            *tenancy("disposal_items", ACCESS["disposal_items"], same_clinic=["act"]),
            models.UniqueConstraint(fields=["clinic", "act", "patient_id"], name="disposal_items_once"),
            models.CheckConstraint(condition=Q(plan_digest__regex=r"^[0-9a-f]{64}$"), name="disposal_items_digest"),
        ]
        indexes = [models.Index(F("clinic"), F("patient_id"), name="disposal_items_patient")]
        triggers = [
            RecordChanges(patient="patient_id"), TOUCH, GuardDisposal(), RefuseChange(), RefuseTruncate(),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.id)[:8]
