"""Erasures, from plan to certificate; and the legal holds that stop them."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.policies import own_rows, tenancy
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedTextField
from neonpro.vault.models import VaultModel


class GuardErasure(AlwaysTrigger):
    """Two people, each as themselves; what was carried out stays (`sql/guard_erasure.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_erasure", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_erasure()"


class ErasureKind(models.TextChoices):
    """Why a patient's data are erased."""

    REQUEST = "request", _("at the holder's request")
    RETENTION = "retention", _("its time was over")
    REPLAY = "replay", _("again, after a restore")
    DISPOSAL = "disposal", _("by decision of the committee")


class Erasure(ClinicModel):
    """A plan that somebody proposes, somebody else approves, and that is then carried out once."""

    kind = models.CharField(_("kind"), max_length=10, choices=ErasureKind.choices, default=ErasureKind.REQUEST)
    request = ClinicForeignKey("compliance.DataRequest", null=True, blank=True, verbose_name=_("request"))
    disposal = ClinicForeignKey(
        "compliance.DisposalItem", null=True, blank=True, verbose_name=_("record to dispose of")
    )
    patient_id = models.UUIDField(_("patient"))
    plan = models.JSONField(_("plan"))
    plan_digest = models.CharField(_("fingerprint of the plan"), max_length=64)
    proposed_by = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, null=True, related_name="+", db_index=False,
        verbose_name=_("proposed by"),
    )  # fmt: skip
    approved_by = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, null=True, related_name="+", db_index=False,
        verbose_name=_("approved by"),
    )  # fmt: skip
    approved_at = models.DateTimeField(_("approved at"), null=True)
    alone = models.BooleanField(_("approved by the only DPO, signed in again"), default=False)
    # Where the erased words still stand on purpose: they are somebody else's (a member of the team of the same name).
    coincidences = models.JSONField(_("coincidences"), default=dict)
    executed_at = models.DateTimeField(_("carried out at"), null=True)
    certificate = models.TextField(_("certificate"), blank=True)

    retention: ClassVar = "data_request"
    in_clear: ClassVar[dict[str, str]] = {
        "kind": "a closed list",
        "plan": "tables, numbers, dates and norms",
        "plan_digest": "a hash of the plan",
        "coincidences": "names of tables and columns, and numbers",
        "certificate": "made to hold no personal data",
    }

    class Meta:
        db_table = "erasures"
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        constraints = [
            *tenancy("erasures", ACCESS["erasures"], same_clinic=["request", "disposal"]),
            own_rows("erasures"),
            closed_list("erasures", "kind", ErasureKind),
            models.CheckConstraint(
                condition=~Q(kind="request") | Q(request__isnull=False, proposed_by__isnull=False),
                name="erasures_of_a_request",
            ),
            models.CheckConstraint(
                condition=(~Q(kind="disposal") & Q(disposal__isnull=True))
                | Q(kind="disposal", disposal__isnull=False, proposed_by__isnull=False),
                name="erasures_of_an_act",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")) | Q(alone=True),
                name="erasures_two_people",
            ),
        ]
        indexes = [models.Index(F("clinic"), F("patient_id"), name="erasures_patient")]
        triggers = [RecordChanges(patient="patient_id"), TOUCH, GuardErasure()]

    def __str__(self) -> str:
        return str(self.id)[:8]


class LegalHold(VaultModel, ClinicModel):
    """An order or a dispute for whose sake nothing of a patient may be deleted or erased."""

    patient_id = models.UUIDField(_("patient"))
    reason = EncryptedTextField(
        _("reason"), max_length=300, label="legal_hold.reason", category="identification", patient="patient"
    )
    placed_by = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, editable=False, related_name="+", db_index=False,
        verbose_name=_("placed by"),
    )  # fmt: skip
    until = models.DateField(_("until"), null=True, blank=True)
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True, editable=False)

    retention: ClassVar = "data_request"

    class Meta:
        db_table = "legal_holds"
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        constraints = [*tenancy("legal_holds", ACCESS["legal_holds"])]
        indexes = [models.Index(F("clinic"), F("patient_id"), name="legal_holds_patient")]
        triggers = [RecordChanges(patient="patient_id"), TOUCH, KeepPatient()]

    def __str__(self) -> str:
        return str(self.id)[:8]
