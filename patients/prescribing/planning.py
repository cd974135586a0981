"""What issuing a draft would make today, and everything that stands in its way. Nothing is written here."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from clinics.licences import LicenceError, require_licence
from clinics.models import Clinic, Professional
from neonpro.rules import rule
from patients.models import (
    PrescribingCouncil,
    Prescription,
    PrescriptionItem,
)
from patients.prescribing.drafts import as_line, items_of
from patients.prescribing.numbers import free_numbers
from patients.prescription_facts import Missing, missing_fields, writer
from patients.prescription_rules import (
    NOTIFICATIONS,
    Document,
    Kind,
    Problem,
    adendo_possible,
    check,
    cite,
    copies,
    sncr_type,
    split,
    validity,
)
from patients.prescription_signing import may_be_electronic
from patients.prescription_warnings import Caution, warnings


@dataclass(slots=True)
class Sheet:
    """A document as it would be issued today."""

    document: Document
    items: list[PrescriptionItem]
    valid_until: date
    validity_by: str
    copies: int
    numbers: int
    """How many unused SNCR numbers of its type the prescriber has."""

    @property
    def kind(self) -> Kind:
        return self.document.kind

    @property
    def is_notification(self) -> bool:
        """Whether only the official pad is valid, and what is printed is a draft to copy."""
        return self.kind in NOTIFICATIONS

    @property
    def on_paper_only(self) -> bool:
        """Whether it cannot be electronic: this installation does not do that, or a number it needs is not there."""
        return not may_be_electronic(self.kind) or (bool(sncr_type(self.kind)) and not self.numbers)


@dataclass(slots=True)
class Plan:
    """What issuing a draft would make, and what stands in its way."""

    sheets: list[Sheet] = field(default_factory=list)
    blocked: list[Problem] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    warnings: list[Caution] = field(default_factory=list)
    licence: str = ""
    """Why the prescriber's licence does not allow it; '' where it does."""

    @property
    def reasons(self) -> list[str]:
        """Everything that stops it, in words."""
        stops = [problem for sheet in self.sheets for problem in sheet.document.problems if problem.stops]
        found = [str(problem) for problem in [*self.blocked, *stops]]
        if self.missing:
            found.append(
                _("Required and missing: %(fields)s.") % {"fields": ", ".join(one.label for one in self.missing)}
            )
        if not self.sheets and not self.blocked:
            found.append(_("There is no medicine yet."))
        return [*([self.licence] if self.licence else []), *found]


def plan(draft: Prescription, *, today: date) -> Plan:
    """What issuing this draft would make on a day. It reads, and writes nothing.

    Args:
        draft: of the acting prescriber.
        today: the clinic's day: rules, licences and validity are that day's.
    """
    items = items_of(draft)
    prescriber = Professional.objects.get(pk=draft.prescriber_id)
    lines = {item.pk: item for item in items}
    documents, blocked = split([as_line(item) for item in items], on=today)
    opened = frozenset(PrescribingCouncil.objects.filter(council=prescriber.council).values_list("kind", flat=True))
    who = writer(draft, prescriber, opened)
    free = free_numbers()
    made = Plan(blocked=blocked, licence=_licence_refusal(prescriber, today))
    for document in documents:
        document.problems = [
            *check(document, who, on=today), *_unwritten(document, lines, today), *_to_know(document, lines, today)
        ]  # fmt: skip
        until, by = validity(document.kind, today)
        made.sheets.append(
            Sheet(
                document=document,
                items=[lines[line.key] for line in document.lines],
                valid_until=until,
                validity_by=by,
                copies=copies(document.kind, on=today),
                numbers=free.get(sncr_type(document.kind), 0),
            )
        )
    kinds = {document.kind for document in documents}
    made.missing = missing_fields(draft.patient, prescriber, Clinic.objects.get(), kinds, on=today)
    made.warnings = warnings(draft, items, today=today)
    return made


def _unwritten(document: Document, items: dict[Any, PrescriptionItem], today: date) -> list[Problem]:
    """What each medicine of a controlled or retained document must say and does not."""
    if document.kind is Kind.COMMON:
        return []
    needed = rule("prescriptions.controlled_fields", on=today)
    found = []
    for line in document.lines:
        item = items[line.key]
        written: dict[str, tuple[Any, Any]] = {
            "concentration": (item.concentration, _("concentration")),
            "form": (item.form, _("form")),
            # In words it writes itself; of what, has to be said.
            "quantity_in_digits": (item.quantity and item.unit, _("quantity and its unit")),
        }
        missing = [str(label) for code, (value, label) in written.items() if code in needed.choices and not value]
        if missing:
            found.append(
                Problem(
                    _("%(name)s: still to be filled in: %(fields)s.")
                    % {"name": line.name, "fields": ", ".join(missing)},
                    cite(needed),
                    line.key,
                )
            )
    return found


def _to_know(document: Document, items: dict[Any, PrescriptionItem], today: date) -> list[Problem]:
    """What does not stop a document and its prescriber should know."""
    found = []
    for line in document.lines:
        substance = items[line.key].substance
        if substance is not None and substance.review:
            found.append(
                Problem(
                    _("%(name)s: this entry was not compared with the norm: check the list before you issue.")
                    % {"name": line.name},
                    key=line.key,
                    stops=False,
                )
            )
        if adendo_possible(line, on=today):
            found.append(
                Problem(
                    _(
                        "%(name)s: an adendo may move it to a special control prescription. If you have checked it, "
                        "mark “adendo” on the medicine."
                    )
                    % {"name": line.name},
                    cite(rule("prescriptions.reviewed_lists", on=today)),
                    line.key,
                    stops=False,
                )
            )
    return found


def _licence_refusal(prescriber: Professional, today: date) -> str:
    try:
        require_licence(prescriber, on=today)
    except LicenceError as error:
        return str(error)
    return ""
