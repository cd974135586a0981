"""How a patient comes in to the page «Meus dados»: codes, links, sessions, and the limits on trying.

Whoever asks for a code learns nothing: not from the answer, not from its time, not from its status. Codes go to an
address that is known to be the patient's, and to no other. A session belongs to one patient in one clinic; PostgreSQL
looks up whose it is (`neonpro.enter`) and shows that person's rows alone.
"""

import logging
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.signing import BadSignature, Signer
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from clinics.models import Clinic
from compliance.models import CodeKind, ContactMethod, HolderCode, HolderContact, HolderSession
from compliance.models.holder import TRIES
from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.db.context import Door, Holder
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import keyring, purpose
from neonpro.vault.search import exact_token, unique_token
from neonpro.vault.text import fold
from patients.models import Patient

logger = logging.getLogger(__name__)

DIGITS: Final = 8
"""Of a code: with five tries, one chance in twenty million."""

CODE_LASTS: Final = timedelta(minutes=10)
LINK_LASTS: Final = timedelta(hours=48)

ANSWER_AFTER: Final = 1.2
"""Seconds from a question to its answer, whatever was found: several times what finding somebody takes."""

SIGN_IN: Final = "holder:sign_in"
"""For what the door opens keys, in the audit log."""

HOUR: Final = timedelta(hours=1)
QUARTER: Final = timedelta(minutes=15)
DAY: Final = timedelta(days=1)

Limit = tuple[str, int, timedelta]


class HolderError(Exception):
    """Something that cannot be done on the page; the message is for the patient."""


class TooOften(HolderError):
    """Tried more often than the limits allow; the same for whoever is a patient and whoever is not."""


class NotLetIn(HolderError):
    """A code or link that opens nothing: wrong, used or too old. Which of them is not told."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent, and where."""

    to: str
    subject: str
    text: str


# --- Coming in --------------------------------------------------------------------------------------------------------


def ask_code(clinic: UUID, *, identifier: str, born: date, address: str) -> UUID:
    """Send a code to whoever has this CPF or e-mail and date of birth here and a confirmed address.

    Args:
        clinic: whose page it is.
        identifier: a CPF (eleven digits) or an e-mail.
        born: the date of birth.
        address: where the request comes from, for the limits.

    Returns:
        What the code is typed for; an id that leads nowhere when there is nobody.

    Raises:
        TooOften: from this address, or for this identifier.
        neonpro.db.context.NotAMember: there is no such clinic.
    """
    with _same_time():
        whose, where = _hash("whose", identifier), _hash("where", address)
        both = _hash("both", f"{identifier} {address}")
        # Whoever asks in somebody's name from one place uses up half of what they may ask in an hour, and no more; the
        # patient, elsewhere, still has the other half, and is not written to day and night.
        _count(
            clinic,
            (where, 20, HOUR), (both, 3, QUARTER), (both, 6, DAY), (whose, 6, HOUR),
        )  # fmt: skip
        with purpose(SIGN_IN), context.enter(Door(), clinic):
            patient = _whoever(identifier, born)
            to = _confirmed(patient) if patient is not None else ""
            if patient is None or not to:
                return uuid4()
            made, code = _new_code(patient.pk, CodeKind.CODE)
            message = _message(to, code)
    _send(message)
    return made


def enter_code(clinic: UUID, *, attempt: UUID, code: str, address: str) -> str:
    """Let in whoever types the code that was sent; the secret of a new session.

    Raises:
        NotLetIn: it is wrong, used, too old or was tried too often.
        TooOften: from this address.
    """
    # Whether there was a code at all would show, too.
    with _same_time():
        _count(clinic, (_hash("typed", address), 60, HOUR))
        with context.enter(Door(), clinic):
            found = _use(attempt, CodeKind.CODE, re.sub(r"\D", "", code))
            if found is not None:
                return _new_session(found)
    # Outside, so that the try stays counted.
    raise NotLetIn(_("This code does not open the page: it is wrong, was used before or is older than 10 minutes."))


def enter_link(clinic: UUID, *, token: str, address: str) -> str:
    """Let in whoever has the link that the clinic handed over; the secret of a new session.

    Raises:
        NotLetIn: the link is wrong, used or too old.
        TooOften: from this address.
    """
    _count(clinic, (_hash("typed", address), 60, HOUR))
    try:
        text = _signer().unsign(token)
        attempt, secret = UUID(text[:32]), text[32:]
    except (BadSignature, ValueError):
        attempt, secret = uuid4(), ""
    with context.enter(Door(), clinic):
        found = _use(attempt, CodeKind.LINK, secret)
        if found is not None:
            return _new_session(found)
    raise NotLetIn(_("This link was used before or is too old. Ask the clinic for another one."))


