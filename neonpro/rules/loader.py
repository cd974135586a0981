"""Reads and validates the TOML files, and answers which rule held on a day.

A file has a `[[rule]]` for each period of each code. Everything wrong is reported at once, with file and code; the
system check shows it, and a book that is wrong answers nothing.
"""

import re
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from neonpro.rules.values import CODE, LegalRef, Rule, SameAs, Source, kind_of, read_value

DIRECTORY = Path(__file__).parent

_REQUIRED = {"code", "value", "legal_ref", "valid_from"}
_OPTIONAL = {"valid_to", "note", "certain", "source", "after_gap"}
_SUBJECT = re.compile(r"[a-z][a-z0-9_]*")


class RuleError(Exception):
    """A question about the law has no answer. The message says why."""


class UnknownRule(RuleError):
    """No rule has this code, or no file this subject."""


class NotInForce(RuleError):
    """The code is known, and nothing was in force under it on that day."""


class UncertainRule(RuleError):
    """What held on that day is uncertain, and the question did not ask for uncertain rules."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file: `id` is the system check's."""

    id: str
    file: str
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.code}: {self.text}" if self.code else f"{self.file}: {self.text}"


class BookInvalid(RuleError):
    """The files are wrong; `problems` says where."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("The rules are invalid: " + "; ".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Book:
    """All rules: for each code its periods, the oldest first."""

    periods: Mapping[str, tuple[Rule, ...]]
    subjects: frozenset[str]

    def rule(self, code: str, *, on: date, including_uncertain: bool = False) -> Rule:
        """The rule that held on a day.

        Raises:
            UnknownRule, NotInForce, UncertainRule: there is none to be had.
            TypeError: `on` has a time of day.
        """
        _must_be_a_day(on)
        if code not in self.periods:
            raise UnknownRule(f"No rule has the code {code!r}.")
        for found in self.periods[code]:
            if not found.held_on(on):
                continue
            if not (found.certain or including_uncertain):
                raise UncertainRule(f"{code} is uncertain on {on}. What is uncertain is not told to users.")
            if isinstance(found.value, SameAs):
                target = self.rule(found.value.code, on=on, including_uncertain=including_uncertain)
                return replace(found, value=target.value)
            return found
        first = self.periods[code][0]
        if on < first.valid_from and first.began_earlier:
            raise NotInForce(f"{code} is attested from {first.valid_from} on; what held on {on} is not known.")
        raise NotInForce(f"No rule with the code {code} held on {on}.")

    def rules(self, subject: str, *, on: date, including_uncertain: bool = False) -> tuple[Rule, ...]:
        """Every rule of a subject that held on a day, by code; uncertain ones only when asked for.

        Raises:
            UnknownRule: there is no such subject.
            TypeError: `on` has a time of day.
        """
        _must_be_a_day(on)
        if subject not in self.subjects:
            raise UnknownRule(f"There is no subject {subject!r}.")
        return tuple(
            self.rule(code, on=on, including_uncertain=including_uncertain)
            for code, periods in sorted(self.periods.items())
            if code.partition(".")[0] == subject
            and any(found.held_on(on) and (found.certain or including_uncertain) for found in periods)
        )


def _must_be_a_day(on: date) -> None:
    if isinstance(on, datetime) or not isinstance(on, date):
        raise TypeError("A rule holds on a day. Say which, in the clinic's time zone.")


# --- The book of this process -----------------------------------------------------------------------------------

_lock = threading.Lock()
_book: Book | None = None


def book() -> Book:
    """The rules of this installation, read once a process. Raises `BookInvalid`."""
    global _book
    if _book is None:
        with _lock:
            if _book is None:
                _book = load()
    return _book


def rule(code: str, *, on: date, including_uncertain: bool = False) -> Rule:
    """The rule that held on a day; raises as `Book.rule` does."""
    return book().rule(code, on=on, including_uncertain=including_uncertain)


def rules(subject: str, *, on: date, including_uncertain: bool = False) -> tuple[Rule, ...]:
    """Every rule of a subject that held on a day; raises as `Book.rules` does."""
    return book().rules(subject, on=on, including_uncertain=including_uncertain)


# --- Reading ----------------------------------------------------------------------------------------------------


def load(directory: Path = DIRECTORY) -> Book:
    """The book that a directory's files make. Raises `BookInvalid`."""
    found, problems = read(directory)
    if problems:
        raise BookInvalid(problems)
    return found


