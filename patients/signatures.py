"""The one way in which something is signed here, whatever it is: the certificate of an act, its check, what is kept.

What may be signed, by whom and at which level is the business of `patients/signing.py` (entries of the medical record)
and of `patients/prescription_signing.py`. Each signature is an act of will of its author: the certificate comes with
the act and is forgotten with it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from clinics.licences import LicenceError, require_licence
from clinics.models import Clinic, Professional
from neonpro import pades
from neonpro.db.bound import execute
from neonpro.pades import Code, Finding
from neonpro.rules import Rule
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act, Erased, Refused
from patients.models import PrescriptionSignature, RecordSignature
from patients.models.signature import SignatureBase
from patients.record_pdf import Stamp

MODELS: Final[tuple[type[SignatureBase], ...]] = (RecordSignature, PrescriptionSignature)
"""Everything that is signed, for whatever goes through all signatures."""

Kept = TypeVar("Kept", bound=SignatureBase)


class SigningError(Exception):
    """Something was not signed, and nothing of the attempt is left; the message is for the person who signs."""


REFUSALS: Final = (
    LicenceError, pades.PadesError, pades.RootsInvalid, Refused, Erased, DatabaseError,
)  # fmt: skip
"""What an attempt at signing may raise besides `SigningError`; `words` says it."""


@dataclass(frozen=True, slots=True)
class Means:
    """With what an act signs, and when."""

    identity: pades.Identity
    roots: pades.Roots
    timestamper: Any
    at: datetime


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


def means(identity: pades.Identity, *, roots: pades.Roots | None = None, timestamper: Any = None) -> Means:
    """A certificate with the configured roots and timestamp authority, or others in their place, now."""
    return Means(
        identity,
        roots if roots is not None else pades.configured_roots(),
        timestamper or pades.configured_timestamper(),
        timezone.now(),
    )


def check_author(author: Professional, by: Means) -> pades.Level:
    """What a signature of this author would be worth.

    Raises:
        LicenceError, SigningError, pades.PadesError: they may not sign, or not with this certificate.
    """
    require_licence(author, on=timezone.localdate(by.at))
    if not author.cpf:
        raise SigningError(
            _("Your CPF is not registered here, so the certificate cannot be compared. Ask management to register it.")
        )
    return pades.check(by.identity, cpf=author.cpf, at=by.at, roots=by.roots)


def require_level(found: Rule, level: pades.Level, message: str) -> None:
    """Pass where a rule lets a level do. Raises `SigningError`: it does not; the message may name the rule as `ref`."""
    if level.value not in found.choices:
        raise SigningError(message % {"ref": found.citation})


def sign_and_keep(
    kept: Kept, author: Professional, clinic: Clinic, by: Means, level: pades.Level, *,
    render: Callable[[Stamp], bytes], reason: str,
) -> Kept:  # fmt: skip
    """Sign a paper and keep it.

    Args:
        kept: the row, which says what is signed and of which patient.
        author: who signs, and passed `check_author`.
        clinic: where.
        by, level: what `check_author` was asked and said.
        render: makes the paper, with what it says of the signature that it is about to get.
        reason: written into the signature, in clear.

    Raises:
        one of `REFUSALS`.
    """
    signed = pades.sign(
        render(Stamp(level, by.identity.holder.name or author.full_name, by.at)),
        identity=by.identity,
        cpf=author.cpf,
        at=by.at,
        roots=by.roots,
        reason=reason,
        location=" – ".join(filter(None, (clinic.city, clinic.uf))),
        timestamper=by.timestamper,
    )
    for name, value in _values(signed).items():
        setattr(kept, name, value)
    kept.signer_id = author.pk
    kept.save(force_insert=True)
    return kept


def _values(signed: pades.Signed) -> dict[str, Any]:
    return {
        "document": signed.pdf,
        "document_sha256": signed.sha256,
        "document_size": len(signed.pdf),
        "container": signed.parts.container,
        "signed_digest": signed.parts.digest.hex(),
        "chain": b"".join(signed.chain),
        "signer_cpf": signed.holder.cpf,
        "certificate_serial": signed.holder.serial,
        "certificate_issuer": signed.holder.issuer[:200],
        "policy": " ".join(signed.holder.policies)[:200],
        "level": signed.level.value,
        "pades_level": signed.pades.value,
        "signed_at": signed.signed_at,
        "stamped_at": signed.stamped_at,
        "report": signed.report.as_json(),
    }


def closed() -> str:
    """What to say to somebody who does not, or no longer, care for the patient."""
    return _("This record is not open to you, or no longer: you are not in the patient's care team.")


def words(error: Exception) -> str:
    """What one of `REFUSALS` says to the person who tried."""
    if isinstance(error, pades.RootsInvalid):
        # Where the files lie is for whoever runs the system (`manage.py check`).
        return _("The trusted roots of this system cannot be read, so nothing was signed. Tell whoever runs it.")
    if isinstance(error, Refused | Erased):
        return closed()
    if isinstance(error, DatabaseError):
        if getattr(error.__cause__, "sqlstate", None) in {"42501", None}:
            return closed()
        return _("The database refused the signature, so nothing was signed.")
    return str(error)


# --- what was signed -------------------------------------------------------------------------------------------------


def export(model: type[Kept], signature: UUID) -> tuple[Kept, bytes]:
    """The signed file, for taking it out of the system: the audit log says EXPORT.

    Raises:
        SigningError: it is not open to the reader.
    """
    rows: Any = model.objects.opening("clinical", act=Act.EXPORT)
    found: Kept | None = rows.filter(pk=signature).first()
    content = found.document if found is not None else None
    if found is None or not content or isinstance(content, Withheld):
        raise SigningError(closed())
    return found, content


def verify(signature: SignatureBase, *, roots: pades.Roots | None = None) -> pades.Report:
    """Verify a signature with its file, which this opens.

    Raises:
        SigningError: the file is not open to the reader.
    """
    content = signature.document
    if not content or isinstance(content, Withheld):
        raise SigningError(closed())
    trusted = roots if roots is not None else pades.configured_roots()
    report = pades.verify(content, roots=trusted, known_at=signature.signed_at)
    report = report.having(*_recorded(signature, report))
    if pades.sha256(content) != signature.document_sha256 or len(content) != signature.document_size:
        report = report.having(Finding(Code.OTHER_FILE))
    return report


def verify_unread(
    signature: SignatureBase, *, same_file: bool, roots: pades.Roots | None = None
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


def unchanged_files(signatures: Iterable[UUID], model: type[SignatureBase] = RecordSignature) -> set[UUID]:
    """Those of some signatures whose stored file is still the one that was stored. PostgreSQL hashes ciphertext."""
    assert model in MODELS
    rows = execute(
        f"SELECT s.id FROM public.{model._meta.db_table} AS s WHERE s.id = ANY (%s::uuid[])"  # noqa: S608
        " AND encode(sha256(s.document), 'hex') = s.sealed_sha256",
        [list(signatures)],
    )
    return {found for (found,) in rows}


def _recorded(signature: SignatureBase, report: pades.Report) -> list[Finding]:
    """Whether the certificate in the file is the one that was written down."""
    holder = report.holder
    if holder is None:
        return []
    cpf = signature.signer_cpf
    same_person = isinstance(cpf, Withheld) or holder.cpf == cpf
    same_level = report.level is None or report.level.value == signature.level
    found = [] if same_person and holder.serial == signature.certificate_serial else [Finding(Code.OTHER_SIGNER)]
    return found if same_level else [*found, Finding(Code.OTHER_LEVEL)]
