"""Telemedicine: planning a session, starting it with all that CFM 2.314/2022 asks for, ending, refusing, changing it.

PostgreSQL refuses what goes past this (`sql/guard_telemedicine.sql`); here it is said in words, and the 180-day rule is
a warning that the professional may override with a reason. The video is the clinic's own room: NeonPro keeps its link.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinics.models import Service
from neonpro.rules import rule
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Erased, Refused
from patients import booking, records
from patients.models import (
    Appointment,
    AppointmentStatus,
    Identity,
    MedicalRecord,
    Modality,
    Patient,
    RefusedBy,
    SessionStatus,
    TelemedicineSession,
)

TERM: Final = "telemedicine"
RECORDING: Final = "telemedicine_recording"
SHARING: Final = "telemedicine_sharing"
"""The purposes of consent that sessions rest on (`compliance.purposes`, a floor above: asked by SQL)."""


class TelemedicineError(Exception):
    """Something cannot be done with a session; the message is for the person who tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """How the 180-day rule stands for a patient and a professional.

    Attributes:
        overdue: the last visit in person is longer ago than the rule allows.
        last_in_person: when it was; None where there was none.
        due_on: by when the next was due; None for somebody who was never seen in person.
        citation: the rule's source.
    """

    overdue: bool
    last_in_person: date | None
    due_on: date | None
    citation: str

    @property
    def warning(self) -> str:
        """The warning in words; "" where there is nothing to warn of."""
        if not self.overdue:
            return ""
        since = (
            _("The last visit in person with this professional was on %(day)s.")
            % {"day": date_format(self.last_in_person, "SHORT_DATE_FORMAT")}
            if self.last_in_person
            else _(
                "This patient has been followed up at a distance without any visit in person with this professional."
            )
        )
        days = _("In long follow-up the patient is seen in person at least every %(days)s days (%(source)s).") % {
            "days": rule("telemedicine.in_person_within", on=timezone.localdate()).period.number,
            "source": self.citation,
        }
        return f"{since} {days}"


# --- Planning ---------------------------------------------------------------------------------------------------------


def plan(
    *,
    patient: Patient,
    professional: UUID,
    modality: str = Modality.TELECONSULTATION,
    appointment: UUID | None = None,
    room_url: str = "",
) -> TelemedicineSession:
    """Plan a session.

    Args:
        patient: with whom.
        professional: by whom.
        modality: one of the seven.
        appointment: the one it takes place at.
        room_url: of the clinic's own room.

    Raises:
        TelemedicineError: the link is none, or names the patient; the appointment has a session already.
    """
    session = TelemedicineSession(
        patient=patient, professional_id=professional, modality=modality, appointment_id=appointment,
        room_url=check_room(room_url, patient),
    )  # fmt: skip
    _save(session)
    return session


def check_room(link: str, patient: Patient) -> str:
    """A link to a room that says nothing of the patient.

    Raises:
        TelemedicineError: it is no address of https, or holds the patient's name or a number of theirs.
    """
    link = link.strip()
    if not link:
        return ""
    try:
        parts = urlsplit(link)
    except ValueError as error:
        raise TelemedicineError(_("Give the room's address as it begins: https://…")) from error
    if parts.scheme != "https" or not parts.netloc or "@" in parts.netloc or re.search(r"\s", link):
        raise TelemedicineError(_("Give the room's address as it begins: https://…"))
    shown = _plain(unquote(link))
    digits = re.sub(r"\D", "", link)
    names = [
        part
        for name in (patient.name, patient.preferred_name)
        if not isinstance(name, Withheld)
        for part in name.split()
    ]
    numbers = [
        re.sub(r"\D", "", value)[-9:]
        for value in (patient.cpf, patient.phone)
        if value and not isinstance(value, Withheld)
    ]
    if any(len(name) > 2 and _plain(name) in re.split(r"[^a-z]+", shown) for name in names) or any(
        len(number) >= 8 and number in digits for number in numbers
    ):
        raise TelemedicineError(
            _("The link names the patient. Use one without name and numbers: it lands in histories and messages.")
        )
    return link


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


# --- Consent and the 180 days -----------------------------------------------------------------------------------------


