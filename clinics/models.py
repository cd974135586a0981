"""Users, clinics, memberships, professionals and services."""

from typing import Any, ClassVar
from uuid import uuid4

import pgtrigger
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.functions import RandomUUID
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, RecordModel, closed_list
from clinics.fields import CepField, CnpjField, PhoneField
from clinics.identifiers import TIME_ZONES, UFS
from clinics.roles import ACCESS, JOB, SIGN_IN, Role
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.policies import (
    CURRENT_ROLE,
    CURRENT_USER,
    RowPolicy,
    SameClinic,
    clinic_policy,
    role_policies,
    tenancy,
)
from neonpro.db.roles import GATE

NEW_ACCOUNT_ROLES = f"{CURRENT_ROLE} IN ('{JOB}', '{SIGN_IN}')"


class UserManager(BaseUserManager["User"]):
    """Accounts by e-mail."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an account, in a job's context. Without a password nobody can sign in to it yet."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a platform account. It opens no clinic: only memberships do."""
        return self.create_user(email, password, **(fields | {"is_superuser": True}))


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]
    """An account that signs in. What it may do is its membership's to say, clinic by clinic.

    An account belongs to no clinic, so it is not shown to one: colleagues see the name that their own clinic wrote
    into the membership. A clinic therefore never learns where else somebody works.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, db_default=RandomUUID(), editable=False)
    email = models.EmailField(_("e-mail"))
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), db_default=Now(), editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table = "users"
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(Lower("email"), name="users_one_per_email"),
            RowPolicy(name="users_view", command="SELECT", using=f"id = {CURRENT_USER} OR {NEW_ACCOUNT_ROLES}"),
            RowPolicy(name="users_change", command="UPDATE", using=f"id = {CURRENT_USER} OR {NEW_ACCOUNT_ROLES}"),
            RowPolicy(name="users_add", command="INSERT", using=f"{CURRENT_ROLE} = '{JOB}'"),
            RowPolicy(name="users_gate", command="SELECT", using="true", to=[GATE]),
            # A manager invites by e-mail; whether the account existed is not told (neonpro.invite).
            RowPolicy(name="users_invite", command="INSERT", using="true", to=[GATE]),
        ]
        triggers = [
            RecordChanges(clinic=None, withheld=["email", "password"], derived=["last_login"]),
            TOUCH,
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_staff(self) -> bool:
        """Everyone who can sign in works in the admin; without a membership it shows nothing."""
        return self.is_active

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether a backend grants it. Being a superuser grants nothing: a clinic's data is its members'."""
        from clinics.auth import has_perm

        return self.is_active and has_perm(self, perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether the role in the current clinic may do anything with an app."""
        from clinics.auth import has_module_perms

        return self.is_active and has_module_perms(self, app_label)


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


class GuardTeam(AlwaysTrigger):
    """Nobody changes their own role, and a clinic keeps a manager (`sql/guard_team.sql`)."""

    when = pgtrigger.After
    operation = pgtrigger.Update | pgtrigger.Delete

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_team", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_team()"


TEAM_RULES = {
    "clinic_memberships_not_own_role": _("You cannot change your own role or end your own access."),
    "clinic_memberships_keep_manager": _("A clinic keeps at least one active manager: name another one first."),
}
"""What `GuardTeam` refuses, by the name it gives the rule, in words for the person who tried."""


class Membership(ClinicModel):
    """A person's place in a clinic: one account, one role. Ending it takes effect with the next request."""

    user = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, related_name="+", db_index=False, editable=False,
        verbose_name=_("user"),
    )  # fmt: skip
    display_name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail"), help_text=_("The address this person signs in with."))
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    may_overbook = models.BooleanField(
        _("may overbook (encaixe)"), default=False, db_default=False,
        help_text=_("May book at a time that is taken or closed, giving a reason. Managers always may."),
    )  # fmt: skip

    class Meta:
        db_table = "clinic_memberships"
        verbose_name = _("team member")
        verbose_name_plural = _("team")
        constraints = [
            *tenancy("clinic_memberships", ACCESS["clinic_memberships"]),
            RowPolicy(name="clinic_memberships_gate", command="SELECT", using="true", to=[GATE]),
            closed_list("clinic_memberships", "role", Role),
            models.UniqueConstraint(
                fields=["clinic", "user"],
                name="clinic_memberships_one_per_user",
                violation_error_message=_("This person is already in the team."),
            ),
        ]
        # The gate looks memberships up by person.
        indexes = [models.Index(fields=["user", "clinic"], name="clinic_memberships_user")]
        triggers = [RecordChanges(), TOUCH, GuardTeam()]

    def __str__(self) -> str:
        return self.display_name


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
        help_text=_("A specialty is shown only with its RQE (CFM 2.336/2023)."),
    )  # fmt: skip
    status = models.CharField(
        _("licence status"), max_length=20, choices=LicenceStatus.choices, default=LicenceStatus.UNVERIFIED,
        db_default=LicenceStatus.UNVERIFIED.value,
    )  # fmt: skip
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    verification_source = models.CharField(
        _("how it was verified"), max_length=200, blank=True, help_text=_("Where the council confirmed it, and when.")
    )
    recheck_on = models.DateField(_("check again on"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True, db_default=True)

    class Meta:
        db_table = "professionals"
        verbose_name = _("professional")
        verbose_name_plural = _("professionals")
        constraints = [
            *tenancy("professionals", ACCESS["professionals"], same_clinic=["membership"]),
            closed_list("professionals", "council", Council, blank=True),
            closed_list("professionals", "status", LicenceStatus),
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
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        return self.full_name

    @property
    def licence(self) -> str:
        """The licence as people write it: CRM-SP 123456, CRBM-1 1234; '' without one."""
        if not self.council:
            return ""
        return f"{self.get_council_display()}-{self.council_uf or self.council_region} {self.council_number}"

    def clean(self) -> None:
        """A licence cannot have been verified in the future."""
        if self.verified_at and self.verified_at > timezone.now():
            raise ValidationError({"verified_at": _("The verification cannot be in the future.")})


class ServiceCategory(models.TextChoices):
    """What kind of service it is."""

    CONSULTATION = "consultation", _("consultation")
    FOLLOW_UP = "follow_up", _("follow-up")
    PROCEDURE = "procedure", _("procedure")
    AESTHETIC = "aesthetic", _("aesthetic procedure")
    EXAM = "exam", _("exam")


class Service(ClinicModel):
    """Something a clinic offers: how long it takes and what it costs."""

    name = models.CharField(_("name"), max_length=120)
    category = models.CharField(_("category"), max_length=20, choices=ServiceCategory.choices)
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
            closed_list("services", "category", ServiceCategory),
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
