"""What a value's shape makes of it, and what a period comes to (neonpro/rules/values.py)."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neonpro.rules import LegalRef, Period, Quantity, Rule, Table, Unit
from neonpro.rules.values import SameAs, read_value


def a_rule(value: Any) -> Rule:
    return Rule(code="test.one", value=value, legal_refs=(LegalRef("Norm"),), valid_from=date(2026, 1, 1))


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (True, True),
        (0, 0),
        ("QUALIFIED", "QUALIFIED"),
        (["A1", "A2"], ("A1", "A2")),
        ({"days": 15}, Period(15, Unit.DAYS)),
        ({"years": 20, "from": "last_entry"}, Period(20, Unit.YEARS, "last_entry")),
        ({"hours": 72}, Period(72, Unit.HOURS)),
        ({"number": 5, "unit": "ampoules"}, Quantity(Decimal(5), "ampoules")),
        ({"number": Decimal("0.1"), "unit": "mg"}, Quantity(Decimal("0.1"), "mg")),
        ({"pattern": r"^\d$"}, re.compile(r"^\d$")),
        ({"unlimited": True}, None),
        ({"same_as": "a.b"}, SameAs("a.b")),
        ([{"a": "x", "n": 1}, {"n": 2, "a": "y"}], Table(("a", "n"), (("x", 1), ("y", 2)))),
        ([{"a": ["x", "y"], "b": True}], Table(("a", "b"), ((("x", "y"), True),))),
    ],
)
def test_a_value_is_typed_by_its_shape(raw: Any, value: Any) -> None:
    found = read_value(raw)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "raw",
    [
        -1, Decimal("1.5"), "", "  ", [], ["A1", "A1"], ["A1", 2], [""], {}, date(2026, 1, 1), None,
        {"days": -1}, {"days": True}, {"days": "15"}, {"days": 15, "hours": 1}, {"days": 15, "form": "received"},
        {"days": 15, "from": ""}, {"days": 15, "from": "Last Entry"}, {"weeks": 2}, {"from": "received"},
        {"number": 5}, {"number": True, "unit": "mg"}, {"number": -5, "unit": "mg"}, {"number": 5, "unit": ""},
        {"number": Decimal("NaN"), "unit": "mg"}, {"number": Decimal("Infinity"), "unit": "mg"},
        {"number": 5, "unit": "mg", "days": 3}, {"pattern": "("}, {"pattern": "a", "flags": "i"},
        {"unlimited": False}, {"unlimited": 1, "days": 2}, {"same_as": 5}, {"same_as": "a.b", "days": 5},
        [{"a": 1}, {"b": 1}], [{"a": 1}, "b"], [{"a": 1}, {"a": 1}], [{}], [{"a": {"days": 1}}],
        [{"a": Decimal("1.5")}], {"unlimited": 1}, [{"a": [{"b": 1}]}], ["a", {"a": 1}],
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_of_no_known_shape_is_refused(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_value(raw)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("period", Period(1, Unit.DAYS)),
        ("count", 3),
        ("flag", True),
        ("text", "QUALIFIED"),
        ("choices", ("A1",)),
        ("quantity", Quantity(Decimal(5), "mg")),
        ("pattern", re.compile("a")),
        ("table", Table(("a",), (("x",),))),
    ],
)
def test_a_value_is_given_as_what_it_is_and_as_nothing_else(name: str, value: Any) -> None:
    found = a_rule(value)
    assert getattr(found, name) == value
    assert not found.unlimited
    for other in {"period", "count", "flag", "text", "choices", "quantity", "pattern", "table"} - {name}:
        with pytest.raises(TypeError, match=r"test\.one is"):
            getattr(found, other)


def test_no_limit_is_no_number() -> None:
    assert a_rule(None).unlimited
    with pytest.raises(TypeError, match="unlimited, not int"):
        _ = a_rule(None).count


def test_a_table_gives_its_rows_by_column() -> None:
    assert list(Table(("a", "n"), (("x", 1), ("y", 2)))) == [{"a": "x", "n": 1}, {"a": "y", "n": 2}]


def test_a_citation_names_every_source() -> None:
    refs = (LegalRef("Lei 13.787/2018", "art. 6"), LegalRef("NGS1"))
    found = Rule(code="test.one", value=1, legal_refs=refs, valid_from=date(2026, 1, 1))
    assert found.citation == "Lei 13.787/2018, art. 6; NGS1"
    assert hash(found) == hash(found)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period(15, Unit.DAYS), date(2026, 12, 20), date(2027, 1, 4)),
        (Period(0, Unit.DAYS), date(2026, 12, 20), date(2026, 12, 20)),
        (Period(3, Unit.BUSINESS_DAYS), date(2026, 11, 18), date(2026, 11, 24)),
        (Period(15, Unit.BUSINESS_DAYS), date(2026, 11, 30), date(2026, 12, 21)),
        (Period(12, Unit.MONTHS), date(2026, 12, 31), date(2027, 12, 31)),
        (Period(6, Unit.MONTHS), date(2026, 8, 31), date(2027, 3, 1)),
        (Period(2, Unit.MONTHS), date(2026, 10, 31), date(2026, 12, 31)),
        (Period(1, Unit.MONTHS), date(2026, 11, 30), date(2026, 12, 30)),
        (Period(20, Unit.YEARS), date(2004, 2, 29), date(2024, 2, 29)),
        (Period(5, Unit.YEARS), date(2024, 2, 29), date(2029, 3, 1)),
    ],
)
def test_a_period_ends_on_its_last_day(period: Period, start: date, end: date) -> None:
    assert period.after(start) == end


def test_a_period_of_business_days_knows_state_and_town() -> None:
    period = Period(1, Unit.BUSINESS_DAYS)
    assert period.after(date(2026, 7, 8), uf="SP") == date(2026, 7, 10)
    assert period.after(date(2026, 7, 8), local={date(2026, 7, 9)}) == date(2026, 7, 10)


@given(start=st.dates(date(1900, 1, 1), date(2100, 1, 1)), months=st.integers(0, 500))
@example(start=date(2025, 12, 31), months=2)
def test_months_end_on_the_same_number_or_the_first_of_the_next(start: date, months: int) -> None:
    end = Period(months, Unit.MONTHS).after(start)
    passed = (end.year - start.year) * 12 + end.month - start.month
    if end.day == start.day:
        assert passed == months
    else:
        assert (end.day, passed) == (1, months + 1)
        assert (end - timedelta(days=1)).day < start.day


def test_hours_are_counted_from_a_moment_and_days_from_a_day() -> None:
    moment = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert Period(72, Unit.HOURS).after_moment(moment) == datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    with pytest.raises(TypeError, match="after_moment"):
        Period(72, Unit.HOURS).after(moment.date())
    with pytest.raises(TypeError, match=r"after\(\)"):
        Period(3, Unit.DAYS).after_moment(moment)
    with pytest.raises(TypeError, match="time zone"):
        Period(3, Unit.DAYS).after(moment)
    with pytest.raises(TypeError, match="time zone"):
        Period(72, Unit.HOURS).after_moment(moment.replace(tzinfo=None))
