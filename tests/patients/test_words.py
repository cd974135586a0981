"""Quantities in Portuguese words."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.words import LIMIT, in_words, quantity_in_words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("0", "zero"),
        ("1", "um"),
        ("2", "dois"),
        ("14", "quatorze"),
        ("16", "dezesseis"),
        ("20", "vinte"),
        ("21", "vinte e um"),
        ("30", "trinta"),
        ("60", "sessenta"),
        ("99", "noventa e nove"),
        ("100", "cem"),
        ("101", "cento e um"),
        ("120", "cento e vinte"),
        ("200", "duzentos"),
        ("555", "quinhentos e cinquenta e cinco"),
        ("1000", "mil"),
        ("1001", "mil e um"),
        ("1100", "mil e cem"),
        ("1200", "mil e duzentos"),
        ("1230", "mil duzentos e trinta"),
        ("2000", "dois mil"),
        ("21500", "vinte e um mil e quinhentos"),
        ("999999", "novecentos e noventa e nove mil novecentos e noventa e nove"),
        ("2.5", "dois vírgula cinco"),
        ("0.25", "zero vírgula vinte e cinco"),
        ("0.05", "zero vírgula zero cinco"),
        ("1.50", "um vírgula cinco"),
    ],
)
def test_numbers_read_as_people_say_them(number: str, words: str) -> None:
    assert in_words(Decimal(number)) == words


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [
        (2, "caixas", "duas caixas"),
        (1, "caixa", "uma caixa"),
        (200, "cápsulas", "duzentas cápsulas"),
        (21, "ampolas", "vinte e uma ampolas"),
        (2000, "gotas", "duas mil gotas"),
        (2, "comprimidos", "dois comprimidos"),
        (1, "frasco", "um frasco"),
        (2, "canetas de 3 mL", "duas canetas de 3 mL"),
        (3, "", "três"),
    ],
)
def test_units_have_their_gender(number: int, unit: str, words: str) -> None:
    assert quantity_in_words(number, unit) == words


@pytest.mark.parametrize("number", ["-1", "1000000", "0.0001", "NaN", "Infinity"])
def test_what_nobody_prescribes_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        in_words(Decimal(number))


@given(st.integers(0, LIMIT - 1), st.integers(0, LIMIT - 1))
def test_no_two_numbers_read_alike(first: int, second: int) -> None:
    assert (in_words(first) == in_words(second)) == (first == second)
