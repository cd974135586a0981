"""Which days count as business days, for the clocks of law.

Holidays come from the library `holidays`: national ones, with `uf` those of a state's own laws too. What a clinic's
town adds, it says itself (`local`).

Carnival, Ash Wednesday, Corpus Christi and the other *pontos facultativos* count as business days unless asked
otherwise: no law makes them holidays for everybody, and a clock that counts them is early at worst, never late.
A clinic that is closed on them for itself names them in `local`. For the same reason a clock towards a federal
authority should leave `uf` out: a state's holiday does not close it.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from functools import lru_cache

STATES = frozenset(
    "AC AL AM AP BA CE DF ES GO MA MG MS MT PA PB PE PI PR RJ RN RO RR RS SC SE SP TO".split()  # noqa: SIM905
)


def holidays(year: int, uf: str | None = None, *, optional: bool = False) -> frozenset[date]:
    """The holidays of a year: national ones, a state's with `uf`, optional points with `optional`.

    Raises:
        ValueError: there is no such state.
    """
    if uf is not None and uf not in STATES:
        raise ValueError(f"There is no state {uf!r}.")
    return _holidays(year, uf, optional)


@lru_cache(maxsize=512)
def _holidays(year: int, uf: str | None, optional: bool) -> frozenset[date]:
    # Not at import: it takes a quarter of a second, which commands that count no days need not wait.
    import holidays as library

    # A set of its own a year: the library's object fills itself while it is asked, which threads must not share.
    categories = (library.PUBLIC, library.OPTIONAL) if optional else (library.PUBLIC,)
    return frozenset(library.country_holidays("BR", subdiv=uf, years=year, expand=False, categories=categories))


def is_business_day(day: date, uf: str | None = None, *, optional: bool = False, local: Collection[date] = ()) -> bool:
    """Whether a day is neither Saturday, Sunday, holiday nor one of `local`.

    Args:
        uf: count the holidays of this state as well.
        optional: count the optional points (Carnival and so on) as holidays.
        local: further days that do not count, such as a town's holidays.
    """
    if isinstance(day, datetime):
        raise TypeError("A business day is a day. Say which, in the clinic's time zone.")
    return day.weekday() < 5 and day not in local and day not in holidays(day.year, uf, optional=optional)


def add_business_days(
    day: date, n: int, uf: str | None = None, *, optional: bool = False, local: Collection[date] = ()
) -> date:
    """The `n`th business day after a day, which itself is not counted and need not be one; `n` = 0 gives it back.

    The 15th business day of a month is `add_business_days(last_day_of_the_month_before, 15)`.

    Raises:
        ValueError: `n` is negative.
    """
    if n < 0:
        raise ValueError("Business days are counted forwards.")
    if isinstance(day, datetime):
        raise TypeError("Business days are counted from a day. Say which, in the clinic's time zone.")
    while n:
        day += timedelta(days=1)
        n -= is_business_day(day, uf, optional=optional, local=local)
    return day
