"""Issuing a draft as one document a type, on paper or signed electronically, and cancelling what was issued."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from clinics.models import Clinic, Professional
from neonpro.pades import Identity, Roots, RootsInvalid
from patients import signatures
from patients.models import (
    Prescription,
    PrescriptionCancellation,
    PrescriptionItem,
    PrescriptionStatus,
)
from patients.prescribing.errors import PrescribingError
from patients.prescribing.numbers import take_number
from patients.prescribing.planning import plan
from patients.prescription_facts import snapshot
from patients.prescription_rules import (
    Kind,
    sncr_type,
)
from patients.prescription_signing import may_be_electronic, sign
from patients.records import current_professional


@transaction.atomic
def issue(
    draft: UUID,
    *,
    today: date,
    electronic: frozenset[str] = frozenset(),
    identity: Identity | None = None,
    roots: Roots | None = None,
    timestamper: Any = None,
) -> list[Prescription]:
    """Issue a draft: one document for each type, all or none, on the day it is signed.

    Args:
        draft: its id.
        today: the clinic's day; PostgreSQL refuses any other.
        electronic: the kinds that are signed electronically, here and now. What SNCR numbers takes one of the
            prescriber's numbers in this transaction, which a signing that fails leaves unused.
        identity: the prescriber's certificate of this act (`signatures.open_certificate`), where one is electronic.
        roots, timestamper: in place of the configured ones.

    Raises:
        PrescribingError: something stands in the way; each reason with its norm.
    """
    found: Prescription | None = (
        Prescription.objects.select_for_update().filter(pk=draft, status=PrescriptionStatus.DRAFT).first()
    )
    if found is None:
        raise PrescribingError(_("This draft is no longer there, or was issued already."))
    if electronic and identity is None:
        raise PrescribingError(_("An electronic prescription is signed with your certificate: choose its file."))
    for kind in sorted(electronic):
        if not may_be_electronic(Kind(kind)):
            raise PrescribingError(
                _("%(kind)s: not issued electronically here, for want of SNCR. Print it and sign it by hand.")
                % {"kind": Kind(kind).label}
            )
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
            row.sncr_number = take_number(row, sncr_type(sheet.kind))
        row.content = snapshot(row, sheet.items, prescriber, clinic, today=today, guided=sheet is guided)
        row.status = PrescriptionStatus.ISSUED
        row.save(
            update_fields=[
                "status", "kind", "is_electronic", "sncr_number", "issued_on", "valid_until", "content",
            ]
        )  # fmt: skip
        row.refresh_from_db(fields=["issued_at"])
        issued.append(row)
    if identity is not None and electronic:
        _sign([row for row in issued if row.is_electronic], prescriber, clinic, identity, roots, timestamper)
    return issued


def _sign(
    rows: Iterable[Prescription], prescriber: Professional, clinic: Clinic, identity: Identity, roots: Roots | None,
    timestamper: Any,
) -> None:  # fmt: skip
    """Sign what was issued electronically, with one certificate. Raises `PrescribingError`: one was not signed."""
    try:
        by = signatures.means(identity, roots=roots, timestamper=timestamper)
        for row in rows:
            sign(row, prescriber, clinic, by)
    except signatures.SigningError as error:
        raise PrescribingError(str(error)) from error
    except RootsInvalid as error:
        raise PrescribingError(signatures.words(error)) from error


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
