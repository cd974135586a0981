"""The letters of a recall, one a patient, and the list of whom to call, as PDF."""

from datetime import date

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, PageBreak, Spacer

from clinics import pdf
from clinics.identifiers import format_cep, format_phone
from clinics.models import Clinic
from patients.models import Patient, ProductLot
from patients.recalls import Called, Recall


def letters(recall: Recall, lot: ProductLot, clinic: Clinic, *, today: date) -> bytes:
    """One letter for each patient of a recall, in one file to print."""
    story: list[Flowable] = []
    for called in recall.people:
        if story:
            story.append(PageBreak())
        story += _letter(called, lot, clinic, today)
    if not story:
        story = [*pdf.letterhead(clinic), pdf.paragraph(_("Nobody got anything from this lot."))]
    return pdf.document(
        story, title=_("Recall of a lot"), author=clinic.trade_name,
        foot=_("%(clinic)s · recall of lot %(lot)s") % {"clinic": clinic.trade_name, "lot": lot.number},
    )  # fmt: skip


def _letter(called: Called, lot: ProductLot, clinic: Clinic, today: date) -> list[Flowable]:
    patient = called.patient
    days = sorted({date_format(timezone.localtime(one.at), "SHORT_DATE_FORMAT") for one in called.sessions})
    phone = format_phone(clinic.phone) if clinic.phone else ""
    contact = " · ".join(part for part in (phone, clinic.email) if part)
    return [
        *pdf.letterhead(clinic),
        pdf.paragraph("\n".join(_address(patient))),
        Spacer(0, 4 * mm),
        pdf.paragraph(
            _("%(city)s, %(day)s")
            % {"city": clinic.city or clinic.trade_name, "day": date_format(today, "DATE_FORMAT")}
        ),
        pdf.paragraph(_("Important notice about a product applied to you"), "title"),
        pdf.paragraph(
            _("A product that you were given in our clinic on %(days)s belongs to a lot that is being recalled.")
            % {"days": ", ".join(days)}
        ),
        *pdf.facts(
            [
                (_("Product"), str(lot.product)),
                (_("Registration at Anvisa"), lot.product.registration_number or "–"),
                (_("Manufacturer or holder"), lot.product.holder or lot.product.manufacturer or "–"),
                (_("Lot"), lot.number),
                (_("Expiry"), date_format(lot.expires_on, "SHORT_DATE_FORMAT")),
                (_("Reason of the recall"), lot.status_reason),
            ]
        ),
        Spacer(0, 3 * mm),
        pdf.paragraph(
            _(
                "Please get in touch with us as soon as you receive this letter, also if you feel well: we will explain"
                " what is known and, if needed, see you at no cost. If you have pain, fever, swelling, a change of"
                " colour of the skin, trouble seeing, speaking, swallowing or breathing, go to an emergency service at"
                " once and take this letter with you."
            )
        ),
        pdf.paragraph(_("Contact: %(contact)s") % {"contact": contact or clinic.trade_name}),
        Spacer(0, 14 * mm),
        pdf.paragraph(str(clinic.technical_director or clinic.trade_name)),
        pdf.paragraph(_("Technical director") if clinic.technical_director else "", "small"),
    ]  # fmt: skip


def _address(patient: Patient) -> list[str]:
    """The lines of an address, as far as there is one."""
    place = " – ".join(str(part) for part in (patient.city, patient.uf) if part)
    cep = str(patient.cep or "")
    lines = (
        str(patient.display_name), str(patient.street or ""), str(patient.district or ""), place,
        f"CEP {format_cep(cep)}" if cep.isdigit() else "",
    )  # fmt: skip
    return [line for line in lines if line]


def call_list(recall: Recall, lot: ProductLot, clinic: Clinic, *, today: date) -> bytes:
    """Whom to call, with room to write down what came of it."""
    rows = [
        [
            str(called.patient.display_name),
            str(called.patient),
            "\n".join(map(str, called.phones)),
            ", ".join(date_format(timezone.localtime(one.at), "SHORT_DATE_FORMAT") for one in called.sessions),
            called.outcome_words,
        ]
        for called in recall.people
    ]
    story: list[Flowable] = [
        *pdf.letterhead(clinic),
        pdf.paragraph(_("Recall: whom to call"), "title"),
        *pdf.facts([(_("Product"), str(lot.product)), (_("Lot"), lot.number), (_("Reason"), lot.status_reason)]),
        Spacer(0, 3 * mm),
        pdf.table(
            [_("Patient"), _("Record number"), _("Phones"), _("Applied on"), _("What came of it")], rows,
            [0.28, 0.13, 0.21, 0.18, 0.2],
        ),
    ]  # fmt: skip
    return pdf.document(
        story, title=_("Recall: whom to call"), author=clinic.trade_name,
        foot=_("%(clinic)s · recall of lot %(lot)s · %(day)s")
        % {"clinic": clinic.trade_name, "lot": lot.number, "day": date_format(today, "SHORT_DATE_FORMAT")},
    )  # fmt: skip
