"""Consents: asking, granting, refusing and withdrawing, and the question that every use puts: `allows`.

Each step adds one event (`ConsentRecord`); PostgreSQL derives the state and refuses what does not follow. Nothing here
is asked for care itself, which rests on another basis (LGPD art. 11 II "f" and "a").
"""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from clinics import withheld
from compliance.models import (
    Actor,
    Channel,
    Consent,
    ConsentEvent,
    ConsentRecord,
    ConsentText,
    EvidenceKind,
    Relation,
)
from compliance.purposes import TERMS, Purpose, Terms
from neonpro.rules import rule
from neonpro.vault.keys import VaultError
from patients.models import Patient

ADULT: Final = "lgpd.minors.assisted_below"
"""The rule that says below which age a guardian is named."""


class ConsentError(Exception):
    """A step that cannot be taken; the message is for the person who tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardian:
    """Who speaks for the patient, what they are to them, and which document showed it."""

    name: str
    relation: str
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a patient stands to one purpose.

    Attributes:
        purpose: which one.
        service: for the consent to a procedure.
        state: the last event that decides, or "" where nobody was ever asked.
        since: since when.
        asked_at: when the patient was last asked.
    """

    purpose: Purpose
    service: Any = None
    state: str = ""
    since: datetime | None = None
    asked_at: datetime | None = None

    @property
    def terms(self) -> Terms:
        """What is always so of this purpose."""
        return TERMS[self.purpose]

    @property
    def allows(self) -> bool:
        """Whether what depends on it may be done."""
        return self.state == ConsentEvent.GRANTED


# --- What every use asks ----------------------------------------------------------------------------------------------


def allows(patient: UUID, purpose: str, *, service: UUID | None = None) -> bool:
    """Whether a patient of the current clinic consents to a purpose now (`sql/consent_allows.sql`).

    Inside the transaction of a withdrawal the answer is no at once. A use that must not cross a withdrawal by somebody
    else belongs into a trigger that asks `neonpro.consent_in_force`.

    Raises:
        ConsentError: there is no such purpose; care itself has none.
    """
    known(purpose)
    with connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.consent_allows(%s, %s, %s)", [patient, purpose, service])
        return bool(cursor.fetchone()[0])


def require(patient: UUID, purpose: str, *, service: UUID | None = None) -> None:
    """Go on only with the consent.

    Raises:
        ConsentError: there is none, in words.
    """
    if not allows(patient, purpose, service=service):
        raise ConsentError(
            _("The patient has not consented to this, or no longer does: %(purpose)s.")
            % {"purpose": Purpose(purpose).label}
        )


def consenting(purpose: str) -> QuerySet[Patient]:
    """The patients who consent to a purpose now: whom a list of news or an export may hold."""
    known(purpose)
    found = Consent.objects.filter(purpose=purpose, state=ConsentEvent.GRANTED).values("patient")
    return Patient.objects.filter(pk__in=found)


def known(purpose: str) -> Terms:
    """What is always so of a purpose.

    Raises:
        ConsentError: it is none.
    """
    if purpose == "care":
        raise ConsentError(
            _(
                "Care asks for no consent under the LGPD: it rests on the protection of health (art. 11 II f) and on"
                " legal duty (art. 11 II a), and a consent could be withdrawn."
            )
        )
    if purpose not in TERMS:
        raise ConsentError(_("There is no such purpose of consent."))
    return TERMS[purpose]


# --- The steps --------------------------------------------------------------------------------------------------------


def ask(patient: Patient, purpose: str, *, channel: str, service: UUID | None = None) -> ConsentRecord:
    """Write down that the patient was shown the text in force and has yet to answer."""
    return _record(patient, purpose, ConsentEvent.ASKED, channel=channel, service=service, shown=True)


def grant(
    patient: Patient,
    purpose: str,
    *,
    channel: str,
    text: ConsentText | None = None,
    service: UUID | None = None,
    guardian: Guardian | None = None,
    adult: bool = False,
    happened_at: datetime | None = None,
    evidence: bytes = b"",
) -> ConsentRecord:
    """Write down that the patient, or a guardian, agreed.

    Args:
        patient: who.
        purpose: to what.
        channel: how (`Channel`).
        text: the version that was signed; the one in force unless given.
        service: of a consent to a procedure.
        guardian: who agreed in the patient's place.
        adult: whoever writes it down has seen that the patient is of age; needed only where no birth is known.
        happened_at: when it was, if not now.
        evidence: the scan of what was signed, as PDF, JPEG or PNG.

    Raises:
        ConsentError: there is no text in force, the patient is under age, or this role does not record this.
    """
    if guardian is None:
        _require_adult(patient, on=timezone.localdate(happened_at), seen=adult)
    return _record(
        patient, purpose, ConsentEvent.GRANTED, channel=channel, service=service, shown=True, text=text,
        guardian=guardian, happened_at=happened_at, evidence=evidence,
    )  # fmt: skip


