"""Adverse events: by when and where each must be notified (RDC 36/2013), and a draft of what to type there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from clinics.models import Clinic
from neonpro.rules import rule
from patients.models import AdverseEvent, EventSeverity, EventStatus, EventSubject, ProductKind

SUBJECTS: Final = {
    ProductKind.MEDICINE: EventSubject.MEDICINE,
    ProductKind.VACCINE: EventSubject.VACCINE,
    ProductKind.DEVICE: EventSubject.DEVICE,
    ProductKind.COSMETIC: EventSubject.COSMETIC,
    # The channels' rule names no other kind; what is wrong with a sanitizing product is its quality.
    ProductKind.SANITIZER: EventSubject.QUALITY,
}
"""What an event with a product is about, by the product's kind."""


class EventError(Exception):
    """The event stays as it is; the message is for the person who tried."""


def due(*, severity: str, occurred_on: date, known_at: datetime, zone: ZoneInfo) -> datetime:
    """By when an event must be notified.

    A death: so many hours after the clinic learned of it. Anything else: until the end of the business day that the
    rule names of the month after the event's.

    Args:
        severity: see `EventSeverity`.
        occurred_on: the day of the event.
        known_at: when the clinic learned of it.
        zone: the clinic's own clock.
    """
    if severity == EventSeverity.DEATH:
        return rule("anvisa.adverse_event.death", on=occurred_on).period.after_moment(known_at)
    next_month = (occurred_on.replace(day=1) + timedelta(days=32)).replace(day=1)
    # A federal clock: a state's holiday does not stop it.
    last = rule("anvisa.adverse_event.other", on=occurred_on).period.after(next_month - timedelta(days=1))
    return datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone) - timedelta(seconds=1)


def channel(about: str, *, on: date) -> str:
    """Where an event is notified: VigiMed or Notivisa."""
    return next(
        str(row["channel"]) for row in rule("anvisa.adverse_event.channels", on=on).table if row["about"] == about
    )


def citation(event: AdverseEvent) -> str:
    """The norm that an event's clock comes from."""
    code = "death" if event.severity == EventSeverity.DEATH else "other"
    return rule(f"anvisa.adverse_event.{code}", on=event.occurred_on).citation


def set_clock(event: AdverseEvent) -> None:
    """Set by when an event must be notified, before it is saved."""
    zone = ZoneInfo(Clinic.objects.only("time_zone").get().time_zone)
    event.due_at = due(
        severity=event.severity, occurred_on=event.occurred_on, known_at=event.known_at, zone=zone
    )  # fmt: skip


def notified(event: UUID, *, protocol: str, at: datetime) -> None:
    """Record that an event was notified.

    Raises:
        EventError: it is no longer open, or the number or time is wrong.
    """
    if not protocol.strip():
        raise EventError(_("Give the number that the agency's system answered with."))
    if at > timezone.now():
        raise EventError(_("This time has not come yet."))
    _close(event, EventStatus.NOTIFIED, notified_at=at, protocol=protocol.strip())


def dismissed(event: UUID, *, reason: str) -> None:
    """Record why an event needs no notification.

    Raises:
        EventError: it is no longer open, was a death, or no reason was given.
    """
    if not reason.strip():
        raise EventError(_("Say why."))
    if AdverseEvent.objects.only("severity").get(pk=event).severity == EventSeverity.DEATH:
        raise EventError(_("A death is always notified."))
    _close(event, EventStatus.DISMISSED, dismissal=reason.strip())


def _close(event: UUID, status: str, **values: Any) -> None:
    with transaction.atomic():
        found = AdverseEvent.objects.select_for_update().get(pk=event)
        if found.status != EventStatus.OPEN:
            raise EventError(_("This event is no longer open. Reload the page."))
        found.status = status
        for name, value in values.items():
            setattr(found, name, value)
        found.save(update_fields=["status", *values])


def time_left(event: AdverseEvent, *, now: datetime) -> str:
    """How long there is still to notify, in words."""
    left = event.due_at - now
    late = left < timedelta()
    hours = abs(left) // timedelta(hours=1)
    amount = (
        _("%(count)s h") % {"count": hours} if hours < 96 else _("%(count)s days") % {"count": hours // 24}
    )  # fmt: skip
    return _("%(amount)s late") % {"amount": amount} if late else amount


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A field of the agency's form, and what the clinic knows of it; '' where it knows nothing."""

    name: str
    value: str
    needed: bool = True

    @property
    def missing(self) -> bool:
        """Whether somebody has to find it out before the form can be sent."""
        return self.needed and not self.value


def draft(event: AdverseEvent, clinic: Clinic) -> list[DraftLine]:
    """What to type into the agency's form, field by field, with what is missing named.

    The patient goes by initials, as both systems ask; everything else is as the record has it.
    """
    return list(_lines(event, clinic))


def _lines(event: AdverseEvent, clinic: Clinic) -> Iterator[DraftLine]:
    patient, lot = event.patient, event.lot
    product = lot.product if lot else None
    with_product = event.about != EventSubject.ASSISTANCE
    born = patient.birth_date
    yield DraftLine(_("Notifier"), clinic.legal_name)
    yield DraftLine("CNPJ", clinic.cnpj)
    yield DraftLine("CNES", clinic.cnes, needed=False)
    yield DraftLine(
        _("Technical director"), str(clinic.technical_director or ""),
    )  # fmt: skip
    yield DraftLine(_("Patient's initials"), "".join(f"{word[0]}." for word in str(patient.name).split() if word))
    yield DraftLine(_("Date of birth"), date_format(born, "SHORT_DATE_FORMAT") if isinstance(born, date) else "")
    yield DraftLine(_("Sex"), str(patient.get_sex_display() or ""))
    yield DraftLine(_("Kind of event"), str(event.get_about_display()))
    yield DraftLine(_("Severity"), str(event.get_severity_display()))
    yield DraftLine(_("Day of the event"), date_format(event.occurred_on, "SHORT_DATE_FORMAT"))
    yield DraftLine(
        _("Known to the clinic since"), date_format(timezone.localtime(event.known_at), "SHORT_DATETIME_FORMAT")
    )
    yield DraftLine(_("Description"), event.description)
    yield DraftLine(_("What was done"), event.measures)
    yield DraftLine(_("How the patient is now"), event.outcome)
    if with_product:
        yield DraftLine(_("Product"), str(product or ""))
        yield DraftLine(_("Registration number"), product.registration_number if product else "")
        yield DraftLine(_("Manufacturer or holder"), (product.holder or product.manufacturer) if product else "")
        yield DraftLine(_("Lot"), lot.number if lot else "")
        yield DraftLine(_("Expiry"), date_format(lot.expires_on, "SHORT_DATE_FORMAT") if lot else "")
        done = event.application
        yield DraftLine(
            _("Applied at"), date_format(timezone.localtime(done.applied_at), "SHORT_DATETIME_FORMAT") if done else ""
        )
        yield DraftLine(_("Quantity"), f"{done.quantity.normalize():f} {product.unit}" if done and product else "")
        yield DraftLine(_("Body site"), done.body_site if done else "", needed=False)


def as_text(lines: list[DraftLine]) -> str:
    """A draft as text to copy from."""
    return "\n".join(
        f"{line.name}: {line.value or (_('MISSING') if line.missing else '–')}" for line in lines
    )  # fmt: skip


def missing(lines: list[DraftLine]) -> str:
    """What a draft lacks, as a list in words; '' where it lacks nothing."""
    return ", ".join(capfirst(line.name) for line in lines if line.missing)
