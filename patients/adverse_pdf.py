"""The draft of a notification as PDF: what to type into VigiMed or Notivisa, and what is still missing."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer

from clinics import pdf
from clinics.models import Clinic
from patients.adverse import DraftLine, missing


def render(lines: list[DraftLine], clinic: Clinic, *, channel: str, citation: str, due: datetime) -> bytes:
    """The draft on paper.

    Args:
        lines: what `patients.adverse.draft` made.
        clinic: who notifies.
        channel: where.
        citation: the norm of the clock.
        due: by when.
    """
    lacks = missing(lines)
    story: list[Flowable] = [
        *pdf.letterhead(clinic),
        pdf.paragraph(_("Draft of a notification: %(channel)s") % {"channel": channel}, "title"),
        pdf.paragraph(
            _("To be notified by %(when)s (%(norm)s). NeonPro sends nothing: type it into the agency's system.")
            % {"when": date_format(timezone.localtime(due), "SHORT_DATETIME_FORMAT"), "norm": citation}
        ),
        *([pdf.paragraph(_("Missing: %(fields)s.") % {"fields": lacks}, "heading")] if lacks else []),
        Spacer(0, 2 * mm),
        pdf.table(
            [_("Field"), _("Value")],
            [[line.name, line.value or (_("MISSING") if line.missing else "–")] for line in lines],
            [0.3, 0.7],
        ),
    ]  # fmt: skip
    return pdf.document(
        story, title=_("Draft of a notification"), author=clinic.trade_name,
        foot=_("%(clinic)s · draft, not sent") % {"clinic": clinic.trade_name},
    )  # fmt: skip
