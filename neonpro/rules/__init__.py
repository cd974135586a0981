"""Floor 2: law as data. Every period, list and limit of law is a rule with a source and the days on which it held.

    from neonpro.rules import rule

    term = rule("lgpd.requests.access_complete", on=received_on)
    due_on = term.period.after(received_on)
    term.citation  # «Lei 13.709/2018, art. 19»

One TOML file a subject; the README's «Law as data» says how to change a rule.
"""

from neonpro.rules.loader import (
    Book,
    BookInvalid,
    NotInForce,
    RuleError,
    UncertainRule,
    UnknownRule,
    book,
    load,
    rule,
    rules,
)
from neonpro.rules.values import LegalRef, Period, Quantity, Rule, Source, Table, Unit

__all__ = [
    "Book",
    "BookInvalid",
    "LegalRef",
    "NotInForce",
    "Period",
    "Quantity",
    "Rule",
    "RuleError",
    "Source",
    "Table",
    "UncertainRule",
    "Unit",
    "UnknownRule",
    "book",
    "load",
    "rule",
    "rules",
]
