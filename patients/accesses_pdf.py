"""The report «who accessed» as a letter on paper, for the patient."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer

from clinics import pdf, trail
from clinics.adminbase import place_of
from clinics.models import Clinic
from patients.accesses import Report, cut_note
from patients.models import Patient


def render(report: Report, patient: Patient, name: str, request: HttpRequest) -> bytes:
    """The PDF of a report.

    Args:
        report: what it tells.
        patient: whom it is about.
        name: the patient's, opened for this.
        request: of whoever makes it, in the clinic that makes it.
    """
    place = place_of(request)
    clinic = Clinic.objects.get(pk=place.id)
    made = _("Generated on %(when)s by %(who)s (%(role)s).") % {
        "when": date_format(timezone.localtime(), "d/m/Y H:i"),
        "who": trail.who("user", str(request.user.pk), trail.names()),
        "role": trail.role_word(place.role),
    }
    title = _("Who accessed the data – record %(number)s") % {"number": patient}
    story: list[Flowable] = [
        *pdf.letterhead(clinic),
        pdf.paragraph(_("Who accessed the patient's data"), "title"),
        *pdf.facts([(_("Patient"), str(name)), (_("Record number"), str(patient)), (_("Period"), report.span.words)]),
        Spacer(0, 2 * mm),
        pdf.paragraph(_explanation(clinic)),
        *_figures(report),
    ]
    if report.is_cut:
        story.append(pdf.paragraph(cut_note()))
    if report.lines:
        story += [Spacer(0, 2 * mm), _table(report)]
    else:
        story.append(pdf.paragraph(_("Nobody accessed the data in this period.")))
    story += [Spacer(0, 4 * mm), pdf.paragraph(made, "small")]
    return pdf.document(story, title=title, author=clinic.trade_name, foot=title)


def _explanation(clinic: Clinic) -> str:
    text = _(
        "The clinic's database writes down every time somebody opens, lists or changes a patient's data, and nobody "
        "can change what it wrote. This document says who it was, in which role, when, for what and which kinds of "
        "data. It answers your right to know how your data are treated (Lei 13.709/2018, LGPD, arts. 6 VI, 18 and 19). "
        "What one person did in one go is one line; routines that run by themselves are named as jobs."
    )
    if clinic.dpo_name or clinic.dpo_email:
        text += " " + _("Questions are answered by the data protection officer: %(who)s.") % {
            "who": ", ".join(part for part in (clinic.dpo_name, clinic.dpo_email) if part)
        }
    return text


def _figures(report: Report) -> list[Flowable]:
    figures = report.summary

    def moment(value: Any) -> str:
        return date_format(timezone.localtime(value), "d/m/Y H:i") if value else "–"

    return pdf.facts(
        [
            (_("People"), str(figures.people)),
            (_("First access"), moment(figures.first)),
            (_("Last access"), moment(figures.last)),
            (_("Refused attempts"), str(figures.refused)),
        ]
    )


def _table(report: Report) -> Flowable:
    return pdf.table(
        [_("When"), _("Who"), _("Role"), _("What"), _("For what"), _("Data")],
        ([line.when, line.who, line.role, line.what, line.purpose, line.categories] for line in report.lines),
        [0.16, 0.18, 0.16, 0.19, 0.17, 0.14],
    )
