"""Recall: a lot, everybody it was applied to, and who of them was reached. Who may see it: `sql/leads_recalls.sql`."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from clinics.identifiers import format_phone
from clinics.models import Professional
from neonpro.db.bound import execute
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act, Erased, Refused
from patients.models import ContactOutcome, Patient, RecallContact

PAGE: Final = 100
"""Patients on one page of the list."""


class RecallError(Exception):
    """Nothing was recorded; the message is for the person who tried."""


@dataclass(frozen=True, slots=True)
class Session:
    """One application from the recalled lot."""

    at: datetime
    professional: str
    quantity: str
    appointment: UUID | None


@dataclass(frozen=True, slots=True)
class Called:
    """A patient of a recall."""

    patient: Patient
    sessions: tuple[Session, ...]
    attempts: int
    last_outcome: str
    reached_at: datetime | None

    @property
    def phones(self) -> list[str]:
        """The patient's numbers as people write them, or what stands in their place."""
        numbers = [number for number in (self.patient.phone, self.patient.other_phone) if number]
        return [number if isinstance(number, Withheld) else format_phone(number) for number in numbers]

    @property
    def outcome_words(self) -> str:
        """What came of the last attempt."""
        return str(ContactOutcome(self.last_outcome).label) if self.last_outcome else ""


@dataclass(frozen=True, slots=True)
class Recall:
    """A page of a recall's patients, those who were not reached first, and the count of all."""

    people: tuple[Called, ...]
    patients: int
    reached: int
    skipped: int

    @property
    def percent(self) -> int:
        """How much of it is done."""
        return 100 * self.reached // self.patients if self.patients else 0


def leads_recalls() -> bool:
    """Whether the person who acts may see whom a recalled lot was applied to."""
    return bool(execute("SELECT neonpro.leads_recalls()", [])[0][0])


def recall(
    lot: UUID, *, skip: int = 0, take: int | None = PAGE, patient: UUID | None = None, act: Act = Act.LIST
) -> Recall:
    """Whom a recalled lot was applied to. Empty for who may not know, and for a lot that is not recalled.

    The answer is in the audit log before it is here: one row, with every patient in it.

    Args:
        lot: which lot.
        skip: leave out so many patients.
        take: answer with so many; None for all.
        patient: this one alone.
        act: as what the log has the opening of names and contacts.
    """
    rows = execute(
        "SELECT patient, sessions, attempts, last_outcome, reached_at, patients, reached"
        " FROM neonpro.recall_of(%s::uuid, %s::uuid, %s::integer, %s::integer)",
        [lot, patient, skip, take],
    )
    opened = {
        found.pk: found
        for found in Patient.objects.filter(pk__in=[row[0] for row in rows]).opening(
            "identification", "contact", act=act
        )
    }
    names: dict[UUID, str] = dict(Professional.objects.values_list("pk", "full_name"))
    people = tuple(
        Called(
            opened[row[0]],
            tuple(_session(one, names) for one in json.loads(row[1], parse_float=Decimal)),
            row[2],
            row[3],
            row[4],
        )
        for row in rows
        if row[0] in opened
    )
    total, reached = (rows[0][5], rows[0][6]) if rows else (0, 0)
    return Recall(people, total, reached, skip)


def _session(raw: dict[str, Any], names: dict[UUID, str]) -> Session:
    at = parse_datetime(raw["at"])
    assert at is not None
    return Session(
        at, names.get(UUID(raw["professional"]), ""), f"{Decimal(raw['quantity']).normalize():f}".replace(".", ","),
        UUID(raw["appointment"]) if raw["appointment"] else None,
    )  # fmt: skip


def record_contact(lot: UUID, patient: UUID, *, outcome: str, note: str = "") -> RecallContact:
    """Record an attempt to reach a patient.

    Raises:
        RecallError: the patient is not in this recall, or it is not for this person to say.
    """
    if not recall(lot, patient=patient, take=1).people:
        raise RecallError(_("This patient got nothing from this lot, or the lot is no longer recalled."))
    try:
        with transaction.atomic():
            made: RecallContact = RecallContact.objects.create(
                lot_id=lot, patient_id=patient, outcome=outcome, note=note
            )
    except (DatabaseError, Erased, Refused) as error:
        raise RecallError(_("This could not be recorded. Reload the page.")) from error
    return made
