"""Floor 2: signing PDF documents as PAdES with a person's A1 certificate, and verifying them.

    from neonpro import pades

    identity = pades.open_pfx(uploaded, password)
    signed = pades.sign(pdf, identity=identity, cpf=…, at=timezone.now(), roots=pades.configured_roots(), …)
    report = pades.verify(signed.pdf, roots=pades.configured_roots())
    report.ok, [finding.words for finding in report.findings]

Keys and passwords live in memory for one act. Nothing uses the network unless a timestamp authority is given.
"""

import logging

from neonpro.pades.certificates import MAX_PFX, Holder, Identity, open_pfx
from neonpro.pades.errors import (
    CertificateRefused,
    DocumentRefused,
    Expired,
    MayNotSign,
    NoCpf,
    NoKey,
    NotAPfx,
    NotYetValid,
    OtherPerson,
    OutputRefused,
    PadesError,
    PfxError,
    TimestampFailed,
    Untrusted,
    WeakKey,
    WrongPassword,
)
from neonpro.pades.report import Code, Finding, Level, PadesLevel, Report, Weight, findings_of
from neonpro.pades.roots import Roots, RootsInvalid, configured_roots, load_roots
from neonpro.pades.signing import Signed, check, sign
from neonpro.pades.timestamps import HttpTimestamper, configured_timestamper
from neonpro.pades.verifying import Parts, parts_of, sha256, verify, verify_parts

# Their warnings name the signer, with the CPF. What they would say is in our report.
for _name in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

__all__ = [
    "MAX_PFX",
    "CertificateRefused",
    "Code",
    "DocumentRefused",
    "Expired",
    "Finding",
    "Holder",
    "HttpTimestamper",
    "Identity",
    "Level",
    "MayNotSign",
    "NoCpf",
    "NoKey",
    "NotAPfx",
    "NotYetValid",
    "OtherPerson",
    "OutputRefused",
    "PadesError",
    "PadesLevel",
    "Parts",
    "PfxError",
    "Report",
    "Roots",
    "RootsInvalid",
    "Signed",
    "TimestampFailed",
    "Untrusted",
    "WeakKey",
    "Weight",
    "WrongPassword",
    "check",
    "configured_roots",
    "configured_timestamper",
    "findings_of",
    "load_roots",
    "open_pfx",
    "parts_of",
    "sha256",
    "sign",
    "verify",
    "verify_parts",
]
