"""An entry of the medical record as a PDF: what is signed, and what is printed to be signed by hand.

Every medical document says who wrote it, with the registration, the address and a way to reach them, whom it is about,
and when (CFM 2.299 art. 2 and CFM 2.381/2024: rule `records.document_fields`). An entry also says of the patient what
CFM 1.638/2002 art. 5 wants.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, HRFlowable, KeepTogether, Spacer

from clinics import pdf
from clinics.identifiers import format_cpf
from clinics.models import Clinic
from neonpro.pades import Level
from neonpro.rules import rule
from neonpro.vault.fields import Withheld
from patients.models import DocumentKind, MedicalRecord, Patient, RecordKind

FIELDS: Final[dict[str, Any]] = {
    "doctor_name": gettext_lazy("the author's name"),
    "doctor_crm": gettext_lazy("the author's council number"),
    "doctor_uf": gettext_lazy("the state or region of the author's council"),
    "address": gettext_lazy("the clinic's address"),
    "phone_or_email": gettext_lazy("the clinic's phone or e-mail"),
    "patient_name": gettext_lazy("the patient's name"),
}
"""What a document cannot do without, by the code that `records.document_fields` gives it. Date and signature come with
signing; RQE and the patient's CPF stand where there is one."""


class RecordPdfError(Exception):
    """The entry cannot be put on paper; the message is for the person who tried."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the paper says of the signature it is about to get."""

    level: Level
    signer: str
    at: datetime


def missing(record: MedicalRecord, patient: Patient, clinic: Clinic) -> list[str]:
    """What a document must say and the clinic does not know, in words; nothing for an entry that is no document."""
    if record.kind != RecordKind.DOCUMENT:
        return []
    known = {
        "doctor_name": record.author_name,
        "doctor_crm": record.author_number,
        "doctor_uf": record.author_uf or record.author_region,
        "address": clinic.street and clinic.city,
        "phone_or_email": clinic.phone or clinic.email,
        "patient_name": patient.name,
    }
    needed = rule("records.document_fields", on=timezone.localdate()).choices
    return [str(FIELDS[code]) for code in needed if code in known and not known[code]]


def render(record: MedicalRecord, patient: Patient, clinic: Clinic, *, stamp: Stamp | None) -> bytes:
    """The PDF of a finalised entry or of its addendum, which is a document of its own.

    Args:
        record: finalised; its content is opened by this.
        patient: whose it is, identification opened.
        clinic: where it was written.
        stamp: the signature that it will get; None for an unsigned copy, which says so on every page.

    Raises:
        RecordPdfError: it is a draft, or its content does not open.
    """
    if record.is_draft:
        raise RecordPdfError(_("This entry is a draft: finalise it first."))
    if isinstance(record.content, Withheld) or isinstance(record.diagnoses, Withheld):
        raise RecordPdfError(_("The content of this entry is not open to you."))
    title = title_of(record)
    story: list[Flowable] = [
        *pdf.letterhead(clinic),
        pdf.paragraph(title, "title"),
        *pdf.facts(_about(record, patient)),
        Spacer(0, 3 * mm),
        *_amendment(record),
        *_sections(record),
        *_diagnoses(record),
        KeepTogether(_close(record, stamp)),
    ]
    return pdf.document(
        story,
        title=f"{title} – {record}",
        author=clinic.trade_name,
        foot=_foot(record, stamp),
        # Nobody who guesses the content can try the guess against a stored hash: this number is in no other place.
        keywords=f"NeonPro {secrets.token_hex(16)}",
    )


def title_of(record: MedicalRecord) -> str:
    """What the document is called."""
    kind = record.get_document_kind_display() if record.document_kind else record.get_kind_display()
    title = str(capfirst(kind))
    return _("Addendum – %(title)s") % {"title": title} if record.amends_id else title


def moment(when: datetime, zone: str) -> str:
    """A time on the clock of a zone, with its distance from UTC."""
    local = when.astimezone(ZoneInfo(zone)) if zone else timezone.localtime(when)
    offset = f"{local:%z}"
    return f"{date_format(local, 'd/m/Y H:i')} (UTC{offset[:3]}:{offset[3:]})"


def level_line(stamp: Stamp | None) -> str:
    """What the paper says of its signature; qualified only where it is."""
    if stamp is None:
        return _("DOCUMENT NOT SIGNED")
    if stamp.level is Level.QUALIFIED:
        return _("Signed electronically: qualified signature, ICP-Brasil (Lei 14.063/2020, art. 4, III)")
    return _("Signed electronically: advanced signature, not ICP-Brasil (Lei 14.063/2020, art. 4, II)")


