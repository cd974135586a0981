"""The package as a document to read, and the letters that answer the simple requests; in Portuguese."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, HRFlowable, Spacer

from clinics import pdf
from compliance import consent_pdf

LONG = 90
"""Letters from which a value stands on lines of its own."""


def document(
    request: Any, clinic: Any, tables: Sequence[Any], words: Sequence[list[list[tuple[str, str]]]], visits: Any,
    left_out: Iterable[str],
) -> bytes:  # fmt: skip
    """Everything held, a heading for each table.

    Args:
        request: that it answers.
        clinic: whose letterhead it has.
        tables: of `compliance.packages`, and `words` their rows as pairs of label and value.
        visits: who accessed the data (`patients.accesses.report`).
        left_out: what is not in it, and why.
    """
    title = _("Your data – request %(number)s") % {"number": request.number}
    held = [(table, rows) for table, rows in zip(tables, words, strict=True) if rows]
    story: list[Flowable] = [
        *pdf.letterhead(clinic),
        pdf.paragraph(title, "title"),
        pdf.paragraph(
            _(
                "This is everything that the clinic holds about you, unmasked, with where it comes from, what it is for"
                " and who accessed it (Lei 13.709/2018, LGPD, arts. 9, 18 and 19; Lei 15.378/2026). The same is in the"
                " file dados.json, and as FHIR R4 resources in fhir-r4.json; files are in the folder arquivos."
            )
        ),
        *pdf.facts(
            [
                (_("Received on"), moment(request.received_at)),
                (_("Generated on"), moment(timezone.now())),
                (_("Controller"), clinic.legal_name or clinic.trade_name),
                (_("Data protection officer"), _officer(clinic)),
            ]
        ),
        pdf.paragraph(_("What is held"), "heading"),
        pdf.table([_("Data"), _("Rows"), _("What for and on what ground")],
                  [[table.label, str(len(rows)), table.purpose] for table, rows in held], [0.3, 0.1, 0.6]),
    ]  # fmt: skip
    for table, rows in held:
        story += [
            # No heading at the foot of a page.
            CondPageBreak(35 * mm),
            pdf.paragraph(table.label, "title"),
            pdf.paragraph(table.origin, "small"),
            Spacer(0, 2 * mm),
        ]
        for number, row in enumerate(rows):
            if number:
                story.append(HRFlowable(width="100%", thickness=0.4, color=pdf.LINE, spaceBefore=4, spaceAfter=4))
            story += _row(row)
    story += [
        pdf.paragraph(_("Who accessed your data"), "title"),
        *_visits(visits),
        pdf.paragraph(_("With whom data are shared"), "title"),
        *_sharing(),
        pdf.paragraph(_("What is not in this package, and why"), "title"),
        *(pdf.paragraph(f"– {line}") for line in left_out),
        Spacer(0, 3 * mm),
        pdf.paragraph(_complaint(clinic), "small"),
    ]
    return pdf.document(story, title=title, author=clinic.trade_name, foot=title)


def _row(row: Iterable[tuple[str, str]]) -> Iterable[Flowable]:
    for name, value in row:
        if len(value) > LONG or "\n" in value:
            yield from pdf.facts([(name, "")])
            # A paragraph each: a long entry breaks across pages.
            yield from (pdf.paragraph(part, "fact") for part in value.split("\n") if part.strip())
        else:
            yield from pdf.facts([(name, value)])


def _visits(visits: Any) -> Iterable[Flowable]:
    if not visits.lines:
        return [pdf.paragraph(_("Nobody."))]
    told: list[Flowable] = [
        pdf.table(
            [_("When"), _("Who"), _("What"), _("What for")],
            [
                [one.when, f"{one.who} ({one.role})" if one.role else one.who, one.what, one.purpose]
                for one in visits.lines
            ],
            [0.2, 0.27, 0.28, 0.25],
        )
    ]
    if visits.is_cut:
        told.append(pdf.paragraph(_("Only the newest entries are shown; ask for the older ones."), "small"))
    return told


def _sharing() -> list[Flowable]:
    return [
        pdf.paragraph(
            _(
                "The database holds no transmission of your data to other controllers. The clinic's systems are run by"
                " operators under contract, who process the data on its behalf (art. 39). Prescriptions that you take"
                " to a pharmacy, and signed files that you were given, were shared by you. By law the clinic tells the"
                " health authorities what they must be notified of (adverse events, for instance), if it happened."
            )
        )
    ]


def letter(
    request: Any, clinic: Any, *, held: Sequence[tuple[str, int]], standings: Sequence[Any], visits: Any
) -> bytes:
    """The answer to a request for confirmation, for whom data are shared with, or for what refusing consent means.

    Args:
        request: of `compliance.models.LETTERS`, whose identity was checked.
        clinic: whose letterhead it has.
        held: tables with the number of their rows.
        standings: the state of each consent.
        visits: who accessed the data.
    """
    title = _("Answer to your request %(number)s") % {"number": request.number}
    story: list[Flowable] = [
        *pdf.letterhead(clinic),
        pdf.paragraph(title, "title"),
        *pdf.facts(
            [
                (_("What was asked"), str(request.get_kind_display())),
                (_("Received on"), moment(request.received_at)),
                (_("Answered on"), moment(timezone.now())),
            ]
        ),
        Spacer(0, 3 * mm),
    ]
    if request.kind == "CONFIRMATION":
        story += _confirmation(held)
    elif request.kind == "SHARING_INFO":
        story += [
            pdf.paragraph(_("With whom data are shared"), "heading"),
            *_sharing(),
            pdf.paragraph(_("Who accessed your data"), "heading"),
            *_visits(visits),
        ]
    else:
        story += _consents(standings)
    story += [Spacer(0, 4 * mm), pdf.paragraph(_complaint(clinic), "small")]
    return pdf.document(story, title=title, author=clinic.trade_name, foot=title)


def _confirmation(held: Sequence[tuple[str, int]]) -> list[Flowable]:
    rows = [[name, str(number)] for name, number in held if number]
    if not rows:
        return [pdf.paragraph(_("The clinic holds no data about you."))]
    return [
        pdf.paragraph(
            _(
                "The clinic confirms that it processes personal data about you (Lei 13.709/2018, art. 18 I). It holds"
                " the following; you may ask for access to all of it, free of charge."
            )
        ),
        pdf.table([_("Data"), _("Rows")], rows, [0.8, 0.2]),
    ]


def _consents(standings: Sequence[Any]) -> list[Flowable]:
    rows = [
        [consent_pdf.label(one), consent_pdf.state_words(one), moment(one.since)]
        for one in standings
        if one.state or one.asked_at
    ]
    told: list[Flowable] = [
        pdf.paragraph(
            _(
                "You may refuse every consent, and withdraw what you gave, at any time and free of charge (arts. 8 § 5"
                " and 18 VIII and IX). Your care does not depend on it: it rests on the protection of health and on"
                " legal duties (art. 11 II), not on consent under the LGPD. Without a consent the clinic only does not"
                " do what it is about: no advertising, no publication of images, no session at a distance."
            )
        )
    ]
    told.append(
        pdf.table([_("Purpose"), _("State"), _("Since")], rows, [0.5, 0.3, 0.2])
        if rows
        else pdf.paragraph(_("You have not been asked for any consent yet."))
    )
    return told


def answer_letter(request: Any, clinic: Any) -> bytes:
    """What was answered or why it was refused, as it was written down, on the clinic's paper."""
    title = _("Answer to your request %(number)s") % {"number": request.number}
    refused = request.status == "refused"
    story: list[Flowable] = [
        *pdf.letterhead(clinic),
        pdf.paragraph(title, "title"),
        *pdf.facts(
            [
                (_("What was asked"), str(request.get_kind_display())),
                (_("Received on"), moment(request.received_at)),
                (_("Answered on"), moment(request.answered_at)),
            ]
        ),
        Spacer(0, 3 * mm),
        pdf.paragraph(_("The request was refused, for this reason:") if refused else _("Answer:"), "heading"),
        pdf.paragraph(str(request.refusal_ground if refused else request.answer)),
        Spacer(0, 4 * mm),
        pdf.paragraph(_complaint(clinic), "small"),
    ]
    return pdf.document(story, title=title, author=clinic.trade_name, foot=title)


def _officer(clinic: Any) -> str:
    return ", ".join(part for part in (clinic.dpo_name, clinic.dpo_email) if part) or "–"


def _complaint(clinic: Any) -> str:
    contact = ", ".join(part for part in (clinic.dpo_name, clinic.dpo_email) if part)
    return _("You may turn to the data protection officer%(who)s, and to the ANPD (art. 18 § 1).") % {
        "who": f": {contact}" if contact else ""
    }


def moment(value: Any) -> str:
    """A day and an hour on the clinic's clock."""
    return date_format(timezone.localtime(value), "d/m/Y H:i") if value else "–"
