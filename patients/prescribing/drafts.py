"""Drafts: begun from nothing, from a template or from what was issued, and their medicines."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from patients import substances
from patients.models import (
    Prescription,
    PrescriptionItem,
    PrescriptionTemplate,
    Substance,
)
from patients.prescribing.errors import PrescribingError
from patients.prescription_rules import (
    Blocked,
    Line,
    kind_of,
)
from patients.records import current_professional, is_open

FLAGS = ("ampoules", "continuous", "topical", "adendo")
NUMBERS = ("quantity", "mg_per_unit", "mg_per_day")
TEXTS = ("medicine", "concentration", "form", "unit", "posology", "per_30_days")


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
