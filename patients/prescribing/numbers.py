"""The numbers that SNCR gave to a person: recorded, counted, and taken once, while a document is being signed."""

from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from neonpro.rules import rule
from patients.models import (
    Prescription,
    SncrNumber,
)
from patients.prescribing.errors import PrescribingError


def free_numbers() -> dict[str, int]:
    """How many unused numbers of each type the acting person has."""
    counted: dict[str, int] = {}
    for kind in SncrNumber.objects.filter(used_for__isnull=True).values_list("sncr_type", flat=True):
        counted[kind] = counted.get(kind, 0) + 1
    return counted


def take_number(prescription: Prescription, wanted: str) -> str:
    """One of the prescriber's unused numbers, taken for a document; others who issue at the same moment take others.

    Raises:
        PrescribingError: there is none left.
    """
    number = (
        SncrNumber.objects.select_for_update(skip_locked=True)
        .filter(sncr_type=wanted, used_for__isnull=True)
        .order_by("created_at", "id")
        .first()
    )
    if number is None:
        raise PrescribingError(
            _("There is no unused SNCR number of type %(type)s: print this prescription and sign it by hand.")
            % {"type": wanted}
        )
    # Where and when are the database's to say.
    number.used_for = prescription.pk
    number.save(update_fields=["used_for"])
    return number.number


def record_numbers(text: str, *, wanted: str, user: UUID, today: date) -> int:
    """Record numbers that SNCR gave to a person; how many are new.

    Args:
        text: numbers, one a line or separated by anything else.
        wanted: their type, see `SncrType`.
        user: the account of the person who got them, which is the one that acts.
        today: the day whose rule says what a number looks like.

    Raises:
        PrescribingError: something in it is no number, or was recorded before.
    """
    pattern = rule("prescriptions.sncr.number", on=today).pattern
    numbers = list(dict.fromkeys(text.replace(",", " ").replace(";", " ").split()))
    wrong = [number for number in numbers if not pattern.fullmatch(number)]
    if wrong or not numbers:
        raise PrescribingError(
            _("An SNCR number looks like 1234.5-67.1234567. Check line %(place)s.")
            % {"place": numbers.index(wrong[0]) + 1 if wrong else 1}
        )
    SncrNumber.objects.bulk_create(SncrNumber(user_id=user, sncr_type=wanted, number=number) for number in numbers)
    return len(numbers)
