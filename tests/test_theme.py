"""The palette: text can be read on what lies behind it, light and dark (WCAG 2.2, 1.4.3: 4.5 to 1)."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).parent.parent / "neonpro" / "static" / "neonpro" / "theme.css").read_text(encoding="utf-8")


def declared(selector: str) -> dict[str, str]:
    """The custom properties of a rule."""
    found = re.search(rf"^{re.escape(selector)} {{(.*?)^}}", CSS, re.MULTILINE | re.DOTALL)
    assert found
    return dict(re.findall(r"--([\w-]+): ([^;]+);", found[1]))


LIGHT = declared(":root")
DARK = LIGHT | declared(".dark")


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    digits = colour.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def colour(palette: dict[str, str], name: str) -> str:
    """A colour by its name, through the names it stands for."""
    value = palette.get(name, name)
    while reference := re.fullmatch(r"var\(--([\w-]+)\)", value):
        value = palette[reference[1]]
    return value


OURS = [
    (text, behind)
    for behind in ("np-surface", "np-raised", "np-sunken", "np-hover")
    for text in ("np-text", "np-strong", "np-subtle")
] + [
    *(("np-accent", behind) for behind in ("np-surface", "np-raised", "np-sunken", "np-accent-soft")),
    *((f"np-{kind}", f"np-{kind}-soft") for kind in ("danger", "warning", "success", "info")),
    *((f"np-{kind}", "np-surface") for kind in ("danger", "warning", "success", "info")),
    ("#fff", "color-primary-600"),
    ("#fff", "color-primary-700"),
]
UNFOLD_LIGHT = [
    *((f"color-font-{kind}-light", f"color-base-{step}") for kind in ("subtle", "default") for step in (50, 100)),
    ("color-primary-600", "#fff"),
    ("color-primary-600", "color-base-100"),
    ("color-primary-700", "color-primary-100"),
]
UNFOLD_DARK = [
    *((f"color-font-{kind}-dark", f"color-base-{step}") for kind in ("subtle", "default") for step in (800, 900)),
    ("color-primary-500", "color-base-900"),
    ("color-primary-500", "color-base-800"),
]


@pytest.mark.parametrize(
    ("palette", "text", "behind"),
    [
        *((LIGHT, *pair) for pair in OURS + UNFOLD_LIGHT),
        *((DARK, *pair) for pair in OURS + UNFOLD_DARK),
    ],
)
def test_text_can_be_read(palette: dict[str, str], text: str, behind: str) -> None:
    assert contrast(colour(palette, text), colour(palette, behind)) >= 4.5


def test_the_measure_is_the_standards() -> None:
    assert contrast("#000", "#fff") == 21
    assert round(contrast("#777", "#fff"), 2) == 4.48
