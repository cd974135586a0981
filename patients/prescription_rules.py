"""What the law says of a prescription, asked of `neonpro.rules` on a day: types, splitting, limits, validity.

Nothing here reads the database: lines go in, documents and problems come out, each with the norm it rests on. There is
no number of law in this file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import TextChoices
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from neonpro.rules import NotInForce, Rule, Source, rule


class Kind(TextChoices):
    """The documents that exist. A retention prescription is one of two, for their terms differ."""

    NRA = "NRA", gettext_lazy("Notificação de Receita A (yellow)")
    NRB = "NRB", gettext_lazy("Notificação de Receita B (blue)")
    NRB2 = "NRB2", gettext_lazy("Notificação de Receita B2 (blue)")
    NRR = "NRR", gettext_lazy("Notificação de Receita Especial for retinoids (white)")
    NRT = "NRT", gettext_lazy("Notificação de Receita for thalidomide (white)")
    RCE = "RCE", gettext_lazy("special control prescription")
    RET_ANTIMICROBIAL = "RET_ANTIMICROBIAL", gettext_lazy("retention prescription: antimicrobial")
    RET_GLP1 = "RET_GLP1", gettext_lazy("retention prescription: GLP-1 agonist")
    COMMON = "COMMON", gettext_lazy("common prescription")


NOTIFICATIONS = frozenset({Kind.NRA, Kind.NRB, Kind.NRB2, Kind.NRR, Kind.NRT})
"""Documents that exist on the official pad alone: ours is a draft to copy."""


class SubstanceList(TextChoices):
    """Where a substance stands: a list of Portaria 344/1998, or one of the two whose prescriptions are retained."""

    NONE = "", gettext_lazy("on no list")
    A1 = "A1", "A1"
    A2 = "A2", "A2"
    A3 = "A3", "A3"
    B1 = "B1", "B1"
    B2 = "B2", "B2"
    C1 = "C1", "C1"
    C2 = "C2", "C2"
    C3 = "C3", "C3"
    C5 = "C5", "C5"
    D1 = "D1", "D1"
    E = "E", "E"
    F = "F", "F"
    ANTIMICROBIAL = "ATM", gettext_lazy("antimicrobial")
    GLP1 = "GLP1", gettext_lazy("GLP-1 agonist")


class Purpose(TextChoices):
    """What a prescription is for, where the law makes a difference of it."""

    CARE = "care", pgettext_lazy("purpose", "treatment")
    DENTAL = "dental", pgettext_lazy("purpose", "dental treatment")
    AESTHETIC = "aesthetic", pgettext_lazy("purpose", "aesthetic or sports performance")


BY_DOSE, BY_PERSON = "dose", "person"
"""How a substance may come under an adendo: by the dose that the rules name, or by what a person reads in the norm."""

CRM, CRO = "CRM", "CRO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One medicine of a prescription, with what the limits ask for. `key` is whatever tells the caller which."""

    key: Any
    name: str
    code: str = ""
    list: str = ""
    group: str = ""
    topical: bool = False
    adendo: bool = False
    """A person said that an adendo moves this medicine to a lighter document."""
    adendo_by: str = ""
    quantity: Decimal = Decimal(1)
    ampoules: bool = False
    days: int | None = None
    continuous: bool = False
    per_30_days: str = ""
    mg_per_unit: Decimal | None = None
    mg_per_day: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who prescribes, for what, and what was declared besides the medicines."""

    council: str = ""
    cpf: str = ""
    purpose: str = Purpose.CARE
    cid: str = ""
    justification: str = ""
    terms_given: bool = False
    other_councils: frozenset[str] = frozenset()
    """Documents that the clinic's own matrix opens to this council besides doctors and dentists."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What stands in the way of a document (or, `stops=False`, what to know), and the norm it rests on."""

    text: str
    citation: str = ""
    key: Any = None
    stops: bool = True
    justifiable: bool = False
    """A written justification with CID or diagnosis lets it pass."""

    def __str__(self) -> str:
        return f"{self.text} ({self.citation})" if self.citation else self.text


@dataclass(slots=True)
class Document:
    """What goes on one piece of paper."""

    kind: Kind
    lines: list[Line]
    problems: list[Problem] = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        """Whether it cannot be issued as it is."""
        return any(problem.stops for problem in self.problems)


def cite(found: Rule) -> str:
    """The source of a rule in words; our own choices are called ours."""
    if found.source is Source.POLICY:
        return _("this system's rule, on the ground of %(norm)s") % {"norm": found.citation}
    return found.citation


