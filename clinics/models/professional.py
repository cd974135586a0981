"""Professionals, their licences, and the one identifier of theirs that is not everybody's to see."""

from typing import Any

import pgtrigger
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.fields import CpfField
from clinics.identifiers import UFS, clean_cpf
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.policies import CURRENT_PATIENT, RowPolicy, tenancy
from neonpro.db.roles import GATE


class Council(models.TextChoices):
    """Professional councils by their code in TISS (ANS, table 26)."""

    CRESS = "01", "CRESS"
    COREN = "02", "COREN"
    CRF = "03", "CRF"
    CREFONO = "04", "CREFONO"
    CREFITO = "05", "CREFITO"
    CRM = "06", "CRM"
    CRN = "07", "CRN"
    CRO = "08", "CRO"
    CRP = "09", "CRP"
    OTHER = "10", _("other")
    CRBIO = "11", "CRBio"
    CRBM = "12", "CRBM"
    CREF = "13", "CREF"
    CRMV = "14", "CRMV"
    CRTR = "15", "CRTR"


class LicenceStatus(models.TextChoices):
    """What the council says of a licence."""

    UNVERIFIED = "unverified", _("not verified")
    ACTIVE = "active", pgettext_lazy("licence", "active")
    PROVISIONAL = "provisional", _("provisional")
    SUSPENDED = "suspended", _("suspended")
    CANCELLED = "cancelled", _("cancelled")
    TRANSFERRED = "transferred", _("transferred")
    DECEASED = "deceased", _("deceased")


class VerificationMethod(models.TextChoices):
    """How a licence was verified with its council."""

    WEBSITE = "website", _("public search on the council's website")
    CERTIFICATE = "certificate", _("certificate issued by the council")
    CONTACT = "contact", _("answer of the council by phone or e-mail")


