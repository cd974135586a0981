"""How long a table's rows are kept: each model of a patient's data says under which rules of `retention.toml`.

    retention = "prescription"                       # retention.prescription.period and .outcomes
    retention = (                                    # the first share that a row meets is its own
        Share("appointment_attended", rows=Q(status="completed"), since="day"),
        Share("appointment_not_attended", since="day"),
    )

The attribute stands next to `in_clear`; `declared()` is the one place that reads it, and a system check wants it of
every table whose audit trigger names a patient.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db.models import Model, Q

from neonpro.db.history import is_history
from neonpro.rules import book
from neonpro.vault.checks import is_patient_table


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a table's rows that one rule is about.

    Args:
        code: of the rules `retention.<code>.outcomes` and `.period`.
        rows: which rows; None for all that no share before it took.
        since: the field that says when a row happened: its period counts from it.
        categories: on the patient's own row alone, the categories of its fields; () for whole rows.
    """

    code: str
    rows: Q | None = None
    since: str = "created_at"
    categories: tuple[str, ...] = ()


def declared(model: type[Model]) -> tuple[Share, ...]:
    """What a model declares; nothing where it declares nothing."""
    found: Any = getattr(model, "retention", ())
    return (Share(found),) if isinstance(found, str) else tuple(found)


def patient_models() -> list[type[Model]]:
    """Every model whose rows are about a patient, without the histories and without the audit log."""
    return sorted(
        (
            model
            for model in apps.get_models(include_auto_created=True)
            if is_patient_table(model) and not is_history(model) and not model._meta.proxy
        ),
        key=lambda model: model._meta.db_table,
    )


def check_retention(**_: Any) -> list[CheckMessage]:
    """Every table with a patient says how long it is kept (vault.E007), by rules that exist (vault.E008)."""
    return [message for model in patient_models() for message in retention_messages(model)]


def retention_messages(model: type[Model]) -> Iterator[CheckMessage]:
    """What is wrong with one model's declaration."""
    shares = declared(model)
    if not shares:
        yield Error(
            f"{model._meta.label} holds a patient's data and does not say how long: an erasure cannot decide.",
            hint='Say under which rules, next to in_clear: retention = "medical_record".',
            obj=model,
            id="vault.E007",
        )
    for share in shares:
        if f"retention.{share.code}.outcomes" not in book().periods:
            yield Error(f"There are no rules retention.{share.code}.….", obj=model, id="vault.E008")
    if shares and not any(share.categories for share in shares) and shares[-1].rows is not None:
        yield Error(
            f"{model._meta.label}: a row that no share's condition meets has no rule.",
            hint="Let the last share be without rows=.",
            obj=model,
            id="vault.E008",
        )
