"""Numbers in Portuguese words, as a prescription must state its quantities (Portaria 344/1998)."""

from decimal import Decimal

_SMALL = (
    "zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove", "dez", "onze", "doze", "treze",
    "quatorze", "quinze", "dezesseis", "dezessete", "dezoito", "dezenove",
)  # fmt: skip
_TENS = ("vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa")
_HUNDREDS = (
    "cento", "duzentos", "trezentos", "quatrocentos", "quinhentos", "seiscentos", "setecentos", "oitocentos",
    "novecentos",
)  # fmt: skip
_FEMININE = {"um": "uma", "dois": "duas"}

LIMIT = 1_000_000
"""What nobody prescribes any more."""


def in_words(number: int | Decimal, *, feminine: bool = False) -> str:
    """A quantity in words: 1.234 is «mil duzentos e trinta e quatro», 2,5 is «dois vírgula cinco».

    Args:
        number: from 0 on, below a million, with at most three decimals.
        feminine: for things such as «caixa»: «duas», «duzentas».

    Raises:
        ValueError: the number is negative, too large or too fine.
    """
    value = Decimal(number)
    if not value.is_finite() or value < 0 or value >= LIMIT:
        raise ValueError("A quantity is a number from 0 on, below a million.")
    whole, fraction = divmod(value, 1)
    text = _whole(int(whole), feminine)
    if not fraction:
        return text
    digits = f"{fraction:f}".split(".")[1].rstrip("0")
    if len(digits) > 3:
        raise ValueError("A quantity has at most three decimals.")
    # Read digit by digit while zeros lead, so that 0,05 and 0,5 cannot be taken for each other.
    zeros = len(digits) - len(digits.lstrip("0"))
    after = ["zero"] * zeros + [_whole(int(digits), feminine)]
    return f"{text} vírgula {' '.join(after)}"


def _whole(number: int, feminine: bool) -> str:
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _below_thousand(rest, feminine)
    text = "mil" if thousands == 1 else f"{_below_thousand(thousands, feminine)} mil"
    if not rest:
        return text
    # «mil e cem», «mil e vinte», but «mil duzentos e trinta».
    joint = " e " if rest < 100 or rest % 100 == 0 else " "
    return f"{text}{joint}{_below_thousand(rest, feminine)}"


def _below_thousand(number: int, feminine: bool) -> str:
    if number == 100:
        return "cem"
    hundreds, rest = divmod(number, 100)
    parts = []
    if hundreds:
        word = _HUNDREDS[hundreds - 1]
        parts.append(word.replace("ntos", "ntas") if feminine and hundreds > 1 else word)
    if rest and rest < 20:
        parts.append(_gender(_SMALL[rest], feminine))
    elif rest:
        tens, ones = divmod(rest, 10)
        parts.append(_TENS[tens - 2])
        if ones:
            parts.append(_gender(_SMALL[ones], feminine))
    elif not hundreds:
        parts.append(_SMALL[0])
    return " e ".join(parts)


def _gender(word: str, feminine: bool) -> str:
    return _FEMININE.get(word, word) if feminine else word


FEMININE_UNITS = (
    "caixa", "ampola", "bisnaga", "cápsula", "caneta", "drágea", "gota", "unidade", "seringa", "cartela", "embalagem",
    "embalagens", "pastilha", "injeção", "injeções", "aplicação", "aplicações",
)  # fmt: skip
"""Units in which quantities are counted in the feminine."""


def quantity_in_words(number: int | Decimal, unit: str) -> str:
    """A quantity with its unit in words: «duas caixas», «trinta comprimidos»."""
    feminine = unit.strip().lower().startswith(FEMININE_UNITS)
    return f"{in_words(number, feminine=feminine)} {unit}".strip()
