"""The term to sign by hand, and the statement of a patient's consents, on paper."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer, Table, TableStyle

from clinics import pdf
from clinics.models import Clinic, Service
from compliance.consents import Standing
from compliance.models import ConsentRecord, ConsentText
from compliance.purposes import TERMS
from patients.models import Patient


def term(
    text: ConsentText, patient: Patient, *, name: str, clinic: Clinic, service: Service | None, guardian: bool
) -> bytes:
    """The text as a term for a signature by hand.

    Args:
        text: a published version.
        patient: who signs.
        name: the patient's, opened for this.
        clinic: whose letterhead it has.
        service: of a consent to a procedure.
        guardian: the patient is under age, so a guardian signs as well.
    """
    foot = _("Version %(version)s of the text · SHA-256 %(hash)s") % {
        "version": text.version, "hash": text.sha256[:32],
    }  # fmt: skip
    facts = [(_("Patient"), str(name)), (_("Record number"), str(patient))]
    if service is not None:
        facts.append((_("Procedure"), str(service)))
    body: list[Flowable] = [pdf.paragraph(part) for part in text.paragraphs]
    if TERMS[text.purpose].highlighted:
        body = [_box(body)]
    # Spaces that a paragraph keeps: room for a cross.
    answer = "\n".join(f"(\u00a0\u00a0\u00a0\u00a0) {words}" for words in (_("I AGREE"), _("I DO NOT AGREE")))
    signatures = [_("Signature of the patient")]
    if guardian:
        signatures += [
            _("Name, relation and signature of the guardian or representative (with the document that proves it)"),
        ]
    signatures.append(_("Name and signature of whoever explained the term"))
    story = [
        *pdf.letterhead(clinic),
        pdf.paragraph(text.title, "title"),
        *pdf.facts(facts),
        Spacer(0, 3 * mm),
        *body,
        Spacer(0, 3 * mm),
        pdf.paragraph(answer, "heading"),
        pdf.paragraph(_("Place and date: ______________________________, ____ / ____ / ________")),
        *(line for words in signatures for line in _signature(words)),
        Spacer(0, 3 * mm),
        pdf.paragraph(f"SHA-256: {text.sha256}", "small"),
    ]
    title = _("%(title)s – record %(number)s") % {"title": text.title, "number": patient}
    return pdf.document(story, title=title, author=clinic.trade_name, foot=foot)


def statement(
    patient: Patient,
    standings: Sequence[Standing],
    events: Sequence[ConsentRecord],
    *,
    name: str,
    clinic: Clinic,
    people: dict[str, str],
) -> bytes:
    """What a patient has been asked and has answered, for the patient or as proof.

    Args:
        patient: whose.
        standings: the state of each purpose.
        events: newest first, with what is encrypted open.
        name: the patient's.
        clinic: whose letterhead it has.
        people: names of the team by their accounts.
    """
    title = _("Statement of consents – record %(number)s") % {"number": patient}
    rows = [
        [capfirst(label(one)), capfirst(state_words(one)), moment(one.since)]
        for one in standings
        if one.state or one.asked_at
    ]
    story: list[Flowable] = [
        *pdf.letterhead(clinic),
        pdf.paragraph(_("Statement of consents"), "title"),
        *pdf.facts([(_("Patient"), str(name)), (_("Record number"), str(patient))]),
        Spacer(0, 2 * mm),
        pdf.paragraph(
            _(
                "What the patient was asked, and every answer as it was written down; nothing of it can be changed"
                " afterwards (Lei 13.709/2018, arts. 8 and 9). Consents can be withdrawn at any time, free of charge."
            )
        ),
    ]
    if not events:
        story.append(pdf.paragraph(_("The patient has not been asked for anything yet.")))
    else:
        story += [
            pdf.paragraph(_("State today"), "heading"),
            pdf.table([_("Purpose"), _("State"), _("Since")], rows, [0.5, 0.3, 0.2]),
            pdf.paragraph(_("Events"), "heading"),
            pdf.table(
                [_("When"), _("Purpose"), _("Event"), _("How and by whom"), _("Text")],
                (
                    [
                        moment(event.happened_at),
                        capfirst(event_label(event)),
                        capfirst(event.get_event_display()),
                        f"{event.get_channel_display()}; {actor_words(event)}; {recorded_words(event, people)}",
                        f"v{event.text_version} {event.text_sha256}" if event.text_version else "–",
                    ]
                    for event in events
                ),
                [0.13, 0.22, 0.13, 0.3, 0.22],
            ),
        ]
    story += [
        Spacer(0, 4 * mm),
        pdf.paragraph(_("Generated on %(when)s.") % {"when": moment(timezone.now())}, "small"),
    ]
    return pdf.document(story, title=title, author=clinic.trade_name, foot=title)


def label(one: Standing) -> str:
    """A purpose in words, with the procedure."""
    return f"{one.purpose.label}: {one.service}" if one.service else str(one.purpose.label)


def event_label(event: ConsentRecord) -> str:
    """The same of an event."""
    return f"{event.get_purpose_display()}: {event.service}" if event.service else event.get_purpose_display()


def state_words(one: Standing) -> str:
    """The state of a consent in words."""
    return {
        "": _("never asked"),
        "asked": _("asked, not answered yet"),
        "granted": _("granted"),
        "refused": _("refused by the patient"),
        "withdrawn": _("withdrawn by the patient"),
        "expired_by_policy": _("ended by the clinic's policy"),
    }[one.state]


def actor_words(event: ConsentRecord) -> str:
    """Who said it."""
    if event.actor == "self":
        return str(event.get_actor_display())
    return f"{event.guardian_name} ({event.get_guardian_relation_display()}; {event.guardian_proof})"


def recorded_words(event: ConsentRecord, people: dict[str, str]) -> str:
    """Who wrote it down."""
    if event.recorded_by is None:
        return _("recorded by a routine")
    return _("recorded by %(who)s") % {"who": people.get(str(event.recorded_by), _("former team member"))}


def moment(value: Any) -> str:
    """A day and an hour on the clinic's clock."""
    return date_format(timezone.localtime(value), "d/m/Y H:i") if value else "–"


def _box(body: list[Flowable]) -> Flowable:
    """A clause that stands out from the rest (LGPD art. 11 I)."""
    return Table(
        [[body]],
        colWidths=[pdf.WIDTH],
        style=TableStyle([
            ("FONT", (0, 0), (-1, -1), pdf.REGULAR, 9),
            ("BOX", (0, 0), (-1, -1), 1.2, pdf.INK),
            ("BACKGROUND", (0, 0), (-1, -1), pdf.SUNKEN),
            ("LEFTPADDING", (0, 0), (-1, -1), 8),
            ("RIGHTPADDING", (0, 0), (-1, -1), 8),
            ("TOPPADDING", (0, 0), (-1, -1), 8),
        ]),
    )  # fmt: skip


def _signature(words: str) -> list[Flowable]:
    return [Spacer(0, 11 * mm), pdf.paragraph("_" * 60), pdf.paragraph(words, "small")]
