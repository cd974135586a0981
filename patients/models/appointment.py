"""The appointment: a visit at an hour, or by order of arrival on a day."""

from typing import Any, ClassVar

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.history import ClinicHistory
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.policies import RowPolicy, tenancy
from neonpro.db.roles import SEARCH
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedTextField
from neonpro.vault.models import VaultModel
from neonpro.vault.retention import Share
from patients.models.care import FollowAppointments


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


LAWFUL: dict[str, tuple[str, ...]] = {
    AppointmentStatus.SCHEDULED: ("confirmed", "arrived", "cancelled", "no_show"),
    AppointmentStatus.CONFIRMED: ("scheduled", "arrived", "cancelled", "no_show"),
    AppointmentStatus.ARRIVED: ("scheduled", "confirmed", "in_care", "cancelled"),
    AppointmentStatus.IN_CARE: ("arrived", "completed"),
    AppointmentStatus.COMPLETED: ("in_care",),
    AppointmentStatus.CANCELLED: ("scheduled", "confirmed"),
    AppointmentStatus.NO_SHOW: ("scheduled", "confirmed", "arrived"),
}
"""What may follow each state, backwards where a click went wrong; `sql/appointment_flow.sql` keeps the same list."""


class NoOverlap(ExclusionConstraint):
    """Nobody is in two active appointments at once. `patients.booking` says which one is in the way.

    Args:
        who: the field that holds whoever is not to be in two places.
        overbooking: an *encaixe* is exempt. A patient is never in two places; a professional who agreed is.
    """

    def __init__(self, *, name: str, who: str | None = None, overbooking: bool = False, **options: Any) -> None:
        if who:
            options["expressions"] = [
                (F("clinic"), RangeOperators.EQUAL),
                (F(who), RangeOperators.EQUAL),
                (TsTzRange("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
            ]
            # An empty bound would be an endless range; an appointment by order of arrival has no hour at all.
            options["condition"] = Q(starts_at__isnull=False) & ~Q(status__in=FREES_THE_TIME)
            if overbooking:
                options["condition"] &= Q(overbooked=False)
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


class GuardFlow(AlwaysTrigger):
    """Only lawful changes of state, and *encaixes* only by whom they are allowed (`sql/appointment_flow.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_flow", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.appointment_flow()"


class GuardScope(AlwaysTrigger):
    """Care begins only within the professional's scope of practice here (`sql/guard_scope.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        # PostgreSQL runs triggers by name: after those that set the day and judge the state.
        super().__init__(name="scope_of_practice", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_scope()"


class ReasonGiven(models.CheckConstraint):
    """What is marked needs its reason, an encrypted text: the database sees that there is one, and no more."""

    def __init__(self, *, name: str, marked: str, field: str, **options: Any) -> None:
        self.marked, self.field = marked, field
        length: Any = Func(F(field), function="octet_length", output_field=models.IntegerField())
        options["condition"] = Q(**{marked: False}) | Q(models.lookups.GreaterThan(length, 0))
        super().__init__(name=name, **options)

    def validate(self, *args: Any, **options: Any) -> None:
        """Nothing: forms see plain values, and the database has the last word."""

    def deconstruct(self) -> Any:
        path, args, options = super().deconstruct()
        del options["condition"]
        return path, args, options | {"marked": self.marked, "field": self.field}


class LastDay(AlwaysTrigger):
    """The search orders patients by their last visit (`sql/keep_last_day.sql`)."""

    when = pgtrigger.After
    level = pgtrigger.Statement

    def __init__(self, *, operation: pgtrigger.Operation, **options: Any) -> None:
        # PostgreSQL gives a trigger the rows of its statement only when it is for one kind of statement.
        old = "old_rows" if operation == pgtrigger.Update else None
        super().__init__(
            name=f"last_day_{str(operation).lower()}",
            operation=operation,
            referencing=pgtrigger.Referencing(old=old, new="new_rows"),
            **options,
        )

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.keep_last_day()"


class Appointment(VaultModel, ClinicModel):
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
    # Kept by trigger: in which order people came, and how long they have been waiting.
    status_at = models.DateTimeField(_("in this state since"), db_default=Now(), editable=False)
    overbooked = models.BooleanField(
        _("overbooking (encaixe)"), default=False, db_default=False,
        help_text=_("On purpose at a time that is taken or closed. It needs a reason."),
    )  # fmt: skip
    overbook_reason = EncryptedTextField(
        _("why it is an overbooking"), max_length=200, blank=True,
        label="appointment.overbook_reason", category="contact", patient="patient",
        help_text=_("Nothing clinical here: the whole reception reads it."),
    )  # fmt: skip
    booked_at = models.DateTimeField(_("booked at"), db_default=Now(), editable=False)
    reminded = models.BooleanField(_("reminder sent"), default=False, db_default=False)
    note = EncryptedTextField(
        _("note for the reception"), blank=True, max_length=500, multiline=True,
        label="appointment.note", category="contact", patient="patient",
        help_text=_("Nothing clinical here: the whole reception reads it."),
    )  # fmt: skip
    cancel_reason = EncryptedTextField(
        _("why it was cancelled"), max_length=200, blank=True,
        label="appointment.cancel_reason", category="contact", patient="patient",
    )  # fmt: skip
    source = models.CharField(_("imported from"), max_length=40, blank=True, editable=False)
    external_id = models.CharField(_("id in that system"), max_length=64, blank=True, editable=False)
    history = ClinicHistory()

    in_clear: ClassVar[dict[str, str]] = {
        "status": "a closed list of states",
        "source": "the name of an importer's mapping",
        "external_id": "the number of an appointment, not of a person, in the system it was imported from",
    }
    retention: ClassVar = (
        Share(
            "appointment_attended",
            rows=Q(status__in=[AppointmentStatus.ARRIVED, AppointmentStatus.IN_CARE, AppointmentStatus.COMPLETED]),
            since="day",
        ),
        Share("appointment_not_attended", since="day"),
    )

    class Meta:
        db_table = "appointments"
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        constraints = [
            *tenancy("appointments", ACCESS["appointments"], same_clinic=["patient", "professional", "service"]),
            RowPolicy(name="appointments_search", command="SELECT", using="true", to=[SEARCH]),
            closed_list("appointments", "status", AppointmentStatus),
            models.CheckConstraint(
                # A CHECK lets NULL pass, so each hour is asked for by name: a range without an end has no end at all.
                condition=Q(starts_at__isnull=True, ends_at__isnull=True)
                | Q(starts_at__isnull=False, ends_at__isnull=False, ends_at__gt=F("starts_at")),
                name="appointments_end_after_start",
                violation_error_message=_("The appointment must end after it starts."),
            ),
            NoOverlap(name="appointments_professional_free", who="professional", overbooking=True),
            NoOverlap(name="appointments_patient_free", who="patient"),
            ReasonGiven(
                name="appointments_overbooking_reason",
                marked="overbooked",
                field="overbook_reason",
                violation_error_message=_("An overbooking needs its reason."),
            ),
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
            RecordChanges(patient="patient", derived=["status_at"]), TOUCH, OwnDay(), KeepPatient(), GuardFlow(),
            GuardScope(),
            LastDay(operation=pgtrigger.Insert), LastDay(operation=pgtrigger.Update),
            FollowAppointments(operation=pgtrigger.Insert), FollowAppointments(operation=pgtrigger.Update),
        ]  # fmt: skip

    def __str__(self) -> str:
        # The database sets the day of an appointment with an hour; until it is read back there is none.
        return f"{self.day:%d/%m/%Y} {str(self.id)[:8]}" if self.day else str(self.id)[:8]
