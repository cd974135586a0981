"""Substances: reading a table of them, bringing the platform's up to date, and recognising them in what somebody typed.

The shipped table (`data/substances.csv`) is a starting point in nobody's official format: there is none that a machine
reads. Columns, separated by semicolons, in UTF-8; several values in one are separated by «|»:

    code          what rules and imports call it: lower case, digits, underscores
    name          the DCB
    synonyms      other names, trade names among them: free text is searched for them
    list          A1 … F of Portaria 344/1998, ATM, GLP1, or empty
    group         anticonvulsant or antiparkinson
    classes       what an allergy may be called
    presentations forms and concentrations
    adendo        dose or person: how an adendo may move it to a lighter document
    legal_ref     the norm
    valid_from    the first day of this entry, ISO
    review        true where nobody has compared the entry with the norm
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from neonpro.rules import RuleError
from neonpro.vault.text import fold, words
from patients.models import AdendoBy, Group, Substance
from patients.prescription_rules import Blocked, Kind, Line, SubstanceList, kind_of

SHIPPED = Path(__file__).parent / "data" / "substances.csv"

COLUMNS = (
    "code", "name", "synonyms", "list", "group", "classes", "presentations", "adendo", "legal_ref", "valid_from",
    "review",
)  # fmt: skip

_FIELDS = (
    "name", "synonyms", "on_list", "group", "classes", "presentations", "adendo", "kinds", "legal_ref", "review",
)  # fmt: skip


class SubstancesError(Exception):
    """A table of substances cannot be read at all; the message is for whoever imports it."""


@dataclass(slots=True)
class Report:
    """What an import did."""

    added: int = 0
    changed: int = 0
    ended: int = 0
    unchanged: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)
    """Line of the file and reason."""


def read(file: Path, *, on: date) -> tuple[list[Substance], list[tuple[int, str]]]:
    """The entries of a table, not saved, and the lines that are none, with the reason.

    Args:
        file: the table.
        on: the day whose rules say which documents each substance goes on.

    Raises:
        SubstancesError: it is no such table.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SubstancesError(_("The file cannot be read as text in UTF-8.")) from error
    rows = csv.DictReader(text.splitlines(), delimiter=";")
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise SubstancesError(_("Columns are missing: %(columns)s.") % {"columns": ", ".join(missing)})
    found: list[Substance] = []
    rejected: list[tuple[int, str]] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        try:
            entry = _entry(row, on)
            if entry.code in seen:
                raise ValueError(_("the code stands in the file twice"))
        except ValueError as error:
            rejected.append((number, str(error)))
        else:
            seen.add(entry.code)
            found.append(entry)
    return found, rejected


def _entry(row: dict[str, str | None], on: date) -> Substance:
    """One line as an entry. Raises `ValueError`, saying what is wrong."""
    if any(row.get(name) is None for name in COLUMNS) or None in row:
        raise ValueError(_("it has not as many columns as the head"))
    text = {name: (row[name] or "").strip() for name in COLUMNS}
    if not text["code"] or not text["code"].replace("_", "a").isalnum() or text["code"] != fold(text["code"]):
        raise ValueError(_("the code is not in lower case letters, digits and underscores"))
    if not text["name"] or not text["legal_ref"]:
        raise ValueError(_("name or legal reference is missing"))
    for name, known in (
        ("list", SubstanceList.values),
        ("group", ["", *Group.values]),
        ("adendo", ["", *AdendoBy.values]),
    ):
        if text[name] not in known:
            raise ValueError(_("“%(value)s” is no %(column)s") % {"value": text[name][:40], "column": name})
    if text["review"] not in ("true", "false"):
        raise ValueError(_("review is neither true nor false"))
    try:
        valid_from = date.fromisoformat(text["valid_from"])
    except ValueError as error:
        raise ValueError(_("valid_from is no date such as 2026-11-22")) from error
    entry = Substance(
        code=text["code"], name=text["name"], on_list=text["list"], group=text["group"], adendo=text["adendo"],
        legal_ref=text["legal_ref"], valid_from=valid_from, review=text["review"] == "true",
        **{name: [part.strip() for part in text[name].split("|") if part.strip()]
           for name in ("synonyms", "classes", "presentations")},
    )  # fmt: skip
    entry.kinds = possible_kinds(entry, on=on)
    for name, length in (("code", 60), ("name", 120), ("legal_ref", 120)):
        if len(text[name]) > length:
            raise ValueError(_("“%(column)s” is too long") % {"column": name})
    return entry


