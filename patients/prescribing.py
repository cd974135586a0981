"""Prescribing: a draft, what the law has against it, issuing it as one document a type, cancelling and renewing.

PostgreSQL refuses what goes past this: a change of what was issued, a document of two types, anything proscribed,
anything controlled that is electronic without a number of SNCR (`sql/guard_prescription.sql`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from clinics.models import Clinic, Professional
from neonpro.rules import rule
from patients import substances
from patients.models import (
    PrescribingCouncil,
    Prescription,
    PrescriptionCancellation,
    PrescriptionItem,
    PrescriptionStatus,
    PrescriptionTemplate,
    SncrNumber,
    Substance,
)
from patients.prescription_facts import Missing, missing_fields, snapshot, writer
from patients.prescription_rules import (
    NOTIFICATIONS,
    Blocked,
    Document,
    Kind,
    Line,
    Problem,
    adendo_possible,
    check,
    cite,
    copies,
    kind_of,
    sncr_type,
    split,
    validity,
)
from patients.prescription_warnings import Caution, warnings
from patients.records import current_professional, is_open

FLAGS = ("ampoules", "continuous", "topical", "adendo")
NUMBERS = ("quantity", "mg_per_unit", "mg_per_day")
TEXTS = ("medicine", "concentration", "form", "unit", "posology", "per_30_days")


class PrescribingError(Exception):
    """A prescription cannot be what was asked; the message is for the person who asked, `reasons` one by one."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__(" ".join(reasons))


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
        """Whether it cannot be electronic: it needs a number and there is none."""
        return bool(sncr_type(self.kind)) and not self.numbers


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


# --- Drafts -----------------------------------------------------------------------------------------------------------


def begin(*, patient: UUID, **fields: Any) -> Prescription:
    """Begin a prescription: a draft that only its prescriber sees.

    Args:
        patient: for whom.
        fields: whatever else it has from the start.

    Raises:
        PrescribingError: whoever acts is no professional, or the patient is not in their care.
    """
    prescriber = current_professional()
    if prescriber is None or not is_open(patient, to_write=True):
        raise PrescribingError(_("Only a professional who cares for the patient prescribes."))
    made: Prescription = Prescription.objects.create(patient_id=patient, prescriber_id=prescriber, **fields)
    return made


def put_item(draft: Prescription, *, item: UUID | None = None, today: date, **values: Any) -> PrescriptionItem:
    """Add a medicine to a draft, or change one.

    Args:
        draft: whose.
        item: the one to change; None adds one.
        today: the clinic's day, whose list of substances counts.
        values: `TEXTS`, `NUMBERS`, `FLAGS` and `days`.

    Raises:
        PrescribingError: it is no draft any more, the substance is proscribed, or several controlled ones are named.
    """
    _require_draft(draft)
    text = {name: str(values.get(name) or "").strip() for name in TEXTS}
    if not text["medicine"] or not text["posology"]:
        raise PrescribingError(_("Give the medicine and how to use it."))
    amounts: dict[str, Any] = {name: bool(values.get(name)) for name in FLAGS}
    amounts |= {name: _number(values.get(name)) for name in NUMBERS}
    amounts["days"] = int(values["days"]) if values.get("days") else None
    substance = identify(text["medicine"], today=today)
    if item is not None:
        found = draft_item(draft, item)
    else:
        last = PrescriptionItem.objects.filter(prescription=draft).order_by("-position").first()
        found = PrescriptionItem(
            patient_id=draft.patient_id, prescription=draft, position=last.position + 1 if last else 1
        )
    for name, value in text.items():
        setattr(found, name, value)
    found.amounts, found.substance = amounts, substance
    try:
        found.kind = kind_of(as_line(found), on=today)
    except Blocked as error:
        raise PrescribingError(str(error.problem)) from error
    found.save()
    return found


def identify(medicine: str, *, today: date) -> Substance | None:
    """The substance that a medicine is prescribed under: the controlled one, where it holds several.

    Raises:
        PrescribingError: it names controlled substances that go on different documents.
    """
    found = substances.recognise(medicine, substances.in_force(today))
    listed = [one for one in found if one.on_list]
    if len({tuple(one.kinds) for one in listed}) > 1:
        raise PrescribingError(
            _("This names several controlled substances (%(names)s): prescribe each by itself.")
            % {"names": ", ".join(one.name for one in listed)}
        )
    return next(iter([*listed, *found]), None)


