"""What an agenda needs besides its appointments: who works when, who is away, who waits, who was reminded."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import RecordChanges
from neonpro.db.policies import tenancy
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedTextField
from neonpro.vault.models import VaultModel

ALL_DAYS = 0b1111111
ALL_PERIODS = 0b111


class Weekday(models.IntegerChoices):
    """A day of the week, as Python counts them."""

    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class WorkingHours(ClinicModel):
    """When a professional sees patients on a day of the week. A break is the gap between two of these.

    `ends` at 00:00 is midnight at the day's end; a shift past it is two rows, one of each day.
    """

    professional = ClinicForeignKey("clinics.Professional", verbose_name=_("professional"))
    weekday = models.PositiveSmallIntegerField(_("day of the week"), choices=Weekday.choices)
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("until"), help_text=_("00:00 is midnight at the end of the day."))
    valid_from = models.DateField(_("valid from"), help_text=_("The first day on which it holds."))
    valid_to = models.DateField(
        _("valid until"), null=True, blank=True, help_text=_("The last day; empty while it goes on.")
    )

    class Meta:
        db_table = "working_hours"
        verbose_name = _("working hours")
        verbose_name_plural = _("working hours")
        constraints = [
            *tenancy("working_hours", ACCESS["working_hours"], same_clinic=["professional"]),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="working_hours_weekday_listed"),
            models.CheckConstraint(
                condition=Q(ends__gt=F("starts")) | Q(ends="00:00"),
                name="working_hours_end_after_start",
                violation_error_message=_("It must end after it starts."),
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="working_hours_valid_dates",
                violation_error_message=_("The last day is before the first."),
            ),
        ]
        indexes = [models.Index(fields=["clinic", "professional", "weekday"], name="working_hours_professional")]
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M}–{self.ends:%H:%M}"


class AbsenceKind(models.TextChoices):
    """Why somebody sees nobody for a while. Nothing about anybody's health: the whole team reads it."""

    VACATION = "vacation", _("vacation")
    HOLIDAY = "holiday", _("holiday")
    COURSE = "course", _("course or congress")
    LUNCH = "lunch", _("lunch")
    MEETING = "meeting", _("meeting")
    CLOSED = "closed", _("clinic closed")
    RECALL = "recall", _("recall of a lot")
    OTHER = "other", _("other absence")


class Absence(ClinicModel):
    """A time in which a professional, or the whole clinic, sees nobody.

    One of the kind `RECALL` is made on the page of the recall that it is for (`patients.absences`).
    """

    professional = ClinicForeignKey(
        "clinics.Professional", null=True, blank=True, verbose_name=_("professional"),
        help_text=_("Empty: the whole clinic, on a municipal holiday for instance."),
    )  # fmt: skip
    kind = models.CharField(_("kind"), max_length=12, choices=AbsenceKind.choices)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    lot = ClinicForeignKey("patients.ProductLot", null=True, blank=True, editable=False, verbose_name=_("lot"))

    class Meta:
        db_table = "absences"
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        constraints = [
            *tenancy("absences", ACCESS["absences"], same_clinic=["professional", "lot"]),
            closed_list("absences", "kind", AbsenceKind),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="absences_end_after_start",
                violation_error_message=_("It must end after it starts."),
            ),
            models.CheckConstraint(
                condition=Q(kind=AbsenceKind.RECALL, lot__isnull=False)
                | (~Q(kind=AbsenceKind.RECALL) & Q(lot__isnull=True)),
                name="absences_recall_names_its_lot",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "ends_at"], name="absences_until"),
            models.Index(fields=["clinic", "lot"], condition=Q(lot__isnull=False), name="absences_recall"),
        ]
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {str(self.id)[:8]}"

    @property
    def reason(self) -> str:
        """Why nobody is seen, in words for the team; of a recall with its product and lot."""
        if self.lot is None:
            return str(self.get_kind_display())
        return gettext("Recall of %(product)s, lot %(lot)s") % {"product": self.lot.product, "lot": self.lot.number}


class Priority(models.TextChoices):
    """How soon somebody who waits should come."""

    HIGH = "high", _("high")
    NORMAL = "normal", pgettext_lazy("priority", "normal")


class WaitingStatus(models.TextChoices):
    """What became of a wish for an earlier time."""

    WAITING = "waiting", _("waiting")
    BOOKED = "booked", _("booked")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Period(models.IntegerChoices):
    """A part of the day, as a bit; where each begins is `patients.waiting_list.PERIOD_STARTS`."""

    MORNING = 1, _("morning")
    AFTERNOON = 2, _("afternoon")
    EVENING = 4, _("evening")


