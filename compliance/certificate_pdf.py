"""A certificate of erasure for people to read and file: what the signed file says, and how to check it.

The signed JSON is the certificate; this names it, and proves nothing by itself.
"""

from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer

from clinics import pdf, trail
from clinics.models import Clinic
from compliance.erasure_letter import category_word, day, outcome_word
from compliance.models import ErasureKind


def certificate_pdf(clinic: Clinic, certificate: dict[str, Any]) -> bytes:
    """The PDF of a certificate. Like the file itself it names no patient."""
    title = _("Certificate of erasure")
    story: list[Flowable] = [*pdf.letterhead(clinic), pdf.paragraph(title, "title")]
    story.append(pdf.table([_("What"), _("Certified")], _facts(certificate), [0.34, 0.66]))
    story.append(pdf.paragraph(_("What became of the data"), "heading"))
    story.append(
        pdf.table(
            [_("Data"), _("Table"), _("What became of them"), _("Rows"), _("Versions"), _("Kept until")],
            (
                [
                    category_word(line["category"]), trail.table_word(line["table"]), outcome_word(line["outcome"]),
                    str(line["rows"] or "–"), str(line["versions"] or "–"), day(line["kept_until"]),
                ]
                for line in certificate["lines"]
            ),
            [0.22, 0.24, 0.18, 0.1, 0.12, 0.14],
        )
    )  # fmt: skip
    signature = certificate["signature"]
    story += [
        pdf.paragraph(_("How to check it"), "heading"),
        pdf.paragraph(
            _(
                "The signed file (JSON) is the certificate. With it and the public key that the clinic made known,"
                " anybody can check it without the database: manage.py verify_certificate FILE --public-key KEY."
            )
        ),
        Spacer(0, 2 * mm),
        pdf.paragraph(_("Public key: %(key)s") % {"key": signature["public_key"]}, "small"),
        pdf.paragraph(_("Signature (Ed25519): %(value)s") % {"value": signature["value"]}, "small"),
    ]
    return pdf.document(story, title=title, author=clinic.trade_name, foot=title)


def _facts(certificate: dict[str, Any]) -> list[list[str]]:
    executed = parse_datetime(certificate["executed_at"])
    assert executed is not None
    approved = (
        _("another data protection officer than the one who proposed it")
        if certificate["approved_by_another_person"]
        else _("the clinic's only data protection officer, who signed in again")
        if certificate["confirmed_alone_after_signing_in_again"]
        else _("the rules of retention")
    )
    searched = certificate["searched"]
    found = ", ".join(f"{place} ({hits})" for place, hits in certificate["coincidences"].items())
    return [
        [_("Number"), certificate["id"]],
        [_("Kind"), str(ErasureKind(certificate["kind"]).label)],
        [_("Request"), certificate["request"] or "–"],
        [_("Received"), day(certificate["received_on"])],
        [_("Carried out"), date_format(timezone.localtime(executed), "d/m/Y H:i")],
        [_("Approved by"), approved],
        [_("Extent"), _("everything that is held") if certificate["whole"] else _("what the law does not keep")],
        [_("Plan (SHA-256)"), certificate["plan"]],
        [
            _("Search afterwards"),
            _("%(values)d values in %(columns)d columns, none found")
            % {"values": searched["values"], "columns": searched["columns"]},
        ],
        [_("Noted as somebody else's"), found or "–"],
        [_("Older copies of keys end by"), day(certificate["older_key_copies_end_by"])],
    ]
