"""Diagnoses by the International Classification of Diseases: system, version and code, checked for form alone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

SYSTEMS: dict[str, tuple[str, str]] = {
    "CID-10": ("2019", r"^[A-Z]\d{2}(\.?\d)?$"),
    "CID-11": ("2025-01", r"^[0-9A-HJ-NP-Z]{4}(\.[0-9A-HJ-NP-Z]{1,2})?$"),
}
"""The classifications that are written here, the version each is written by, and what their codes look like."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One code, and what whoever wrote it calls it."""

    system: str
    version: str
    code: str
    text: str = ""

    def as_dict(self) -> dict[str, str]:
        """As it is kept in the entry."""
        return {"system": self.system, "version": self.version, "code": self.code, "text": self.text}


def parse(text: str, *, system: str = "CID-10") -> tuple[Diagnosis, ...]:
    """Diagnoses as people type them: one a line, the code first, then what it is called.

    Raises:
        ValidationError: a line does not begin with a code of the system.
    """
    version, form = SYSTEMS[system]
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        code, _space, name = line.partition(" ")
        code = code.strip(":-–").upper()
        if not re.match(form, code):
            raise ValidationError(
                _("“%(code)s” is no code of the %(system)s: write for instance L70.0.")
                % {"code": code[:12], "system": system}
            )
        if system == "CID-10" and len(code) == 4:
            code = f"{code[:3]}.{code[3]}"
        found.append(Diagnosis(system, version, code, name.strip(" :-–")[:160]))
    return tuple(found)


def as_text(diagnoses: Any) -> str:
    """The lines that `parse` reads."""
    rows: Iterable[dict[str, str]] = diagnoses if isinstance(diagnoses, list) else ()
    return "\n".join(f"{row['code']} {row.get('text', '')}".strip() for row in rows)


def system_of(diagnoses: Any) -> str:
    """The classification that an entry's diagnoses are written in; one for all of them."""
    return str(diagnoses[0]["system"]) if isinstance(diagnoses, list) and diagnoses else "CID-10"
