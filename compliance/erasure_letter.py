"""The letter to the holder about an erasure, in Portuguese: what was erased, what the law keeps, why and until when."""

from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer

from clinics import pdf
from clinics.models import Clinic

CATEGORIES: dict[str, Any] = {
    "patient_identification": gettext_lazy("identification"),
    "patient_contact": gettext_lazy("telephone and e-mail"),
    "lead": gettext_lazy("contact without a record"),
    "appointment_attended": gettext_lazy("appointments that took place"),
    "appointment_not_attended": gettext_lazy("appointments that did not take place"),
    "medical_record": gettext_lazy("medical record"),
    "prescription": gettext_lazy("prescriptions"),
    "telemedicine_session": gettext_lazy("telemedicine"),
    "marketing_profile": gettext_lazy("marketing profile"),
    "marketing_proof": gettext_lazy("proof of consents"),
    "image_licence": gettext_lazy("licence to publish images"),
    "ai_output_in_care": gettext_lazy("artificial intelligence used in care"),
    "administrative_ai": gettext_lazy("administrative artificial intelligence"),
    "controlled_stock_book": gettext_lazy("book of controlled substances"),
    "care_team": gettext_lazy("who cared for the patient"),
    "agenda_aid": gettext_lazy("waiting list and reminders"),
    "incident": gettext_lazy("security incidents"),
    "tax": gettext_lazy("tax documents"),
    "audit_log": gettext_lazy("log of accesses and changes"),
    "data_request": gettext_lazy("requests and their proof"),
}

OUTCOMES: dict[str, Any] = {
    "ERASE": pgettext_lazy("outcome", "erased"),
    "ANONYMISE": pgettext_lazy("outcome", "anonymised"),
    "RESTRICT": pgettext_lazy("outcome", "restricted"),
    "REFUSE": pgettext_lazy("outcome", "kept by law"),
}


def category_word(code: str) -> str:
    """A category of retention in words."""
    return str(CATEGORIES.get(code, code.replace("_", " ")))


def outcome_word(code: str) -> str:
    """An outcome in words."""
    return str(OUTCOMES[code])


def day(text: str | None) -> str:
    """A day of the certificate as people write it."""
    found: date | None = parse_date(text) if text else None
    return date_format(found, "d/m/Y") if found else "–"


def letter(clinic: Clinic, certificate: dict[str, Any]) -> bytes:
    """The PDF. It names no patient: whoever sends it knows to whom."""
    executed = parse_datetime(certificate["executed_at"])
    assert executed is not None
    title = _("Answer to a request for erasure")
    going = [line for line in certificate["lines"] if line["outcome"] in {"ERASE", "ANONYMISE"}]
    kept = [line for line in certificate["lines"] if line["outcome"] not in {"ERASE", "ANONYMISE"}]
    story: list[Flowable] = [
        *pdf.letterhead(clinic),
        pdf.paragraph(title, "title"),
        pdf.paragraph(
            _(
                "On %(day)s the clinic carried out the erasure that you asked for (Lei 13.709/2018, LGPD, arts. 16 and"
                " 18). The keys of what was erased were destroyed: neither the database nor its history can show it any"
                " more. Older copies of the keys in backups end by %(end)s."
            )
            % {
                "day": date_format(timezone.localtime(executed), "d/m/Y"),
                "end": day(certificate["older_key_copies_end_by"]),
            }
        ),
    ]
    for heading, lines in ((_("What was erased"), going), (_("What the law keeps, and until when"), kept)):
        story.append(pdf.paragraph(heading, "heading"))
        if lines:
            story.append(
                pdf.table(
                    [_("Data"), _("What became of them"), _("Ground"), _("Kept until")],
                    (
                        [
                            category_word(line["category"]),
                            outcome_word(line["outcome"]),
                            line["ground"],
                            day(line["kept_until"]),
                        ]
                        for line in lines
                    ),
                    [0.28, 0.18, 0.38, 0.16],
                )
            )
        else:
            story.append(pdf.paragraph(_("Nothing.")))
    contact = ", ".join(part for part in (clinic.dpo_name, clinic.dpo_email) if part)
    story += [
        Spacer(0, 4 * mm),
        pdf.paragraph(
            _("You may turn to the data protection officer%(who)s, and to the ANPD (art. 18 § 1).")
            % {"who": f": {contact}" if contact else ""}
        ),
        pdf.paragraph(_("Certificate %(id)s.") % {"id": certificate["id"]}, "small"),
    ]
    return pdf.document(story, title=title, author=clinic.trade_name, foot=title)