def possible_kinds(entry: Substance, *, on: date) -> list[str]:
    """Every document that some form or dose of a substance may go on; none for what is never prescribed."""
    kinds = set()
    for topical in (False, True):
        for adendo in (False, True):
            least = line(entry, key=None, topical=topical, adendo=adendo, mg_per_unit=Decimal("0.001"))
            try:
                kinds.add(kind_of(least, on=on))
            except (Blocked, RuleError):
                continue
    return [kind.value for kind in Kind if kind in kinds]


def line(entry: Substance | None, *, key: Any, name: str = "", **amounts: Any) -> Line:
    """A medicine as the rules ask about it."""
    if entry is None:
        return Line(key=key, name=name, **amounts)
    return Line(
        key=key, name=name or entry.name, code=entry.code, list=entry.on_list, group=entry.group,
        adendo_by=entry.adendo, **amounts,
    )  # fmt: skip


def bring_up_to_date(entries: Sequence[Substance], *, only_new: bool = False, using: str = DEFAULT_DB_ALIAS) -> Report:
    """Write what a table has and the platform has not. Call it in the context of a job.

    An entry whose first day is later than that of the one in force ends this one the day before. One of the same day is
    put right where it differs; one of an earlier day is history and left alone.

    Args:
        entries: as `read` gives them.
        only_new: leave alone every code that is there already.
        using: the database alias.
    """
    report = Report()
    with transaction.atomic(using=using):
        in_place = {
            one.code: one for one in Substance.objects.using(using).select_for_update().filter(valid_to__isnull=True)
        }
        fresh = []
        for entry in entries:
            old = in_place.get(entry.code)
            if old is None:
                fresh.append(entry)
            elif only_new or entry.valid_from < old.valid_from or _same(entry, old):
                report.unchanged += 1
            elif entry.valid_from == old.valid_from:
                for name in _FIELDS:
                    setattr(old, name, getattr(entry, name))
                old.save(using=using)
                report.changed += 1
            else:
                old.valid_to = entry.valid_from - timedelta(days=1)
                old.save(using=using, update_fields=["valid_to"])
                report.ended += 1
                fresh.append(entry)
        Substance.objects.using(using).bulk_create(fresh)
        report.added = len(fresh)
    return report


def _same(entry: Substance, old: Substance) -> bool:
    return all(getattr(entry, name) == getattr(old, name) for name in _FIELDS)


def in_force(on: date) -> QuerySet[Substance]:
    """The entries of a day, by name."""
    return Substance.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), valid_from__lte=on).order_by("name")


# --- In what somebody typed -------------------------------------------------------------------------------------------


def recognise(text: str, entries: Iterable[Substance]) -> list[Substance]:
    """The substances that a text names, by DCB or any other name, the longest name first.

    "Paracetamol 500 mg + codeína 30 mg" names two. What is named inside a longer name that is found, too, does not
    count: "amoxicilina + clavulanato" is one.
    """
    said = words(text)
    hits: list[tuple[int, int, Substance]] = []
    for entry in entries:
        for name in (entry.name, *entry.synonyms):
            hits += [(start, start + size, entry) for start, size in _occurrences(words(name), said)]
    hits.sort(key=lambda hit: (hit[0] - hit[1], hit[0]))
    taken: set[int] = set()
    found: list[Substance] = []
    for start, end, entry in hits:
        if not taken & set(range(start, end)):
            taken |= set(range(start, end))
            if entry not in found:
                found.append(entry)
    return found


def _occurrences(name: Sequence[str], said: Sequence[str]) -> Iterator[tuple[int, int]]:
    size = len(name)
    if size:
        for start in range(len(said) - size + 1):
            if all(_alike(said[start + place], word) for place, word in enumerate(name)):
                yield start, size


def _alike(said: str, name: str) -> bool:
    """The same word, or one that differs in the ending alone: fentanil and fentanila, sertralin."""
    if said == name:
        return True
    return len(name) > 6 and len(said) >= 6 and abs(len(said) - len(name)) <= 1 and said[:-1] == name[: len(said) - 1]


def search(term: str, entries: Iterable[Substance]) -> list[Substance]:
    """The entries of which a name, another name, a class or the list begins with each word of a term."""
    wanted = words(term)
    found = []
    for entry in entries:
        names = [word for name in (entry.name, *entry.synonyms, *entry.classes, entry.on_list) for word in words(name)]
        if all(any(name.startswith(word) for name in names) for word in wanted):
            found.append(entry)
    return found