def leave(clinic: UUID, secret: str) -> None:
    """End a session; one that is over stays so."""
    with context.enter(Door(), clinic):
        HolderSession.objects.filter(digest=Holder(secret).digest, ended_at__isnull=True).update(
            ended_at=timezone.now()
        )


# --- What the clinic does ---------------------------------------------------------------------------------------------


def new_link(patient: UUID) -> str:
    """A token that opens the page once, for the patient at the desk; in the context of whoever hands it out."""
    secret = secrets.token_urlsafe(24)
    made = HolderCode(patient_id=patient, kind=CodeKind.LINK, expires_at=timezone.now() + LINK_LASTS)
    made.digest = _digest(made.pk, secret)
    made.save(force_insert=True)
    return _signer().sign(made.pk.hex + secret)


def confirm_contact(patient: Patient, contact: str, *, method: str = ContactMethod.IN_PERSON) -> None:
    """Write down that an address is the patient's: that of the record, which the patient has just said themselves.

    Raises:
        HolderError: the record has no such address.
    """
    if not contact or fold(contact) not in map(fold, _contacts(patient)):
        raise HolderError(_("The record has another address, or none. Correct it first."))
    HolderContact.objects.create(patient=patient, contact=contact, method=method)


def confirmed_contact(patient: Patient) -> str:
    """The address of the record that codes can be sent to now; "" without one."""
    return _confirmed(patient)


# --- Confirming an address, from inside ------------------------------------------------------------------------------


def ask_contact_code(clinic: UUID, patient: UUID, *, address: str) -> UUID:
    """Send a code to the e-mail of the record, to confirm it, for a patient who is in.

    Raises:
        HolderError: the record has no e-mail.
        TooOften: the patient asked for several just now.
    """
    key = _hash("confirm", str(patient))
    _count(clinic, (key, 3, QUARTER), (key, 6, DAY), (_hash("where", address), 20, HOUR))
    with purpose(SIGN_IN), context.enter(Door(), clinic):
        to = next(_contacts(Patient.objects.opening("contact").get(pk=patient)), "")
        if not to:
            raise HolderError(_("The clinic has no e-mail of yours. Ask it to write yours down."))
        made, code = _new_code(patient, CodeKind.CONTACT)
        message = _message(to, code)
    _send(message)
    return made


def confirm_contact_code(clinic: UUID, patient: UUID, *, attempt: UUID, code: str, address: str) -> None:
    """Confirm the e-mail of the record by the code that was sent to it.

    Raises:
        NotLetIn: the code is wrong, used or too old.
        TooOften: from this address.
    """
    _count(clinic, (_hash("typed", address), 60, HOUR))
    with purpose(SIGN_IN), context.enter(Door(), clinic):
        found = _use(attempt, CodeKind.CONTACT, re.sub(r"\D", "", code))
        if found is not None and found.patient_id == patient:
            person = Patient.objects.opening("contact").get(pk=patient)
            to = next(_contacts(person), "")
            confirm_contact(person, to, method=ContactMethod.CODE)
            return
    raise NotLetIn(_("This code is wrong, was used before or is older than 10 minutes."))


# --- Inside -----------------------------------------------------------------------------------------------------------


def _whoever(identifier: str, born: date) -> Patient | None:
    """The one patient of the clinic with this CPF or e-mail who was born on that day; nobody when there are two."""
    key, opened = keyring().search_key(), []
    if "@" in identifier:
        rows = execute(
            "SELECT patient FROM neonpro.search_patients('{}'::bigint[], %s::bigint[], '', 10, %s::text)",
            [[exact_token(key, "email", identifier)], SIGN_IN],
        )
        opened = [patient for (patient,) in rows]
    else:
        rows = execute(
            "SELECT patient FROM neonpro.known_patients('cpf', %s::bigint[], %s::text)",
            [[unique_token(key, "cpf", identifier)], SIGN_IN],
        )
        opened = [patient for (patient,) in rows]
    context.leave_trace(
        "SELECT neonpro.record_reading('SEARCH', NULL::uuid[], %s::jsonb)",
        Jsonb({"purpose": SIGN_IN, "found": len(opened), "undone": True}),
    )
    found = [
        patient
        for patient in Patient.objects.opening("identification", "contact").filter(pk__in=opened)
        if patient.birth_date == born
    ]
    return found[0] if len(found) == 1 else None


