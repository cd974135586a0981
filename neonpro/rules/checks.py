"""The system check of the rules: a file that is wrong is named before anybody relies on it."""

from typing import Any

from django.core.checks import CheckMessage, Error

from neonpro.rules.loader import DIRECTORY, read

_HINTS = {
    "rules.E001": "The README's «Law as data» shows what a file looks like.",
    "rules.E002": "The README's «Law as data» names every key.",
    "rules.E003": "The README's «Law as data» shows every kind of value.",
    "rules.E004": "The periods of a code follow each other; end the old one the day before the new one begins.",
    "rules.E005": "Name a rule that holds on all those days, or give the value itself.",
}


def check_rules(**_: Any) -> list[CheckMessage]:
    """Everything wrong in the files, rules.E001 to rules.E005."""
    _book, problems = read(DIRECTORY)
    return [Error(f"{problem}.", hint=_HINTS[problem.id], id=problem.id) for problem in problems]
