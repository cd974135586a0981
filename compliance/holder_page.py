"""What the page «Meus dados» shows and does once a patient is in: everything in the patient's own context."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from clinics.fields import WRITTEN
from clinics.models import Clinic
from compliance import consent_pdf, consents, package_pdf, requests
from compliance.consents import ConsentError
from compliance.erasure_letter import letter
from compliance.holder import HolderError
from compliance.models import (
    OPEN,
    Channel,
    ConsentEvent,
    ConsentRecord,
    DataRequest,
    Erasure,
    IdentityCheck,
    RequestChannel,
    RequestStatus,
)
from compliance.requests import RequestError
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import Act
from patients.models import Patient

GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    ("identification", ("name", "preferred_name", "birth_date", "sex", "mother_name", "cpf", "cns", "passport")),
    ("contact", ("email", "phone", "other_phone")),
    ("address", ("street", "district", "city", "uf", "cep")),
    ("birthplace", ("birthplace_city", "birthplace_uf")),
)
"""What the clinic holds about who somebody is and how to reach them, in the page's order."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some data under a heading."""

    heading: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A consent: what was agreed to, since when, and whether it can be taken back."""

    title: str
    state: str
    kind: str
    since: Any
    stops: str
    text: list[str]
    purpose: str
    service: UUID | None
    can_withdraw: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, and what can be taken along of its answer."""

    request: DataRequest
    kind: str
    state: str
    tag: str
    overdue: bool
    files: list[tuple[str, str, UUID]]
    """What each is called, and by which name and id it is fetched."""


def me(patient: UUID) -> Patient:
    """The patient who is in, all that the page shows opened in one reading."""
    return Patient.objects.opening("identification", "contact", act=Act.READ).get(pk=patient)


def own_data(person: Patient) -> list[Group]:
    """What the clinic holds, as it is held; empty fields are left out."""
    headings = {
        "identification": _("Who you are"), "contact": _("How we reach you"), "address": _("Where you live"),
        "birthplace": _("Where you were born"),
    }  # fmt: skip
    groups = []
    for code, names in GROUPS:
        facts = [(capfirst(str(person._meta.get_field(name).verbose_name)), _shown(person, name)) for name in names]  # type: ignore[union-attr]
        groups.append(Group(headings[code], [fact for fact in facts if fact[1]]))
    return [group for group in groups if group.facts]


def _shown(person: Patient, name: str) -> str:
    value: Any = getattr(person, name)
    if isinstance(value, Withheld):
        return _("erased") if value.status == "erased" else _("cannot be shown now: ask the clinic")
    if value in (None, ""):
        return ""
    found: Any = person._meta.get_field(name)
    if name == "birth_date":
        return date_format(value, "d/m/Y")
    if found.choices:
        return str(dict(found.flatchoices).get(value, value))
    write = WRITTEN.get(type(found))
    return str(write(value) if write else value)


# --- consents ---------------------------------------------------------------------------------------------------------

KINDS = {"granted": "success", "asked": "info", "refused": "default", "withdrawn": "default"}


def own_consents(patient: UUID) -> list[Line]:
    """What was asked of the patient, that which is granted first, each with the text that was agreed to."""
    latest: dict[tuple[str, UUID | None], ConsentRecord] = {}
    for event in consents.history(patient).filter(event=ConsentEvent.GRANTED).order_by("created_at", "number"):
        latest[event.purpose, event.service_id] = event
    lines = []
    for one in consents.standings(patient):
        if not one.state:
            continue
        service = one.service.pk if one.service else None
        agreed = latest.get((str(one.purpose), service))
        text = agreed.text if agreed is not None and agreed.text is not None else None
        lines.append(
            Line(
                title=capfirst(consent_pdf.label(one)),
                state=capfirst(consent_pdf.state_words(one)),
                kind=KINDS.get(one.state, "default"),
                since=one.since,
                stops=str(one.terms.stops),
                text=[text.title, *text.paragraphs] if text is not None else [],
                purpose=str(one.purpose),
                service=service,
                can_withdraw=one.allows,
            )
        )
    return sorted(lines, key=lambda line: not line.can_withdraw)


