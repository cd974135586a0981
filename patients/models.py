"""Patients and their appointments."""

from typing import Any

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.fields import CepField, CnsField, CpfField, PhoneField
from clinics.history import ClinicHistory
from clinics.identifiers import UFS
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.policies import RowPolicy, tenancy
from neonpro.db.roles import SEARCH


class NewRecordNumber(Func):
    """Eight random digits that no other patient of the clinic has (`sql/new_record_number.sql`)."""

    function = "neonpro.new_record_number"
    output_field = models.CharField()


class Fold(Func):
    """A text as the search compares it: lower case, without accents."""

    function = "neonpro.fold"
    output_field = models.TextField()


class Sex(models.TextChoices):
    """Sex as the record must state it (CFM 1.638/2002 art. 5)."""

    FEMALE = "female", _("female")
    MALE = "male", _("male")
    INTERSEX = "intersex", _("intersex")


PERSONAL = (
    "name", "preferred_name", "mother_name", "cpf", "cns", "passport", "birth_date", "sex", "birthplace_city",
    "birthplace_uf", "street", "district", "city", "uf", "cep", "phone", "other_phone", "email", "external_id",
)  # fmt: skip
"""The columns of a patient that say who it is. The audit log says that they changed, not to what."""


class Patient(ClinicModel):
    """A person cared for by one clinic; the same person elsewhere is another row.

    Nothing that prints a patient prints a name: `str()` is the record number, and pages ask for `display_name`.
    """

    # The record number is drawn, not counted: it tells nobody how many patients a clinic has.
    record_number = models.CharField(
        _("record number"), max_length=8, db_default=NewRecordNumber(), editable=False, unique=False
    )
    name = models.CharField(_("full name"), max_length=160)
    preferred_name = models.CharField(
        _("preferred name"), max_length=160, blank=True,
        help_text=_("Shown everywhere instead of the civil name (Lei 15.378/2026)."),
    )  # fmt: skip
    mother_name = models.CharField(_("mother's name"), max_length=160, blank=True)
    birth_date = models.DateField(_("date of birth"), null=True, blank=True)
    birth_year = models.PositiveSmallIntegerField(_("year of birth"), null=True, blank=True)
    sex = models.CharField(_("sex"), max_length=10, choices=Sex.choices, blank=True)
    birthplace_city = models.CharField(_("birthplace: city"), max_length=80, blank=True)
    birthplace_uf = models.CharField(_("birthplace: state"), max_length=2, choices=UFS, blank=True)
    cpf = CpfField(_("CPF"), blank=True)
    cns = CnsField(_("CNS"), blank=True)
    passport = models.CharField(_("passport"), max_length=20, blank=True)
    phone = PhoneField(_("phone"), blank=True)
    other_phone = PhoneField(_("other phone"), blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    street = models.CharField(_("address"), max_length=160, blank=True)
    district = models.CharField(_("district"), max_length=80, blank=True)
    city = models.CharField(_("city"), max_length=80, blank=True)
    uf = models.CharField(_("state"), max_length=2, choices=UFS, blank=True)
    cep = CepField(_("CEP"), blank=True)
    source = models.CharField(_("imported from"), max_length=40, blank=True, editable=False)
    external_id = models.CharField(_("id in that system"), max_length=64, blank=True, editable=False)
    history = ClinicHistory()

    class Meta:
        db_table = "patients"
        verbose_name = _("patient")
        verbose_name_plural = _("patients")
        constraints = [
            *tenancy("patients", ACCESS["patients"]),
            RowPolicy(name="patients_search", command="SELECT", using="true", to=[SEARCH]),
            closed_list("patients", "sex", Sex, blank=True),
            models.UniqueConstraint(fields=["clinic", "record_number"], name="patients_one_per_record_number"),
            models.UniqueConstraint(
                fields=["clinic", "cpf"],
                condition=~Q(cpf=""),
                name="patients_one_per_cpf",
                violation_error_message=_("This clinic already has a patient with this CPF."),
            ),
            models.UniqueConstraint(
                fields=["clinic", "source", "external_id"],
                condition=~Q(external_id=""),
                name="patients_one_per_external_id",
            ),
            models.CheckConstraint(condition=Q(cpf="") | Q(cpf__regex=r"^[0-9]{11}$"), name="patients_cpf_form"),
            models.CheckConstraint(condition=~Q(name=""), name="patients_name_given"),
        ]
        indexes = [
            models.Index(F("clinic"), F("created_at").desc(), F("id"), name="patients_newest"),
            GinIndex(OpClass(Fold("name"), "gin_trgm_ops"), name="patients_name_search"),
            GinIndex(OpClass(Fold("preferred_name"), "gin_trgm_ops"), name="patients_preferred_search"),
        ]
        triggers = [RecordChanges(patient="id", withheld=PERSONAL), TOUCH]

    def __str__(self) -> str:
        return f"{self.record_number[:2]}.{self.record_number[2:5]}.{self.record_number[5:]}"

    @property
    def display_name(self) -> str:
        """The name this person goes by."""
        return self.preferred_name or self.name


class AppointmentStatus(models.TextChoices):
    """Where an appointment stands."""

    SCHEDULED = "scheduled", _("scheduled")
    CONFIRMED = "confirmed", _("confirmed")
    ARRIVED = "arrived", _("arrived")
    IN_CARE = "in_care", _("in care")
    COMPLETED = "completed", _("completed")
    CANCELLED = "cancelled", _("cancelled")
    NO_SHOW = "no_show", _("no-show")


FREES_THE_TIME = (AppointmentStatus.CANCELLED, AppointmentStatus.NO_SHOW)
"""The states in which an appointment no longer occupies anybody's time."""


class TsTzRange(Func):
    """A range of time, with its beginning and without its end."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class NoOverlap(ExclusionConstraint):
    """Nobody is in two active appointments at once. `patients.booking` says which one is in the way."""

    def __init__(self, *, name: str, who: str | None = None, **options: Any) -> None:
        if who:
            options["expressions"] = [
                (F("clinic"), RangeOperators.EQUAL),
                (F(who), RangeOperators.EQUAL),
                (TsTzRange("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
            ]
            # An empty bound would be an endless range; an appointment by order of arrival has no hour at all.
            options["condition"] = Q(starts_at__isnull=False) & ~Q(status__in=FREES_THE_TIME)
        super().__init__(name=name, **options)

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: `Appointment.clean` names the clash, and the database has the last word."""


class OwnDay(AlwaysTrigger):
    """The day of an appointment is that of its hour on the clinic's own clock (`sql/appointment_day.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        super().__init__(name="own_day", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.appointment_day()"


class Appointment(ClinicModel):
    """A visit of a patient, at an hour or, where the clinic works so, by order of arrival on a day."""

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    professional = ClinicForeignKey("clinics.Professional", null=True, blank=True, verbose_name=_("professional"))
    service = ClinicForeignKey("clinics.Service", null=True, blank=True, verbose_name=_("service"))
    day = models.DateField(_("day"))
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    status = models.CharField(
        _("status"), max_length=12, choices=AppointmentStatus.choices, default=AppointmentStatus.SCHEDULED,
        db_default=AppointmentStatus.SCHEDULED.value,
    )  # fmt: skip
    booked_at = models.DateTimeField(_("booked at"), db_default=Now(), editable=False)
    reminded = models.BooleanField(_("reminder sent"), default=False, db_default=False)
    note = models.TextField(
        _("note for the reception"), blank=True, validators=[MaxLengthValidator(500)],
        help_text=_("Nothing clinical here: the whole reception reads it."),
    )  # fmt: skip
    cancel_reason = models.CharField(_("why it was cancelled"), max_length=200, blank=True)
    source = models.CharField(_("imported from"), max_length=40, blank=True, editable=False)
    external_id = models.CharField(_("id in that system"), max_length=64, blank=True, editable=False)
    history = ClinicHistory()

    class Meta:
        db_table = "appointments"
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        constraints = [
            *tenancy("appointments", ACCESS["appointments"], same_clinic=["patient", "professional", "service"]),
            closed_list("appointments", "status", AppointmentStatus),
            models.CheckConstraint(
                # A CHECK lets NULL pass, so each hour is asked for by name: a range without an end has no end at all.
                condition=Q(starts_at__isnull=True, ends_at__isnull=True)
                | Q(starts_at__isnull=False, ends_at__isnull=False, ends_at__gt=F("starts_at")),
                name="appointments_end_after_start",
                violation_error_message=_("The appointment must end after it starts."),
            ),
            NoOverlap(name="appointments_professional_free", who="professional"),
            NoOverlap(name="appointments_patient_free", who="patient"),
            models.UniqueConstraint(
                fields=["clinic", "source", "external_id"],
                condition=~Q(external_id=""),
                name="appointments_one_per_external_id",
            ),
        ]
        indexes = [
            # The dashboard counts a month by day and status, from the index alone.
            models.Index(fields=["clinic", "day", "starts_at", "id"], include=["status"], name="appointments_day"),
            models.Index(fields=["clinic", "patient", "day"], name="appointments_patient"),
            models.Index(fields=["clinic", "professional", "day"], name="appointments_professional"),
        ]
        triggers = [
            RecordChanges(patient="patient", withheld=["note", "cancel_reason", "external_id"]), TOUCH, OwnDay(),
        ]  # fmt: skip

    def __str__(self) -> str:
        # The database sets the day of an appointment with an hour; until it is read back there is none.
        return f"{self.day:%d/%m/%Y} {str(self.id)[:8]}" if self.day else str(self.id)[:8]
