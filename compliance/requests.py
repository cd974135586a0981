"""Requests of holders (LGPD arts. 18-20, Lei 15.378/2026): opened, identified, extended once, answered or refused.

The clock is the law's (`compliance.models.due_day`): days count as the rule says. What no SQL can get round is the
trigger's (`sql/guard_request.sql`); here it is said in words, before the database has to refuse.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinics.models import Clinic, Membership
from clinics.roles import Role
from compliance.models import (
    OPEN,
    PACKAGED,
    AnswerChannel,
    DataRequest,
    IdentityCheck,
    RequestChannel,
    RequestDigest,
    RequestStatus,
    RequestType,
)
from neonpro.db import context
from neonpro.rules import rule
from neonpro.rules.calendar import is_business_day
from patients.models import Absence, Patient

SOON = 3
"""Days before the due day from which a request is shown as due soon."""

REFUSALS = {
    "data_requests_begin": lambda: _("A request begins as received, and is not of tomorrow."),
    "data_requests_closed": lambda: _("This request was closed. Open a new one if the holder asks again."),
    "data_requests_kept": lambda: _("What was asked, how and when, cannot be changed."),
    "data_requests_forward": lambda: _("A request does not go back to an earlier state."),
    "data_requests_extension": lambda: _(
        "The term of this request cannot be extended: only once, with a reason, before it is over, and only where the"
        " law sets none."
    ),
    "data_requests_due": lambda: _("The due day follows from the law and is not moved."),
    "data_requests_answer": lambda: _("First check the identity of who asks, and write the answer."),
    "data_requests_ground": lambda: _("A refusal needs its ground."),
    "data_requests_released": lambda: _(
        "A package is released once, by the data protection officer, for access, portability or a copy of the record,"
        " and only to whom was identified."
    ),
}
"""What the database refuses, in words, by the name that it gives."""


class RequestError(Exception):
    """Nothing was changed. The message is for a person and holds no personal data."""


# --- the clock --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clock:
    """How much time is left."""

    days: int
    """Until the due day; negative when it is over, 0 on the day itself."""
    act_by: date
    """The last day on or before the due day on which the clinic works."""

    @property
    def is_over(self) -> bool:
        return self.days < 0

    @property
    def is_soon(self) -> bool:
        return 0 <= self.days <= SOON

    @property
    def words(self) -> str:
        if self.days < 0:
            return ngettext("overdue by %(n)d day", "overdue by %(n)d days", -self.days) % {"n": -self.days}
        if self.days == 0:
            return _("due today")
        return ngettext("%(n)d day left", "%(n)d days left", self.days) % {"n": self.days}


def closed_days(since: date, until: date) -> frozenset[date]:
    """The whole days on which the clinic says it is closed: municipal holidays and the like (Absences)."""
    zone = timezone.get_current_timezone()
    first = datetime.combine(since, datetime.min.time(), zone)
    past = datetime.combine(until + timedelta(days=1), datetime.min.time(), zone)
    days: set[date] = set()
    for absence in Absence.objects.filter(professional__isnull=True, starts_at__lt=past, ends_at__gt=first):
        starts, ends = timezone.localtime(absence.starts_at), timezone.localtime(absence.ends_at)
        day = starts.date() if starts.time() <= OPENING else starts.date() + timedelta(days=1)
        while datetime.combine(day, CLOSING, zone) <= ends:
            days.add(day)
            day += timedelta(days=1)
    return frozenset(days)


OPENING = datetime.min.time().replace(hour=9)
CLOSING = datetime.min.time().replace(hour=17)
"""An absence from the one to the other closes the day."""


def act_by(due: date, *, uf: str = "", local: Collection[date] = (), received: date | None = None) -> date:
    """The last working day on or before a due day, which is never later for a holiday.

    Carnival and the other optional points count as holidays here: to warn early does no harm. Never before the day on
    which the request came.
    """
    day = due
    while (received is None or day > received) and not is_business_day(day, uf or None, optional=True, local=local):
        day -= timedelta(days=1)
    return day


def clocks(requests: Iterable[DataRequest], *, today: date | None = None) -> dict[UUID, Clock]:
    """The clock of each request, on the clinic's calendar: one look at it for all."""
    found = list(requests)
    if not found:
        return {}
    today = today or timezone.localdate()
    opened = context.require().clinic
    uf = Clinic.objects.values_list("uf", flat=True).get(pk=cast("UUID", opened))
    local = closed_days(min(one.due_on for one in found) - timedelta(days=40), max(one.due_on for one in found))
    return {
        one.pk: Clock(
            (one.due_on - today).days,
            act_by(one.due_on, uf=uf, local=local, received=timezone.localdate(one.received_at)),
        )
        for one in found
    }


# --- what becomes of a request ----------------------------------------------------------------------------------------


