"""What a rule says: its value, typed by its shape in the TOML file, its source and its days."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from neonpro.rules.calendar import add_business_days

CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)+")
_NAME = re.compile(r"[a-z][a-z0-9_]*")

T = TypeVar("T")


class Unit(StrEnum):
    """What a period is counted in; the word that the TOML files use."""

    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business_days"
    MONTHS = "months"
    YEARS = "years"


class Source(StrEnum):
    """How we know a rule."""

    READ = "read"
    """The act, or a report of it, was read."""
    KNOWN = "known"
    """Common knowledge of the field, not read again."""
    POLICY = "policy"
    """Our own choice, not the law's words: pages must say so. Its reference is what it serves."""


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time, and the event it is counted from where the rule names one."""

    number: int
    unit: Unit
    starts: str = ""

    def after(self, start: date, *, uf: str | None = None, local: Collection[date] = ()) -> date:
        """The last day of the period that an event on `start` begins; that day itself is not counted.

        A term that ends on a weekend or holiday is not carried over: it is never longer than the rule says. Months and
        years end on the day of the same number or, where the month has none, on the next (Código Civil art. 132 §3).
        `uf` and `local` matter to business days only, as `neonpro.rules.calendar` says.

        Raises:
            TypeError: `start` has a time of day, or the period is one of hours.
        """
        if isinstance(start, datetime):
            raise TypeError("A period begins on a day. Say which, in the clinic's time zone.")
        match self.unit:
            case Unit.HOURS:
                raise TypeError("A period of hours begins at a moment: use after_moment().")
            case Unit.DAYS:
                return start + timedelta(days=self.number)
            case Unit.BUSINESS_DAYS:
                return add_business_days(start, self.number, uf, local=local)
            case Unit.MONTHS:
                return _add_months(start, self.number)
            case Unit.YEARS:
                return _add_months(start, 12 * self.number)

    def after_moment(self, start: datetime) -> datetime:
        """When a period of hours ends. Raises `TypeError` for other units, or a moment without a time zone."""
        if self.unit is not Unit.HOURS:
            raise TypeError(f"A period of {self.unit} ends on a day: use after().")
        if start.tzinfo is None:
            raise TypeError("A moment needs a time zone.")
        return start + timedelta(hours=self.number)


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return day.replace(year=year, month=month + 1)
    except ValueError:
        year, month = divmod(year * 12 + month + 1, 12)
        return date(year, month + 1, 1)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit: 15 mg/day."""

    number: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the same columns; iterating gives each as a mapping."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | bool | tuple[str, ...], ...], ...]

    def __iter__(self) -> Iterator[Mapping[str, str | int | bool | tuple[str, ...]]]:
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class SameAs:
    """The value of another rule on the same day; the loader follows it, so nobody outside meets one."""

    code: str


Value = bool | int | str | tuple[str, ...] | Period | Quantity | re.Pattern[str] | Table | SameAs | None
"""None is a rule that says: no limit."""