def _contacts(patient: Patient) -> Iterator[str]:
    """The addresses of a record that codes can be sent to: its e-mail; its phone where somebody sends to phones."""
    names = ("email", "phone") if settings.NEONPRO_SMS_SENDER else ("email",)
    for name in names:
        value = getattr(patient, name)
        if value and not isinstance(value, Withheld):
            yield str(value)


def _confirmed(patient: Patient) -> str:
    known = {
        fold(str(one.contact))
        for one in HolderContact.objects.filter(patient=patient)
        if not isinstance(one.contact, Withheld)
    }
    return next((contact for contact in _contacts(patient) if fold(contact) in known), "")


def _new_code(patient: UUID, kind: CodeKind) -> tuple[UUID, str]:
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    made = HolderCode(patient_id=patient, kind=kind, expires_at=timezone.now() + CODE_LASTS)
    made.digest = _digest(made.pk, code)
    made.save(force_insert=True)
    return made.pk, code


def _use(attempt: UUID, kind: CodeKind, secret: str) -> HolderCode | None:
    """Spend one try on a code or link; the code when it was right, and then for the only time."""
    live = HolderCode.objects.filter(
        pk=attempt, kind=kind, used_at__isnull=True, tries__lt=TRIES, expires_at__gt=timezone.now()
    )
    # The row is locked from here on: five tries are five, however many come at once.
    if not live.update(tries=F("tries") + 1):
        return None
    found = HolderCode.objects.get(pk=attempt)
    if not constant_time_compare(found.digest, _digest(found.pk, secret)):
        return None
    HolderCode.objects.filter(pk=attempt).update(used_at=timezone.now())
    return found


def _new_session(found: HolderCode) -> str:
    secret = secrets.token_urlsafe(32)
    HolderSession.objects.create(patient_id=found.patient_id, method=found.kind, digest=Holder(secret).digest)
    return secret


def _digest(record: UUID, secret: str) -> str:
    return salted_hmac("compliance.holder.code", f"{record.hex}:{secret}", algorithm="sha256").hexdigest()


def _signer() -> Signer:
    return Signer(salt="compliance.holder.link", sep=".")


def _hash(kind: str, text: str) -> str:
    """What is counted of an address or of what was typed: never itself."""
    return f"{kind}:{salted_hmac('compliance.holder.tries', fold(text), algorithm='sha256').hexdigest()}"


def _count(clinic: UUID, *limits: Limit) -> None:
    """Count a try, in a transaction of its own, so that it stays counted.

    Raises:
        TooOften: a limit is reached.
    """
    keys, most, within = zip(*limits, strict=True)
    with context.enter(Door(), clinic):
        ((allowed,),) = execute(
            "SELECT neonpro.holder_try(%s::text[], %s::int[], %s::interval[])", [list(keys), list(most), list(within)]
        )
    if not allowed:
        raise TooOften(_("Too many tries in a short time. Wait an hour, or ask the clinic for a link to this page."))


def _message(to: str, code: str) -> Message:
    """What is sent with a code; it names the clinic and no patient."""
    clinic = Clinic.objects.get()
    spaced = f"{code[:4]} {code[4:]}"
    text = render_to_string("holder/code.txt", {"clinic": clinic, "code": spaced, "minutes": CODE_LASTS.seconds // 60})
    subject = _("Your code for “My data” – %(clinic)s") % {"clinic": clinic.trade_name}
    return Message(to, subject, text)


def _send(message: Message) -> None:
    """Send it aside: how long a mail server takes would tell that there was somebody to write to."""
    threading.Thread(target=_deliver, args=[message], name="holder-code").start()


def _deliver(message: Message) -> None:
    try:
        if "@" in message.to:
            sender = settings.NEONPRO_HOLDER_FROM_EMAIL or settings.DEFAULT_FROM_EMAIL
            EmailMessage(message.subject, message.text, sender, [message.to]).send()
        else:
            import_string(settings.NEONPRO_SMS_SENDER)(message.to, message.text)
    except Exception as error:
        # Whom it was for stays out of the log; the patient asks again.
        logger.error("A code for «Meus dados» could not be sent: %s", type(error).__name__)


@contextmanager
def _same_time() -> Iterator[None]:
    """Take as long as always, whatever happens inside."""
    began = time.monotonic()
    try:
        yield
    finally:
        time.sleep(max(0.0, began + ANSWER_AFTER - time.monotonic()))
