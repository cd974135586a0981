"""Templates of entries: how their sections are written, and the starter set that comes with the product."""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext as _

from patients.models import RecordTemplate
from patients.records import HEADINGS, listed

STARTERS = Path(__file__).parent / "data" / "record_templates.toml"

MOST_SECTIONS = 30
"""Sections of one template: more is no form that anybody fills in."""


def sections_as_text(sections: Sequence[dict[str, Any]]) -> str:
    """Sections as people edit them: one a line, `* heading | hint`."""
    return "\n".join(
        ("* " if one.get("required") else "") + one["heading"] + (f" | {one['hint']}" if one.get("hint") else "")
        for one in sections
    )


def sections_from_text(text: str, *, kind: str, known: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Read what `sections_as_text` writes.

    Args:
        text: one section a line.
        kind: of the entries; what the rules require of them must be among the sections.
        known: the sections as they were: one whose heading stays keeps its code.

    Raises:
        ValidationError: a heading is missing, too long or there twice, or a required section is not there.
    """
    codes = {one["heading"]: one["code"] for one in known} | {str(name): code for code, name in HEADINGS.items()}
    sections: list[dict[str, Any]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        required = line.startswith("*")
        heading, _bar, hint = line.lstrip("* ").partition("|")
        heading, hint = heading.strip(), hint.strip()[:200]
        if not heading or len(heading) > 80:
            raise ValidationError(_("A heading has between 1 and 80 characters: “%(line)s”.") % {"line": line[:40]})
        code = codes.get(heading) or f"x-{slugify(heading)[:40] or len(sections)}"
        if any(code == one["code"] for one in sections):
            raise ValidationError(_("Two sections have the heading “%(heading)s”.") % {"heading": heading})
        sections.append({"code": code, "heading": heading, "hint": hint, "required": required})
    if not 1 <= len(sections) <= MOST_SECTIONS:
        raise ValidationError(_("A template has between 1 and %(count)s sections.") % {"count": MOST_SECTIONS})
    there = {one["code"] for one in sections}
    missing = [code for code in listed(f"records.required.{kind}") if code not in there]
    if missing:
        raise ValidationError(
            _("Entries of this kind need these sections too: %(sections)s.")
            % {"sections": ", ".join(str(HEADINGS[code]) for code in missing)}
        )
    return sections


@cache
def starters() -> list[dict[str, Any]]:
    """The templates that come with the product, as their file has them."""
    found: list[dict[str, Any]] = tomllib.loads(STARTERS.read_text(encoding="utf-8"))["template"]
    return found


def install_starters() -> int:
    """Add to the current clinic those of the starter set that it has not had yet; how many."""
    have = set(RecordTemplate.objects.exclude(starter="").values_list("starter", flat=True))
    taken = set(RecordTemplate.objects.values_list("kind", "name"))
    new = [
        RecordTemplate(
            starter=one["code"], name=one["name"], kind=one["kind"], document_kind=one.get("document_kind", ""),
            specialty=one.get("specialty", ""),
            sections=[
                {"code": part["code"], "heading": part["heading"], "hint": part.get("hint", ""),
                 "required": part.get("required", False)}
                for part in one["section"]
            ],
        )
        for one in starters()
        if one["code"] not in have and (one["kind"], one["name"]) not in taken
    ]  # fmt: skip
    for template in new:
        template.save(force_insert=True)
    return len(new)
