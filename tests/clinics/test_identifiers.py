"""Brazilian identifiers: one stored form however they are typed, and nothing stored that is not valid."""

import re
from collections.abc import Callable

import phonenumbers
import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from validate_docbr import CNPJ, CPF

from clinics import identifiers
from clinics.identifiers import (
    clean_cep,
    clean_cnpj,
    clean_cns,
    clean_cpf,
    clean_phone,
    format_cep,
    format_cnpj,
    format_cpf,
    format_phone,
)


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


def _cpf(base: str) -> str:
    for length in (9, 10):
        total = sum(int(digit) * weight for digit, weight in zip(base[:length], range(length + 1, 1, -1), strict=True))
        base = base[:length] + str(total * 10 % 11 % 10)
    return base


def _cnpj(base: str) -> str:
    """IN RFB 2.229/2024: the value of a character is its ASCII code less 48, for letters and digits alike."""
    for weights in ([5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]):
        rest = sum((ord(letter) - 48) * weight for letter, weight in zip(base, weights, strict=True)) % 11
        base += str(0 if rest < 2 else 11 - rest)
    return base


def _cns(base: str) -> str:
    """A provisional number (7, 8 or 9 first): its weighted sum is a multiple of 11."""
    return base + str(-sum(int(digit) * (15 - place) for place, digit in enumerate(base)) % 11)


CPFS = digits(9).filter(lambda base: len(set(base)) > 1).map(_cpf)
CNPJS = (
    st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12)
    .filter(lambda base: len(set(base)) > 1)
    .map(_cnpj)
)
CNSS = st.tuples(st.sampled_from("789"), digits(13)).map("".join).map(_cns).filter(lambda cns: len(cns) == 15)
MOBILES = st.tuples(st.sampled_from(["11", "21", "34", "61", "92", "69"]), digits(8)).map(lambda n: f"+55{n[0]}9{n[1]}")


@given(CPFS)
def test_a_cpf_written_out_is_the_same_cpf(cpf: str) -> None:
    assert re.fullmatch(r"\d{3}\.\d{3}\.\d{3}-\d\d", format_cpf(cpf))
    assert clean_cpf(format_cpf(cpf)) == clean_cpf(f"  {cpf[:3]} {cpf[3:]}") == cpf


@given(CPFS, st.integers(0, 10), st.integers(1, 9))
def test_a_wrong_digit_of_a_cpf_is_found(cpf: str, position: int, by: int) -> None:
    wrong = cpf[:position] + str((int(cpf[position]) + by) % 10) + cpf[position + 1 :]
    if _cpf(wrong[:9]) != wrong:
        with pytest.raises(ValidationError):
            clean_cpf(wrong)


@given(CNPJS)
def test_a_cnpj_written_out_is_the_same_cnpj(cnpj: str) -> None:
    assert clean_cnpj(format_cnpj(cnpj)) == clean_cnpj(cnpj.lower()) == cnpj
    assert format_cnpj(cnpj) == f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"


@given(MOBILES)
def test_a_phone_written_out_is_the_same_phone(phone: str) -> None:
    assert clean_phone(format_phone(phone)) == phone
    assert clean_phone(phone[3:]) == clean_phone(f"0{phone[3:]}") == phone


@given(digits(8))
def test_a_cep_is_its_eight_digits(cep: str) -> None:
    assert clean_cep(f"{cep[:5]}-{cep[5:]}") == clean_cep(f"{cep[:2]}.{cep[2:5]}-{cep[5:]} ") == cep


@given(CNSS)
def test_a_cns_is_its_fifteen_digits(cns: str) -> None:
    assert clean_cns(f"{cns[:3]} {cns[3:7]} {cns[7:11]} {cns[11:]}") == cns


@given(st.text(max_size=30))
def test_whatever_is_typed_is_cleaned_or_refused(text: str) -> None:
    """Never another error, and what passes passes again."""
    for clean in (clean_cpf, clean_cnpj, clean_cns, clean_cep, clean_phone):
        try:
            cleaned = clean(text)
        except ValidationError:
            continue
        assert clean(cleaned) == cleaned
        assert cleaned.isascii()


@pytest.mark.parametrize(
    ("clean", "typed", "stored"),
    [
        (clean_cpf, "529.982.247-25", "52998224725"),
        (clean_cpf, "", ""),
        (clean_cnpj, "12.ABC.345/01DE-35", "12ABC34501DE35"),  # the example of the Receita Federal
        (clean_cnpj, "12.abc.345/01de-35", "12ABC34501DE35"),
        (clean_cnpj, "33.000.167/0001-01", "33000167000101"),
        (clean_cns, "898 0011 6066 0761", "898001160660761"),
        (clean_cep, "38400-100", "38400100"),
        (clean_phone, "(34) 98888-7777", "+5534988887777"),
        (clean_phone, "34 3232-1010", "+553432321010"),
        (clean_phone, "+351 912 345 678", "+351912345678"),
        (clean_phone, "  ", ""),
    ],
)
def test_what_people_type_becomes_the_stored_form(clean: Callable[[str], str], typed: str, stored: str) -> None:
    assert clean(typed) == stored


@pytest.mark.parametrize(
    ("clean", "typed"),
    [
        *((clean_cpf, str(digit) * 11) for digit in range(10)),
        (clean_cpf, "529.982.247-26"),
        (clean_cpf, "5299822472"),
        (clean_cpf, "529982247255"),
        (clean_cpf, "５２９９８２２４７２５"),  # digits of another alphabet
        (clean_cpf, "529.982.247-2x"),
        (clean_cnpj, "12.ABC.345/01DE-36"),
        (clean_cnpj, "12.ABC.345/01DE-3A"),
        (clean_cnpj, "00.000.000/0000-00"),
        (clean_cnpj, "33000167000102"),
        (clean_cns, "000000000000000"),
        (clean_cns, "398001160660761"),
        (clean_cns, "898001160660762"),
        (clean_cep, "3840010"),
        (clean_cep, "38400-10a"),
        (clean_cep, "３８４００１００"),
        (clean_cns, "８９８００１１６０６６０７６１"),
        (clean_phone, "(20) 98888-7777"),  # there is no area 20
        (clean_phone, "(00) 98888-7777"),
        (clean_phone, "98888-7777"),
        (clean_phone, "34 88888-7777"),  # a mobile number begins with 9
        (clean_phone, "ligue para mim"),
        (clean_phone, "+55"),
    ],
)
def test_what_cannot_be_is_refused(clean: Callable[[str], str], typed: str) -> None:
    with pytest.raises(ValidationError) as refused:
        clean(typed)
    # A message may be shown and logged: it does not repeat what was typed.
    assert typed not in " ".join(refused.value.messages)


def test_the_states_and_their_check_agree() -> None:
    assert len(dict(identifiers.UFS)) == 27
    assert CPF().validate("52998224725")
    assert CNPJ().validate("12ABC34501DE35")


def test_what_is_not_whole_is_shown_as_it_is() -> None:
    assert format_cpf("123") == "123"
    # What stands in place of a value that does not open, as long as a CPF in one language and as a CEP in another.
    for placeholder in ("«eliminado»", "«erased»", "«restricted access»"):
        assert format_cpf(placeholder) == format_cep(placeholder) == format_phone(placeholder) == placeholder
    assert format_cnpj("123") == "123"
    assert format_phone("") == ""
    assert format_phone("+351912345678") == phonenumbers.format_number(
        phonenumbers.parse("+351912345678"), phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