def shows_cid(record: MedicalRecord) -> bool:
    """Whether the CID may stand on the paper: on a medical certificate only with the patient's consent."""
    if not record.diagnoses:
        return False
    if record.document_kind != DocumentKind.CERTIFICATE:
        return True
    return record.cid_consent or not rule("records.certificate_cid_needs_consent", on=timezone.localdate()).value


def _about(record: MedicalRecord, patient: Patient) -> Iterable[tuple[str, str]]:
    """Whom it is about and when: a document that leaves the clinic says no more of the patient than it must."""
    yield _("Patient"), patient.name
    if patient.preferred_name:
        yield _("Preferred name"), patient.preferred_name
    if patient.cpf:
        yield _("CPF"), format_cpf(patient.cpf)
    elif patient.passport:
        yield _("Passport"), patient.passport
    if record.kind != RecordKind.DOCUMENT:
        yield _("Record number"), str(patient)
        born = patient.birth_date
        yield _("Date of birth"), born if isinstance(born, Withheld) else date_format(born, "d/m/Y") if born else "–"
        yield _("Sex"), patient.get_sex_display() or "–"
        yield _("Mother's name"), patient.mother_name or "–"
        yield _("Birthplace"), " – ".join(filter(None, (patient.birthplace_city, patient.birthplace_uf))) or "–"
        address = (patient.street, patient.district, patient.city, patient.uf)
        yield _("Address"), ", ".join(filter(None, address)) or "–"
    yield _("Date and time of the care"), moment(record.occurred_at, record.time_zone)
    if record.emergency:
        yield _("Emergency"), _("yes")


def _amendment(record: MedicalRecord) -> list[Flowable]:
    if not record.amends_id:
        return []
    original = record.amends
    return [
        *pdf.facts(
            [
                (_("Corrects the entry"), f"{original} ({moment(original.occurred_at, original.time_zone)})"),
                (_("Reason"), record.amend_reason),
            ]
        ),
        pdf.paragraph(_("The original entry stays as it was written."), "small"),
        Spacer(0, 2 * mm),
    ]


def _sections(record: MedicalRecord) -> list[Flowable]:
    story: list[Flowable] = []
    for section in record.sections:
        text = section.get("text", "").strip()
        if text:
            # A paragraph for each line: one that is longer than a page could not be broken with all of them in it.
            lines = [pdf.paragraph(line) if line.strip() else Spacer(0, 2 * mm) for line in text.splitlines()]
            story += [pdf.paragraph(section["heading"], "heading"), *lines]
    return story


def _diagnoses(record: MedicalRecord) -> list[Flowable]:
    if not shows_cid(record):
        return []
    lines = [
        " – ".join(filter(None, (f"{one.get('system', 'CID')} {one['code']}", one.get("text", ""))))
        for one in record.diagnoses
    ]
    return [pdf.paragraph(_("Diagnoses (CID)"), "heading"), *(pdf.paragraph(line) for line in lines)]


def _close(record: MedicalRecord, stamp: Stamp | None) -> list[Flowable]:
    """The author with everything by which they are found in their council's register, and what the signature is."""
    registration = [record.licence, f"RQE {record.author_rqe}" if record.author_rqe else "", record.author_role]
    # A doctor's specialty is shown only with its RQE (CFM 2.336/2023); what is no specialty is no doctor's.
    if record.get_author_council_display() == "CRM" and not record.author_rqe:
        registration.pop()
    # Where somebody signs by hand.
    line = HRFlowable(width="45%", thickness=0.7, color=pdf.INK, hAlign="LEFT", spaceAfter=1.5 * mm)
    story: list[Flowable] = [
        Spacer(0, 10 * mm),
        *([line] if stamp is None else []),
        pdf.paragraph(record.author_name, "fact"),
        pdf.paragraph(" · ".join(filter(None, registration)), "small"),
        Spacer(0, 3 * mm),
        pdf.paragraph(level_line(stamp), "heading"),
    ]
    zone = record.time_zone
    if stamp is not None:
        story.append(
            pdf.paragraph(
                _("Signed by %(who)s on %(when)s. Printed, this paper has no signature: the file has it.")
                % {"who": stamp.signer, "when": moment(stamp.at, zone)},
                "small",
            )
        )
    else:
        story.append(pdf.paragraph(_("Valid on paper only with the author's signature by hand."), "small"))
    assert record.finalised_at is not None
    story.append(
        pdf.paragraph(
            _("Document %(id)s, version %(version)s, finalised on %(when)s.")
            % {"id": record.pk, "version": record.revision, "when": moment(record.finalised_at, zone)},
            "small",
        )
    )
    return story


def _foot(record: MedicalRecord, stamp: Stamp | None) -> str:
    if stamp is None:
        return f"{_('Document')} {record} · {level_line(None)}"
    return f"{_('Document')} {record}"
