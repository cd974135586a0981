"""People who do not exist: names, CPFs, telephones and addresses, always the same ones for the same seed.

The demonstration is peopled with them, and an import whose source has no names borrows its names here. Nothing is
drawn from `random`: its sequences may differ between versions of Python, and a patient must not change names with
an upgrade.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

from neonpro.vault.text import fold
from patients.models import Sex

DATA = Path(__file__).parent / "data"

T = TypeVar("T")

Weighted = tuple[tuple[str, ...], tuple[int, ...]]
"""Texts, and their weights added up."""


class Draw:
    """Choices that look random and are always the same for the same seed."""

    def __init__(self, *seed: object) -> None:
        # With their lengths, so that ("a", "bc") and ("ab", "c") are different seeds.
        self._seed = "".join(f"{len(text)}:{text}" for text in map(str, seed)).encode()
        self._count = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        self._count += 1
        drawn = hashlib.sha256(self._seed + self._count.to_bytes(4, "big")).digest()
        return int.from_bytes(drawn[:8], "big") % limit

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.below(100) < percent

    def one_of(self, choices: Sequence[T]) -> T:
        """Any of them, each as likely."""
        return choices[self.below(len(choices))]

    def weighted(self, choices: Weighted) -> str:
        """One of them, as likely as its weight."""
        texts, totals = choices
        return texts[bisect_right(totals, self.below(totals[-1]))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where generated people live."""

    city: str
    uf: str
    ddd: str
    streets: tuple[str, ...]
    districts: tuple[str, ...]
    ceps: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who does not exist. The fields are those of `Patient`, and are named so."""

    name: str
    preferred_name: str
    mother_name: str
    sex: str
    birth_date: date
    birth_year: int
    cpf: str
    phone: str
    email: str
    street: str
    district: str
    city: str
    uf: str
    cep: str


def full_name(*seed: object, sex: str = "", born: int | None = None) -> str:
    """A Brazilian name, the same for the same seed, sex and decade of birth.

    Args:
        seed: what the name belongs to, such as a source and the person's id there.
        sex: a value of `Sex`; anything but female and male draws from all names.
        born: the year of birth, for names of its time; None draws from all times.
    """
    draw = Draw("name", *seed)
    first_names = _first_names(sex, None if born is None else min(8, max(0, (born - 1921) // 10)))
    parts = [draw.weighted(first_names)]
    if draw.chance(25) and (second := draw.weighted(first_names)) != parts[0]:
        parts.append(second)
    for _ in range(2 if draw.chance(70) else 1):
        surname = draw.weighted(_surnames())
        # "da Silva Silva" is nobody's name.
        if surname.split()[-1] not in " ".join(parts).split():
            parts.append(surname)
    return " ".join(parts)


def person(*seed: object, number: int, place: Place, today: date) -> Person:
    """Somebody with everything that a reception asks for.

    Args:
        seed: together with the number and the day it decides everything.
        number: from 0 to 9,999,999; people of different numbers never share a CPF.
        place: where the person lives.
        today: the day on which the person is between 4 and 93 years old.
    """
    draw = Draw("person", *seed, number)
    # Of those who come to clinics, two in three are women.
    sex, other = (Sex.FEMALE, Sex.MALE) if draw.chance(64) else (Sex.MALE, Sex.FEMALE)
    born = today - timedelta(days=365 * (4 + draw.below(45) + draw.below(45)) + draw.below(365))
    name = full_name(*seed, number, sex=sex, born=born.year)
    first, last = name.split()[0], name.split()[-1]
    preferred = ""
    if draw.chance(4):
        preferred = f"{full_name(*seed, number, 'preferred', sex=other, born=born.year).split()[0]} {last}"
    return Person(
        name=name,
        preferred_name=preferred,
        mother_name=f"{full_name(*seed, number, 'mother', sex=Sex.FEMALE, born=born.year - 26).split()[0]} {last}",
        sex=sex,
        birth_date=born,
        birth_year=born.year,
        cpf=cpf(number),
        phone=mobile(place.ddd, draw.below(10_000)),
        email=f"{fold(first)}.{fold(last)}{number}@example.com" if draw.chance(70) else "",
        street=f"{draw.one_of(place.streets)}, {10 + draw.below(1900)}",
        district=draw.one_of(place.districts),
        city=place.city,
        uf=place.uf,
        cep=f"{place.ceps[0] + draw.below(place.ceps[1] - place.ceps[0]):08}",
    )


def cpf(number: int) -> str:
    """A valid CPF, another one for each number from 0 to 9,999,999.

    No range is set aside for examples: these begin with 98, so that somebody who knows them takes them for such.
    """
    return _checked(f"98{_scatter(number, 7)}", longest_weight=None)


def cnpj(number: int) -> str:
    """A valid CNPJ of a head office, another one for each number from 0 to 999,999; like `cpf`, it begins with 98."""
    return _checked(f"98{_scatter(number, 6)}0001", longest_weight=9)


def mobile(ddd: str, number: int) -> str:
    """A mobile number in E.164, another one for each number from 0 to 9,999."""
    if not 0 <= number < 10_000:
        raise ValueError("The number of a telephone is from 0 to 9999.")
    return f"+55{ddd}90000{number:04}"


def _scatter(number: int, digits: int) -> str:
    """A number as digits that do not show it is a neighbour of the next."""
    size = 10**digits
    if not 0 <= number < size:
        raise ValueError(f"The number of somebody who does not exist is from 0 to {size - 1}.")
    # 7,919 is prime and does not divide a power of ten: no two numbers become one.
    return f"{(number * 7919 + 31337) % size:0{digits}}"


def _checked(body: str, *, longest_weight: int | None) -> str:
    """A number with its two check digits modulo 11 (Receita Federal): weights 2, 3, … from the right, and from 2 again
    after the longest one, where there is one."""
    for _ in range(2):
        weights = [2 + place % (longest_weight - 1 if longest_weight else 99) for place in range(len(body))]
        rest = sum(int(digit) * weight for digit, weight in zip(reversed(body), weights, strict=True)) % 11
        body += str(11 - rest if rest > 1 else 0)
    return body


def _lines(file: str) -> Iterator[str]:
    for line in (DATA / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


@cache
def _surnames() -> Weighted:
    surnames = tuple(_lines("surnames.txt"))
    # What falls off like one through the rank is how surnames are spread; 8 keeps the Silvas from being everybody.
    return surnames, tuple(accumulate(100_000 // (rank + 8) for rank in range(len(surnames))))


@cache
def _first_names(sex: str, decade: int | None) -> Weighted:
    names: list[str] = []
    weights: list[int] = []
    for line in _lines("first_names.txt"):
        name, letter, *counts = line.split()
        weight = sum(map(int, counts)) if decade is None else int(counts[decade])
        if weight and sex in {Sex.FEMALE, Sex.MALE} and letter != sex[0]:
            continue
        if weight:
            names.append(name)
            weights.append(weight)
    return tuple(names), tuple(accumulate(weights))
