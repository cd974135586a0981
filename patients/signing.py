"""Signing entries of the medical record with their author's own certificate, and verifying what was signed.

Each signature is an act of will of its author: the certificate comes with the act and is forgotten with it. What may be
signed is refused here in words; PostgreSQL refuses it too (`patients/sql/guard_signature.sql`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from clinics.licences import LicenceError, require_licence
from clinics.models import Clinic, Council, Professional
from neonpro import pades
from neonpro.db.bound import execute
from neonpro.pades import Code, Finding
from neonpro.rules import Rule, rule
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act, Erased, Refused
from neonpro.vault.models import VaultQuerySet
from patients import record_pdf
from patients.models import DocumentKind, MedicalRecord, Patient, RecordKind, RecordSignature, RecordStatus
from patients.records import current_professional, record_print

MOST: Final = 100
"""Entries in one act: a page of them, and a request that ends."""


class SigningError(Exception):
    """An entry was not signed, and nothing of the attempt is left; the message is for the person who signs."""


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
    found = level_rule(record, on=on)
    if level.value not in found.choices:
        raise SigningError(
            _(
                "This entry needs a qualified signature, from an ICP-Brasil certificate (%(ref)s). This certificate"
                " gives an advanced one, so nothing was signed. Use an ICP-Brasil certificate, or print the entry and"
                " sign it by hand."
            )
            % {"ref": found.citation}
        )


def to_sign() -> VaultQuerySet[MedicalRecord]:
    """The acting professional's own entries that are final and not signed yet, the oldest first."""
    found: VaultQuerySet[MedicalRecord] = MedicalRecord.objects.filter(
        status=RecordStatus.FINALISED, author=current_professional()
    ).order_by("finalised_at", "id")
    return found


# --- signing ---------------------------------------------------------------------------------------------------------


@sensitive_variables()
def open_certificate(pfx: bytes, password: str) -> pades.Identity:
    """The certificate of one act. Neither the file nor the password is kept.

    Raises:
        SigningError: what is wrong with it, in words.
    """
    problem = ""
    try:
        return pades.open_pfx(pfx, password)
    except pades.PadesError as error:
        problem = str(error)
    raise SigningError(problem)


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
            return _sign(
                record,
                identity,
                roots if roots is not None else pades.configured_roots(),
                timestamper or pades.configured_timestamper(),
            )
    except (LicenceError, pades.PadesError, record_pdf.RecordPdfError) as error:
        problem = str(error)
    except pades.RootsInvalid:
        # Where the files lie is for whoever runs the system (`manage.py check`).
        problem = _("The trusted roots of this system cannot be read, so nothing was signed. Tell whoever runs it.")
    except (Refused, Erased):
        problem = _closed()
    except DatabaseError as error:
        problem = _words(error)
    raise SigningError(problem)


def _sign(record: UUID, identity: pades.Identity, roots: pades.Roots, timestamper: Any) -> RecordSignature:
    seen: MedicalRecord | None = MedicalRecord.objects.only("author", "status").filter(pk=record).first()
    if seen is None:
        raise SigningError(_closed())
    if seen.author_id != current_professional():
        raise SigningError(_("Only the author signs an entry."))
    # Whoever clicks twice waits here, and then finds it signed.
    found: MedicalRecord | None = MedicalRecord.objects.select_for_update().filter(pk=record).first()
    if found is None:
        raise SigningError(_closed())
    if found.is_draft:
        raise SigningError(_("This entry is a draft: finalise it first."))
    if found.status == RecordStatus.SIGNED:
        raise SigningError(_("This entry is signed already."))
    author = Professional.objects.get(pk=found.author_id)
    now, today = timezone.now(), timezone.localdate()
    require_licence(author, on=today)
    if not author.cpf:
        raise SigningError(
            _("Your CPF is not registered here, so the certificate cannot be compared. Ask management to register it.")
        )
    level = pades.check(identity, cpf=author.cpf, at=now, roots=roots)
    require_level(found, level, on=today)
    patient = _patient(found)
    clinic = _clinic(found)
    absent = record_pdf.missing(found, patient, clinic)
    if absent:
        raise SigningError(
            _("The document is not whole, so it was not signed. Still to be filled in: %(what)s.")
            % {"what": ", ".join(absent)}
        )
    stamp = record_pdf.Stamp(level, identity.holder.name or found.author_name, now)
    signed = pades.sign(
        record_pdf.render(found, patient, clinic, stamp=stamp),
        identity=identity,
        cpf=author.cpf,
        at=now,
        roots=roots,
        reason=_("Entry in the medical record"),
        location=" – ".join(filter(None, (clinic.city, clinic.uf))),
        timestamper=timestamper,
    )
    return _keep(found, signed)


