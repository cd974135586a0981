"""What stands outside of clinics: substances and their lists, which are the law's; a professional's SNCR numbers."""

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, RecordModel, closed_list
from clinics.roles import ACCESS, Role
from neonpro.db.audit import AlwaysTrigger, RecordChanges, RefuseTruncate
from neonpro.db.policies import CURRENT_ROLE, CURRENT_USER, RowPolicy, role_policies
from patients.prescription_rules import BY_DOSE, BY_PERSON, Kind, SubstanceList


class Group(models.TextChoices):
    """Groups of substances whose treatment may be longer (Portaria 344/1998)."""

    ANTICONVULSANT = "anticonvulsant", _("anticonvulsant")
    ANTIPARKINSON = "antiparkinson", _("antiparkinsonian")


class AdendoBy(models.TextChoices):
    """How an adendo may move a substance to a lighter document."""

    DOSE = BY_DOSE, pgettext_lazy("adendo", "by the dose that the rules name")
    PERSON = BY_PERSON, pgettext_lazy("adendo", "as a person reads in the norm")


class Substance(RecordModel):
    """A substance as the law has it from a day on: the same for all clinics, written by `manage.py import_substances`.

    When a norm moves a substance, its row ends (`valid_to`) and another with the same code begins: what was prescribed
    before can still be explained. `review` marks an entry that nobody has compared with the norm: pages say so.
    """

    code = models.CharField(_("code"), max_length=60)
    name = models.CharField(_("name (DCB)"), max_length=120)
    synonyms = ArrayField(models.CharField(max_length=80), verbose_name=_("also known as"), default=list, blank=True)
    on_list = models.CharField(_("list"), max_length=4, choices=SubstanceList.choices, blank=True)
    group = models.CharField(_("group"), max_length=20, choices=Group.choices, blank=True)
    classes = ArrayField(models.CharField(max_length=60), verbose_name=_("classes"), default=list, blank=True)
    presentations = ArrayField(
        models.CharField(max_length=80), verbose_name=_("forms and concentrations"), default=list, blank=True
    )
    adendo = models.CharField(_("adendo"), max_length=10, choices=AdendoBy.choices, blank=True)
    kinds = ArrayField(
        models.CharField(max_length=20, choices=Kind.choices), verbose_name=_("documents it may go on"), default=list,
        blank=True, help_text=_("Worked out from the rules when the entry is imported; empty: it is never prescribed."),
    )  # fmt: skip
    legal_ref = models.CharField(_("legal reference"), max_length=120)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True)
    review = models.BooleanField(_("to be checked"), default=False, db_default=False)

    class Meta:
        db_table = "substances"
        verbose_name = _("substance")
        verbose_name_plural = _("substances")
        constraints = [
            *role_policies("substances", ACCESS["substances"]),
            closed_list("substances", "on_list", SubstanceList, blank=True),
            closed_list("substances", "group", Group, blank=True),
            closed_list("substances", "adendo", AdendoBy, blank=True),
            models.CheckConstraint(
                condition=Q(kinds__contained_by=Kind.values),
                name="substances_kinds_listed",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="substances_days"
            ),
            models.CheckConstraint(condition=~Q(legal_ref="") & ~Q(name="") & ~Q(code=""), name="substances_whole"),
            models.UniqueConstraint(fields=["code", "valid_from"], name="substances_one_per_day"),
            models.UniqueConstraint(
                fields=["code"], condition=Q(valid_to__isnull=True), name="substances_one_in_force"
            ),
        ]
        triggers = [RecordChanges(clinic=None), TOUCH, RefuseTruncate()]

    def __str__(self) -> str:
        return self.name


class GuardSncrNumber(AlwaysTrigger):
    """A number is its professional's, is used once and never again (`sql/guard_sncr_number.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_sncr_number", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_sncr_number()"


class SncrType(models.TextChoices):
    """What SNCR gives numbers for (RDC 873/2024)."""

    NRA = "NRA", "NRA"
    NRB = "NRB", "NRB"
    NRB2 = "NRB2", "NRB2"
    NRR = "NRR", "NRR"
    NRT = "NRT", "NRT"
    RCE = "RCE", "RCE"
    RET = "RET", "RET"


SNCR_FORM = r"^[0-9]{4}\.[0-9]-[0-9]{2}\.[0-9]{7}$"
"""As the rule prescriptions.sncr.number has it, for PostgreSQL; a test keeps the two together."""


class SncrNumber(RecordModel):
    """A number that SNCR gave to a person who prescribes: theirs in every clinic, good for one document, ever.

    It belongs to the account, not to a clinic (RDC 1.000/2025); no clinic sees it, only its owner does.
    """

    user = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, related_name="+", editable=False, verbose_name=_("user")
    )
    sncr_type = models.CharField(_("type in SNCR"), max_length=4, choices=SncrType.choices)
    number = models.CharField(_("SNCR number"), max_length=20)
    used_for = models.UUIDField(_("used for"), null=True, editable=False)
    used_in = models.UUIDField(_("used in"), null=True, editable=False)
    used_at = models.DateTimeField(_("used at"), null=True, editable=False)

    class Meta:
        db_table = "sncr_numbers"
        verbose_name = _("SNCR number")
        verbose_name_plural = _("SNCR numbers")
        constraints = [
            *(
                RowPolicy(
                    name=f"sncr_numbers_{name}",
                    command=command,
                    using=f"user_id = {CURRENT_USER} AND {CURRENT_ROLE} = '{Role.PROFESSIONAL.value}'",
                )
                for name, command in (("view", "SELECT"), ("add", "INSERT"), ("change", "UPDATE"))
            ),
            closed_list("sncr_numbers", "sncr_type", SncrType),
            models.CheckConstraint(condition=Q(number__regex=SNCR_FORM), name="sncr_numbers_form"),
            models.CheckConstraint(
                condition=Q(used_for__isnull=True, used_in__isnull=True, used_at__isnull=True)
                | Q(used_for__isnull=False, used_in__isnull=False, used_at__isnull=False),
                name="sncr_numbers_used_whole",
            ),
            # For ever and for everybody: SNCR gives each number once.
            models.UniqueConstraint(
                fields=["number"], name="sncr_numbers_once",
                violation_error_message=_("This number was recorded before: SNCR gives each number once."),
            ),
            models.UniqueConstraint(
                fields=["used_for"], condition=Q(used_for__isnull=False), name="sncr_numbers_one_per_document"
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(
                fields=["user", "sncr_type", "created_at"], condition=Q(used_for__isnull=True),
                name="sncr_numbers_free",
            ),
        ]  # fmt: skip
        triggers = [RecordChanges(clinic=None), TOUCH, GuardSncrNumber(), RefuseTruncate()]

    def __str__(self) -> str:
        return f"{self.sncr_type} {self.number}"