def read(directory: Path = DIRECTORY) -> tuple[Book, list[Problem]]:
    """The book as far as it can be read, and all that is wrong with it."""
    problems: list[Problem] = []
    entries: list[_Entry] = []
    files = sorted(directory.glob("*.toml"))
    if not files:
        problems.append(Problem("rules.E001", str(directory.name), "", "there is no file of rules here"))
    for file in files:
        entries.extend(_read_file(file, problems))
    by_code: dict[str, list[_Entry]] = {}
    for entry in entries:
        by_code.setdefault(entry.rule.code, []).append(entry)
    for same in by_code.values():
        same.sort(key=lambda entry: entry.rule.valid_from)
        problems.extend(_period_problems(same))
    periods = {code: tuple(entry.rule for entry in same) for code, same in by_code.items()}
    for entry in entries:
        problems.extend(_reference_problems(entry, periods))
    return Book(periods, frozenset(file.stem for file in files)), problems


@dataclass(frozen=True, slots=True)
class _Entry:
    """A rule with what only the loader needs of it."""

    rule: Rule
    file: str
    after_gap: bool


class _Wrong(Exception):
    """What is wrong with one entry: the check's id and the text."""


def _read_file(path: Path, problems: list[Problem]) -> Iterator[_Entry]:
    def wrong(text: str) -> None:
        problems.append(Problem("rules.E001", path.name, "", text))

    if not _SUBJECT.fullmatch(path.stem):
        wrong("a file is named for its subject, in lower case")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        return wrong(f"it cannot be read: {error.strerror}")
    except ValueError as error:
        return wrong(f"it is not valid TOML in UTF-8: {error}")
    if unknown := document.keys() - {"attested_from", "rule"}:
        wrong(f"unknown keys {_listed(unknown)}")
    attested_from = document.get("attested_from")
    if attested_from is not None and not _is_day(attested_from):
        wrong("attested_from must be a day")
        attested_from = None
    raws = document.get("rule")
    if not isinstance(raws, list) or not raws or not all(isinstance(raw, dict) for raw in raws):
        return wrong("it needs at least one [[rule]]")
    for number, raw in enumerate(raws, start=1):
        try:
            yield _read_rule(raw, path, attested_from)
        except _Wrong as error:
            id, text = error.args
            code = raw.get("code")
            problems.append(Problem(id, path.name, code if isinstance(code, str) else f"rule {number}", text))


def _read_rule(raw: dict[str, Any], path: Path, attested_from: date | None) -> _Entry:
    if missing := _REQUIRED - raw.keys():
        raise _Wrong("rules.E002", f"{_listed(missing)} missing")
    if unknown := raw.keys() - _REQUIRED - _OPTIONAL:
        raise _Wrong("rules.E002", f"unknown keys {_listed(unknown)}")
    code = raw["code"]
    if not isinstance(code, str) or not CODE.fullmatch(code):
        raise _Wrong("rules.E002", "a code is words in lower case, joined by dots")
    if code.partition(".")[0] != path.stem:
        # And so no code can be in two files.
        raise _Wrong("rules.E002", f"a code in this file starts with “{path.stem}.”")
    for key, kind in (("certain", bool), ("after_gap", bool), ("note", str), ("source", str)):
        if key in raw and not isinstance(raw[key], kind):
            raise _Wrong("rules.E002", f"{key} must be a {kind.__name__}")
    if raw.get("source", Source.READ) not in set(Source):
        raise _Wrong("rules.E002", f"source is one of {_listed(Source)}")
    for key in ("valid_from", "valid_to"):
        if key in raw and not _is_day(raw[key]):
            raise _Wrong("rules.E002", f"{key} must be a day")
    valid_from, valid_to = raw["valid_from"], raw.get("valid_to")
    if valid_to is not None and valid_to < valid_from:
        raise _Wrong("rules.E004", f"valid_to {valid_to} is before valid_from {valid_from}")
    try:
        value = read_value(raw["value"])
    except ValueError as error:
        raise _Wrong("rules.E003", f"its value is wrong: {error}") from error
    found = Rule(
        code=code,
        value=value,
        legal_refs=_legal_refs(raw["legal_ref"]),
        valid_from=valid_from,
        valid_to=valid_to,
        note=raw.get("note", ""),
        certain=raw.get("certain", True),
        source=Source(raw.get("source", Source.READ)),
        began_earlier=valid_from == attested_from,
    )
    return _Entry(found, path.name, raw.get("after_gap", False))


