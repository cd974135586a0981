"""Signing the exact bytes of a finished PDF as PAdES, and not handing out what does not verify."""

from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.registry import SimpleCertificateStore

from neonpro.pades.certificates import Holder, Identity, as_asn1, examine, from_asn1
from neonpro.pades.errors import DocumentRefused, OutputRefused, TimestampFailed, Untrusted
from neonpro.pades.report import Level, PadesLevel, Report
from neonpro.pades.roots import Roots
from neonpro.pades.verifying import Parts, parts_of, path_to, run, sha256, verify

FIELD: Final = "Assinatura"
"""The name of the signature's field in the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signed document that passed verification, with what is to be kept of it."""

    pdf: bytes = field(repr=False)
    sha256: str
    holder: Holder
    chain: tuple[bytes, ...] = field(repr=False)
    level: Level
    pades: PadesLevel
    signed_at: datetime
    stamped_at: datetime | None
    parts: Parts = field(repr=False)
    report: Report


def check(identity: Identity, *, cpf: str, at: datetime, roots: Roots) -> Level:
    """Whether a certificate may sign as this person now, and what its signature would be worth.

    Raises:
        CertificateRefused: one of its kinds, with a message for the person.
    """
    examine(identity, cpf=cpf, at=at)
    return _chain(identity, at, roots)[1]


@sensitive_variables()
def sign(
    pdf: bytes, *, identity: Identity, cpf: str, at: datetime, roots: Roots, reason: str, location: str,
    timestamper: TimeStamper | None = None,
) -> Signed:  # fmt: skip
    """Sign a finished PDF.

    Args:
        pdf: its exact bytes; it has no signature yet.
        identity: from `open_pfx`.
        cpf: the author's, eleven digits.
        at: the present time, as the certificate is judged.
        roots: what to trust; the level follows from the root that the chain ends in.
        reason, location: written into the signature, in clear: nothing of a patient.
        timestamper: a timestamp authority; with one the result is B-T, without B-B.

    Raises:
        CertificateRefused: the certificate may not sign this.
        DocumentRefused: no PDF, or signed already.
        TimestampFailed: the authority gave no timestamp.
        OutputRefused: the result does not verify.
    """
    examine(identity, cpf=cpf, at=at)
    path, level = _chain(identity, at, roots)
    _refuse_signed(pdf)
    # The whole chain but the root travels with the signature, also where the PFX had only the person's.
    between = [one for one in path if from_asn1(one) != identity.certificate][1:]
    store = SimpleCertificateStore()
    store.register_multiple(between)
    signer = SimpleSigner(
        signing_cert=as_asn1(identity.certificate), signing_key=identity.signing_key(), cert_registry=store
    )
    metadata = PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=reason, location=location,
        name=identity.holder.name, embed_validation_info=False,
    )  # fmt: skip
    out = BytesIO()
    failed = False
    try:
        signer_of_pdf = PdfSigner(
            metadata, signer=signer, timestamper=timestamper, new_field_spec=SigFieldSpec(FIELD, on_page=-1, box=None)
        )
        run(signer_of_pdf.async_sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), output=out))
    except (TimestampRequestError, TimeoutError):
        failed = True
    if failed:
        raise TimestampFailed(
            _("The timestamp authority did not answer, so nothing was signed. Try again in some minutes.")
        )
    return _verified(out.getvalue(), path, level, identity, roots, timestamper is not None)


def _chain(identity: Identity, at: datetime, roots: Roots) -> tuple[ValidationPath, Level]:
    """The way to a trusted root, to ICP-Brasil's if there is one."""
    for anchors, level in ((roots.icp, Level.QUALIFIED), (roots.other, Level.ADVANCED)):
        path = path_to(identity.certificate, identity.others, anchors, roots, at)
        if path is not None:
            return path, level
    raise Untrusted(
        _("This certificate was not issued under a root that this system trusts, so it cannot sign here.")
        if roots
        else _("No trusted root is configured, so nothing can be signed. Ask whoever runs the system.")
    )


def _refuse_signed(pdf: bytes) -> None:
    try:
        signed = bool(PdfFileReader(BytesIO(pdf)).embedded_signatures)
    except Exception as error:
        raise DocumentRefused(_("The document is no PDF that can be signed.")) from error
    if signed:
        raise DocumentRefused(_("The document is signed already."))


def _verified(
    data: bytes, path: ValidationPath, level: Level, identity: Identity, roots: Roots, stamped: bool
) -> Signed:
    """What was made, if it is what was promised."""
    report = verify(data, roots=roots)
    pades = PadesLevel.B_T if stamped else PadesLevel.B_B
    if (
        not report.ok
        or (report.level, report.pades) != (level, pades)
        or report.holder != identity.holder
        or report.signed_at is None
    ):
        raise OutputRefused(
            _("The finished signature did not pass verification, so it was thrown away: %(why)s")
            % {"why": " ".join(finding.words for finding in report.findings)}
        )
    chain: list[x509.Certificate] = [from_asn1(one) for one in reversed(list(path))]
    return Signed(
        pdf=data,
        sha256=sha256(data),
        holder=identity.holder,
        chain=tuple(one.public_bytes(Encoding.PEM) for one in chain),
        level=level,
        pades=pades,
        signed_at=report.signed_at,
        stamped_at=report.stamped_at,
        parts=parts_of(data),
        report=report,
    )
