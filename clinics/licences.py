"""Licences: who may act as a member of a council today, and verifying a licence with its council.

Existence, status and specialty of a registration are the council's to say: numbers have no check digit. So a licence
counts once a person has verified it there, and only for a time (rule licences.recheck, our own policy).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinics.models import LicenceStatus, Professional, VerificationMethod
from neonpro.rules import rule


class LicenceError(Exception):
    """A licence does not allow what was asked; the message is for the person who asked."""


class Standing(StrEnum):
    """Where a professional's licence stands on a day."""

    VALID = "valid"
    DUE = "due"
    """Valid, and soon to be checked again."""
    NONE = "none"
    """An occupation without a council."""
    LEFT = "left"
    """No longer works here."""
    UNVERIFIED = "unverified"
    NOT_ACTIVE = "not_active"
    """The council says something else than active."""
    EXPIRED = "expired"
    STALE = "stale"
    """Verified too long ago."""


MAY_ACT = (Standing.VALID, Standing.DUE)
"""In these a professional signs and prescribes."""

TO_CHECK = (Standing.DUE, Standing.STALE, Standing.UNVERIFIED, Standing.EXPIRED)
"""In these somebody has to ask the council."""


def standing(professional: Professional, *, on: date) -> Standing:
    """Where a licence stands on a day."""
    if not (professional.council and professional.council_number):
        return Standing.NONE
    if not professional.is_active:
        return Standing.LEFT
    if professional.status == LicenceStatus.UNVERIFIED or professional.verified_at is None:
        return Standing.UNVERIFIED
    if professional.status.upper() not in rule("licences.may_sign", on=on).choices:
        return Standing.NOT_ACTIVE
    if professional.valid_until is not None and professional.valid_until < on:
        return Standing.EXPIRED
    if professional.recheck_on is None or professional.recheck_on < on:
        return Standing.STALE
    if professional.recheck_on < notice_from(on=on):
        return Standing.DUE
    return Standing.VALID


def require_licence(professional: Professional, *, on: date) -> None:
    """Pass where a professional may sign or prescribe on a day. `neonpro.has_licence` is its twin in SQL.

    Args:
        professional: whose licence.
        on: the day, in the clinic's time zone.

    Raises:
        LicenceError: no council, never verified, not active at the council, expired, or verified too long ago; the
            message says which, and what to do.
    """
    found = standing(professional, on=on)
    if found not in MAY_ACT:
        raise LicenceError(explanation(professional, found))


def explanation(professional: Professional, found: Standing) -> str:
    """Why a licence does not allow to sign or prescribe, and what to do; '' where it does."""
    values = {
        "licence": professional.licence,
        "status": professional.get_status_display(),
        "day": date_format(professional.recheck_on, "SHORT_DATE_FORMAT") if professional.recheck_on else "",
        "end": date_format(professional.valid_until, "SHORT_DATE_FORMAT") if professional.valid_until else "",
    }
    match found:
        case Standing.NONE:
            return _(
                "This professional has no council registered here, and signing and prescribing are for members of a"
                " council. If there is a licence, ask a manager to register and verify it."
            )
        case Standing.LEFT:
            return _("This professional no longer works here: nothing is signed or prescribed in their name.")
        case Standing.UNVERIFIED:
            return (
                _(
                    "The licence %(licence)s has not been verified with the council. Ask a manager to verify it, under"
                    " Professionals, “Verified now”."
                )
                % values
            )
        case Standing.NOT_ACTIVE:
            return (
                _(
                    "The licence %(licence)s is registered as “%(status)s”: nothing is signed or prescribed with it."
                    " If the council says otherwise by now, ask a manager to verify it again."
                )
                % values
            )
        case Standing.EXPIRED:
            return (
                _(
                    "The licence %(licence)s was valid until %(end)s. Ask a manager to verify the new one with the"
                    " council."
                )
                % values
            )
        case Standing.STALE if professional.recheck_on:
            return (
                _(
                    "The verification of the licence %(licence)s counted until %(day)s. Ask a manager to check it with"
                    " the council again, under Professionals, “Verified now”."
                )
                % values
            )
        case Standing.STALE:
            return (
                _(
                    "The verification of the licence %(licence)s does not say until when it counts. Ask a manager to"
                    " check it with the council again, under Professionals, “Verified now”."
                )
                % values
            )
        case _other:
            return ""


# --- Verifying --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a person found when asking a council about a licence."""

    status: str
    method: str
    evidence: str
    recheck_on: date | None = None
    valid_until: date | None = None


def latest_recheck(*, on: date) -> date:
    """The last day for which a verification of today counts: the clinic may choose an earlier one."""
    return rule("licences.recheck", on=on).period.after(on)


def verify(professional: Professional, found: Verification, *, on: date) -> Professional:
    """Write down that a licence was verified with its council just now, by whoever asks.

    Args:
        professional: whose licence, as the person saw it: a licence changed meanwhile is not the one that was verified.
        found: what the council said and where that can be seen again.
        on: today, in the clinic's time zone.

    Raises:
        LicenceError: there is no licence, it changed meanwhile, or what was found is not whole.
    """
    if found.status not in LicenceStatus.values or found.status == LicenceStatus.UNVERIFIED:
        raise LicenceError(_("Say what the council answered about the licence."))
    if found.method not in VerificationMethod.values or not found.evidence.strip():
        raise LicenceError(_("Say how the licence was verified, and where the evidence can be seen again."))
    last = latest_recheck(on=on)
    recheck_on = found.recheck_on or last
    if not on <= recheck_on <= last:
        raise LicenceError(
            _("The next check has to be between today and %(day)s.") % {"day": date_format(last, "SHORT_DATE_FORMAT")}
        )
    row: Professional = Professional.objects.select_for_update().get(pk=professional.pk)
    if not row.council:
        raise LicenceError(_("There is no council licence to verify: register it first."))
    if row.licence != professional.licence or row.council_category != professional.council_category:
        raise LicenceError(_("The licence changed while it was being verified. Look at it again."))
    row.status = found.status
    row.verified_at = timezone.now()
    row.verification_method = found.method
    row.verification_source = found.evidence.strip()
    row.recheck_on = recheck_on
    row.valid_until = found.valid_until
    row.save()
    row.refresh_from_db()
    return row


def to_check(*, on: date) -> list[tuple[Professional, Standing]]:
    """The active professionals whose licence somebody has to ask the council about, the most urgent first."""
    order = {Standing.STALE: 0, Standing.EXPIRED: 1, Standing.UNVERIFIED: 2, Standing.DUE: 3}
    found = [(one, standing(one, on=on)) for one in with_a_council(Professional.objects.filter(is_active=True))]
    due = [(one, where) for one, where in found if where in TO_CHECK]
    return sorted(due, key=lambda pair: (order[pair[1]], pair[0].recheck_on or date.min, pair[0].full_name))


def with_a_council(professionals: QuerySet[Professional]) -> Iterable[Professional]:
    """Those of them who have a council to ask."""
    return professionals.exclude(council="")


def notice_from(*, on: date) -> date:
    """The recheck dates before this one are due or soon will be."""
    return rule("licences.recheck_notice", on=on).period.after(on)
