"""Prescribing: a draft, what the law has against it, issuing it as one document a type, cancelling and renewing.

PostgreSQL refuses what goes past this: a change of what was issued, a document of two types, anything proscribed,
anything controlled that is electronic without a number of SNCR (`sql/guard_prescription.sql`), anything electronic
without its signature (`sql/require_signature.sql`).
"""

from patients.prescribing.drafts import (
    FLAGS,
    NUMBERS,
    TEXTS,
    apply_template,
    as_line,
    as_template,
    begin,
    discard,
    draft_item,
    identify,
    items_of,
    put_item,
    remove_item,
    renew,
    template_lines,
)
from patients.prescribing.errors import PrescribingError
from patients.prescribing.issuing import cancel, cancellation_of, issue
from patients.prescribing.numbers import free_numbers, record_numbers, take_number
from patients.prescribing.planning import Plan, Sheet, plan

__all__ = [
    "FLAGS", "NUMBERS", "TEXTS", "Plan", "PrescribingError", "Sheet", "apply_template", "as_line", "as_template",
    "begin", "cancel", "cancellation_of", "discard", "draft_item", "free_numbers", "identify", "issue", "items_of",
    "plan", "put_item", "record_numbers", "remove_item", "renew", "take_number", "template_lines",
]  # fmt: skip
