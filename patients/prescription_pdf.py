"""A prescription on paper: every field that the law asks for, in as many copies as it asks for.

What is printed is what was frozen at issuing (`prescription_facts.snapshot`), never what people and clinic are called
today. Nothing that is printed here is an electronic prescription; notifications are drafts to be copied onto the
official pad.
"""

import secrets
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib import colors
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, HRFlowable, KeepTogether, PageBreak, Spacer, Table, TableStyle

from clinics import pdf
from clinics.identifiers import format_cep, format_cnpj, format_cpf, format_phone
from neonpro.vault.fields import Withheld
from patients.models import Prescription, Sex
from patients.prescription_facts import age
from patients.prescription_rules import NOTIFICATIONS, Kind
from patients.record_pdf import Stamp, level_line
from patients.record_pdf import moment as signing_moment

QR_ADDRESS: Final = "https://sncr.anvisa.gov.br/receita/consultar?numero="
"""Where SNCR shows what it knows of a number (the manual's first edition)."""


class PrescriptionPdfError(Exception):
    """The prescription cannot be put on paper; the message is for the person who tried."""


def titles() -> dict[str, str]:
    """What each document is called on paper."""
    return {
        Kind.NRA: _("Notificação de Receita A"),
        Kind.NRB: _("Notificação de Receita B"),
        Kind.NRB2: _("Notificação de Receita B2"),
        Kind.NRR: _("Notificação de Receita Especial – Retinoids"),
        Kind.NRT: _("Notificação de Receita – Thalidomide"),
        Kind.RCE: _("Special control prescription"),
        Kind.RET_ANTIMICROBIAL: _("Retention prescription – antimicrobial"),
        Kind.RET_GLP1: _("Retention prescription – GLP-1 agonist"),
        Kind.COMMON: _("Prescription"),
    }


def render(prescription: Prescription, *, cancelled: bool = False, stamp: Stamp | None = None) -> bytes:
    """The PDF of an issued prescription.

    Args:
        prescription: issued; its content is opened by this.
        cancelled: it no longer holds, and every copy says so.
        stamp: the signature that it is about to get; None for paper.

    Raises:
        PrescriptionPdfError: it is a draft, or its content does not open.
    """
    content = prescription.content
    if prescription.is_draft:
        raise PrescriptionPdfError(_("This prescription is a draft: issue it first."))
    if isinstance(content, Withheld) or not isinstance(content, dict):
        raise PrescriptionPdfError(_("The content of this prescription is not open to you."))
    story: list[Flowable] = []
    marks = _copy_marks(prescription, content)
    for number, mark in enumerate(marks):
        if number:
            story.append(PageBreak())
        story += _copy(prescription, content, mark, cancelled=cancelled, stamp=stamp)
    title = titles()[prescription.kind]
    return pdf.document(
        story,
        title=f"{title} – {prescription}",
        author=content["institution"]["name"],
        foot=f"{title} – {prescription}",
        # As on every signed paper (`record_pdf.render`): nobody can try a guessed content against a stored hash.
        keywords=f"NeonPro {secrets.token_hex(16)}" if stamp is not None else "",
    )


def paper_note(prescription: Prescription) -> str:
    """What a document is before the law, in words that stand on it and on its page."""
    if prescription.kind in NOTIFICATIONS:
        return _(
            "DRAFT WITHOUT VALIDITY, to be copied onto the official pad. Only the numbered form of the health authority"
            " is valid."
        )
    if prescription.is_electronic:
        return _("Electronic prescription: valid only as the signed file, not as a print of it.")
    if prescription.kind == Kind.COMMON:
        return _("Printed to be signed by hand.")
    return _("Printed to be signed by hand. Without an SNCR number it is not valid as an electronic prescription.")


def _copy_marks(prescription: Prescription, content: dict[str, Any]) -> list[str]:
    if prescription.kind in NOTIFICATIONS:
        return [_("Draft without validity")]
    if content["copies"] < 2 or prescription.is_electronic:
        return [""]
    return [_("1st copy – kept by the pharmacy"), _("2nd copy – patient")]


