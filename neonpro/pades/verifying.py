"""Verifying a signed PDF, or a signature apart from its document, and saying everything that was found.

What pyHanko says is taken by its `bottom_line` alone: a file that was edited after signing is still "intact, valid and
trusted" to it. And its word is not all of ours: we want no revision after the signature, a person's certificate, and
an hour for which somebody stands.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, Final, TypeVar

from asn1crypto import cms
from asn1crypto import x509 as asn1
from cryptography import x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import SignedDataCerts, extract_signer_info
from pyhanko.sign.validation import EmbeddedPdfSignature, SignatureCoverageLevel, async_validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import (
    async_validate_cms_signature,
    collect_timing_info,
    extract_certs_for_validation,
    extract_self_reported_ts,
)
from pyhanko.sign.validation.status import PdfSignatureStatus, StandardCMSSignatureStatus
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    InvalidCertificateError,
    PathBuildingError,
    PathValidationError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath

from neonpro.pades.certificates import as_asn1, from_asn1, holder_of, is_strong, may_sign
from neonpro.pades.report import Code, Finding, Level, PadesLevel, Report, Weight
from neonpro.pades.roots import Roots

T = TypeVar("T")

_CLOCKS: Final = timedelta(minutes=10)
"""How far two clocks may be apart before it is worth saying."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A signature apart from its document: the CMS container and the digest of what it signs. Neither tells content."""

    container: bytes
    digest: bytes


def verify(pdf: bytes, *, roots: Roots, known_at: datetime | None = None) -> Report:
    """Check a signed PDF against trusted roots. Asks nothing of the network, so revocation stays unchecked.

    Args:
        pdf: the file's bytes.
        roots: what to trust.
        known_at: when it was signed by the caller's own evidence; used where no timestamp attests a time.
    """
    found = _embedded(pdf)
    if isinstance(found, Report):
        return found

    async def status(moment: datetime) -> PdfSignatureStatus:
        return await async_validate_pdf_signature(
            found, signer_validation_context=_context(roots.signers, roots, moment),
            ts_validation_context=_context(roots.timestamps, roots, moment),
        )  # fmt: skip

    try:
        *_, begin, length = found.byte_range
        return _judged(
            found.signer_cert, found.other_embedded_certs, found.self_reported_timestamp, status, roots, known_at,
            several=len(found.reader.embedded_regular_signatures) > 1, to_the_end=begin + length == len(pdf),
        )  # fmt: skip
    except (SignatureValidationError, PdfError, ValueError, TypeError, KeyError):
        return Report(ok=False, findings=(Finding(Code.ALTERED),))


def verify_parts(parts: Parts, *, roots: Roots, known_at: datetime | None = None) -> Report:
    """Check a signature without its document: that its digest was signed, by whom and when, and with what chain.

    Whether the document still has that digest is for whoever may read it (`verify`).
    """
    try:
        signed = cms.ContentInfo.load(parts.container)["content"]
        info = extract_signer_info(signed)
        certs: SignedDataCerts = extract_certs_for_validation(signed)

        async def status(moment: datetime) -> StandardCMSSignatureStatus:
            timing = await collect_timing_info(
                info, _context(roots.timestamps, roots, moment), raw_digest=lambda _algorithm: parts.digest
            )
            return await async_validate_cms_signature(
                signed, status_cls=StandardCMSSignatureStatus, raw_digest=parts.digest, status_kwargs=dict(timing),
                validation_context=_context(roots.signers, roots, moment),
            )  # fmt: skip

        claimed = extract_self_reported_ts(info)
        return _judged(certs.signer_cert, certs.other_certs, claimed, status, roots, known_at).having(
            Finding(Code.NOT_OPENED)
        )
    except (SignatureValidationError, ValueError, TypeError, KeyError):
        return Report(ok=False, findings=(Finding(Code.INVALID),))


def parts_of(pdf: bytes) -> Parts:
    """The signature of a signed PDF, apart from its document.

    Raises:
        ValueError: the file has no signature.
    """
    found = _embedded(pdf)
    if isinstance(found, Report):
        raise ValueError("no signature")
    container = cms.ContentInfo.load(found.pkcs7_content)
    return Parts(container.dump(), found.compute_digest())


def path_to(
    certificate: x509.Certificate, others: Iterable[x509.Certificate], anchors: Iterable[x509.Certificate],
    roots: Roots, at: datetime,
) -> ValidationPath | None:  # fmt: skip
    """The chain of a certificate to one of some anchors at a moment; None where there is none."""
    anchors = tuple(anchors)
    if not anchors:
        return None
    validator = CertificateValidator(
        as_asn1(certificate), intermediate_certs=[as_asn1(one) for one in others],
        validation_context=_context(anchors, roots, at),
    )  # fmt: skip
    try:
        path: ValidationPath | None = run(validator.async_validate_usage({"non_repudiation"}))
    except (PathBuildingError, PathValidationError, ValidationError, InvalidCertificateError):
        return None
    return path


