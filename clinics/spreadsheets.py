"""What every file that a spreadsheet may open has in common: no cell of it is taken for a formula."""

import re

_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠|%]|[\t\r\n]")


def harmless(cell: str) -> str:
    """A cell as text: with an apostrophe before what a spreadsheet would compute."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