def _copy(
    prescription: Prescription, content: dict[str, Any], mark: str, *, cancelled: bool, stamp: Stamp | None
) -> list[Flowable]:
    controlled = prescription.kind != Kind.COMMON
    story: list[Flowable] = []
    if cancelled:
        story.append(_banner(_("CANCELLED")))
    if prescription.kind in NOTIFICATIONS:
        story.append(_banner(paper_note(prescription)))
    story += _head(content)
    story.append(pdf.paragraph(titles()[prescription.kind], "title"))
    if mark:
        story.append(pdf.paragraph(mark, "heading"))
    story += _number(prescription)
    if controlled:
        story.append(_box(_("Issuer"), _issuer(content)))
        story.append(Spacer(0, 2 * mm))
    story.append(_box(_("Patient"), _patient(content, prescription)))
    story.append(Spacer(0, 4 * mm))
    for place, item in enumerate(content["items"], start=1):
        story += _item(place, item)
    story += _declared(content)
    story.append(KeepTogether(_close(prescription, content, stamp)))
    # The pharmacy writes on paper; what is electronic it registers in SNCR.
    if controlled and prescription.kind not in NOTIFICATIONS and not prescription.is_electronic:
        story.append(KeepTogether([Spacer(0, 5 * mm), _pharmacy()]))
    return story


def _head(content: dict[str, Any]) -> list[Flowable]:
    place = content["institution"]
    parts = (
        place["legal_name"] if place["legal_name"] != place["name"] else "",
        f"CNPJ {format_cnpj(place['cnpj'])}" if place["cnpj"] else "",
        f"CNES {place['cnes']}" if place["cnes"] else "",
        place["address"],
        f"CEP {format_cep(place['cep'])}" if place["cep"] else "",
        format_phone(place["phone"]) if place["phone"] else "",
        place["email"],
    )
    return [
        pdf.paragraph(place["name"], "heading"),
        pdf.paragraph(" · ".join(part for part in parts if part), "small"),
        Spacer(0, 2 * mm),
        HRFlowable(width="100%", thickness=0.7, color=pdf.LINE, spaceAfter=1 * mm),
    ]


def _number(prescription: Prescription) -> list[Flowable]:
    if not prescription.sncr_number:
        return []
    code = QrCodeWidget(QR_ADDRESS + prescription.sncr_number)
    left, bottom, right, top = code.getBounds()
    size = 24 * mm
    drawing = Drawing(size, size, transform=[size / (right - left), 0, 0, size / (top - bottom), 0, 0])
    drawing.add(code)
    return [*pdf.facts([(_("SNCR number"), prescription.sncr_number)]), drawing]


def _issuer(content: dict[str, Any]) -> list[tuple[str, str]]:
    who = content["prescriber"]
    pairs = [
        (_("Name"), who["name"]),
        (
            _("Council"),
            " · ".join(part for part in (who["licence"], f"RQE {who['rqe']}" if who["rqe"] else "") if part),
        ),
        (_("Address"), who["address"]),
        (_("Phone"), format_phone(who["phone"]) if who["phone"] else ""),
    ]
    if who["cpf"]:
        pairs.append((_("CPF"), format_cpf(who["cpf"])))
    return pairs


def _patient(content: dict[str, Any], prescription: Prescription) -> list[tuple[str, str]]:
    who = content["patient"]
    pairs = [(_("Name"), who["name"]), (_("Address"), who["address"])]
    if who["cpf"]:
        pairs.append((_("CPF"), format_cpf(who["cpf"])))
    elif who["passport"]:
        pairs.append((_("Passport"), who["passport"]))
    if prescription.kind in (Kind.RET_ANTIMICROBIAL, Kind.RET_GLP1):
        assert prescription.issued_on is not None
        years = age(date.fromisoformat(who["birth_date"]), prescription.issued_on)
        pairs += [(_("Age"), _("%(years)d years") % {"years": years}), (_("Sex"), str(Sex(who["sex"]).label))]
    return pairs


def _item(place: int, item: dict[str, Any]) -> list[Flowable]:
    name = item["medicine"]
    if item["dcb"] and item["dcb"].lower() not in name.lower():
        name = f"{item['dcb']} ({name})"
    head = " – ".join(part for part in (name, item["concentration"], item["form"]) if part)
    lines = [pdf.paragraph(f"{place}. {head}", "heading")]
    if item["quantity"]:
        quantity = f"{number_format(item['quantity'], use_l10n=True).replace('.', ',')} {item['unit']}".strip()
        lines.append(pdf.facts([(_("Quantity"), f"{quantity} ({item['in_words']})")])[0])
    lines.append(pdf.facts([(_("How to use"), item["posology"].replace("\n", " "))])[0])
    more = []
    if item["days"]:
        more.append(_("Treatment: %(days)s days") % {"days": item["days"]})
    if item["continuous"]:
        more.append(_("Continuous use"))
    if item["per_30_days"]:
        more.append(_("For each 30 days: %(quantity)s") % {"quantity": item["per_30_days"]})
    if item["list"] and item["legal_ref"]:
        more.append(item["legal_ref"] + (_(", adendo") if item["adendo"] else ""))
    if more:
        lines.append(pdf.paragraph(" · ".join(more), "small"))
    return [KeepTogether([*lines, Spacer(0, 2 * mm)])]