def _keep(record: MedicalRecord, signed: pades.Signed) -> RecordSignature:
    kept = RecordSignature(
        record=record,
        patient_id=record.patient_id,
        signer_id=record.author_id,
        document=signed.pdf,
        document_sha256=signed.sha256,
        document_size=len(signed.pdf),
        container=signed.parts.container,
        signed_digest=signed.parts.digest.hex(),
        chain=b"".join(signed.chain),
        signer_cpf=signed.holder.cpf,
        certificate_serial=signed.holder.serial,
        certificate_issuer=signed.holder.issuer[:200],
        policy=" ".join(signed.holder.policies)[:200],
        level=signed.level.value,
        pades_level=signed.pades.value,
        signed_at=signed.signed_at,
        stamped_at=signed.stamped_at,
        report=signed.report.as_json(),
    )
    # The database marks the entry signed with it (neonpro.mark_signed).
    kept.save(force_insert=True)
    return kept


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


def _closed() -> str:
    """What to say to somebody who does not, or no longer, care for the patient."""
    return _("This record is not open to you, or no longer: you are not in the patient's care team.")


def _words(error: DatabaseError) -> str:
    """What PostgreSQL refused, for the person who tried."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    if name == "record_signatures_one_per_record":
        return _("This entry is signed already.")
    if getattr(error.__cause__, "sqlstate", None) in {"42501", None}:
        return _closed()
    return _("The database refused the signature, so nothing was signed.")


# --- what was signed -------------------------------------------------------------------------------------------------


def signature_of(record: UUID) -> RecordSignature | None:
    """The signature of an entry; None where there is none that the reader may see. Nothing is opened."""
    found: RecordSignature | None = RecordSignature.objects.filter(record=record).first()
    return found


def document(signature: UUID) -> tuple[RecordSignature, bytes]:
    """The signed file, for taking it out of the system: the audit log says EXPORT.

    Raises:
        SigningError: it is not open to the reader.
    """
    found = RecordSignature.objects.opening("clinical", act=Act.EXPORT).filter(pk=signature).first()
    content = found.document if found is not None else None
    if found is None or not content or isinstance(content, Withheld):
        raise SigningError(_closed())
    return found, content


def unsigned_copy(record: UUID) -> bytes:
    """An entry on paper, to be signed by hand; the audit log says PRINT.

    Raises:
        SigningError: it is a draft, or not open to the reader.
    """
    found: MedicalRecord | None = MedicalRecord.objects.filter(pk=record).first()
    if found is None:
        raise SigningError(_closed())
    patient = _patient(found)
    try:
        paper = record_pdf.render(found, patient, _clinic(found), stamp=None)
    except record_pdf.RecordPdfError as error:
        raise SigningError(str(error)) from error
    record_print(found)
    return paper


def verify(signature: RecordSignature, *, roots: pades.Roots | None = None) -> pades.Report:
    """Verify a signature with its file, which this opens.

    Raises:
        SigningError: the file is not open to the reader.
    """
    content = signature.document
    if not content or isinstance(content, Withheld):
        raise SigningError(_closed())
    trusted = roots if roots is not None else pades.configured_roots()
    report = pades.verify(content, roots=trusted, known_at=signature.signed_at)
    report = report.having(*_recorded(signature, report))
    if pades.sha256(content) != signature.document_sha256 or len(content) != signature.document_size:
        report = report.having(Finding(Code.OTHER_FILE))
    return report


def verify_unread(
    signature: RecordSignature, *, same_file: bool, roots: pades.Roots | None = None
) -> pades.Report | None:
    """Verify a signature without reading what was signed: for a job, which has no business in the record.

    Args:
        signature: with its container; its file stays sealed.
        same_file: whether the stored file still hashes to what the database noted (`unchanged_files`).
        roots: in place of the configured ones.

    Returns:
        The report; None where the patient's data are closed to jobs, or erased.
    """
    container = signature.container
    if not container or isinstance(container, Withheld):
        return None
    trusted = roots if roots is not None else pades.configured_roots()
    parts = pades.Parts(container, bytes.fromhex(signature.signed_digest))
    report = pades.verify_parts(parts, roots=trusted, known_at=signature.signed_at)
    report = report.having(*_recorded(signature, report))
    return report if same_file else report.having(Finding(Code.OTHER_FILE))


def unchanged_files(signatures: Iterable[UUID]) -> set[UUID]:
    """Those of some signatures whose stored file is still the one that was stored. PostgreSQL hashes ciphertext."""
    rows = execute(
        "SELECT s.id FROM public.record_signatures AS s WHERE s.id = ANY (%s::uuid[])"
        " AND encode(sha256(s.document), 'hex') = s.sealed_sha256",
        [list(signatures)],
    )
    return {found for (found,) in rows}


def _recorded(signature: RecordSignature, report: pades.Report) -> list[Finding]:
    """Whether the certificate in the file is the one that was written down."""
    holder = report.holder
    if holder is None:
        return []
    cpf = signature.signer_cpf
    same_person = isinstance(cpf, Withheld) or holder.cpf == cpf
    same_level = report.level is None or report.level.value == signature.level
    found = [] if same_person and holder.serial == signature.certificate_serial else [Finding(Code.OTHER_SIGNER)]
    return found if same_level else [*found, Finding(Code.OTHER_LEVEL)]
