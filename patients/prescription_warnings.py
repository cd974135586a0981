"""What a prescriber should see while writing: allergies that match, medicines that the patient already takes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from neonpro.vault.fields import Withheld
from neonpro.vault.text import words
from patients.models import (
    PatientAlert,
    Prescription,
    PrescriptionCancellation,
    PrescriptionItem,
    PrescriptionStatus,
)

CONTINUOUS_COUNTS = timedelta(days=180)
"""How long a medicine of continuous use counts as taken once prescribed: our own measure, for a warning only."""


@dataclass(frozen=True, slots=True)
class Caution:
    """Something to think about before issuing; it never stops anybody."""

    text: str
    key: UUID
    grave: bool = False


def warnings(draft: Prescription, items: Iterable[PrescriptionItem], *, today: date) -> list[Caution]:
    """Allergies that a medicine matches, and medicines that are prescribed already or twice in the draft."""
    held = list(items)
    return [*_allergies(draft.patient_id, held), *_duplicates(draft, held, today)]


def _allergies(patient: UUID, items: list[PrescriptionItem]) -> Iterable[Caution]:
    noted = [alert for alert in PatientAlert.objects.filter(patient=patient, ended_at__isnull=True) if _readable(alert)]
    for item in items:
        for alert in noted:
            if alert.kind in ("allergy", "medicine", "other") and matches(item, str(alert.text)):
                yield Caution(
                    _("%(medicine)s: the patient has an alert that matches: %(alert)s.")
                    % {"medicine": item.medicine, "alert": alert.text},
                    item.pk,
                    grave=alert.kind == "allergy",
                )


def _readable(alert: PatientAlert) -> bool:
    return not isinstance(alert.text, Withheld) and not isinstance(alert.kind, Withheld)


def matches(item: PrescriptionItem, alert: str) -> bool:
    """Whether an alert speaks of a medicine: by its substance, a name of it, or its class, singular or plural."""
    said = {_stem(word) for word in words(alert)}
    names = [item.medicine]
    if item.substance is not None:
        names += [item.substance.name, *item.substance.synonyms, *item.substance.classes]
    for name in names:
        wanted = {_stem(word) for word in words(name) if len(word) > 3 and word not in _FILLERS}
        if wanted and wanted <= said:
            return True
    # The medicine as it was typed carries doses and forms: its first word is its name.
    typed = [word for word in words(item.medicine) if word.isalpha() and len(word) > 3 and word not in _FILLERS]
    return bool(typed) and _stem(typed[0]) in said


_FILLERS = {"acido", "cloridrato", "sulfato", "sodico", "sodica", "comprimido", "creme", "solucao", "potassio", "para"}


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 4 else word


def active(patient: UUID, *, today: date) -> list[tuple[Prescription, list[PrescriptionItem]]]:
    """The issued prescriptions of a patient that still hold or whose treatment goes on, the newest first."""
    cancelled = PrescriptionCancellation.objects.filter(prescription=OuterRef("pk"))
    renewed = Prescription.objects.filter(renews=OuterRef("pk"), status=PrescriptionStatus.ISSUED)
    rows = list(
        Prescription.objects.filter(
            ~Exists(cancelled), ~Exists(renewed), patient=patient, status=PrescriptionStatus.ISSUED
        ).order_by("-issued_at")
    )
    items: dict[Any, list[PrescriptionItem]] = {row.pk: [] for row in rows}
    for item in (
        PrescriptionItem.objects.filter(prescription__in=list(items)).select_related("substance").order_by("position")
    ):
        items[item.prescription_id].append(item)
    return [(row, items[row.pk]) for row in rows if _holds(row, items[row.pk], today)]


def _holds(row: Prescription, items: list[PrescriptionItem], today: date) -> bool:
    assert row.issued_on is not None
    assert row.valid_until is not None
    if row.valid_until >= today:
        return True
    ends = [row.issued_on + timedelta(days=item.amount("days") or 0) for item in items]
    ends += [row.issued_on + CONTINUOUS_COUNTS for item in items if item.amount("continuous")]
    return any(end >= today for end in ends)


def _duplicates(draft: Prescription, items: list[PrescriptionItem], today: date) -> Iterable[Caution]:
    taken = [
        (held, row) for row, rest in active(draft.patient_id, today=today) if row.pk != draft.renews_id for held in rest
    ]
    for place, item in enumerate(items):
        if any(_same(item, other) for other in items[:place]):
            yield Caution(_("%(medicine)s is in this prescription twice.") % {"medicine": item.medicine}, item.pk)
        row = next((row for held, row in taken if _same(item, held)), None)
        if row is not None:
            yield Caution(
                _("%(medicine)s is prescribed already, on %(day)s.")
                % {
                    "medicine": item.medicine,
                    "day": day_word(row),
                },
                item.pk,
            )


def day_word(row: Prescription) -> str:
    """The day on which it was issued, as people write it."""
    return date_format(row.issued_on, "SHORT_DATE_FORMAT") if row.issued_on else ""


def _same(one: PrescriptionItem, other: PrescriptionItem) -> bool:
    if one.substance is not None and other.substance is not None:
        return one.substance.code == other.substance.code
    return words(str(one.medicine)) == words(str(other.medicine))