def draft_item(draft: Prescription, item: UUID) -> PrescriptionItem:
    """One item of a draft. Raises `PrescribingError` where there is none."""
    found: PrescriptionItem | None = (
        PrescriptionItem.objects.select_related("substance").filter(prescription=draft, pk=item).first()
    )
    if found is None:
        raise PrescribingError(_("This medicine is no longer in the draft. Reload the page."))
    return found


def remove_item(draft: Prescription, item: UUID) -> None:
    """Take a medicine out of a draft."""
    _require_draft(draft)
    draft_item(draft, item).delete()


def apply_template(draft: Prescription, template: PrescriptionTemplate, *, today: date) -> int:
    """Add a template's medicines to a draft; how many they are."""
    for line in template.lines:
        put_item(draft, today=today, **line)
    if template.guidance and template.guidance not in draft.guidance:
        draft.guidance = "\n\n".join(part for part in (draft.guidance, template.guidance) if part)
        draft.save(update_fields=["guidance"])
    return len(template.lines)


def discard(draft: Prescription) -> None:
    """Throw a draft away. The audit log keeps that there was one."""
    _require_draft(draft)
    with transaction.atomic():
        PrescriptionItem.objects.filter(prescription=draft).delete()
        draft.delete()


def items_of(prescription: Prescription) -> list[PrescriptionItem]:
    """Its medicines in order."""
    return list(
        PrescriptionItem.objects.filter(prescription=prescription)
        .select_related("substance")
        .order_by("position", "id")
    )


def as_line(item: PrescriptionItem) -> Line:
    """An item as the rules ask about it."""
    return substances.line(
        item.substance,
        key=item.pk,
        name=item.medicine,
        quantity=item.quantity,
        days=item.amount("days"),
        per_30_days=item.per_30_days,
        **{name: bool(item.amount(name)) for name in FLAGS},
        **{
            name: Decimal(str(value)) if (value := item.amount(name)) else None
            for name in ("mg_per_unit", "mg_per_day")
        },
    )


def _number(value: Any) -> str | None:
    """A number as JSON keeps it exactly; None for none."""
    if value in (None, ""):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise PrescribingError(_("This is not a number: check the quantities.")) from error
    if not number.is_finite() or number < 0:
        raise PrescribingError(_("This is not a number: check the quantities."))
    return f"{number.normalize():f}"


def _require_draft(prescription: Prescription) -> None:
    if not prescription.is_draft:
        raise PrescribingError(_("What was issued never changes: cancel it, or renew it into a new draft."))


# --- Planning ---------------------------------------------------------------------------------------------------------


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
    free = _free_numbers()
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


def _free_numbers() -> dict[str, int]:
    counted: dict[str, int] = {}
    for kind in SncrNumber.objects.filter(used_for__isnull=True).values_list("sncr_type", flat=True):
        counted[kind] = counted.get(kind, 0) + 1
    return counted


def _licence_refusal(prescriber: Professional, today: date) -> str:
    from clinics.licences import LicenceError, require_licence

    try:
        require_licence(prescriber, on=today)
    except LicenceError as error:
        return str(error)
    return ""


# --- Issuing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def issue(draft: UUID, *, today: date, electronic: frozenset[str] = frozenset()) -> list[Prescription]:
    """Issue a draft: one document for each type, all or none, on the day it is signed.

    Args:
        draft: its id.
        today: the clinic's day; PostgreSQL refuses any other.
        electronic: the kinds that will be signed electronically. What SNCR numbers takes one of the prescriber's
            numbers here, in this transaction; without one it stays on paper.

    Raises:
        PrescribingError: something stands in the way; each reason with its norm.
    """
    found: Prescription | None = (
        Prescription.objects.select_for_update().filter(pk=draft, status=PrescriptionStatus.DRAFT).first()
    )
    if found is None:
        raise PrescribingError(_("This draft is no longer there, or was issued already."))
    if Kind.COMMON in electronic:
        # It would have to be signed here and now; until it can be, it is paper.
        raise PrescribingError(_("A common prescription is issued on paper here: print it and sign it by hand."))
    made = plan(found, today=today)
    if made.reasons:
        raise PrescribingError(*made.reasons)
    prescriber = Professional.objects.get(pk=found.prescriber_id)
    clinic = Clinic.objects.get()
    issued: list[Prescription] = []
    guided = next((sheet for sheet in made.sheets if sheet.kind is Kind.COMMON), made.sheets[0])
    rows = [found, *(_twin(found) for _sheet in made.sheets[1:])]
    # All items first: a document is issued with everything that is still on it.
    for row, sheet in zip(rows, made.sheets, strict=True):
        _move(sheet.items, row, sheet.kind)
    for row, sheet in zip(rows, made.sheets, strict=True):
        row.kind = sheet.kind
        row.issued_on, row.valid_until = today, sheet.valid_until
        row.is_electronic = sheet.kind in electronic
        if row.is_electronic and sncr_type(sheet.kind):
            row.sncr_number = _take_number(row, sncr_type(sheet.kind))
        row.content = snapshot(row, sheet.items, prescriber, clinic, today=today, guided=sheet is guided)
        row.status = PrescriptionStatus.ISSUED
        row.save(
            update_fields=[
                "status", "kind", "is_electronic", "sncr_number", "issued_on", "valid_until", "content",
            ]
        )  # fmt: skip
        row.refresh_from_db(fields=["issued_at"])
        issued.append(row)
    return issued