def run(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine of pyHanko's comes to; also for a caller in whose thread an event loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


# --- how it is judged ------------------------------------------------------------------------------------------------


def _context(anchors: Iterable[x509.Certificate], roots: Roots, moment: datetime) -> ValidationContext:
    return ValidationContext(
        # An empty list trusts nobody; None would trust the operating system's list.
        trust_roots=[as_asn1(one) for one in anchors],
        other_certs=[as_asn1(one) for one in roots.intermediates],
        moment=moment,
        allow_fetching=False,
    )


def _embedded(pdf: bytes) -> EmbeddedPdfSignature | Report:
    """The first signature of a file, or a report that says why there is none."""
    try:
        signatures = PdfFileReader(BytesIO(pdf)).embedded_regular_signatures
    except Exception:  # A file from outside, altered perhaps: pyHanko's parser raises whatever it stumbles over.
        return Report(ok=False, findings=(Finding(Code.NOT_A_PDF),))
    if not signatures:
        return Report(ok=False, findings=(Finding(Code.UNSIGNED),))
    return signatures[0]


def _judged(
    signer: asn1.Certificate, others: Iterable[asn1.Certificate], claimed: datetime | None, status_at: Any,
    roots: Roots, known_at: datetime | None, *, several: bool = False, to_the_end: bool = True,
) -> Report:  # fmt: skip
    """The report of one signature.

    Args:
        signer, others: the certificates in it.
        claimed: the time that it gives itself.
        status_at: pyHanko's judgement as of a moment.
        roots, known_at: as in `verify`.
        several: it is not the file's only one.
        to_the_end: it signs up to the file's last byte.
    """
    certificate = from_asn1(signer)
    holder = holder_of(certificate)
    now = datetime.now(tz=holder.not_after.tzinfo)
    moment = known_at or claimed or now
    status = run(status_at(moment))
    stamp = status.timestamp_validity
    stamped_at = stamp.timestamp if stamp and stamp.intact and stamp.valid and stamp.trusted else None
    if stamped_at and stamped_at != moment:
        moment = stamped_at
        status = run(status_at(moment))
    path = path_to(certificate, map(from_asn1, others), roots.icp, roots, moment)
    qualified = path is not None
    findings = [
        *_integrity(status, several, to_the_end),
        *_person(certificate, status, moment, now, qualified),
        *_time(status, stamped_at, known_at, claimed, moment),
        # Nothing is fetched, and nothing that is not checked is claimed.
        Finding(Code.REVOCATION),
    ]
    failed = any(finding.weight is Weight.FAILURE for finding in findings)
    if not status.bottom_line and not failed:
        # pyHanko refuses it for a reason of its own: no words, and no yes either.
        findings.append(Finding(Code.UNTRUSTED))
        failed = True
    trusted = status.bottom_line and not failed
    return Report(
        ok=trusted,
        findings=tuple(findings),
        level=(Level.QUALIFIED if qualified else Level.ADVANCED) if trusted else None,
        pades=(PadesLevel.B_T if stamped_at else PadesLevel.B_B) if trusted else None,
        holder=holder,
        signed_at=moment if stamped_at or known_at or claimed else None,
        stamped_at=stamped_at,
    )


def _integrity(status: StandardCMSSignatureStatus, several: bool, to_the_end: bool) -> Iterator[Finding]:
    # pyHanko lets later revisions pass that it finds harmless, and bytes after the end of the last one.
    whole = SignatureCoverageLevel.ENTIRE_FILE
    if not status.intact:
        yield Finding(Code.ALTERED)
    elif not status.valid:
        yield Finding(Code.INVALID)
    elif several:
        yield Finding(Code.SEVERAL)
    elif not to_the_end or getattr(status, "coverage", whole) != whole:
        yield Finding(Code.APPENDED)
    else:
        yield Finding(Code.INTACT)


def _person(
    certificate: x509.Certificate, status: StandardCMSSignatureStatus, moment: datetime, now: datetime, qualified: bool
) -> Iterator[Finding]:
    holder = holder_of(certificate)
    if not is_strong(certificate):
        yield Finding(Code.WEAK)
    if not may_sign(certificate):
        yield Finding(Code.MAY_NOT_SIGN)
    if not holder.cpf:
        yield Finding(Code.NO_CPF)
    if moment < holder.not_before:
        yield Finding(Code.NOT_YET_VALID, holder.not_before)
    elif moment > holder.not_after:
        yield Finding(Code.EXPIRED, holder.not_after)
    elif not status.trusted and status.intact and status.valid:
        yield Finding(Code.UNTRUSTED)
    elif status.trusted:
        yield Finding(Code.TRUSTED_ICP if qualified else Code.TRUSTED_OTHER)
        if now > holder.not_after:
            yield Finding(Code.SINCE_EXPIRED, holder.not_after)


def _time(
    status: StandardCMSSignatureStatus, stamped_at: datetime | None, known_at: datetime | None,
    claimed: datetime | None, moment: datetime,
) -> Iterator[Finding]:  # fmt: skip
    if status.timestamp_validity is not None and stamped_at is None:
        yield Finding(Code.STAMP_BAD)
    if stamped_at:
        yield Finding(Code.STAMPED, stamped_at)
    elif known_at:
        yield Finding(Code.TIME_RECORDED, known_at)
    elif claimed:
        yield Finding(Code.TIME_CLAIMED, claimed)
    if claimed and abs(claimed - moment) > _CLOCKS:
        yield Finding(Code.TIME_DIFFERS, claimed)


def sha256(data: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