def consents(patient: UUID, purpose: str) -> bool:
    """Whether the patient consents to a purpose now: the answer of the floor above (`neonpro.consent_allows`)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.consent_allows(%s, %s)", [patient, purpose])
        return bool(cursor.fetchone()[0])


def follow_up(patient: UUID, professional: UUID, *, on: date | None = None) -> FollowUp:
    """How the rule of 180 days stands; it is for follow-up, so a first contact is never overdue."""
    today = on or timezone.localdate()
    law = rule("telemedicine.in_person_within", on=today)
    distant = TelemedicineSession.objects.filter(patient=patient, professional=professional, started_at__isnull=False)
    seen = Appointment.objects.filter(
        patient=patient, professional=professional, status=AppointmentStatus.COMPLETED, day__lte=today
    ).exclude(pk__in=distant.filter(status=SessionStatus.ENDED, appointment__isnull=False).values("appointment"))
    last = seen.order_by("-day").values_list("day", flat=True).first()
    due = law.period.after(last) if last else None
    if last is None:
        # Without a visit in person the clock runs from the first session at a distance.
        first = distant.order_by("started_at").values_list("started_at", flat=True).first()
        due = law.period.after(timezone.localdate(first)) if first else None
    return FollowUp(overdue=due is not None and due < today, last_in_person=last, due_on=due, citation=law.citation)


# --- Steps ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def start(
    session: UUID,
    *,
    patient_identity: str,
    professional_identified: bool,
    patient_location: str,
    professional_location: str,
    overdue_reason: str = "",
    emergency_reason: str = "",
) -> TelemedicineSession:
    """Begin a session; the database writes the hour and the consent it rests on.

    Args:
        session: planned, of the professional who acts.
        patient_identity: how the patient was identified (`Identity`).
        professional_identified: the professional said name and registration.
        patient_location: where the patient says to be.
        professional_location: where the professional is.
        overdue_reason: why it goes on although a visit in person is overdue.
        emergency_reason: why there was no time for the term; never after a refusal.

    Raises:
        TelemedicineError: something of it is missing, the patient refused, or the licence is not in order.
    """
    found = _locked(session, TERM)
    if patient_identity not in Identity.values or not professional_identified:
        raise TelemedicineError(_("Both say who they are before the session begins."))
    if not patient_location.strip() or not professional_location.strip():
        raise TelemedicineError(_("Write down where the patient says to be, and where you are."))
    standing = follow_up(found.patient_id, found.professional_id)
    if standing.overdue and not overdue_reason.strip():
        raise TelemedicineError(
            f"{standing.warning} {_('Say why it goes on at a distance, or change it to in person.')}"
        )
    found.status = SessionStatus.RUNNING
    found.patient_identity = patient_identity
    found.professional_identified = True
    found.patient_location = patient_location.strip()
    found.professional_location = professional_location.strip()
    found.in_person_overdue = standing.overdue
    found.overdue_reason = overdue_reason.strip() if standing.overdue else ""
    found.emergency = bool(emergency_reason.strip())
    found.emergency_reason = emergency_reason.strip()
    return _save(found)


@transaction.atomic
def end(session: UUID) -> TelemedicineSession:
    """End a running session.

    Raises:
        TelemedicineError: it does not run, or is another professional's.
    """
    found = _locked(session)
    found.status = SessionStatus.ENDED
    return _save(found)


@transaction.atomic
def refuse(session: UUID, *, by: str, reason: str = "") -> TelemedicineSession:
    """Write down that the patient or the professional does not want care at a distance (Lei 14.510/2022 art. 26-A, C).

    Args:
        session: planned or running.
        by: `RefusedBy`.
        reason: why, for those who care for the patient.

    Raises:
        TelemedicineError: it is over, or not this person's to refuse.
    """
    if by not in RefusedBy.values:
        raise TelemedicineError(_("Say who refuses."))
    found = _locked(session)
    found.status = SessionStatus.REFUSED
    found.refused_by = by
    if reason.strip():
        found.reason = reason.strip()
    return _save(found)


@transaction.atomic
def convert(session: UUID, *, reason: str = "") -> TelemedicineSession:
    """Change a session to a visit in person; `book_in_person` then makes the appointment.

    Raises:
        TelemedicineError: it is over, or not this person's to change.
    """
    found = _locked(session)
    found.status = SessionStatus.CONVERTED
    if reason.strip():
        found.reason = reason.strip()
    return _save(found)


@transaction.atomic
def cancel(session: UUID) -> TelemedicineSession:
    """Take back a session that was only planned.

    Raises:
        TelemedicineError: it has begun, or is over.
    """
    found = _locked(session)
    found.status = SessionStatus.CANCELLED
    return _save(found)


@transaction.atomic
def book_in_person(session: UUID, *, starts_at: datetime, minutes: int, service: Service | None = None) -> Appointment:
    """Book the visit in person that a refused or changed session leads to, with the same professional.

    Raises:
        TelemedicineError: the time is taken, or the visit was booked before.
    """
    found = _locked(session)
    if found.status not in (SessionStatus.REFUSED, SessionStatus.CONVERTED):
        raise TelemedicineError(_("Change the session to in person first."))
    if found.in_person_appointment_id is not None:
        raise TelemedicineError(_("The visit in person is booked already."))
    ends_at = starts_at + timedelta(minutes=minutes)
    clash = booking.find_clash(
        patient=found.patient_id,
        professional=found.professional_id,
        starts_at=starts_at,
        ends_at=ends_at,
        ignoring=found.appointment_id,
    )
    if clash is not None:
        raise TelemedicineError(booking.describe_clash(clash, with_patient=True))
    made = Appointment.objects.create(
        patient_id=found.patient_id,
        professional_id=found.professional_id,
        service=service,
        day=timezone.localdate(starts_at),
        starts_at=starts_at,
        ends_at=ends_at,
    )
    found.in_person_appointment = made
    _save(found)
    return made


@transaction.atomic
def start_recording(session: UUID) -> TelemedicineSession:
    """Write down that the clinic's room records from now on: only with the consent of its own. Off unless this is done.

    Raises:
        TelemedicineError: there is no such consent, or the session does not run.
    """
    found = _locked(session, RECORDING)
    found.recording_started_at = timezone.now()
    return _save(found)


@transaction.atomic
def stop_recording(session: UUID) -> TelemedicineSession:
    """Write down that the recording stopped."""
    found = _locked(session)
    if not found.is_recording:
        raise TelemedicineError(_("The session is not being recorded."))
    found.recording_stopped_at = timezone.now()
    return _save(found)


@transaction.atomic
def share(session: UUID, *, shared_with: str) -> TelemedicineSession:
    """Write down with whom images and data of a session are shared: only with the consent to it.

    Raises:
        TelemedicineError: there is none.
    """
    found = _locked(session, SHARING)
    found.shared_with = shared_with.strip()
    return _save(found)


@transaction.atomic
def write_record(session: UUID) -> MedicalRecord:
    """The session's entry in the medical record: the draft that was begun before, or a new one.

    Raises:
        TelemedicineError: the session has not begun, or the record is closed to whoever acts.
    """
    found = _locked(session)
    if found.started_at is None:
        raise TelemedicineError(_("The session has not begun."))
    entry: MedicalRecord | None = MedicalRecord.objects.filter(pk=found.record).first() if found.record else None
    if entry is None:
        try:
            entry = records.new_draft(patient=found.patient_id, kind="evolution", appointment=found.appointment_id)
        except records.RecordError as error:
            raise TelemedicineError(str(error)) from error
        found.record = entry.pk
        _save(found)
    return entry


def missing(session: TelemedicineSession) -> list[str]:
    """What the session's record still lacks of `telemedicine.session_fields`, in words."""
    lacking = []
    if session.started_at and not (
        session.record and MedicalRecord.objects.filter(pk=session.record).exclude(status="draft").exists()
    ):
        lacking.append(_("a finalised entry in the medical record, with clinical data and conduct"))
    if session.status == SessionStatus.RUNNING:
        lacking.append(_("the end of the session"))
    if session.emergency and session.consent is None:
        lacking.append(_("the term, which the emergency left no time for"))
    return lacking


