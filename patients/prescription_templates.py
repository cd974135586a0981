"""The starter set of prescription templates that comes with the product."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from patients.models import PrescriptionTemplate

STARTERS = Path(__file__).parent / "data" / "prescription_templates.toml"


@cache
def starters() -> list[dict[str, Any]]:
    """The templates as the file has them."""
    found: list[dict[str, Any]] = tomllib.loads(STARTERS.read_text(encoding="utf-8"))["template"]
    return found


def install_starters() -> int:
    """Add to the current clinic the templates that it does not have, by key and by name; how many were added."""
    there = set(PrescriptionTemplate.objects.values_list("starter", flat=True))
    names = set(PrescriptionTemplate.objects.values_list("name", flat=True))
    fresh = [
        PrescriptionTemplate(name=one["name"], lines=one["lines"], guidance=one.get("guidance", ""), starter=one["key"])
        for one in starters()
        if one["key"] not in there and one["name"] not in names
    ]
    PrescriptionTemplate.objects.bulk_create(fresh)
    return len(fresh)
