"""Who may perform what in a clinic: its matrix of procedure classes and councils, and the director's sign-offs."""

from typing import Any

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.models.professional import Council
from clinics.models.service import ProcedureClass
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.policies import tenancy


class ScopeLevel(models.TextChoices):
    """What a clinic's matrix says of a procedure class in the hands of a council's members."""

    ALLOWED = "allowed", _("allowed")
    WITH_TITLE = "allowed_with_title", _("allowed with a registered specialty")
    DISPUTED = "disputed", _("disputed")
    FORBIDDEN = "forbidden", _("forbidden")


class ScopeRule(ClinicModel):
    """One cell of a clinic's matrix. It is the clinic's own decision, never the law's words.

    Where a cell is empty the clinic has not decided, and nobody performs it.
    """

    procedure_class = models.CharField(_("procedure class"), max_length=12, choices=ProcedureClass.choices)
    council = models.CharField(
        _("council"), max_length=2, choices=Council.choices, blank=True,
        help_text=_("Empty: occupations without a council."),
    )  # fmt: skip
    level = models.CharField(_("who may perform it"), max_length=20, choices=ScopeLevel.choices)
    limits = models.CharField(
        _("limits"), max_length=120, blank=True, help_text=_("For example: only on the face. Shown with the decision.")
    )

    class Meta:
        db_table = "scope_rules"
        verbose_name = _("scope of practice")
        verbose_name_plural = _("scope of practice")
        constraints = [
            *tenancy("scope_rules", ACCESS["scope_rules"]),
            closed_list("scope_rules", "procedure_class", ProcedureClass),
            closed_list("scope_rules", "council", Council, blank=True),
            closed_list("scope_rules", "level", ScopeLevel),
            models.UniqueConstraint(
                fields=["clinic", "procedure_class", "council"],
                name="scope_rules_one_per_cell",
                violation_error_message=_("The matrix already says something about this class and council."),
            ),
        ]
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        council = self.get_council_display() if self.council else _("without council")
        return f"{self.get_procedure_class_display()} × {council}"


class GuardSignOff(AlwaysTrigger):
    """Only the clinic's technical director signs off, in their own name (`sql/guard_signoff.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_signoff", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_signoff()"


SIGN_OFF_RULES = {
    "scope_signoffs_director_only": _(
        "Only the clinic's technical director signs off disputed procedures, signed in with their own access."
    ),
    "scope_signoffs_director_licence": _(
        "The technical director's own licence is not verified or has to be checked again: do that first."
    ),
    "scope_signoffs_days": _("The sign-off has to end today or later."),
    "scope_signoffs_kept": _("A sign-off does not change. End it, and give another one."),
    "scope_signoffs_end": _("Only the technical director or a manager ends a sign-off."),
}
"""What `GuardSignOff` refuses, by the name it gives the rule, in words for the person who tried."""


class ScopeSignOff(ClinicModel):
    """The technical director takes responsibility for one professional and one disputed procedure class, for a time."""

    professional = ClinicForeignKey("clinics.Professional", verbose_name=_("professional"))
    procedure_class = models.CharField(_("procedure class"), max_length=12, choices=ProcedureClass.choices)
    director = ClinicForeignKey("clinics.Professional", editable=False, verbose_name=_("technical director"))
    reason = models.CharField(_("reason"), max_length=500)
    until = models.DateField(_("until"))
    signed_at = models.DateTimeField(_("signed off at"), db_default=Now(), editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)

    class Meta:
        db_table = "scope_signoffs"
        verbose_name = _("sign-off")
        verbose_name_plural = _("sign-offs")
        constraints = [
            *tenancy("scope_signoffs", ACCESS["scope_signoffs"], same_clinic=["professional", "director"]),
            closed_list("scope_signoffs", "procedure_class", ProcedureClass),
            models.CheckConstraint(condition=~Q(reason=""), name="scope_signoffs_reason_given"),
        ]
        indexes = [models.Index(fields=["clinic", "professional", "procedure_class"], name="scope_signoffs_of")]
        triggers = [RecordChanges(), TOUCH, GuardSignOff()]

    def __str__(self) -> str:
        return f"{self.get_procedure_class_display()} {self.until:%d/%m/%Y}"
