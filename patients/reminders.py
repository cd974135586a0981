"""Reminding patients of their visits: who is due, by e-mail as a job, or from a list that leaves as a CSV file.

A reminder names the clinic, the day and the hour, and nothing else: neither the service, which may tell of somebody's
health, nor the professional, whose specialty may. Each one is written down before it goes out, so nobody gets two: one
that was begun and never ended may have been sent, and is left to a person.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinics.identifiers import format_phone
from clinics.models import Clinic
from clinics.signals import record_event
from clinics.spreadsheets import harmless
from neonpro.db import context
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act
from patients.models import (
    Appointment,
    AppointmentStatus,
    Patient,
    Reminder,
    ReminderChannel,
    ReminderStatus,
)

REMINDED_OF = (AppointmentStatus.SCHEDULED, AppointmentStatus.CONFIRMED)


@dataclass(slots=True)
class Due:
    """A visit to remind somebody of."""

    appointment: Appointment
    name: Any
    phone: str
    email: str
    reminded: str
    """What is known of a reminder: "" for none yet."""

    @property
    def contact(self) -> str:
        """By what this patient is reached; "" where nothing is known."""
        return self.email or self.phone


def due(day: date, *, act: Act = Act.LIST) -> list[Due]:
    """The visits of a day whose patients are to be reminded, by the hour; not who declined, nor who is restricted."""
    patients = Patient.objects.opening("identification", "contact", act=act)
    rows = list(
        Appointment.objects.filter(
            day=day, status__in=REMINDED_OF, patient__no_reminders=False, patient__restricted_at=None
        )
        .order_by("starts_at", "id")
        .prefetch_related(Prefetch("patient", patients))
    )
    known = {
        reminder.appointment_id: str(reminder.get_status_display())
        for reminder in Reminder.objects.filter(for_day=day).exclude(status=ReminderStatus.FAILED)
    }
    return [
        Due(
            row,
            row.patient.display_name,
            format_phone(_open(row.patient.phone)) if _open(row.patient.phone) else "",
            _open(row.patient.email),
            known.get(row.pk, ""),
        )
        for row in rows
    ]


def _open(value: Any) -> str:
    return "" if value is None or isinstance(value, Withheld) else str(value)


def tomorrow() -> date:
    """The day after today on the clinic's clock."""
    return timezone.localdate() + timedelta(days=1)


def mark(appointments: Iterable[Appointment], *, day: date) -> int:
    """Write down that patients were reminded from the list, by telephone for instance; answers with how many anew."""
    made = 0
    for appointment in appointments:
        made += (
            _claim(appointment.pk, appointment.patient_id, day, ReminderChannel.LIST, ReminderStatus.SENT) is not None
        )
    return made


def _claim(appointment: UUID, patient: UUID, day: date, channel: str, status: str) -> UUID | None:
    """Write a reminder down, unless there is one; two who try at once get one."""
    try:
        with transaction.atomic():
            return Reminder.objects.create(
                appointment_id=appointment, patient_id=patient, for_day=day, channel=channel, status=status
            ).pk
    except IntegrityError:
        return None


def as_csv(day: date) -> bytes:
    """The due list of a day as a file; it leaves a trace of the export, and opens the keys as one."""
    lines = [one for one in due(day, act=Act.EXPORT) if not one.reminded]
    record_event("EXPORT", detail={"what": "reminders", "day": day.isoformat(), "rows": len(lines)})
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([_("Patient"), _("Phone"), _("E-mail"), _("Day"), _("Time")])
    for one in lines:
        writer.writerow(
            map(harmless, [str(one.name), one.phone, one.email, f"{day:%d/%m/%Y}", hour_of(one.appointment)])
        )
    # The mark at the beginning tells a spreadsheet that it is UTF-8.
    return ("\ufeff" + out.getvalue()).encode()


def hour_of(appointment: Appointment) -> str:
    """When a visit begins, in words."""
    if appointment.starts_at is None:
        return _("by order of arrival")
    return f"{timezone.localtime(appointment.starts_at):%H:%M}"


@dataclass(slots=True)
class Sent:
    """What a run did."""

    sent: int = 0
    failed: int = 0
    without_email: int = 0


def send_reminders(job: context.Job, clinic: UUID, *, day: date | None = None) -> Sent:
    """Send the e-mails of one clinic for a day, tomorrow by default.

    Each reminder is claimed in a transaction of its own before it is sent, and ended in another after.
    """
    done = Sent()
    with context.enter(job, clinic):
        place = Clinic.objects.get()
        with timezone.override(place.time_zone):
            day = day or tomorrow()
            waiting = [one for one in due(day) if not one.reminded]
            letters = [
                (one.appointment.pk, one.appointment.patient_id, one.email, *letter(place, one, day)) for one in waiting
            ]
    for appointment, patient, address, subject, body in letters:
        if not address:
            done.without_email += 1
            continue
        with context.enter(job, clinic):
            claimed = _claim(appointment, patient, day, ReminderChannel.EMAIL, ReminderStatus.SENDING)
        if claimed is None:
            continue
        try:
            EmailMessage(subject, body, to=[address], reply_to=[place.email] if place.email else []).send()
            status = ReminderStatus.SENT
        except OSError:  # what smtplib raises, too; an address never lands in a log
            status = ReminderStatus.FAILED
        with context.enter(job, clinic):
            Reminder.objects.filter(pk=claimed).update(status=status)
            if status == ReminderStatus.SENT:
                Appointment.objects.filter(pk=appointment).update(reminded=True)
                done.sent += 1
            else:
                done.failed += 1
    return done


def letter(clinic: Clinic, one: Due, day: date) -> tuple[str, str]:
    """Subject and body of a reminder: clinic, day and hour, nothing clinical."""
    first = str(one.name).split(" ")[0]
    when = date_format(day, r"l, j \d\e F").lower()
    lines = [
        _("Hello, %(name)s.") % {"name": first},
        "",
        _("This is a reminder of your appointment on %(day)s, %(hour)s, at %(clinic)s.")
        % {"day": when, "hour": hour_of(one.appointment), "clinic": clinic.trade_name},
        *([clinic.street, clinic.city] if clinic.street else []),
        "",
        _("If you cannot come, please tell us: %(phone)s.") % {"phone": format_phone(clinic.phone)}
        if clinic.phone
        else _("If you cannot come, please answer this message."),
        _("To get no more reminders, tell the reception."),
    ]
    return _("Reminder of your appointment on %(day)s") % {"day": f"{day:%d/%m}"}, "\n".join(lines)
