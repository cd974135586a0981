"""Signing entries of the medical record with their author's own certificate (`patients/signatures.py` has the means).

What may be signed is refused here in words; PostgreSQL refuses it too (`patients/sql/guard_signature.sql`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from clinics.models import Clinic, Council, Professional
from neonpro import pades
from neonpro.rules import Rule, rule
from neonpro.vault.models import VaultQuerySet
from patients import record_pdf, signatures
from patients.models import DocumentKind, MedicalRecord, Patient, RecordKind, RecordSignature, RecordStatus
from patients.records import current_professional, record_print
from patients.signatures import (
    SigningError,
    closed,
    open_certificate,
    unchanged_files,
    verify,
    verify_unread,
)

__all__ = [
    "MOST", "Result", "SigningError", "document", "level_rule", "open_certificate", "require_level", "sign_all",
    "sign_record", "signature_of", "to_sign", "unchanged_files", "unsigned_copy", "verify", "verify_unread",
]  # fmt: skip

MOST: Final = 100
"""Entries in one act: a page of them, and a request that ends."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entry of an act."""

    record: UUID
    signature: RecordSignature | None = field(default=None, repr=False)
    problem: str = ""


# --- what a signature has to be --------------------------------------------------------------------------------------


def level_rule(record: MedicalRecord, *, on: date) -> Rule:
    """The rule that says at which levels an entry may be signed."""
    if record.kind != RecordKind.DOCUMENT:
        return rule("records.signature.entry", on=on)
    if record.document_kind == DocumentKind.CERTIFICATE:
        return rule("records.signature.medical_certificate", on=on)
    if record.author_council == Council.CRM:
        return rule("records.signature.simple_document_crm", on=on)
    return rule("records.signature.simple_document", on=on)


def require_level(record: MedicalRecord, level: pades.Level, *, on: date) -> None:
    """Pass where a level is enough for an entry.

    Raises:
        SigningError: it is not; the message names the rule.
    """
    signatures.require_level(
        level_rule(record, on=on),
        level,
        _(
            "This entry needs a qualified signature, from an ICP-Brasil certificate (%(ref)s). This certificate"
            " gives an advanced one, so nothing was signed. Use an ICP-Brasil certificate, or print the entry and"
            " sign it by hand."
        ),
    )


def to_sign() -> VaultQuerySet[MedicalRecord]:
    """The acting professional's own entries that are final and not signed yet, the oldest first."""
    found: VaultQuerySet[MedicalRecord] = MedicalRecord.objects.filter(
        status=RecordStatus.FINALISED, author=current_professional()
    ).order_by("finalised_at", "id")
    return found


# --- signing ---------------------------------------------------------------------------------------------------------


@sensitive_variables()
def sign_record(
    record: UUID,
    *,
    identity: pades.Identity,
    roots: pades.Roots | None = None,
    timestamper: Any = None,
) -> RecordSignature:
    """Sign an entry: all of it or nothing, and once.

    Args:
        record: a finalised entry of the acting professional.
        identity: the author's certificate (`open_certificate`).
        roots, timestamper: in place of the configured ones.

    Raises:
        SigningError: it was not signed, and why.
    """
    try:
        with transaction.atomic():
            return _sign(record, signatures.means(identity, roots=roots, timestamper=timestamper))
    except record_pdf.RecordPdfError as error:
        problem = str(error)
    except signatures.REFUSALS as error:
        problem = _words(error)
    raise SigningError(problem)


def _sign(record: UUID, by: signatures.Means) -> RecordSignature:
    seen: MedicalRecord | None = MedicalRecord.objects.only("author", "status").filter(pk=record).first()
    if seen is None:
        raise SigningError(closed())
    if seen.author_id != current_professional():
        raise SigningError(_("Only the author signs an entry."))
    # Whoever clicks twice waits here, and then finds it signed.
    found: MedicalRecord | None = MedicalRecord.objects.select_for_update().filter(pk=record).first()
    if found is None:
        raise SigningError(closed())
    if found.is_draft:
        raise SigningError(_("This entry is a draft: finalise it first."))
    if found.status == RecordStatus.SIGNED:
        raise SigningError(_("This entry is signed already."))
    author = Professional.objects.get(pk=found.author_id)
    level = signatures.check_author(author, by)
    require_level(found, level, on=timezone.localdate(by.at))
    patient = _patient(found)
    clinic = _clinic(found)
    absent = record_pdf.missing(found, patient, clinic)
    if absent:
        raise SigningError(
            _("The document is not whole, so it was not signed. Still to be filled in: %(what)s.")
            % {"what": ", ".join(absent)}
        )
    # The database marks the entry signed with it (neonpro.mark_signed).
    return signatures.sign_and_keep(
        RecordSignature(record=found, patient_id=found.patient_id),
        author,
        clinic,
        by,
        level,
        render=lambda stamp: record_pdf.render(found, patient, clinic, stamp=stamp),
        reason=_("Entry in the medical record"),
    )


@sensitive_variables()
def sign_all(records: Iterable[UUID], *, pfx: bytes, password: str, **options: Any) -> list[Result]:
    """Sign several entries in one act: each by itself, so that one that is refused stops no other.

    Args:
        records: their ids, at most `MOST`.
        pfx, password: the certificate, opened once.
        options: of `sign_record`.

    Raises:
        SigningError: the certificate does not open, or there are too many entries.
    """
    wanted = list(dict.fromkeys(records))
    if not wanted:
        raise SigningError(_("Choose at least one entry."))
    if len(wanted) > MOST:
        raise SigningError(_("Sign at most %(count)s entries at once.") % {"count": MOST})
    identity = open_certificate(pfx, password)
    results = []
    for record in wanted:
        try:
            results.append(Result(record, sign_record(record, identity=identity, **options)))
        except SigningError as error:
            results.append(Result(record, problem=str(error)))
    return results


def _patient(record: MedicalRecord) -> Patient:
    """Whose entry it is, with identification to be opened in one reading."""
    assert record.patient_id is not None
    found: Patient = Patient.objects.opening("identification").get(pk=record.patient_id)
    return found


def _clinic(record: MedicalRecord) -> Clinic:
    """Where it was written."""
    assert record.clinic_id is not None
    return Clinic.objects.get(pk=record.clinic_id)


def _words(error: Exception) -> str:
    """What was refused, for the person who tried."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    if name == "record_signatures_one_per_record":
        return _("This entry is signed already.")
    return signatures.words(error)


# --- what was signed -------------------------------------------------------------------------------------------------


def signature_of(record: UUID) -> RecordSignature | None:
    """The signature of an entry; None where there is none that the reader may see. Nothing is opened."""
    found: RecordSignature | None = RecordSignature.objects.filter(record=record).first()
    return found


def document(signature: UUID) -> tuple[RecordSignature, bytes]:
    """The signed file, see `signatures.export`."""
    return signatures.export(RecordSignature, signature)


def unsigned_copy(record: UUID) -> bytes:
    """An entry on paper, to be signed by hand; the audit log says PRINT.

    Raises:
        SigningError: it is a draft, or not open to the reader.
    """
    found: MedicalRecord | None = MedicalRecord.objects.filter(pk=record).first()
    if found is None:
        raise SigningError(closed())
    patient = _patient(found)
    try:
        paper = record_pdf.render(found, patient, _clinic(found), stamp=None)
    except record_pdf.RecordPdfError as error:
        raise SigningError(str(error)) from error
    record_print(found)
    return paper
