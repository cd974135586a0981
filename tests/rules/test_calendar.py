"""Business days against calendars that people printed (neonpro/rules/calendar.py)."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonpro.rules import calendar
from neonpro.rules.calendar import STATES, add_business_days, holidays, is_business_day

EASTER = {
    2020: (4, 12), 2021: (4, 4), 2022: (4, 17), 2023: (4, 9), 2024: (3, 31), 2025: (4, 20),
    2026: (4, 5), 2027: (3, 28), 2028: (4, 16), 2029: (4, 1), 2030: (4, 21),
}  # fmt: skip
"""Easter Sundays, copied from an almanac: nothing here computes them."""

FIXED = [(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 25)]

days = st.dates(date(2020, 1, 1), date(2030, 12, 31))
closed = st.frozensets(days, max_size=20)


@pytest.mark.parametrize("year", EASTER)
def test_the_national_holidays_of_a_year(year: int) -> None:
    expected = {date(year, month, day) for month, day in FIXED}
    expected.add(date(year, *EASTER[year]) - timedelta(days=2))
    if year >= 2024:
        expected.add(date(year, 11, 20))
    assert holidays(year) == expected


@pytest.mark.parametrize("year", EASTER)
def test_optional_points_are_holidays_only_when_asked_for(year: int) -> None:
    easter = date(year, *EASTER[year])
    movable = [easter - timedelta(days=48), easter - timedelta(days=47), easter + timedelta(days=60)]
    assert not holidays(year) & set(movable)
    assert holidays(year, optional=True) >= {*movable, *holidays(year)}
    for day in movable:
        assert is_business_day(day)
        assert not is_business_day(day, optional=True)


def test_a_state_adds_its_own_and_takes_none_away() -> None:
    assert is_business_day(date(2026, 7, 9))
    assert not is_business_day(date(2026, 7, 9), "SP")
    assert is_business_day(date(2026, 7, 9), "RJ")
    assert not is_business_day(date(2026, 7, 2), "BA")
    for uf in STATES:
        assert holidays(2026, uf) >= holidays(2026)


@pytest.mark.parametrize("uf", ["", "XX", "sp", "São Paulo Capital"])
def test_an_unknown_state_is_refused(uf: str) -> None:
    with pytest.raises(ValueError, match="no state"):
        is_business_day(date(2026, 7, 8), uf)


def test_a_town_adds_its_own() -> None:
    town = {date(2026, 7, 8)}
    assert not is_business_day(date(2026, 7, 8), local=town)
    assert add_business_days(date(2026, 7, 7), 1, local=town) == date(2026, 7, 9)


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        (date(2026, 11, 18), 3, date(2026, 11, 24)),  # Wed; Thu, [Fri 20 Nov, weekend], Mon, Tue
        (date(2023, 11, 16), 3, date(2023, 11, 21)),  # before 2024 the 20th was a Monday like others
        (date(2026, 12, 31), 1, date(2027, 1, 4)),  # over the turn of the year
        (date(2026, 12, 23), 6, date(2027, 1, 4)),  # 24th and 31st are optional points
        (date(2026, 2, 13), 3, date(2026, 2, 18)),  # over Carnival, which counts
        (date(2026, 4, 2), 1, date(2026, 4, 6)),  # Good Friday
        (date(2026, 11, 21), 1, date(2026, 11, 23)),  # known on a Saturday
        (date(2026, 11, 21), 0, date(2026, 11, 21)),
    ],
)
def test_business_days_are_added(start: date, n: int, end: date) -> None:
    assert add_business_days(start, n) == end


def test_carnival_does_not_count_when_asked() -> None:
    assert add_business_days(date(2026, 2, 13), 3, optional=True) == date(2026, 2, 23)


@given(day=days, n=st.integers(1, 40), local=closed, uf=st.sampled_from([None, *sorted(STATES)]))
def test_n_business_days_lie_between_start_and_end(day: date, n: int, local: frozenset[date], uf: str | None) -> None:
    end = add_business_days(day, n, uf, local=local)
    passed = [day + timedelta(days=i) for i in range(1, (end - day).days + 1)]
    assert is_business_day(end, uf, local=local)
    assert sum(is_business_day(between, uf, local=local) for between in passed) == n


@given(day=days, a=st.integers(0, 30), b=st.integers(0, 30), local=closed)
def test_adding_in_two_steps_is_adding_at_once(day: date, a: int, b: int, local: frozenset[date]) -> None:
    at_once = add_business_days(day, a + b, local=local)
    assert add_business_days(add_business_days(day, a, local=local), b, local=local) == at_once


def test_backwards_and_moments_are_refused() -> None:
    with pytest.raises(ValueError, match="forwards"):
        add_business_days(date(2026, 1, 5), -1)
    for ask in (is_business_day, lambda moment: add_business_days(moment, 1)):
        with pytest.raises(TypeError, match="time zone"):
            ask(datetime(2026, 1, 5, tzinfo=UTC))


def test_threads_see_the_same_holidays() -> None:
    calendar._holidays.cache_clear()
    alone = {(year, uf): len(holidays(year, uf)) for year in EASTER for uf in STATES}
    calendar._holidays.cache_clear()

    def count(key: tuple[int, str]) -> Any:
        return key, len(holidays(*key))

    with ThreadPoolExecutor(16) as pool:
        assert all(alone[key] == found for key, found in pool.map(count, list(alone) * 4))


def test_importing_the_rules_reads_nothing_and_needs_no_settings() -> None:
    program = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == 'open' else None)\n"
        "import neonpro.rules, neonpro.rules.calendar\n"
        "assert not [name for name in opened if name.endswith('.toml')], opened\n"
        "assert 'holidays' not in sys.modules and 'django.conf' not in sys.modules\n"
        "neonpro.rules.book()\n"
        "assert [name for name in opened if name.endswith('.toml')]\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