def withdraw(person: Patient, purpose: str, service: UUID | None) -> None:
    """Take a consent back: at once, in the patient's own name.

    Raises:
        HolderError: it is not granted any more.
    """
    try:
        consents.withdraw(person, purpose, channel=Channel.PORTAL, service=service)
    except ConsentError as error:
        raise HolderError(_("This consent does not hold any more: there is nothing to take back.")) from error


# --- requests ---------------------------------------------------------------------------------------------------------

TAGS = {
    RequestStatus.RECEIVED: "info",
    RequestStatus.IN_PROGRESS: "warning",
    RequestStatus.ANSWERED: "success",
    RequestStatus.REFUSED: "default",
}

MOST_OPEN = 5
"""Requests that a patient can have open at a time on the page."""


def own_requests(patient: UUID) -> list[Asked]:
    """The patient's requests, the newest first."""
    erasures = {one.request_id: one for one in Erasure.objects.filter(patient_id=patient).exclude(certificate="")}
    today = timezone.localdate()
    return [
        Asked(
            request=found,
            kind=capfirst(found.get_kind_display()),
            state=capfirst(found.get_status_display()),
            tag=TAGS.get(RequestStatus(found.status), "default"),
            overdue=found.is_open and found.due_on < today,
            files=_files(found, erasures.get(found.pk)),
        )
        for found in requests.requests_of(patient)
    ]


def _files(found: DataRequest, erasure: Erasure | None) -> list[tuple[str, str, UUID]]:
    if erasure is not None:
        return [(_("Letter (PDF)"), "letter", erasure.pk), (_("Certificate (signed file)"), "certificate", erasure.pk)]
    return [(_("Answer (PDF)"), "answer", found.pk)] if _answered(found) else []


def _answered(found: DataRequest) -> bool:
    return not found.is_open and bool(found.answer or found.refusal_ground)


def ask(patient: UUID, kind: str, *, checked: str, details: str = "") -> DataRequest:
    """Open a request; its day is the rules'.

    Args:
        patient: who is in.
        kind: one of `RequestType`.
        checked: how it was made sure who asks (`IdentityCheck`).
        details: in the patient's own words.

    Raises:
        HolderError: the same is open already, or too many are.
    """
    standing = list(DataRequest.objects.filter(patient_id=patient, status__in=OPEN).values_list("kind", flat=True))
    if kind in standing:
        raise HolderError(_("You have asked for this already, and the clinic has not answered yet. See below."))
    if len(standing) >= MOST_OPEN:
        raise HolderError(_("You have several requests open. Wait for the answer, or talk to the clinic."))
    try:
        return requests.open_request(
            patient_id=patient, kind=kind, channel=RequestChannel.PAGE, identity_check=checked, details=details
        )
    except RequestError as error:
        raise HolderError(str(error)) from error


def identity_by(method: str) -> str:
    """How whoever came in by this was known: a code went to a confirmed address, a link was handed over in person."""
    return IdentityCheck.DOCUMENT if method == "link" else IdentityCheck.CODE


def answer_file(clinic: Clinic, patient: UUID, what: str, record: UUID) -> tuple[bytes, str, str] | None:
    """A file of an answer, its type and its name; None where there is none.

    Args:
        clinic: whose letterhead it has.
        patient: who is in.
        what: `answer`, or of an erasure `letter` or `certificate`.
        record: the request, or the erasure.
    """
    if what == "answer":
        request = DataRequest.objects.filter(pk=record, patient_id=patient).first()
        if request is None or not _answered(request):
            return None
        return package_pdf.answer_letter(request, clinic), "application/pdf", f"resposta-{request.number}.pdf"
    erasure = Erasure.objects.filter(pk=record, patient_id=patient).exclude(certificate="").first()
    if erasure is None:
        return None
    short = str(erasure.pk)[:8]
    if what not in {"letter", "certificate"}:
        return None
    if what == "certificate":
        return erasure.certificate.encode(), "application/json", f"certificado-{short}.json"
    return letter(clinic, json.loads(erasure.certificate)), "application/pdf", f"resposta-{short}.pdf"


def released(patient: UUID, record: UUID) -> DataRequest | None:
    """The request whose package the patient who is in can download now; None for anything else."""
    found = DataRequest.objects.filter(pk=record, patient_id=patient, released_at__isnull=False).first()
    return found if found is not None and found.is_released else None


def count_open(found: Iterable[Asked]) -> int:
    """How many still wait for their answer."""
    return sum(asked.request.is_open for asked in found)