def _twin(draft: Prescription) -> Prescription:
    """Another draft of the same writing, for the next document."""
    made: Prescription = Prescription.objects.create(
        patient_id=draft.patient_id, prescriber_id=draft.prescriber_id, batch=draft.batch, renews_id=draft.renews_id,
        purpose=draft.purpose, cid=draft.cid, justification=draft.justification, guidance=draft.guidance,
        terms_given=draft.terms_given,
    )  # fmt: skip
    return made


def _move(items: Sequence[PrescriptionItem], row: Prescription, kind: Kind) -> None:
    for item in items:
        if item.prescription_id != row.pk or item.kind != kind:
            item.prescription, item.kind = row, kind
            item.save(update_fields=["prescription", "kind"])


def _take_number(prescription: Prescription, wanted: str) -> str:
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


# --- Afterwards -------------------------------------------------------------------------------------------------------


def cancel(prescription: Prescription, *, reason: str) -> PrescriptionCancellation:
    """Say that a prescription no longer holds. It stays as it was issued, marked as cancelled.

    Raises:
        PrescribingError: it was never issued, is cancelled already, or no reason was given.
    """
    by = current_professional()
    if prescription.is_draft or by is None:
        raise PrescribingError(_("Only what was issued is cancelled. A draft can be thrown away."))
    if not reason.strip():
        raise PrescribingError(_("Say why it is cancelled."))
    if cancellation_of(prescription) is not None:
        raise PrescribingError(_("This prescription is cancelled already."))
    made: PrescriptionCancellation = PrescriptionCancellation.objects.create(
        patient_id=prescription.patient_id, prescription=prescription, cancelled_by_id=by, reason=reason.strip()
    )
    return made


def cancellation_of(prescription: Prescription) -> PrescriptionCancellation | None:
    """The cancellation of a prescription, if there is one."""
    found: PrescriptionCancellation | None = (
        PrescriptionCancellation.objects.filter(prescription=prescription).select_related("cancelled_by").first()
    )
    return found


@transaction.atomic
def renew(prescription: Prescription, *, today: date) -> Prescription:
    """A new draft with the medicines of an issued prescription, to look over and issue anew.

    Raises:
        PrescribingError: it was never issued; or the patient is not in the care of whoever asks.
    """
    if prescription.is_draft:
        raise PrescribingError(_("A draft is simply issued: only what was issued is renewed."))
    draft = begin(
        patient=prescription.patient_id, renews=prescription, purpose=prescription.purpose, cid=prescription.cid,
        guidance=prescription.guidance,
    )  # fmt: skip
    for item in items_of(prescription):
        put_item(
            draft,
            today=today,
            **{name: getattr(item, name) for name in TEXTS},
            **{name: item.amount(name) for name in (*NUMBERS, *FLAGS, "days")},
        )
    return draft


def as_template(draft: Prescription, *, name: str) -> PrescriptionTemplate:
    """A template with the medicines of a draft or an issued prescription, and nothing of its patient."""
    made: PrescriptionTemplate = PrescriptionTemplate.objects.create(name=name, lines=template_lines(items_of(draft)))
    return made


def template_lines(items: Iterable[PrescriptionItem]) -> list[dict[str, Any]]:
    """Items as a template keeps them."""
    return [
        {name: getattr(item, name) for name in TEXTS if getattr(item, name)}
        | {name: value for name in (*NUMBERS, *FLAGS, "days") if (value := item.amount(name))}
        for item in items
    ]