def refuse(
    patient: Patient,
    purpose: str,
    *,
    channel: str,
    service: UUID | None = None,
    guardian: Guardian | None = None,
    happened_at: datetime | None = None,
    evidence: bytes = b"",
) -> ConsentRecord:
    """Write down that the patient said no. Nothing else of their care changes by it."""
    return _record(
        patient, purpose, ConsentEvent.REFUSED, channel=channel, service=service, guardian=guardian,
        happened_at=happened_at, evidence=evidence,
    )  # fmt: skip


def withdraw(
    patient: Patient,
    purpose: str,
    *,
    channel: str,
    service: UUID | None = None,
    guardian: Guardian | None = None,
    evidence: bytes = b"",
) -> ConsentRecord:
    """Write down that the patient takes the consent back. What depends on it stops before this returns.

    Raises:
        ConsentError: nothing is granted that could be taken back.
    """
    return _record(
        patient, purpose, ConsentEvent.WITHDRAWN, channel=channel, service=service, guardian=guardian, evidence=evidence
    )


def expire(patient: Patient, purpose: str, *, service: UUID | None = None) -> ConsentRecord:
    """End a consent by the clinic's own policy: the law sets no expiry (`lgpd.consent.expires`)."""
    return _record(patient, purpose, ConsentEvent.EXPIRED, channel=Channel.POLICY, service=service)


def _record(
    patient: Patient,
    purpose: str,
    event: ConsentEvent,
    *,
    channel: str,
    service: UUID | None = None,
    shown: bool = False,
    text: ConsentText | None = None,
    guardian: Guardian | None = None,
    happened_at: datetime | None = None,
    evidence: bytes = b"",
) -> ConsentRecord:
    terms = known(purpose)
    if terms.by_service and service is None:
        raise ConsentError(_("Choose the procedure: each has a consent of its own."))
    if shown and text is None:
        text = text_in_force(purpose, service)
        if text is None:
            raise ConsentError(
                _("There is no published text for this consent. The data protection officer publishes one first.")
            )
    record = ConsentRecord(
        patient=patient,
        purpose=purpose,
        service_id=service,
        event=event,
        family=terms.family,
        legal_basis=terms.basis,
        data_category=terms.category,
        highlighted=terms.highlighted,
        text=text,
        channel=channel,
        happened_at=happened_at or timezone.now(),
    )
    if guardian is not None:
        if not (guardian.name.strip() and guardian.proof.strip() and guardian.relation in Relation.values):
            raise ConsentError(_("Give the guardian's name, relation to the patient and the document that proves it."))
        record.actor = Actor.GUARDIAN
        record.guardian_relation = guardian.relation
        record.guardian_name = guardian.name.strip()
        record.guardian_proof = guardian.proof.strip()
    if evidence:
        attach(record, evidence)
    try:
        with transaction.atomic():
            record.save(force_insert=True)
    except VaultError as error:
        raise ConsentError(withheld.refusal(error)) from error
    except DatabaseError as error:
        words = _refusal(error)
        if words is None:
            raise
        raise ConsentError(words) from error
    record.refresh_from_db(
        fields=["number", "text_version", "text_sha256", "recorded_by", "recorded_role", "created_at"]
    )
    return record


LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a scan, at most."""

_MAGIC: Final = {b"%PDF-": EvidenceKind.PDF, b"\xff\xd8\xff": EvidenceKind.JPEG, b"\x89PNG\r\n\x1a\n": EvidenceKind.PNG}


def attach(record: ConsentRecord, content: bytes) -> None:
    """Put the scan of what was signed to an event that is about to be written.

    Raises:
        ConsentError: it is none, or too large.
    """
    kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    if kind is None:
        raise ConsentError(_("The scan must be a PDF, JPEG or PNG file."))
    if len(content) > LARGEST:
        raise ConsentError(_("The scan is larger than %(size)s MB.") % {"size": LARGEST // 1024 // 1024})
    record.evidence_kind = kind
    setattr(record, record.evidence_field, content)


def _refusal(error: DatabaseError) -> str | None:
    """Why PostgreSQL refused an event, in words; None where it is none of its rules."""
    cause = error.__cause__
    name = (cause.diag.constraint_name or "") if isinstance(cause, psycopg.Error) else ""
    words = {
        "consent_records_role": _("Your role does not record this consent. Ask the data protection officer."),
        "consent_records_nothing_granted": _("There is nothing to withdraw: the patient has not granted this."),
        "consent_records_not_ahead": _("The date is in the future."),
        "consent_records_text_published": _("This text was never published for this purpose."),
        "consent_records_minor": _minor(),
    }.get(name)
    if words is None and isinstance(cause, psycopg.errors.InsufficientPrivilege):
        # A row policy, or a key that this role may not make: a scan of a clinical term, for the front desk.
        return _(
            "Your role does not record this, or keeps no file of it. Ask the professional who cares for the patient."
        )
    return words


# --- Age --------------------------------------------------------------------------------------------------------------


def _minor() -> str:
    return _("The patient is under age: a parent, guardian or representative grants. Fill in who.")


def is_minor(patient: Patient, *, on: date) -> bool | None:
    """Whether a patient is under age on a day; None where it cannot be known.

    The database itself sees the year of birth alone, and refuses those who are certainly under age; in the year in
    which somebody comes of age the encrypted day decides, here.
    """
    years = int(rule(ADULT, on=timezone.localdate()).quantity.number)
    born: Any = patient.birth_date
    if isinstance(born, date):
        return (on.year - born.year - ((on.month, on.day) < (born.month, born.day))) < years
    if patient.birth_year is None:
        return None
    least = on.year - patient.birth_year - 1
    if least >= years:
        return False
    return True if least + 1 < years else None


def _require_adult(patient: Patient, *, on: date, seen: bool) -> None:
    minor = is_minor(patient, on=on)
    if minor:
        raise ConsentError(_minor())
    if minor is None and not seen:
        raise ConsentError(
            _(
                "The record does not say whether the patient is of age. Fill in the date of birth, confirm that the"
                " patient is of age, or give the guardian."
            )
        )


# --- Texts ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def publish(text: ConsentText) -> None:
    """Put a text in force, in place of the one before it; from now on it never changes.

    Raises:
        ConsentError: it was published already.
    """
    same = ConsentText.objects.select_for_update().filter(purpose=text.purpose, service=text.service_id)
    if same.get(pk=text.pk).published_at is not None:
        raise ConsentError(_("This version was published before. Write a new version."))
    same.filter(published_at__isnull=False, retired_at__isnull=True).update(retired_at=timezone.now())
    ConsentText.objects.filter(pk=text.pk).update(published_at=timezone.now())
    text.refresh_from_db()


def add_starters() -> list[ConsentText]:
    """Drafts of the starter set (`data/consent_texts.toml`) for each purpose that the clinic has no text for yet."""
    there = set(ConsentText.objects.filter(service__isnull=True).values_list("purpose", flat=True))
    document = tomllib.loads((Path(__file__).parent / "data/consent_texts.toml").read_text(encoding="utf-8"))
    made = []
    for purpose, text in document.items():
        if purpose not in there:
            made.append(ConsentText.objects.create(purpose=purpose, title=text["title"], body=text["body"].strip()))
    return made


# --- What pages show --------------------------------------------------------------------------------------------------


def text_in_force(purpose: str, service: UUID | None = None) -> ConsentText | None:
    """The text that a patient is asked with now: the service's own, else the general one."""
    found = ConsentText.objects.filter(purpose=purpose, published_at__isnull=False, retired_at__isnull=True)
    own = found.filter(service=service).first() if service else None
    return own or found.filter(service__isnull=True).first()


def texts_in_force() -> set[tuple[str, UUID | None]]:
    """For which purposes and services there is a text that patients can be asked with."""
    found = ConsentText.objects.filter(published_at__isnull=False, retired_at__isnull=True)
    return set(found.values_list("purpose", "service"))


def standings(patient: UUID) -> list[Standing]:
    """How a patient stands to each purpose, those that were never asked included; procedures only where asked."""
    rows: dict[tuple[str, UUID | None], Consent] = {
        (row.purpose, row.service_id): row
        for row in Consent.objects.filter(patient=patient).select_related("service").order_by("created_at")
    }
    general = [(purpose, None) for purpose in Purpose if purpose != Purpose.PROCEDURE]
    found = []
    for purpose, service in [*general, *(key for key in rows if key not in general)]:
        row = rows.get((str(purpose), service))
        found.append(
            Standing(
                purpose=Purpose(purpose),
                service=row.service if row else None,
                state=row.state if row else "",
                since=row.since if row else None,
                asked_at=row.asked_at if row else None,
            )
        )
    return found


def history(patient: UUID) -> QuerySet[ConsentRecord]:
    """The events of a patient, newest first."""
    found = ConsentRecord.objects.filter(patient=patient).select_related("service", "text")
    return found.order_by("-created_at", "-number")


def recordable(events: Iterable[str], purposes: Iterable[str]) -> set[tuple[str, str]]:
    """Which of these steps the acting role may write down, as (event, purpose) (`sql/may_record_consent.sql`)."""
    pairs: Sequence[tuple[str, str]] = [(event, purpose) for event in events for purpose in purposes]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.event, w.purpose FROM unnest(%s::text[], %s::text[], %s::text[]) AS w (event, purpose, family)"
            " WHERE neonpro.may_record_consent(neonpro.current_clinic_role(), w.family, w.event)",
            [
                [event for event, _purpose in pairs],
                [purpose for _event, purpose in pairs],
                [str(TERMS[purpose].family) for _event, purpose in pairs],
            ],
        )
        return {(event, purpose) for event, purpose in cursor.fetchall()}