def _locked(session: UUID, purpose: str = "") -> TelemedicineSession:
    """A session that nobody else changes until the transaction is over; the lock of its consent comes first."""
    plain = TelemedicineSession.objects.filter(pk=session).values_list("patient_id", flat=True).first()
    if plain is None:
        raise TelemedicineError(_("This session is not open to you."))
    if purpose:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock_shared(neonpro.consent_lock(neonpro.current_clinic(), %s, %s))",
                [plain, purpose],
            )
    found: TelemedicineSession = TelemedicineSession.objects.select_for_update().get(pk=session)
    return found


def _save(session: TelemedicineSession) -> TelemedicineSession:
    try:
        with transaction.atomic():
            session.save()
    except (Erased, Refused) as error:
        raise TelemedicineError(_("The patient's clinical data are closed to you: nothing was saved.")) from error
    except DatabaseError as error:
        words = _refusal(error)
        if words is None:
            raise
        raise TelemedicineError(words) from error
    session.refresh_from_db()
    return session


def _refusal(error: DatabaseError) -> str | None:
    """Why PostgreSQL refused, in words; None where it is none of its rules."""
    cause = error.__cause__
    name: Any = cause.diag.constraint_name if isinstance(cause, psycopg.Error) else ""
    return {
        "consent": _(
            "The patient has not agreed to the telemedicine term, without which no session begins. Record the consent"
            " first; in an emergency, write down why there was no time for it."
        ),
        "patient_refused": _(
            "The patient refused care at a distance, or withdrew the consent: change the session to in person."
        ),
        "licence": _("Your licence is not verified or is due for another check: ask the manager to verify it."),
        "identities": _("Both say who they are and where they are before the session begins."),
        "overdue": _("Say why it goes on at a distance, or change it to in person."),
        "own_start": _("Only its professional begins a session."),
        "own_end": _("Only its professional ends a session."),
        "own_refusal": _("Only its professional refuses in the professional's name."),
        "own_change": _("A running session is changed by its professional."),
        "own_appointment": _("The appointment is another patient's."),
        "own_record": _("The entry is of another patient, or the session has its entry already."),
        "one_per_appointment": _("This appointment has a telemedicine session already."),
        "recording": _("A recording begins once, while the session runs, by its professional."),
        "recording_consent": _("The patient has not agreed to a recording, which needs a consent of its own."),
        "sharing_consent": _("The patient has not agreed to the sharing, which needs a consent of its own."),
        "steps": _("The session is not in a state for this any more. Reload the page."),
        "over": _("The session is over and does not change any more."),
        "beginning_stays": _("How the session began does not change any more."),
    }.get((name or "").removeprefix("telemedicine_sessions_"))