class GuardLicence(AlwaysTrigger):
    """A verification is of one licence, and says who made it (`sql/guard_licence.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_licence", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_licence()"


LICENCE_RULES = {
    "professionals_verified_anew": _(
        "A licence becomes active by being verified with the council. Use “Verified now” on the professional's page."
    ),
}
"""What `GuardLicence` refuses, by the name it gives the rule, in words for the person who tried."""


class Professional(ClinicModel):
    """Somebody who cares for patients, with the licence of a council or, as an *esteticista*, without one."""

    full_name = models.CharField(_("full name"), max_length=120)
    specialty = models.CharField(_("occupation or specialty"), max_length=80, blank=True)
    membership = ClinicForeignKey(
        "clinics.Membership",
        null=True,
        blank=True,
        verbose_name=_("team member"),
        help_text=_("The person's own access, if there is one."),
    )
    council = models.CharField(
        _("council"), max_length=2, choices=Council.choices, blank=True,
        help_text=_("Empty for occupations without a council (Lei 13.643/2018)."),
    )  # fmt: skip
    council_number = models.CharField(
        _("council number"), max_length=15, blank=True, validators=[RegexValidator(r"^\d{1,15}$", _("Digits only."))]
    )
    council_uf = models.CharField(_("council's state"), max_length=2, choices=UFS, blank=True)
    council_region = models.PositiveSmallIntegerField(
        _("council's region"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("For councils organised by numbered region, such as CRBM, CREFITO, CRN and CRP."),
    )  # fmt: skip
    council_category = models.CharField(_("category"), max_length=10, blank=True)
    rqe = models.CharField(
        _("RQE"), max_length=15, blank=True, validators=[RegexValidator(r"^\d{1,15}$", _("Digits only."))],
        help_text=_(
            "Number under which the council registered the specialty. A doctor's specialty is shown only with it"
            " (CFM 2.336/2023)."
        ),
    )  # fmt: skip
    status = models.CharField(
        _("licence status"), max_length=20, choices=LicenceStatus.choices, default=LicenceStatus.UNVERIFIED,
        db_default=LicenceStatus.UNVERIFIED.value,
    )  # fmt: skip
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    verification_method = models.CharField(
        _("how it was verified"), max_length=12, choices=VerificationMethod.choices, blank=True
    )
    verification_source = models.CharField(
        _("evidence"), max_length=200, blank=True,
        help_text=_("Where it can be seen again: address, protocol or number of the certificate."),
    )  # fmt: skip
    verified_by = ClinicForeignKey(
        "clinics.Membership", null=True, blank=True, editable=False, verbose_name=_("verified by")
    )
    recheck_on = models.DateField(_("check again on"), null=True, blank=True)
    valid_until = models.DateField(
        _("licence valid until"), null=True, blank=True, help_text=_("Where the council gave it for a time only.")
    )
    is_active = models.BooleanField(_("active"), default=True, db_default=True)

    class Meta:
        db_table = "professionals"
        verbose_name = _("professional")
        verbose_name_plural = _("professionals")
        constraints = [
            *tenancy("professionals", ACCESS["professionals"], same_clinic=["membership", "verified_by"]),
            # A patient on the page «Meus dados» is told names (neonpro.team_names), and sees no row.
            RowPolicy(
                name="professionals_gate",
                command="SELECT",
                using=f"clinic_id = (SELECT neonpro.current_clinic()) AND {CURRENT_PATIENT} IS NOT NULL",
                to=[GATE],
            ),
            closed_list("professionals", "council", Council, blank=True),
            closed_list("professionals", "status", LicenceStatus),
            closed_list("professionals", "verification_method", VerificationMethod, blank=True),
            models.CheckConstraint(
                condition=Q(council="", council_number="", council_uf="", council_region__isnull=True)
                | (
                    ~Q(council="")
                    & ~Q(council_number="")
                    & (
                        (~Q(council_uf="") & Q(council_region__isnull=True))
                        | (Q(council_uf="") & Q(council_region__isnull=False))
                    )
                ),
                name="professionals_licence_whole",
                violation_error_message=_(
                    "A licence has a council, a number and either the state or the region: not both, not neither."
                ),
            ),
            models.CheckConstraint(
                condition=Q(status="unverified") | Q(verified_at__isnull=False),
                name="professionals_verified_when",
                violation_error_message=_("Say when the council confirmed this status."),
            ),
            models.UniqueConstraint(
                fields=["clinic", "council", "council_uf", "council_region", "council_category", "council_number"],
                condition=~Q(council=""),
                nulls_distinct=False,
                name="professionals_one_per_licence",
                violation_error_message=_("This clinic already has a professional with this licence."),
            ),
        ]
        triggers = [RecordChanges(), TOUCH, GuardLicence()]

    def __str__(self) -> str:
        return self.full_name

    @property
    def licence(self) -> str:
        """The licence as people write it: CRM-SP 123456, CRBM-1 1234; '' without one."""
        if not self.council:
            return ""
        return f"{self.get_council_display()}-{self.council_uf or self.council_region} {self.council_number}"

    @property
    def shown_specialty(self) -> str:
        """The specialty for patients and documents: a doctor's only with its RQE (CFM 2.336/2023 art. 4)."""
        if self.council != Council.CRM:
            return self.specialty
        return f"{self.specialty} (RQE {self.rqe})" if self.specialty and self.rqe else ""

    @property
    def cpf(self) -> str:
        """The person's CPF; '' where none is registered or the reader may not see it (`ProfessionalIdentity`)."""
        if "_cpf" not in self.__dict__:
            found = ProfessionalIdentity.objects.filter(professional=self.pk).values_list("cpf", flat=True).first()
            self._cpf: str = found or ""
        return self._cpf

    @cpf.setter
    def cpf(self, value: str) -> None:
        """Takes effect with `save`. Raises `ValidationError` for a CPF whose digits do not add up."""
        self._cpf, self._cpf_given = clean_cpf(value or ""), True

    def save(self, *args: Any, **options: Any) -> None:
        """Save the row, and the CPF where one was set."""
        fields = options.get("update_fields")
        if fields is not None:
            options["update_fields"] = [name for name in fields if name != "cpf"]
        super().save(*args, **options)
        if self.__dict__.pop("_cpf_given", False):
            identities = ProfessionalIdentity.objects.filter(professional=self.pk)
            if not self._cpf:
                identities.delete()
            elif not identities.update(cpf=self._cpf):
                ProfessionalIdentity.objects.create(professional=self, clinic_id=self.clinic_id, cpf=self._cpf)

    def refresh_from_db(self, *args: Any, **options: Any) -> None:
        """Read the row anew, and the CPF when it is next asked for."""
        super().refresh_from_db(*args, **options)
        self.__dict__.pop("_cpf", None)
        self.__dict__.pop("_cpf_given", None)

    def clean(self) -> None:
        """A licence cannot have been verified in the future."""
        if self.verified_at and self.verified_at > timezone.now():
            raise ValidationError({"verified_at": _("The verification cannot be in the future.")})


OWN_PROFESSIONALS = (
    "professional_id IN (SELECT p.id FROM public.professionals AS p JOIN public.clinic_memberships AS m"
    " ON m.clinic_id = p.clinic_id AND m.id = p.membership_id WHERE m.user_id = (SELECT neonpro.current_user_id()))"
)
"""The row of whoever asks, where they are a professional themselves."""


class ProfessionalIdentity(ClinicModel):
    """A professional's CPF, apart: the whole team sees professionals, and this only the manager and the person.

    It is not under a patient's key, which ends with the patient; row policies keep it, and the audit log says only that
    it changed. A signature compares it with the certificate's.
    """

    professional = ClinicForeignKey("clinics.Professional", on_delete=models.CASCADE, verbose_name=_("professional"))
    cpf = CpfField(_("CPF"))

    class Meta:
        db_table = "professional_identities"
        verbose_name = _("professional's CPF")
        verbose_name_plural = _("professionals' CPFs")
        constraints = [
            *tenancy("professional_identities", ACCESS["professional_identities"], same_clinic=["professional"]),
            RowPolicy(name="professional_identities_own", command="SELECT", using=OWN_PROFESSIONALS),
            models.CheckConstraint(condition=Q(cpf__regex=r"^[0-9]{11}$"), name="professional_identities_cpf_form"),
            models.UniqueConstraint(
                fields=["clinic", "professional"], name="professional_identities_one_per_professional"
            ),
            models.UniqueConstraint(
                fields=["clinic", "cpf"],
                name="professional_identities_one_per_cpf",
                violation_error_message=_("This clinic already has a professional with this CPF."),
            ),
        ]
        triggers = [RecordChanges(withheld=["cpf"]), TOUCH]

    def __str__(self) -> str:
        return str(self.id)[:8]
