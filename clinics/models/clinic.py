"""The clinic: the tenant."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, RecordModel, closed_list
from clinics.fields import CepField, CnpjField, PhoneField
from clinics.identifiers import TIME_ZONES, UFS
from clinics.roles import ACCESS
from neonpro.db.audit import RecordChanges
from neonpro.db.policies import (
    RowPolicy,
    SameClinic,
    clinic_policy,
    public,
    role_policies,
)
from neonpro.db.roles import GATE


class ClinicKind(models.TextChoices):
    """Which sanitary rules apply (Anvisa, Nota Técnica 2/2024)."""

    HEALTH_SERVICE = "health_service", _("health service")
    INTEREST_TO_HEALTH = "interest_to_health", _("service of interest to health")


class Clinic(RecordModel):
    """A clinic: the tenant, and the controller of its patients' data (LGPD art. 5 VI)."""

    trade_name = models.CharField(_("trade name"), max_length=120)
    legal_name = models.CharField(_("legal name"), max_length=160)
    cnpj = CnpjField(_("CNPJ"), blank=True)
    cnes = models.CharField(
        _("CNES"),
        max_length=7,
        blank=True,
        validators=[RegexValidator(r"^\d{7}$", _("A CNES has 7 digits."))],
        help_text=_("Number in the national register of health establishments."),
    )
    kind = models.CharField(
        _("establishment kind"),
        max_length=20,
        choices=ClinicKind.choices,
        default=ClinicKind.HEALTH_SERVICE,
        help_text=_("Decides which sanitary rules apply (Anvisa, Nota Técnica 2/2024)."),
    )
    licence_number = models.CharField(_("sanitary licence"), max_length=40, blank=True)
    licence_authority = models.CharField(_("licensing authority"), max_length=120, blank=True)
    licence_issued_on = models.DateField(_("licence issued on"), null=True, blank=True)
    licence_expires_on = models.DateField(_("licence expires on"), null=True, blank=True)
    technical_director = ClinicForeignKey(
        "clinics.Professional", null=True, blank=True, verbose_name=_("technical director")
    )
    dpo_name = models.CharField(
        _("data protection officer"),
        max_length=120,
        blank=True,
        help_text=_("Name and contact are public (LGPD art. 41 § 1)."),
    )
    dpo_email = models.EmailField(_("data protection officer's e-mail"), blank=True)
    dpo_substitute = models.CharField(_("officer's substitute"), max_length=120, blank=True)
    anpd_small_agent = models.BooleanField(
        _("small processing agent"),
        default=False,
        db_default=False,
        help_text=_("Resolução CD/ANPD 2/2022. Rarely true for a clinic: sensitive data at scale is high risk."),
    )
    anpd_small_agent_reason = models.TextField(_("reason for small agent"), blank=True)
    phone = PhoneField(_("phone"), blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    street = models.CharField(_("address"), max_length=160, blank=True)
    city = models.CharField(_("city"), max_length=80, blank=True)
    uf = models.CharField(_("state"), max_length=2, choices=UFS, blank=True)
    cep = CepField(_("CEP"), blank=True)
    time_zone = models.CharField(_("time zone"), max_length=40, choices=TIME_ZONES, default="America/Sao_Paulo")
    is_active = models.BooleanField(_("active"), default=True, db_default=True, editable=False)

    class Meta:
        db_table = "clinics"
        verbose_name = _("clinic")
        verbose_name_plural = _("clinics")
        constraints = [
            clinic_policy("clinics", "id"),
            *role_policies("clinics", ACCESS["clinics"]),
            public("clinics"),
            SameClinic(name="clinics_director_same_clinic", field="technical_director", clinic_column="id"),
            RowPolicy(name="clinics_gate", command="SELECT", using="true", to=[GATE]),
            models.CheckConstraint(
                condition=Q(cnpj="") | Q(cnpj__regex=r"^[0-9A-Z]{12}[0-9]{2}$"), name="clinics_cnpj_form"
            ),
            models.CheckConstraint(condition=Q(cnes="") | Q(cnes__regex=r"^[0-9]{7}$"), name="clinics_cnes_form"),
            models.CheckConstraint(
                condition=Q(licence_issued_on__isnull=True)
                | Q(licence_expires_on__isnull=True)
                | Q(licence_expires_on__gt=F("licence_issued_on")),
                name="clinics_licence_dates",
                violation_error_message=_("The licence expires before it was issued."),
            ),
            models.CheckConstraint(
                condition=Q(anpd_small_agent=False) | ~Q(anpd_small_agent_reason=""),
                name="clinics_small_agent_reason",
                violation_error_message=_("A small processing agent needs its reason in writing."),
            ),
            closed_list("clinics", "kind", ClinicKind),
            models.CheckConstraint(
                condition=Q(time_zone__in=[zone for zone, _name in TIME_ZONES]), name="clinics_time_zone_listed"
            ),
        ]
        triggers = [RecordChanges(clinic="id"), TOUCH]

    def __str__(self) -> str:
        return self.trade_name
