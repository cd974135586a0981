"""The plan of an erasure: for each table and category of a patient's data what becomes of it, why, and until when.

Outcomes, grounds and periods are rules (`retention.toml`); what each table holds is declared on its model
(`neonpro.vault.retention`). Planning only reads, and sees also what the DPO may not: how many rows, never what is in
them (`sql/data_of.sql`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Model, Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from clinics import trail
from neonpro.rules import NotInForce, Rule, UnknownRule, rule
from neonpro.vault.checks import is_patient_table
from neonpro.vault.fields import encrypted_fields
from neonpro.vault.keys import CATEGORIES
from neonpro.vault.retention import Share, declared, patient_models


class Outcome(StrEnum):
    """What becomes of data (`lgpd.erasure.outcomes`)."""

    ERASE = "ERASE"
    ANONYMISE = "ANONYMISE"
    RESTRICT = "RESTRICT"
    REFUSE = "REFUSE"


GOES: Final = frozenset({Outcome.ERASE, Outcome.ANONYMISE})
"""The outcomes after which a row is no longer there. Of what is anonymised its number remains, and nothing else."""

AUDIT: Final = "audit_logs"
PATIENT: Final = "patients"
SHELL: Final = "shell"
"""The part of a patient's row that stays when it is erased by destroying its keys alone."""
OWN: Final = frozenset({"erasures", "disposal_items"})
"""The proof itself; proposing a plan adds to it, and must not make another plan."""