def _declared(content: dict[str, Any]) -> list[Flowable]:
    story: list[Flowable] = []
    pairs = [(_("CID or diagnosis"), content["cid"]), (_("Justification"), content["justification"])]
    story += pdf.facts([(name, value) for name, value in pairs if value])
    if content["guidance"]:
        story.append(pdf.paragraph(_("Guidance to the patient"), "heading"))
        story += [pdf.paragraph(line) for line in content["guidance"].splitlines() if line.strip()]
    return story


def _close(prescription: Prescription, content: dict[str, Any], stamp: Stamp | None) -> list[Flowable]:
    who = content["prescriber"]
    assert prescription.issued_at is not None
    assert prescription.valid_until is not None
    moment: datetime = prescription.issued_at.astimezone(ZoneInfo(content["time_zone"]))
    signature = " · ".join(
        part
        for part in (who["name"], who["licence"], who["specialty"], f"RQE {who['rqe']}" if who["rqe"] else "")
        if part
    )
    lines: list[Flowable] = [
        Spacer(0, 3 * mm),
        *pdf.facts(
            [
                (_("Date"), date_format(moment, "d/m/Y H:i")),
                (_("Valid until"), date_format(prescription.valid_until, "d/m/Y")),
            ]
        ),
        pdf.paragraph(_("Validity: %(source)s.") % {"source": content["validity_by"]}, "small"),
    ]
    if not prescription.is_electronic:
        lines += [
            Spacer(0, 14 * mm),
            HRFlowable(width="70%", thickness=0.7, color=pdf.INK, hAlign="LEFT", spaceAfter=1 * mm),
            pdf.paragraph(signature, "fact"),
            pdf.paragraph(_("Signature and stamp of the prescriber"), "small"),
        ]
    else:
        lines.append(pdf.paragraph(signature, "fact"))
    if stamp is not None:
        lines += [
            Spacer(0, 3 * mm),
            pdf.paragraph(level_line(stamp), "heading"),
            pdf.paragraph(
                _("Signed by %(who)s on %(when)s. Printed, this paper has no signature: the file has it.")
                % {"who": stamp.signer, "when": signing_moment(stamp.at, content["time_zone"])},
                "small",
            ),
            pdf.paragraph(_("Document %(id)s.") % {"id": prescription.pk}, "small"),
        ]
    lines.append(pdf.paragraph(paper_note(prescription), "small"))
    return lines


def _box(title: str, pairs: list[tuple[str, str]]) -> Flowable:
    rows = [[pdf.paragraph(title, "head")], *[[one] for one in pdf.facts([pair for pair in pairs if pair[1]])]]
    return Table(
        rows,
        colWidths=[pdf.WIDTH],
        style=TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), pdf.REGULAR, 8),
                ("BOX", (0, 0), (-1, -1), 0.7, pdf.LINE),
                ("BACKGROUND", (0, 0), (-1, 0), pdf.SUNKEN),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ]
        ),
    )


def _banner(text: str) -> Flowable:
    return Table(
        [[pdf.paragraph(text, "heading")]],
        colWidths=[pdf.WIDTH],
        style=TableStyle([("BOX", (0, 0), (-1, -1), 1.5, colors.black), ("FONT", (0, 0), (-1, -1), pdf.REGULAR, 8)]),
    )


def _pharmacy() -> Flowable:
    """What the pharmacy fills in by hand."""
    line = "_" * 26
    buyer = [
        pdf.paragraph(_("Buyer (for the pharmacy)"), "head"),
        *(
            pdf.paragraph(f"{name}: {line}", "cell")
            for name in (_("Name"), _("Identity document"), _("Address"), _("Phone"))
        ),
    ]
    seller = [
        pdf.paragraph(_("Seller (for the pharmacy)"), "head"),
        *(
            pdf.paragraph(f"{name}: {line}", "cell")
            for name in (_("Pharmacy"), _("Pharmacist and CRF"), _("Lots and quantities"), _("Date and signature"))
        ),
    ]
    return Table(
        [[buyer, seller]],
        colWidths=[pdf.WIDTH / 2, pdf.WIDTH / 2],
        style=TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), pdf.REGULAR, 8),
                ("BOX", (0, 0), (0, 0), 0.7, pdf.LINE),
                ("BOX", (1, 0), (1, 0), 0.7, pdf.LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        ),
    )