def _legal_refs(raw: Any) -> tuple[LegalRef, ...]:
    refs = raw if isinstance(raw, list) else [raw]
    if not refs:
        raise _Wrong("rules.E002", "legal_ref is empty")
    for ref in refs:
        if not isinstance(ref, dict) or "norm" not in ref or ref.keys() - {"norm", "article"}:
            raise _Wrong("rules.E002", "legal_ref is { norm, article }, { norm } or a list of them")
        if not all(isinstance(part, str) and part.strip() for part in ref.values()):
            raise _Wrong("rules.E002", "legal_ref has an empty part")
    return tuple(LegalRef(**ref) for ref in refs)


def _period_problems(same: list[_Entry]) -> Iterator[Problem]:
    """What is wrong between the entries of one code, which are in the order of their first days."""

    def wrong(id: str, entry: _Entry, text: str) -> Problem:
        return Problem(id, entry.file, entry.rule.code, text)

    if same[0].after_gap:
        yield wrong("rules.E004", same[0], f"after_gap on {same[0].rule.valid_from}: no period comes before it")
    for before, after in pairwise(same):
        ended, began = before.rule.valid_to, after.rule.valid_from
        if ended is None or ended >= began:
            yield wrong("rules.E004", after, f"the period from {began} overlaps the one from {before.rule.valid_from}")
        elif (gap := began - ended > timedelta(days=1)) != after.after_gap:
            yield wrong(
                "rules.E004",
                after,
                f"nothing holds between {ended} and {began}; say after_gap = true if that is so"
                if gap
                else f"after_gap, but {began} follows at once",
            )
    kinds = {kind_of(entry.rule.value) for entry in same} - {"unlimited", "SameAs"}
    if len(kinds) > 1:
        yield wrong("rules.E003", same[-1], f"its value changes its type from period to period: {_listed(kinds)}")


def _reference_problems(entry: _Entry, periods: Mapping[str, tuple[Rule, ...]]) -> Iterator[Problem]:
    """A value that is another rule's must be one on every day, be certain if it is, and not point on."""
    ours = entry.rule
    if not isinstance(ours.value, SameAs):
        return

    def wrong(text: str) -> Problem:
        return Problem("rules.E005", entry.file, ours.code, text)

    target = ours.value.code
    last = ours.valid_to or date.max
    theirs = [
        found
        for found in periods.get(target, ())
        if found.valid_from <= last and (found.valid_to or date.max) >= ours.valid_from
    ]
    if target not in periods:
        yield wrong(f"same_as names {target}, which is no rule")
        return
    if any(isinstance(found.value, SameAs) for found in theirs):
        yield wrong(f"same_as names {target}, which is itself the same as another")
    if ours.certain and not all(found.certain for found in theirs):
        yield wrong(f"it is certain and {target} is not")
    covers = theirs and theirs[0].valid_from <= ours.valid_from and (theirs[-1].valid_to or date.max) >= last
    if not covers or any(
        before.valid_to and after.valid_from - before.valid_to > timedelta(days=1) for before, after in pairwise(theirs)
    ):
        yield wrong(f"{target} does not hold on every day on which it does")


def _is_day(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
