"""By when an adverse event must be notified, at the borders; where; and what a code on a package says."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.adverse import channel, due
from patients.models import EventSubject
from patients.udi import parse_udi, same_product

ZONE = ZoneInfo("America/Sao_Paulo")


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("severity", "occurred", "expected"),
    [
        # 72 hours by the clock, whatever day it is.
        ("death", date(2026, 4, 3), datetime(2026, 4, 6, 12, tzinfo=ZONE)),
        # May 2026: the 1st is a holiday, so the 15th business day is the 22nd.
        ("mild", date(2026, 4, 1), datetime(2026, 5, 22, 23, 59, 59, tzinfo=ZONE)),
        ("severe", date(2026, 4, 30), datetime(2026, 5, 22, 23, 59, 59, tzinfo=ZONE)),
        # One day later is another month: June has Corpus Christi, which the clock counts.
        ("moderate", date(2026, 5, 1), datetime(2026, 6, 19, 23, 59, 59, tzinfo=ZONE)),
        ("mild", date(2026, 12, 31), datetime(2027, 1, 22, 23, 59, 59, tzinfo=ZONE)),
    ],
)
def test_the_clock(severity: str, occurred: date, expected: datetime) -> None:
    assert due(severity=severity, occurred_on=occurred, known_at=at(occurred), zone=ZONE) == expected


@pytest.mark.parametrize("about", EventSubject.values)
def test_the_channel(about: str) -> None:
    expected = "VigiMed" if about in ("MEDICINE", "VACCINE") else "Notivisa"
    assert channel(about, on=date(2026, 5, 1)) == expected


@pytest.mark.parametrize(
    ("text", "di", "lot", "serial", "day"),
    [
        ("(01)07891234567895(17)270131(10)AB-77(21)S9", "07891234567895", "AB-77", "S9", date(2027, 1, 31)),
        ("]d201078912345678951727013110AB-77\x1d21S9", "07891234567895", "AB-77", "S9", date(2027, 1, 31)),
        ("\x1d010789123456789510AB-77\x1d17270200", "07891234567895", "AB-77", "", date(2027, 2, 28)),
        ("7891234567895", "7891234567895", "", "", None),
        ("  (10) L1 ", "", "L1", "", None),
        ("010789", "", "", "", None),
        ("qualquer coisa", "", "", "", None),
        ("(17)271340(10)X", "", "X", "", None),
        ("", "", "", "", None),
    ],
)
def test_a_code_is_read(text: str, di: str, lot: str, serial: str, day: date | None) -> None:
    code = parse_udi(text)
    assert (code.di, code.lot, code.serial, code.expires_on) == (di, lot, serial, day)
    assert code.raw == text.strip()


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert parse_udi(text).raw == text.strip()


def test_leading_zeros_do_not_make_another_product() -> None:
    assert same_product("07891234567895", "7891234567895")
    assert not same_product("", "")
