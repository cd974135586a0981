"""Reading the code on a package: GS1 as scanned (with its separators) or as printed (with brackets), RDC 591/2021."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final

_SEPARATOR: Final = "\x1d"

_FIXED: Final = {"01": 14, "11": 6, "13": 6, "15": 6, "17": 6}
"""Application identifiers whose value has a length of its own; those of the others end at a separator."""

_OPEN: Final = {"10": 20, "21": 20, "30": 8, "240": 30}

_SCANNER: Final = re.compile(r"^\](?:d2|C1|e0|Q3)")
"""What a scanner puts before the data to say which symbol it was."""


@dataclass(frozen=True, slots=True)
class Udi:
    """What a code says: the product (DI), and this package of it (PI)."""

    raw: str
    di: str = ""
    lot: str = ""
    serial: str = ""
    expires_on: date | None = None

    @property
    def pi(self) -> str:
        """The production identifiers as people write them."""
        parts = [
            ("10", self.lot),
            ("17", f"{self.expires_on:%y%m%d}" if self.expires_on else ""),
            ("21", self.serial),
        ]
        return "".join(f"({code}){value}" for code, value in parts if value)

    @property
    def understood(self) -> bool:
        """Whether anything was read out of it."""
        return bool(self.di or self.lot or self.serial)


def parse_udi(text: str) -> Udi:
    """Read a code; what is not understood stays as it came, in `raw` alone.

    Args:
        text: as a scanner types it, as it is printed with brackets, or the bare number under a barcode.
    """
    raw = text.strip()
    code = _SCANNER.sub("", raw)
    bare = re.sub(r"\s", "", code)
    if re.fullmatch(r"\d{8}|\d{12,14}", bare):
        return Udi(raw, di=bare)
    found = dict(_bracketed(code)) if code.lstrip().startswith("(") else dict(_plain(code))
    return Udi(
        raw, di=found.get("01", ""), lot=found.get("10", ""), serial=found.get("21", ""),
        expires_on=_day(found.get("17", "")),
    )  # fmt: skip


def _bracketed(code: str) -> list[tuple[str, str]]:
    return [(name, value.strip().strip(_SEPARATOR)) for name, value in re.findall(r"\((\d{2,4})\)([^(]*)", code)]


def _plain(code: str) -> list[tuple[str, str]]:
    """The pairs of a string without brackets; [] as soon as something in it is not known."""
    found, rest = [], code.lstrip(_SEPARATOR)
    while rest:
        name = next((name for name in (*_FIXED, *_OPEN) if rest.startswith(name)), None)
        if name is None:
            return []
        rest = rest[len(name) :]
        if name in _FIXED:
            value, rest = rest[: _FIXED[name]], rest[_FIXED[name] :]
            if len(value) < _FIXED[name] or not value.isdigit():
                return []
        else:
            value, _, rest = rest.partition(_SEPARATOR)
            if not value or len(value) > _OPEN[name]:
                return []
        found.append((name, value))
        rest = rest.lstrip(_SEPARATOR)
    return found


def _day(text: str) -> date | None:
    """A day as YYMMDD; 00 for the day is the month's last."""
    if not re.fullmatch(r"\d{6}", text):
        return None
    year, month, day = 2000 + int(text[:2]), int(text[2:4]), int(text[4:])
    try:
        return date(year, month, day or monthrange(year, month)[1])
    except (ValueError, IndexError):
        return None


def same_product(di: str, gtin: str) -> bool:
    """Whether two codes name the same product: a GTIN may be written with fewer leading zeros."""
    return bool(di and gtin) and di.lstrip("0") == gtin.lstrip("0")