def open_request(
    *, patient_id: UUID, kind: str, channel: str, received_at: datetime | None = None, identity_check: str = "",
    details: str = "", owner: Any = None,
) -> DataRequest:  # fmt: skip
    """Write down what a holder asks for. The due day follows from the rule of the day on which it came.

    Args:
        patient_id: of the current clinic.
        kind, channel, identity_check: of `RequestType`, `RequestChannel`, `IdentityCheck`; the check may follow.
        received_at: now by default, never ahead.
        details: what they ask, in their words; kept encrypted.
        owner: who answers; None for nobody yet.

    Raises:
        RequestError: no such patient, or it is of tomorrow.
    """
    if not Patient.objects.filter(pk=patient_id).exists():
        raise RequestError(_("No patient of this clinic is meant."))
    request = DataRequest(
        patient_id=patient_id, kind=RequestType(kind), channel=RequestChannel(channel),
        received_at=received_at or timezone.now(), details=details,
        identity_check=IdentityCheck(identity_check) if identity_check else "", owner=owner,
    )  # fmt: skip
    _save(request)
    return request


def check_identity(request: DataRequest, how: str, *, acting_user: Any = None) -> None:
    """Write down how it was made sure who asks, once; who did it and when is the database's.

    Raises:
        RequestError: it is closed, or was checked already.
    """
    _must_be_open(request)
    if request.identity_check:
        raise RequestError(_("The identity was checked already."))
    request.identity_check = IdentityCheck(how)
    _take(request, acting_user)
    _save(request, "identity_check", "owner", "status")


def extend_request(request: DataRequest, reason: str, *, acting_user: Any = None) -> None:
    """Take more time, once, where the law leaves the term open, before it is over, and with a reason for the holder.

    Raises:
        RequestError: one of that is not so.
    """
    _must_be_open(request)
    if not may_extend(request) or not reason.strip():
        raise RequestError(REFUSALS["data_requests_extension"]())
    request.due_on = rule("lgpd.requests.extension", on=timezone.localdate()).period.after(request.due_on)
    request.extended_at, request.extension_reason = timezone.now(), reason.strip()
    _take(request, acting_user)
    _save(request, "due_on", "extended_at", "extension_reason", "owner", "status")


def may_extend(request: DataRequest) -> bool:
    """Whether more time can be taken now."""
    today = timezone.localdate()
    return (
        request.is_open
        and request.extended_at is None
        and today <= request.due_on
        and request.kind in rule("lgpd.requests.extendable", on=timezone.localdate(request.received_at)).choices
    )


def answer_request(request: DataRequest, text: str, *, channel: str, acting_user: Any = None) -> None:
    """Write down what was answered, and how it went out; the request is closed by it.

    Raises:
        RequestError: the identity was not checked, nothing is said, or an erasure has to answer it.
    """
    _must_be_open(request)
    if not request.identity_check or not text.strip():
        raise RequestError(REFUSALS["data_requests_answer"]())
    request.answer, request.answer_channel = text.strip(), AnswerChannel(channel)
    request.status = RequestStatus.ANSWERED
    _own(request, acting_user)
    _save(request, "answer", "answer_channel", "status", "owner")
    request.refresh_from_db(fields=["answered_at"])


def release_package(request: DataRequest, text: str, *, password: str, acting_user: Any) -> date:
    """Let the holder download the package on «Meus dados», for the days of the rule, and close the request with it.

    Args:
        request: of a kind that a package answers, identified, open.
        text: the answer, which tells the holder so.
        password: of the encarregado who releases it, once more.
        acting_user: the encarregado.

    Returns:
        The last day of it.

    Raises:
        RequestError: one of that is not so.
    """
    _must_be_open(request)
    if request.kind not in PACKAGED or not request.identity_check:
        raise RequestError(REFUSALS["data_requests_released"]())
    if not (password and acting_user.check_password(password)):
        raise RequestError(_("Confirm with your own password."))
    if not text.strip():
        raise RequestError(REFUSALS["data_requests_answer"]())
    request.released_at = timezone.now()
    request.answer, request.answer_channel = text.strip(), AnswerChannel.PAGE
    request.status = RequestStatus.ANSWERED
    _own(request, acting_user)
    _save(request, "released_at", "answer", "answer_channel", "status", "owner")
    request.refresh_from_db(fields=["answered_at", "released_at"])
    until = request.released_until
    assert until is not None
    return until


def released_answer() -> str:
    """What the answer to a released package says, unless the encarregado writes something else."""
    days = rule("lgpd.requests.released", on=timezone.localdate()).period.number
    return _(
        "The package with everything that the clinic holds about you is on this page, below this request. You can"
        " download it for %(n)d days; its password is shown before the download."
    ) % {"n": days}