class StillKept(Exception):
    """The law keeps something of a record for longer. The message is for a person and names nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One share of one table."""

    category: str
    """The code of the rules."""
    table: str
    part: str = ""
    """On the patient's own row: the category of personal data."""
    outcome: Outcome
    rows: int
    versions: int
    seal: str
    """A hash of which rows: the same number of other rows is another plan."""
    ground: str
    kept_until: date | None = None
    records: tuple[UUID, ...] = field(default=(), repr=False, compare=False)
    shells: tuple[UUID, ...] = field(default=(), repr=False, compare=False)
    """Of a line that goes, the rows that something kept refers to: they stay, and no text in them opens any more."""

    def told(self) -> dict[str, Any]:
        """As JSON has it, without which rows they are."""
        return {
            "category": self.category, "table": self.table, "part": self.part, "outcome": self.outcome.value,
            "rows": self.rows, "versions": self.versions, "seal": self.seal, "ground": self.ground,
            "kept_until": self.kept_until.isoformat() if self.kept_until else None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePlan:
    """What erasing a patient would do on a day. Two plans are equal when they would do the same."""

    patient_id: UUID
    on: date
    whole: bool
    """A contact without a record, of whom nothing stays but the log and the proof that it was erased."""
    lines: tuple[PlanLine, ...]
    destroyed: tuple[str, ...]
    """Categories whose keys are destroyed."""
    renewed: tuple[str, ...]
    """Categories of which a part goes: what is kept is written anew under fresh keys, and the old ones end."""
    restricted: tuple[str, ...]
    """Categories that only the DPO opens from then on."""
    audit_rows: int = field(compare=False)
    """Reading a plan adds to the log, so its number does not make another plan."""
    refers: Mapping[UUID, frozenset[UUID]] = field(default_factory=dict, repr=False, compare=False)
    """Of each row, the other rows of patients that it refers to."""

    def told(self) -> dict[str, Any]:
        """As JSON has it: no personal data but the number of the patient's record in the database is left out."""
        return {
            "on": self.on.isoformat(), "whole": self.whole, "lines": [line.told() for line in self.lines],
            "destroyed": list(self.destroyed), "renewed": list(self.renewed), "restricted": list(self.restricted),
        }  # fmt: skip

    @property
    def digest(self) -> str:
        """Names the plan: what was approved is what is carried out."""
        told = json.dumps([str(self.patient_id), self.told()], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(told.encode()).hexdigest()


def plan_erasure(patient_id: UUID, *, on: date | None = None) -> ErasurePlan:
    """Say what erasing a patient would do, and what the law keeps. Reads only.

    Args:
        patient_id: of the current clinic; the context is the DPO's or a job's.
        on: the day whose rules hold; today by default.

    Raises:
        django.db.DatabaseError: the role may not plan.
    """
    on = on or timezone.localdate()
    models = [model for model in patient_models() if model._meta.db_table not in OWN]
    found = [(model, share, rows) for model in models for share, rows in _shares(model, patient_id)]
    record = rule("retention.lead.ends_with", on=on).choices
    entries = [row.when for _model, share, rows in found if share.code in record for row in rows if row.when]
    last_entry = max(entries, default=None)
    whole = not any(rows for _model, share, rows in found if share.code in record)
    lines = []
    for model, share, rows in found:
        if model._meta.db_table == PATIENT and whole and share.categories != declared(model)[0].categories:
            continue  # one row, and it goes as a whole
        if rows:
            lines.append(_line(model, share, rows, on=on, whole=whole, record=record, last_entry=last_entry))
    audit_rows = _count_audit(patient_id)
    # Not its number of rows: planning reads, and reading is logged.
    until = _kept_until("audit_log", on, last_entry or on, last_entry)
    lines.append(
        PlanLine(
            category="audit_log", table=AUDIT, outcome=Outcome.REFUSE, rows=0, versions=0, seal="",
            ground=rule("retention.audit_log.outcomes", on=on).citation, kept_until=until,
        )
    )  # fmt: skip
    if whole:
        lines = with_shell(lines)
    refers = {row.record: row.refers for _model, _share, rows in found for row in rows}
    lines = _with_shells(lines, refers)
    destroyed, renewed, restricted = _keys(lines, whole=whole)
    return ErasurePlan(
        patient_id=patient_id, on=on, whole=whole, lines=tuple(lines), destroyed=destroyed, renewed=renewed,
        restricted=restricted, audit_rows=audit_rows, refers=refers,
    )  # fmt: skip


def as_whole(plan: ErasurePlan, *, ground: str = "") -> ErasurePlan:
    """The same plan as of somebody of whom nothing stays but what is kept by its own rule (`retention.lead.keeps`).

    Args:
        ground: why what the plan kept goes after all; '' for the ground that each line has.
    """
    kept = rule("retention.lead.keeps", on=plan.on).choices
    lines = [
        replace(line, shells=())
        if line.category in kept
        else replace(
            line, outcome=Outcome.ERASE, part="", shells=(), kept_until=None,
            ground=ground if ground and line.outcome not in GOES else line.ground,
        )
        for line in plan.lines
        # The patient's one row stands there once for each category of its data.
        if line.table != PATIENT or line.category != "patient_contact"
    ]  # fmt: skip
    lines = _with_shells(with_shell(lines), plan.refers)
    return replace(plan, whole=True, destroyed=CATEGORIES, renewed=(), restricted=(), lines=tuple(lines))


def as_disposed(plan: ErasurePlan) -> ErasurePlan:
    """The plan of a record that the committee eliminates (Lei 13.787/2018 arts. 3 and 6): the whole of it.

    Raises:
        StillKept: a period of something that would go is not over, or has no end.
    """
    kept = rule("retention.lead.keeps", on=plan.on).choices
    for line in plan.lines:
        if line.category in kept or line.outcome in GOES or (line.kept_until and line.kept_until < plan.on):
            continue
        table = trail.table_word(line.table)
        raise StillKept(
            _("The law keeps %(table)s of this record until %(day)s: nothing of it can be eliminated before.")
            % {"table": table, "day": f"{line.kept_until:%d/%m/%Y}"}
            if line.kept_until
            else _("No rule says until when %(table)s of this record is kept.") % {"table": table}
        )
    return as_whole(plan, ground=rule("retention.disposal.choices", on=plan.on).citation)


@dataclass(frozen=True, slots=True)
class _Row:
    record: UUID
    versions: int
    when: date | None
    refers: frozenset[UUID] = frozenset()
    """Other rows of patients that this one refers to."""


def _shares(model: type[Model], patient_id: UUID) -> Iterable[tuple[Share, list[_Row]]]:
    """The rows of a table, each with the first share that it meets."""
    shares = declared(model)
    names = sorted({share.since for share in shares} | {name for share in shares for name in _names(share.rows)})
    columns = {name: model._meta.get_field(name).column for name in names}  # type: ignore[union-attr]
    referring = [found.column for found in model._meta.local_fields if _refers(found.related_model)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT record, versions, facts FROM neonpro.data_of(%s, %s, %s)",
            [model._meta.db_table, patient_id, list({*columns.values(), *referring})],
        )
        rows = [
            (record, versions, json.loads(facts) if isinstance(facts, str) else facts)
            for record, versions, facts in cursor.fetchall()
        ]
    taken: dict[Share, list[_Row]] = {share: [] for share in shares}
    for record, versions, facts in rows:
        named = {name: facts[column] for name, column in columns.items()}
        whose = [share for share in shares if share.categories] or [
            next((share for share in shares if share.rows is None or _meets(share.rows, named)), shares[-1])
        ]
        for share in whose:
            refers = frozenset(UUID(facts[column]) for column in referring if facts[column])
            taken[share].append(_Row(record, versions, _day(named[share.since]), refers))
    return taken.items()


def _refers(target: Any) -> bool:
    """Whether a foreign key leads to another table of patients; not that to the patient."""
    return target is not None and target._meta.db_table != PATIENT and is_patient_table(target)


def _with_shells(lines: list[PlanLine], refers: Mapping[UUID, frozenset[UUID]]) -> list[PlanLine]:
    """What goes, but is referred to by what stays, keeps its row."""
    needed = {
        target for line in lines if line.outcome not in GOES
        for record in line.records for target in refers.get(record, ())
    }  # fmt: skip
    # What such a row refers to itself is needed as well.
    while further := {target for record in needed for target in refers.get(record, ())} - needed:
        needed |= further
    return [
        replace(line, shells=tuple(record for record in line.records if record in needed))
        if line.outcome in GOES and line.table != PATIENT
        else line
        for line in lines
    ]


def _names(condition: Q | None) -> Iterable[str]:
    for child in condition.children if condition else ():
        if isinstance(child, Q):
            yield from _names(child)
        else:
            yield str(child[0]).partition("__")[0]  # type: ignore[index]


def _meets(condition: Q, facts: Mapping[str, Any]) -> bool:
    """Whether a row's plain columns meet a condition: exact, in and isnull are all that a share may ask."""
    results = []
    for child in condition.children:
        if isinstance(child, Q):
            results.append(_meets(child, facts))
            continue
        name, _sep, lookup = str(child[0]).partition("__")  # type: ignore[index]
        value: Any = child[1]  # type: ignore[index]
        match lookup or "exact":
            case "exact":
                results.append(facts[name] == value)
            case "in":
                results.append(facts[name] in list(value))
            case "isnull":
                results.append((facts[name] is None) == value)
            case _:
                raise ValueError(f"A share cannot ask {child[0]}.")  # type: ignore[index]
    met = all(results) if condition.connector == Q.AND else any(results)
    return met != condition.negated


def _day(value: str | None) -> date | None:
    if value is None:
        return None
    moment = parse_datetime(value)
    return timezone.localdate(moment) if moment and "T" in value else parse_date(value[:10])


def _line(
    model: type[Model], share: Share, rows: list[_Row], *, on: date, whole: bool, record: tuple[str, ...],
    last_entry: date | None,
) -> PlanLine:  # fmt: skip
    ruled = rule(f"retention.{share.code}.outcomes", on=on)
    outcome = Outcome(ruled.choices[0])
    latest = max((row.when for row in rows if row.when), default=on)
    category, ground = share.code, ruled.citation
    if whole and outcome is not Outcome.ANONYMISE and share.code not in rule("retention.lead.keeps", on=on).choices:
        lead = rule("retention.lead.outcomes", on=on)
        category, outcome, ground = "lead", Outcome(lead.choices[0]), lead.citation
    until = None if outcome in GOES else _kept_until(share.code, on, latest, last_entry)
    if until and until < on and category != "lead":
        # Its time is over, and still nobody throws it away but the committee.
        ground = f"{ground}; {rule('retention.disposal.automatic', on=on).citation}"
    return PlanLine(
        category=category,
        table=model._meta.db_table,
        part="" if category == "lead" else " ".join(share.categories),
        outcome=outcome,
        rows=len(rows),
        versions=sum(row.versions for row in rows),
        seal=hashlib.sha256(b"".join(row.record.bytes for row in rows)).hexdigest()[:16],
        ground=ground,
        kept_until=until,
        records=tuple(row.record for row in rows),
    )


def period_of(code: str, on: date) -> Rule | None:
    """The rule of how long a category is kept; None where there is none."""
    try:
        return rule(f"retention.{code}.period", on=on)
    except (UnknownRule, NotInForce):
        return None


def _kept_until(code: str, on: date, latest: date, last_entry: date | None) -> date | None:
    ruled = period_of(code, on)
    if ruled is None:
        return None
    same_as_record = ruled.value == rule("retention.medical_record.period", on=on).value
    return ruled.period.after(max(latest, last_entry or latest) if same_as_record else latest)


def _keys(lines: Iterable[PlanLine], *, whole: bool) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The categories whose keys are destroyed, replaced and closed: a key goes when something of what it opens does."""
    fields = {model._meta.db_table: {f.category for f in encrypted_fields(model)} for model in patient_models()}
    kept: set[str] = set()
    going: set[str] = {"marketing"}
    closed: set[str] = set()
    for line in lines:
        here = set(line.part.split()) & set(CATEGORIES) or fields.get(line.table, set())
        if line.outcome in GOES:
            going |= here
        elif not whole:
            kept |= here
        if line.outcome is Outcome.RESTRICT:
            closed |= here
    if whole:
        return CATEGORIES, (), ()
    return (
        tuple(name for name in CATEGORIES if name in going - kept),
        tuple(name for name in CATEGORIES if name in going & kept),
        tuple(sorted(closed)),
    )


def with_shell(lines: list[PlanLine]) -> list[PlanLine]:
    """What is kept of a contact and refers to the patient's row needs that row: it stays, with nothing that opens."""
    referring = {
        model._meta.db_table
        for model in patient_models()
        for found in model._meta.local_fields
        if found.related_model is not None and found.related_model._meta.db_table == PATIENT  # type: ignore[union-attr]
    }
    if not any(line.table in referring and line.outcome not in GOES for line in lines):
        return lines
    return [replace(line, part=SHELL) if line.table == PATIENT else line for line in lines]


def _count_audit(patient_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT versions FROM neonpro.data_of('', %s, '{}')", [patient_id])
        return int(cursor.fetchone()[0])