@dataclass(frozen=True, slots=True)
class LegalRef:
    """The norm, and the article where the source names one."""

    norm: str
    article: str = ""

    def __str__(self) -> str:
        return f"{self.norm}, {self.article}" if self.article else self.norm


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What held from one day to another, both included, and who says so.

    `began_earlier`: the norm is older than `valid_from`, from which our source attests it.
    `period`, `count`, `flag`, `text`, `choices`, `quantity`, `pattern` and `table` give the value as what it must be;
    each raises `TypeError` when it is something else.
    """

    code: str
    value: Value
    legal_refs: tuple[LegalRef, ...]
    valid_from: date
    valid_to: date | None = None
    note: str = ""
    certain: bool = True
    source: Source = Source.READ
    began_earlier: bool = False

    @property
    def subject(self) -> str:
        return self.code.partition(".")[0]

    @property
    def citation(self) -> str:
        """The sources as a page names them."""
        return "; ".join(map(str, self.legal_refs))

    def held_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    @property
    def unlimited(self) -> bool:
        return self.value is None

    @property
    def period(self) -> Period:
        return self._as(Period)

    @property
    def count(self) -> int:
        return self._as(int)

    @property
    def flag(self) -> bool:
        return self._as(bool)

    @property
    def text(self) -> str:
        return self._as(str)

    @property
    def choices(self) -> tuple[str, ...]:
        return self._as(tuple)

    @property
    def quantity(self) -> Quantity:
        return self._as(Quantity)

    @property
    def pattern(self) -> re.Pattern[str]:
        return self._as(re.Pattern)

    @property
    def table(self) -> Table:
        return self._as(Table)

    def _as(self, kind: type[T]) -> T:
        # Not isinstance: True is an int too.
        if type(self.value) is not kind:
            raise TypeError(f"{self.code} is {kind_of(self.value)}, not {kind.__name__}.")
        return self.value


def kind_of(value: Value) -> str:
    """What sort of value it is, for messages and comparisons."""
    return "unlimited" if value is None else type(value).__name__


def read_value(raw: Any) -> Value:
    """A value as TOML gives it, typed by its shape. Raises `ValueError`, saying what is wrong."""
    match raw:
        case bool():
            return raw
        case int() if raw >= 0:
            return raw
        case str() if raw.strip():
            return raw
        case [dict(), *_]:
            return _table(raw)
        case list():
            return _names(raw)
        case {"pattern": str(text), **rest} if not rest:
            try:
                return re.compile(text)
            except re.error as error:
                raise ValueError(f"the pattern does not compile: {error}") from error
        case {"unlimited": True, **rest} if not rest:
            return None
        case {"same_as": str(code), **rest} if not rest:
            return SameAs(code)
        case {"number": int() | Decimal() as number, "unit": str(unit), **rest} if not rest:
            if isinstance(number, bool) or not Decimal(number).is_finite() or number < 0 or not unit.strip():
                raise ValueError("a number with a unit is a number from 0 on and a word")
            return Quantity(Decimal(number), unit)
        case dict() if len(units := raw.keys() & set(Unit)) == 1:
            return _period(raw, Unit(units.pop()))
    raise ValueError(
        "it is none of: true or false, a whole number from 0 on, a text, a list of texts, a list of tables,"
        " a period such as { days = 15 }, { number, unit }, { pattern }, { unlimited = true }, { same_as }"
    )


def _period(raw: dict[str, Any], unit: Unit) -> Period:
    number, starts = raw[unit], raw.get("from", "")
    if raw.keys() - {unit, "from"}:
        raise ValueError(f"a period has no {', '.join(sorted(raw.keys() - {unit, 'from'}))}")
    if type(number) is not int or number < 0:
        raise ValueError(f"{unit} must be a whole number from 0 on")
    if "from" in raw and not (isinstance(starts, str) and _NAME.fullmatch(starts)):
        raise ValueError("from must name an event, in lower case")
    return Period(number, unit, starts)


def _names(raw: list[Any]) -> tuple[str, ...]:
    if not raw or not all(isinstance(item, str) and item.strip() for item in raw):
        raise ValueError("a list has at least one item, and texts only")
    if len(set(raw)) < len(raw):
        raise ValueError("a list names each item once")
    return tuple(raw)


def _table(raw: list[Any]) -> Table:
    columns = tuple(raw[0])
    if not columns or not all(isinstance(row, dict) and row.keys() == set(columns) for row in raw):
        raise ValueError("the rows of a table all have the same columns")
    rows = tuple(tuple(_cell(row[column]) for column in columns) for row in raw)
    if len(set(rows)) < len(rows):
        raise ValueError("a table has each row once")
    return Table(columns, rows)


def _cell(raw: Any) -> str | int | bool | tuple[str, ...]:
    value = None if isinstance(raw, dict) else read_value(raw)
    if not isinstance(value, str | int | tuple):
        raise ValueError("a cell is a text, a whole number from 0 on, true or false, or a list of texts")
    return value