class WaitingEntry(VaultModel, ClinicModel):
    """A patient who would come as soon as a time is free. `days` and `periods` are sets of bits; all bits: any."""

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    professional = ClinicForeignKey(
        "clinics.Professional", null=True, blank=True, verbose_name=_("professional"), help_text=_("Empty: any.")
    )
    service = ClinicForeignKey(
        "clinics.Service", null=True, blank=True, verbose_name=_("service"), help_text=_("Empty: any.")
    )
    days = models.PositiveSmallIntegerField(_("days"), default=ALL_DAYS, db_default=ALL_DAYS)
    periods = models.PositiveSmallIntegerField(_("periods"), default=ALL_PERIODS, db_default=ALL_PERIODS)
    since = models.DateTimeField(_("waiting since"), db_default=Now(), editable=False)
    priority = models.CharField(
        _("priority"), max_length=8, choices=Priority.choices, default=Priority.NORMAL,
        db_default=Priority.NORMAL.value,
    )  # fmt: skip
    status = models.CharField(
        _("status"), max_length=10, choices=WaitingStatus.choices, default=WaitingStatus.WAITING,
        db_default=WaitingStatus.WAITING.value, editable=False,
    )  # fmt: skip
    appointment = ClinicForeignKey(
        "patients.Appointment", null=True, blank=True, editable=False, verbose_name=_("appointment")
    )
    note = EncryptedTextField(
        _("note for the reception"), blank=True, max_length=300, multiline=True,
        label="waiting_entry.note", category="contact", patient="patient",
        help_text=_("Nothing clinical here: the whole reception reads it."),
    )  # fmt: skip

    in_clear: ClassVar[dict[str, str]] = {
        "priority": "a closed list",
        "status": "a closed list of states",
    }

    retention: ClassVar = "agenda_aid"

    class Meta:
        db_table = "waiting_list"
        verbose_name = _("waiting list entry")
        verbose_name_plural = _("waiting list")
        constraints = [
            *tenancy(
                "waiting_list",
                ACCESS["waiting_list"],
                same_clinic=["patient", "professional", "service", "appointment"],
            ),
            closed_list("waiting_list", "priority", Priority),
            closed_list("waiting_list", "status", WaitingStatus),
            models.CheckConstraint(
                condition=Q(days__gte=1, days__lte=ALL_DAYS),
                name="waiting_list_some_day",
                violation_error_message=_("Choose at least one day."),
            ),
            models.CheckConstraint(
                condition=Q(periods__gte=1, periods__lte=ALL_PERIODS),
                name="waiting_list_some_period",
                violation_error_message=_("Choose at least one period."),
            ),
            models.CheckConstraint(
                condition=Q(status="booked", appointment__isnull=False)
                | (~Q(status="booked") & Q(appointment__isnull=True)),
                name="waiting_list_booked_with_appointment",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "since"], condition=Q(status="waiting"), name="waiting_list_waiting"),
            models.Index(fields=["clinic", "patient"], name="waiting_list_patient"),
        ]
        triggers = [RecordChanges(patient="patient"), TOUCH, KeepPatient()]

    def __str__(self) -> str:
        return str(self.id)[:8]


class ReminderChannel(models.TextChoices):
    """How a patient was reminded."""

    EMAIL = "email", _("e-mail")
    LIST = "list", _("from the list")


class ReminderStatus(models.TextChoices):
    """What is known of a reminder. One that was begun and never ended may have gone out: it is not sent again."""

    SENDING = "sending", _("begun")
    SENT = "sent", pgettext_lazy("reminder", "sent")
    FAILED = "failed", pgettext_lazy("reminder", "failed")


class Reminder(ClinicModel):
    """That a patient was reminded of a visit on a day: once, unless sending failed or the visit was moved."""

    appointment = ClinicForeignKey("patients.Appointment", verbose_name=_("appointment"))
    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    for_day = models.DateField(_("day of the visit"))
    channel = models.CharField(_("channel"), max_length=8, choices=ReminderChannel.choices)
    status = models.CharField(_("status"), max_length=8, choices=ReminderStatus.choices)

    in_clear: ClassVar[dict[str, str]] = {
        "channel": "a closed list",
        "status": "a closed list of states",
    }

    retention: ClassVar = "agenda_aid"

    class Meta:
        db_table = "reminders"
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        constraints = [
            *tenancy("reminders", ACCESS["reminders"], same_clinic=["appointment", "patient"]),
            closed_list("reminders", "channel", ReminderChannel),
            closed_list("reminders", "status", ReminderStatus),
            models.UniqueConstraint(
                fields=["clinic", "appointment", "for_day"],
                condition=~Q(status="failed"),
                name="reminders_once",
                violation_error_message=_("This patient was reminded of this visit already."),
            ),
        ]
        indexes = [models.Index(fields=["clinic", "for_day"], name="reminders_day")]
        triggers = [RecordChanges(patient="patient"), TOUCH]

    def __str__(self) -> str:
        return f"{self.for_day:%d/%m/%Y} {str(self.id)[:8]}"


def clean_bits(value: Any, bits: type[models.IntegerChoices], *, shift: bool) -> int:
    """A set of choices as one number; `shift` where a choice is a place and not yet a bit."""
    total = 0
    for one in value:
        number = bits(int(one)).value
        total |= 1 << number if shift else number
    if not total:
        raise ValidationError(_("Choose at least one."))
    return total