def refuse_request(request: DataRequest, ground: str, *, channel: str, acting_user: Any = None) -> None:
    """Refuse with reasons of fact or law (art. 18 § 4 II); also where nobody could be identified.

    Raises:
        RequestError: it is closed, or there is no ground.
    """
    _must_be_open(request)
    if not ground.strip():
        raise RequestError(REFUSALS["data_requests_ground"]())
    request.refusal_ground, request.answer_channel = ground.strip(), AnswerChannel(channel)
    request.status = RequestStatus.REFUSED
    _own(request, acting_user)
    _save(request, "refusal_ground", "answer_channel", "status", "owner")
    request.refresh_from_db(fields=["answered_at"])


def requests_of(patient_id: UUID) -> list[DataRequest]:
    """What a patient has asked, the newest first: for the holder's page too."""
    return list(DataRequest.objects.filter(patient_id=patient_id).order_by("-received_at", "pk"))


def refusal(error: Exception) -> str:
    """Why the database refused, in words; '' for what is not about requests."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    return str(REFUSALS[name]()) if name in REFUSALS else ""


def _must_be_open(request: DataRequest) -> None:
    if not request.is_open:
        raise RequestError(REFUSALS["data_requests_closed"]())


def _own(request: DataRequest, user: Any) -> None:
    if user is not None and request.owner_id is None:
        request.owner = user


def _take(request: DataRequest, user: Any) -> None:
    _own(request, user)
    request.status = RequestStatus.IN_PROGRESS


def _save(request: DataRequest, *fields: str) -> None:
    try:
        with transaction.atomic():
            request.save(update_fields=fields or None)
    except IntegrityError as error:
        said = refusal(error)
        if not said:
            raise
        if fields:
            request.refresh_from_db()
        raise RequestError(said) from error


# --- the queue --------------------------------------------------------------------------------------------------------


def waiting(*, today: date | None = None) -> tuple[int, int]:
    """How many requests wait for an answer, and how many of them are overdue."""
    today = today or timezone.localdate()
    dues = list(DataRequest.objects.filter(status__in=OPEN).values_list("due_on", flat=True))
    return len(dues), sum(due < today for due in dues)


def send_digest(job: context.Job, clinic_id: UUID, *, today: date | None = None) -> str:
    """Tell a clinic's encarregado by e-mail what is open: numbers of requests, their days, and where to answer them.

    Once a week, however often it is called; nothing where nothing is open. No personal data: not even what is asked.

    Returns:
        "sent", "nothing" (is open), "before" (this week), or "nobody" to send it to.
    """
    with context.enter(job, clinic_id):
        clinic = Clinic.objects.get(pk=clinic_id)
        with timezone.override(clinic.time_zone), translation.override(settings.LANGUAGE_CODE):
            today = today or timezone.localdate()
            week = today - timedelta(days=today.weekday())
            if RequestDigest.objects.filter(week=week).exists():
                return "before"
            found = list(DataRequest.objects.filter(status__in=OPEN).order_by("due_on", "pk"))
            if not found:
                return "nothing"
            people = _officers(clinic)
            if not people:
                return "nobody"
            over = sum(one.due_on < today for one in found)
            try:
                with transaction.atomic():
                    # First the row, whose rule lets no second digest through; it goes back if the mail does not leave.
                    RequestDigest.objects.create(week=week, waiting=len(found), overdue=over)
                    _mail(clinic, people, found, over, today).send()
            except IntegrityError:
                return "before"
            return "sent"


def _officers(clinic: Clinic) -> list[str]:
    members = Membership.objects.filter(role=Role.DPO, is_active=True).values_list("user__email", flat=True)
    return sorted({address for address in (clinic.dpo_email, *members) if address})


def _address() -> str:
    """Where the queue is: the first host that the settings name."""
    host = next((one for one in settings.ALLOWED_HOSTS if not one.startswith(("*", "."))), "localhost")
    return f"https://{host}/admin/compliance/datarequest/"


def _mail(clinic: Clinic, people: list[str], found: list[DataRequest], over: int, today: date) -> EmailMessage:
    lines = [
        f"- {one.number}: "
        + _("due on %(day)s (%(left)s)")
        % {"day": date_format(one.due_on, "d/m/Y"), "left": Clock((one.due_on - today).days, one.due_on).words}
        for one in found
    ]
    body = [
        ngettext("%(n)d request of a holder is open.", "%(n)d requests of holders are open.", len(found))
        % {"n": len(found)},
        ngettext("%(n)d is overdue.", "%(n)d are overdue.", over) % {"n": over} if over else _("None is overdue."),
        "",
        *lines,
        "",
        _("They are in NeonPro, under Privacy, Requests of holders:"),
        _address(),
    ]
    subject = _("%(clinic)s: requests of holders, %(n)d open, %(over)d overdue") % {
        "clinic": clinic.trade_name, "n": len(found), "over": over,
    }  # fmt: skip
    return EmailMessage(subject, "\n".join(body), None, people)