def _prefix(kind: Kind) -> str:
    return f"prescriptions.{kind.lower()}"


def _held(code: str, on: date) -> Rule | None:
    """A rule, or None where nothing of the kind was in force (or exists for this document)."""
    from neonpro.rules import UnknownRule

    try:
        return rule(code, on=on)
    except (NotInForce, UnknownRule):
        return None


# --- Which document a medicine goes on ------------------------------------------------------------------------------


class Blocked(Exception):
    """A medicine that goes on no document; the problem says why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def kind_of(line: Line, *, on: date) -> Kind:
    """The document a medicine goes on: its list's, or a lighter one where form or adendo say so.

    Raises:
        Blocked: proscribed, unsupported, or not to be told.
    """
    proscribed = rule("prescriptions.proscribed_lists", on=on)
    if line.list in proscribed.choices:
        raise Blocked(
            Problem(
                _("%(name)s is proscribed (list %(list)s): it is never prescribed.")
                % {"name": line.name, "list": line.list},
                cite(proscribed),
                line.key,
            )
        )
    if line.list == SubstanceList.ANTIMICROBIAL:
        return Kind.RET_ANTIMICROBIAL
    if line.list == SubstanceList.GLP1:
        return Kind.RET_GLP1
    if not line.list:
        glp1 = rule("prescriptions.ret_glp1.substances", on=on)
        return Kind.RET_GLP1 if line.code in glp1.choices else Kind.COMMON
    if _lighter(line, on):
        return Kind.RCE
    for kind in (Kind.NRA, Kind.NRB, Kind.NRB2, Kind.NRR, Kind.NRT, Kind.RCE, Kind.COMMON):
        lists = rule(f"{_prefix(kind)}.lists", on=on)
        if line.list in lists.choices:
            if kind is Kind.NRT and not (supported := rule("prescriptions.nrt.supported", on=on)).flag:
                raise Blocked(
                    Problem(
                        _("%(name)s (list %(list)s) is not prescribed with this system.")
                        % {"name": line.name, "list": line.list},
                        cite(supported),
                        line.key,
                    )
                )
            return kind
    raise Blocked(
        Problem(
            _("%(name)s: no document is known for the list %(list)s. Have the substance's entry corrected.")
            % {"name": line.name, "list": line.list},
            key=line.key,
        )
    )


def _lighter(line: Line, on: date) -> bool:
    """Whether form (topical) or an adendo that a person confirmed moves a medicine to the special control document."""
    parts = {(row["list"], row["part"]) for row in rule("prescriptions.rce.partial_lists", on=on).table}
    if line.topical and (line.list, "topical") in parts:
        return True
    return line.adendo and (line.list, "adendo") in parts and adendo_problem(line, on=on) is None


def adendo_problem(line: Line, *, on: date) -> Problem | None:
    """Why an adendo that a person claims cannot be: the rules name a dose and this is above it, or none is known."""
    if line.adendo_by == BY_PERSON:
        return None
    doses = _held("prescriptions.adendo_doses", on)
    row = next((row for row in doses.table if row["substance"] == line.code), None) if doses else None
    if doses is None or row is None:
        return Problem(
            _("%(name)s: no adendo is known for it on this day; it goes on its list's own document.")
            % {"name": line.name},
            key=line.key,
        )
    most = Decimal(str(row["max_mg_per_unit"]))
    if line.mg_per_unit is None:
        return Problem(
            _("%(name)s: give the milligrams of each unit; the adendo goes up to %(most)s mg.")
            % {"name": line.name, "most": number_format(most)},
            cite(doses),
            line.key,
        )
    if line.mg_per_unit > most:
        return Problem(
            _("%(name)s: the adendo goes up to %(most)s mg a unit; this has %(mg)s mg.")
            % {"name": line.name, "most": number_format(most), "mg": number_format(line.mg_per_unit)},
            cite(doses),
            line.key,
        )
    return None


def adendo_possible(line: Line, *, on: date) -> bool:
    """Whether a person should look: a lighter document may do for this medicine (`prescriptions.reviewed_lists`)."""
    if line.adendo or line.list not in rule("prescriptions.reviewed_lists", on=on).choices:
        return False
    return line.adendo_by == BY_PERSON or (line.adendo_by == BY_DOSE and adendo_problem(line, on=on) is None)


def split(lines: Iterable[Line], *, on: date) -> tuple[list[Document], list[Problem]]:
    """Sort medicines into documents: one type each, and no more items on one than its limit.

    Returns:
        The documents, and what could not be put on any.
    """
    groups: dict[Kind, list[Line]] = {}
    blocked: list[Problem] = []
    for line in lines:
        try:
            groups.setdefault(kind_of(line, on=on), []).append(line)
        except Blocked as error:
            blocked.append(error.problem)
    documents = []
    for kind in Kind:
        held = groups.get(kind, [])
        size = max_items(kind, on=on) or len(held) or 1
        documents += [Document(kind, held[start : start + size]) for start in range(0, len(held), size)]
    return documents, blocked


def max_items(kind: Kind, *, on: date) -> int | None:
    """How many medicines one document may hold; None for no limit."""
    found = _held(f"{_prefix(kind)}.max_items", on)
    return None if found is None or found.unlimited else found.count


def validity(kind: Kind, issued_on: date) -> tuple[date, str]:
    """The last day on which a document is dispensed, and who says so."""
    found = rule(f"{_prefix(kind)}.validity", on=issued_on)
    return found.period.after(issued_on), cite(found)


def copies(kind: Kind, *, on: date) -> int:
    """How many copies on paper: one is kept by the pharmacy."""
    found = _held(f"{_prefix(kind)}.paper_copies", on)
    return found.count if found else 1


def sncr_type(kind: Kind | str) -> str:
    """What SNCR calls a document; '' for a common one."""
    return "" if kind == Kind.COMMON else str(kind).partition("_")[0]


# --- Limits ---------------------------------------------------------------------------------------------------------


def check(document: Document, writer: Writer, *, on: date) -> list[Problem]:
    """Everything the law has against a document as it is, each with its norm; what a justification lets pass is gone.

    Args:
        document: of one kind.
        writer: who prescribes.
        on: the day, in the clinic's time zone, on which it would be issued.
    """
    problems = [*_who(document, writer, on), *_terms(document, writer, on)]
    most = max_items(document.kind, on=on)
    if most is not None and len(document.lines) > most:
        limit = rule(f"{_prefix(document.kind)}.max_items", on=on)
        problems.append(
            Problem(
                _("This document takes at most %(most)s items and has %(number)s.")
                % {"most": most, "number": len(document.lines)},
                cite(limit),
            )
        )
    for line in document.lines:
        if kind_of(line, on=on) is not document.kind:
            single = rule("prescriptions.one_document_per_type", on=on)
            problems.append(
                Problem(_("%(name)s does not belong on this document.") % {"name": line.name}, cite(single), line.key)
            )
        problems += _line_problems(document.kind, line, on)
    return _justified(document.kind, problems, writer, on)


def _justified(kind: Kind, problems: Sequence[Problem], writer: Writer, on: date) -> list[Problem]:
    may = rule("prescriptions.justification_types", on=on)
    given = bool(writer.justification.strip() and writer.cid.strip()) and kind in may.choices
    return [problem for problem in problems if not (problem.justifiable and given)]


def _who(document: Document, writer: Writer, on: date) -> Iterable[Problem]:
    kind = document.kind
    controlled = rule("prescriptions.controlled_councils", on=on)
    of_344 = kind in NOTIFICATIONS or kind is Kind.RCE
    if writer.council not in controlled.choices:
        if of_344:
            yield Problem(
                _("Controlled medicines are prescribed by doctors, and by dentists for dental use."), cite(controlled)
            )
        elif kind not in writer.other_councils:
            default = rule("prescriptions.other_councils_by_default", on=on)
            yield Problem(
                _("This council does not prescribe here: the clinic has not opened this document to it."), cite(default)
            )
    elif of_344 and writer.council == CRO and writer.purpose != Purpose.DENTAL:
        yield Problem(
            _("A dentist prescribes controlled medicines for dental use only: say so as the purpose."),
            cite(controlled),
        )
    if any(line.list == SubstanceList.C5 for line in document.lines):
        yield from _anabolics(writer, on)


def _anabolics(writer: Writer, on: date) -> Iterable[Problem]:
    fields = rule("prescriptions.rce.c5_fields", on=on)
    if "prescriber_cpf" in fields.choices and not writer.cpf:
        yield Problem(_("List C5 asks for the prescriber's CPF."), cite(fields))
    if "cid" in fields.choices and not writer.cid.strip():
        yield Problem(_("List C5 asks for the CID."), cite(fields))
    aesthetics = rule("prescriptions.rce.anabolics_for_aesthetics", on=on)
    if writer.purpose == Purpose.AESTHETIC and not aesthetics.flag and writer.council == CRM:
        yield Problem(_("Doctors may not prescribe anabolics for aesthetics or sports performance."), cite(aesthetics))


def _terms(document: Document, writer: Writer, on: date) -> Iterable[Problem]:
    found = _held(f"{_prefix(document.kind)}.terms", on)
    if found is not None and not writer.terms_given:
        words = {
            "RESPONSIBILITY": _("responsibility term"),
            "RISK_AND_CONSENT": _("term of risk and consent"),
        }
        for term in found.choices:
            yield Problem(
                _("The patient's %(term)s is missing: confirm that it was signed.") % {"term": words[term]}, cite(found)
            )


def _line_problems(kind: Kind, line: Line, on: date) -> Iterable[Problem]:
    if line.quantity <= 0 and kind is not Kind.COMMON:
        yield Problem(_("%(name)s: the quantity is missing.") % {"name": line.name}, key=line.key)
    if line.adendo and (problem := adendo_problem(line, on=on)) is not None:
        yield problem
    yield from _treatment(kind, line, on)
    ampoules = _held(f"{_prefix(kind)}.max_ampoules", on)
    if ampoules is not None and line.ampoules and line.quantity > ampoules.quantity.number:
        yield Problem(
            _("%(name)s: at most %(most)s ampoules; this has %(number)s.")
            % {
                "name": line.name,
                "most": number_format(ampoules.quantity.number),
                "number": number_format(line.quantity),
            },
            cite(ampoules),
            line.key,
            justifiable=True,
        )
    if kind is Kind.NRB2:
        yield from _daily_dose(line, on)


def treatment_limit(kind: Kind, line: Line, *, on: date) -> Rule | None:
    """The rule that limits how long a treatment one document covers; None where none does."""
    if kind is Kind.RCE:
        if line.group in ("anticonvulsant", "antiparkinson"):
            return rule("prescriptions.rce.max_treatment_anticonvulsant_antiparkinson", on=on)
        if line.adendo:
            return rule("prescriptions.rce.max_treatment_adendo", on=on)
    if kind is Kind.NRB2 and line.code == "sibutramine":
        return rule("prescriptions.nrb2.max_treatment_sibutramine", on=on)
    if kind is Kind.RET_ANTIMICROBIAL:
        return rule("prescriptions.ret_antimicrobial.max_continuous_treatment", on=on) if line.continuous else None
    return _held(f"{_prefix(kind)}.max_treatment", on)


def _treatment(kind: Kind, line: Line, on: date) -> Iterable[Problem]:
    limit = treatment_limit(kind, line, on=on)
    if limit is None:
        return
    most = limit.period.number
    if line.days is None:
        yield Problem(
            _("%(name)s: say for how many days the quantity is; the limit is %(most)s.")
            % {"name": line.name, "most": most},
            cite(limit),
            line.key,
        )
    elif line.days > most:
        may = kind in rule("prescriptions.justification_types", on=on).choices
        yield Problem(
            _("%(name)s: at most %(most)s days of treatment; this has %(number)s.")
            % {"name": line.name, "most": most, "number": line.days},
            cite(limit),
            line.key,
            justifiable=may,
        )
    if kind is Kind.RET_ANTIMICROBIAL and not line.per_30_days.strip():
        yield Problem(
            _("%(name)s: continuous use states the quantity for each 30 days.") % {"name": line.name},
            cite(limit),
            line.key,
        )


def _daily_dose(line: Line, on: date) -> Iterable[Problem]:
    doses = rule("prescriptions.nrb2.max_daily_doses", on=on)
    row = next((row for row in doses.table if row["substance"] == line.code), None)
    if row is None:
        return
    most = Decimal(str(row["mg"]))
    if line.mg_per_day is None:
        yield Problem(
            _("%(name)s: give the milligrams a day; the limit is %(most)s.")
            % {"name": line.name, "most": number_format(most)},
            cite(doses),
            line.key,
        )
    elif line.mg_per_day > most:
        yield Problem(
            _("%(name)s: at most %(most)s mg a day; this has %(number)s.")
            % {"name": line.name, "most": number_format(most), "number": number_format(line.mg_per_day)},
            cite(doses),
            line.key,
        )
