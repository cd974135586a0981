"""The patient: identification and contact, encrypted under the patient's own keys."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicModel
from clinics.fields import (
    EncryptedCepField,
    EncryptedCnsField,
    EncryptedCpfField,
    EncryptedEmailField,
    EncryptedPhoneField,
)
from clinics.history import ClinicHistory
from clinics.identifiers import UFS
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.policies import AT_THE_DOOR, RowPolicy, own_rows, tenancy
from neonpro.db.roles import SEARCH
from neonpro.vault.fields import EncryptedDateField, EncryptedTextField, NotEmpty
from neonpro.vault.models import VaultModel
from neonpro.vault.retention import Share
from neonpro.vault.search import SearchIndex


class NewRecordNumber(Func):
    """Eight random digits that no other patient of the clinic has (`sql/new_record_number.sql`)."""

    function = "neonpro.new_record_number"
    output_field = models.CharField()


class GuardRestriction(AlwaysTrigger):
    """Only the DPO closes a patient's data to the others, or opens them again (`sql/guard_restriction.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_restriction", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_restriction()"


class Sex(models.TextChoices):
    """Sex as the record must state it (CFM 1.638/2002 art. 5)."""

    FEMALE = "female", _("female")
    MALE = "male", _("male")
    INTERSEX = "intersex", _("intersex")


def _identification(label: str, **options: Any) -> dict[str, Any]:
    return {"label": f"patient.{label}", "category": "identification", "blank": True, **options}


def _contact(label: str, **options: Any) -> dict[str, Any]:
    return {"label": f"patient.{label}", "category": "contact", "blank": True, **options}


class Patient(VaultModel, ClinicModel):
    """A person cared for by one clinic; the same person elsewhere is another row.

    Nothing that prints a patient prints a name: `str()` is the record number, and pages ask for `display_name`.
    """

    # The record number is drawn, not counted: it tells nobody how many patients a clinic has.
    record_number = models.CharField(
        _("record number"), max_length=8, db_default=NewRecordNumber(), editable=False, unique=False
    )
    name = EncryptedTextField(_("full name"), max_length=160, **_identification("name", blank=False))
    preferred_name = EncryptedTextField(
        _("preferred name"), max_length=160,
        help_text=_("Shown everywhere instead of the civil name (Lei 15.378/2026)."),
        **_identification("preferred_name"),
    )  # fmt: skip
    mother_name = EncryptedTextField(_("mother's name"), max_length=160, **_identification("mother_name"))
    birth_date = EncryptedDateField(_("date of birth"), null=True, **_identification("birth_date"))
    # In clear, for statistics: a year is many people's.
    birth_year = models.PositiveSmallIntegerField(_("year of birth"), null=True, blank=True)
    sex = EncryptedTextField(_("sex"), choices=Sex.choices, **_identification("sex"))
    birthplace_city = EncryptedTextField(_("birthplace: city"), max_length=80, **_identification("birthplace_city"))
    birthplace_uf = EncryptedTextField(_("birthplace: state"), choices=UFS, **_identification("birthplace_uf"))
    cpf = EncryptedCpfField(_("CPF"), **_identification("cpf"))
    cns = EncryptedCnsField(_("CNS"), **_identification("cns"))
    passport = EncryptedTextField(_("passport"), max_length=20, **_identification("passport"))
    phone = EncryptedPhoneField(_("phone"), **_contact("phone"))
    other_phone = EncryptedPhoneField(_("other phone"), **_contact("other_phone"))
    email = EncryptedEmailField(_("e-mail"), max_length=254, **_contact("email"))
    street = EncryptedTextField(_("address"), max_length=160, **_identification("street"))
    district = EncryptedTextField(_("district"), max_length=80, **_identification("district"))
    city = EncryptedTextField(_("city"), max_length=80, **_identification("city"))
    uf = EncryptedTextField(_("state"), choices=UFS, **_identification("uf"))
    cep = EncryptedCepField(_("CEP"), **_identification("cep"))
    no_reminders = models.BooleanField(
        _("wants no reminders"), default=False, db_default=False,
        help_text=_("Leave this patient out of reminders of visits, on any channel."),
    )  # fmt: skip
    restricted_at = models.DateTimeField(_("restricted since"), null=True, blank=True, editable=False)
    source = models.CharField(_("imported from"), max_length=40, blank=True, editable=False)
    external_id = EncryptedTextField(
        _("id in that system"), max_length=64, editable=False, **_identification("external_id")
    )

    in_clear: ClassVar[dict[str, str]] = {
        "record_number": "drawn at random; the pseudonym under which pages and logs name the patient",
        "source": "the name of an importer's mapping",
    }

    retention: ClassVar = (
        Share("patient_identification", categories=("identification",)),
        Share("patient_contact", categories=("contact",)),
    )
    common: ClassVar = frozenset({"birthplace_city", "birthplace_uf", "city", "uf", "district", "sex", "birth_date"})
    """Fields whose values many people share: found elsewhere, they say nothing of this one."""

    search = SearchIndex(
        words=("name", "preferred_name"),
        exact={"cpf": ("cpf",), "cns": ("cns",), "phone": ("phone", "other_phone"), "email": ("email",)},
        unique={"cpf": ("cpf",), "external": ("source", "external_id")},
    )
    history = ClinicHistory()

    class Meta:
        db_table = "patients"
        verbose_name = _("patient")
        verbose_name_plural = _("patients")
        constraints = [
            *tenancy("patients", ACCESS["patients"]),
            RowPolicy(name="patients_search", command="SELECT", using="true", to=[SEARCH]),
            own_rows("patients", "id"),
            # Whom somebody on the page «Meus dados» claims to be.
            RowPolicy(name="patients_door", command="SELECT", using=AT_THE_DOOR),
            models.UniqueConstraint(fields=["clinic", "record_number"], name="patients_one_per_record_number"),
            NotEmpty(name="patients_name_given", field="name"),
        ]
        indexes = [
            models.Index(F("clinic"), F("created_at").desc(), F("id"), name="patients_newest"),
            # Next to nobody is: every reading asks.
            models.Index(fields=["clinic", "id"], condition=Q(restricted_at__isnull=False), name="patients_restricted"),
        ]
        triggers = [RecordChanges(patient="id"), TOUCH, GuardRestriction()]

    def __str__(self) -> str:
        return f"{self.record_number[:2]}.{self.record_number[2:5]}.{self.record_number[5:]}"

    @property
    def display_name(self) -> str:
        """The name this person goes by."""
        name: str = self.preferred_name or self.name
        return name
