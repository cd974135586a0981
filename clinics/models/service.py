"""What a clinic offers."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import RecordChanges
from neonpro.db.policies import (
    public,
    tenancy,
)


class ServiceCategory(models.TextChoices):
    """What kind of service it is."""

    CONSULTATION = "consultation", _("consultation")
    FOLLOW_UP = "follow_up", _("follow-up")
    PROCEDURE = "procedure", _("procedure")
    AESTHETIC = "aesthetic", _("aesthetic procedure")
    EXAM = "exam", _("exam")


class ProcedureClass(models.TextChoices):
    """What decides who may perform a service (`clinics.scope`); the classes of the rule licences.scope.defaults."""

    SURGERY = "surgery", _("surgery")
    SEDATION = "sedation", _("sedation")
    INJECTABLE = "injectable", _("injectables")
    MEDICINE = "medicine", _("application of medicines")
    COSMETIC = "cosmetic", _("cosmetics, without medicines")


class Service(ClinicModel):
    """Something a clinic offers: how long it takes and what it costs."""

    name = models.CharField(_("name"), max_length=120)
    category = models.CharField(_("category"), max_length=20, choices=ServiceCategory.choices)
    procedure_class = models.CharField(
        _("procedure class"), max_length=12, choices=ProcedureClass.choices, blank=True, db_default="",
        help_text=_("Decides who may perform it, by the clinic's matrix. Empty: anybody."),
    )  # fmt: skip
    tuss_code = models.CharField(
        _("TUSS code"), max_length=8, blank=True,
        validators=[RegexValidator(r"^\d{8}$", _("A TUSS code has 8 digits."))],
        help_text=_("Terminologia Unificada da Saúde Suplementar (ANS), table 22."),
    )  # fmt: skip
    duration_minutes = models.PositiveSmallIntegerField(_("duration (minutes)"), validators=[MinValueValidator(5)])
    price_cents = models.PositiveIntegerField(_("price (cents)"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True, db_default=True)

    class Meta:
        db_table = "services"
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints = [
            *tenancy("services", ACCESS["services"]),
            public("services"),
            closed_list("services", "category", ServiceCategory),
            closed_list("services", "procedure_class", ProcedureClass, blank=True),
            models.CheckConstraint(
                condition=Q(tuss_code="") | Q(tuss_code__regex=r"^[0-9]{8}$"), name="services_tuss_form"
            ),
            models.CheckConstraint(
                condition=Q(duration_minutes__gte=5, duration_minutes__lte=720),
                name="services_duration_range",
                violation_error_message=_("A service takes between 5 minutes and 12 hours."),
            ),
            models.UniqueConstraint(
                "clinic", Lower("name"), name="services_one_per_name",
                violation_error_message=_("This clinic already has a service with this name."),
            ),
        ]  # fmt: skip
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        return self.name
