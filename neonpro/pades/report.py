"""What a verification found, as codes that can be stored and as words for people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from neonpro.pades.certificates import Holder


class Level(StrEnum):
    """What a signature is worth (Lei 14.063/2020 art. 4); the words are the caller's."""

    ADVANCED = "ADVANCED"
    QUALIFIED = "QUALIFIED"


class PadesLevel(StrEnum):
    """The profile of ETSI EN 319 142 that was reached. Nothing here makes a B-LT: revocation is not looked up."""

    B_B = "B-B"
    B_T = "B-T"


class Weight(StrEnum):
    """How much a finding matters."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    FAILURE = "failure"


class Code(StrEnum):
    """Everything that a verification can find."""

    INTACT = "intact"
    NOT_A_PDF = "not_a_pdf"
    UNSIGNED = "unsigned"
    SEVERAL = "several_signatures"
    ALTERED = "altered"
    INVALID = "invalid"
    APPENDED = "appended"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    SINCE_EXPIRED = "since_expired"
    UNTRUSTED = "untrusted"
    TRUSTED_ICP = "trusted_icp"
    TRUSTED_OTHER = "trusted_other"
    MAY_NOT_SIGN = "may_not_sign"
    NO_CPF = "no_cpf"
    WEAK = "weak"
    STAMPED = "stamped"
    STAMP_BAD = "stamp_bad"
    TIME_RECORDED = "time_recorded"
    TIME_CLAIMED = "time_claimed"
    TIME_DIFFERS = "time_differs"
    REVOCATION = "revocation_not_checked"
    OTHER_SIGNER = "other_signer"
    OTHER_FILE = "other_file"
    OTHER_LEVEL = "other_level"
    NOT_OPENED = "not_opened"


_WORDS: Final[dict[Code, Callable[[], str]]] = {
    Code.INTACT: lambda: _("The document is exactly as it was signed."),
    Code.NOT_A_PDF: lambda: _("The file cannot be read as a PDF."),
    Code.UNSIGNED: lambda: _("The document has no signature."),
    Code.SEVERAL: lambda: _("The document has more than one signature; this system signs each document once."),
    Code.ALTERED: lambda: _("The document was altered after it was signed."),
    Code.INVALID: lambda: _("The signature was not made with the certificate's key."),
    Code.APPENDED: lambda: _("Something was added to the file after it was signed."),
    Code.EXPIRED: lambda: _("The certificate had expired when the document was signed (valid until %(when)s)."),
    Code.NOT_YET_VALID: lambda: _(
        "The certificate was not yet valid when the document was signed (valid from %(when)s on)."
    ),
    Code.SINCE_EXPIRED: lambda: _("The certificate was valid at the time of signing, and expired on %(when)s."),
    Code.UNTRUSTED: lambda: _("The certificate's chain does not end in a root that this system trusts."),
    Code.TRUSTED_ICP: lambda: _("The certificate's chain ends in a root configured as ICP-Brasil's."),
    Code.TRUSTED_OTHER: lambda: _("The certificate's chain ends in a root that this system trusts, not ICP-Brasil's."),
    Code.MAY_NOT_SIGN: lambda: _("The certificate's key usage is not for signing documents."),
    Code.NO_CPF: lambda: _("The certificate names no CPF."),
    Code.WEAK: lambda: _("The certificate's key or the algorithm is too weak."),
    Code.STAMPED: lambda: _("A timestamp authority attests that it was signed by %(when)s."),
    Code.STAMP_BAD: lambda: _("The timestamp is not valid, or its authority is not trusted."),
    Code.TIME_RECORDED: lambda: _("The time of signing, %(when)s, is attested by this system's record alone."),
    Code.TIME_CLAIMED: lambda: _(
        "The time of signing, %(when)s, is what the signer's computer said; nobody attests it."
    ),
    Code.TIME_DIFFERS: lambda: _("The time written into the signature, %(when)s, is not the one attested."),
    Code.REVOCATION: lambda: _("Revocation of the certificate: not checked."),
    Code.OTHER_SIGNER: lambda: _("The certificate is not the one that was recorded when the document was signed."),
    Code.OTHER_FILE: lambda: _("The file is not the one that was recorded when the document was signed."),
    Code.OTHER_LEVEL: lambda: _(
        "By the roots trusted today, the signature's level is not the one recorded at signing."
    ),
    Code.NOT_OPENED: lambda: _("The content was not opened: the signature and the stored file were checked, unread."),
}

_WEIGHTS: Final[dict[Code, Weight]] = {
    Code.INTACT: Weight.GOOD,
    Code.TRUSTED_ICP: Weight.GOOD,
    Code.TRUSTED_OTHER: Weight.GOOD,
    Code.STAMPED: Weight.GOOD,
    Code.SINCE_EXPIRED: Weight.NOTE,
    Code.TIME_RECORDED: Weight.NOTE,
    Code.NOT_OPENED: Weight.NOTE,
    Code.TIME_CLAIMED: Weight.WARNING,
    Code.TIME_DIFFERS: Weight.WARNING,
    Code.NO_CPF: Weight.WARNING,
    Code.OTHER_LEVEL: Weight.WARNING,
    Code.REVOCATION: Weight.WARNING,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a verification found."""

    code: Code
    when: datetime | None = None

    @property
    def weight(self) -> Weight:
        """How much it matters: what is not listed fails the document."""
        return _WEIGHTS.get(self.code, Weight.FAILURE)

    @property
    def words(self) -> str:
        """The finding as a sentence."""
        text = _WORDS[self.code]()
        return text % {"when": _moment(self.when)} if self.when else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a verification found.

    `ok` is the only answer to "is it valid?". `level` and `pades` say what the signature reached; None where it is
    not trusted.
    """

    ok: bool
    findings: tuple[Finding, ...]
    level: Level | None = None
    pades: PadesLevel | None = None
    holder: Holder | None = None
    signed_at: datetime | None = None
    stamped_at: datetime | None = None

    def having(self, *findings: Finding) -> "Report":
        """The same with more findings; a failure among them fails it."""
        failed = any(finding.weight is Weight.FAILURE for finding in findings)
        return Report(
            ok=self.ok and not failed, findings=(*self.findings, *findings), level=self.level, pades=self.pades,
            holder=self.holder, signed_at=self.signed_at, stamped_at=self.stamped_at,
        )  # fmt: skip

    def codes(self) -> set[Code]:
        """What was found, without the words."""
        return {finding.code for finding in self.findings}

    def as_json(self) -> dict[str, Any]:
        """What is stored of it: codes and times, nobody's name."""
        return {
            "ok": self.ok,
            "level": self.level and self.level.value,
            "pades": self.pades and self.pades.value,
            "findings": [
                {"code": finding.code.value, **({"when": finding.when.isoformat()} if finding.when else {})}
                for finding in self.findings
            ],
        }


def findings_of(stored: dict[str, Any]) -> tuple[Finding, ...]:
    """The findings of a stored report."""
    return tuple(
        Finding(Code(one["code"]), datetime.fromisoformat(one["when"]) if "when" in one else None)
        for one in stored.get("findings", ())
    )


def _moment(when: datetime) -> str:
    return date_format(timezone.localtime(when), "d/m/Y H:i:s")
