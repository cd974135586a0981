"""System checks of the models: a table of a clinic that forgot its policies never reaches a migration."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db.models import F, Field, ForeignKey, Model, UniqueConstraint

from neonpro.db.audit import RecordChanges, RefuseChange, RefuseTruncate
from neonpro.db.history import RecordHistory, history_of, is_history, kept_by
from neonpro.db.policies import CURRENT_CLINIC, RowPolicy, SameClinic
from neonpro.db.roles import APP


def check_models(**_: Any) -> list[CheckMessage]:
    """Every model's table is a clinic's, with all that this asks for, or is named in NEONPRO_SUPPORT_TABLES."""
    return [message for model in apps.get_models(include_auto_created=True) for message in model_messages(model)]


def model_messages(model: type[Model]) -> Iterator[CheckMessage]:
    """What is wrong with one model, from neonpro.E001 to neonpro.E008, each with a hint."""
    if model._meta.proxy or not model._meta.managed:
        return
    table = model._meta.db_table
    if not is_tenant(model):
        if any(field.name == "clinic" for field in model._meta.local_fields):
            yield Error(
                f"{table} has a clinic and no restrictive policy on it.",
                hint="Add *tenancy(...) to Meta.constraints.",
                obj=model,
                id="neonpro.E001",
            )
        elif table not in settings.NEONPRO_SUPPORT_TABLES and not row_policies(model):
            yield Error(
                f"{table} belongs to no clinic, and no reason is given.",
                hint="Give it a clinic and *tenancy(...), or name it with its reason in NEONPRO_SUPPORT_TABLES.",
                obj=model,
                id="neonpro.E002",
            )
        return
    history = is_history(model)
    referring = {constraint.field for constraint in model._meta.constraints if isinstance(constraint, SameClinic)}
    for field in model._meta.local_fields:
        stays_inside = (
            not isinstance(field, ForeignKey)
            or _is_own_clinic(field)
            # The versions of checked rows: a constraint would only forbid what they refer to from ever going.
            or (history and not getattr(field, "db_constraint", True))
            or (not history and not is_tenant(field.remote_field.model))
            or (field.name in referring and not getattr(field, "db_constraint", True))
        )
        if not stays_inside:
            yield Error(
                f"{table}.{field.name} could refer to a row of another clinic.",
                hint="A history holds no constraints: db_constraint=False."
                if history
                else f"Use ClinicForeignKey and tenancy(same_clinic=['{field.name}']).",
                obj=model,
                id="neonpro.E003",
            )
        if field.unique and not field.primary_key:
            yield Error(
                f"{table}.{field.name} is unique across clinics: a clash would tell what another clinic holds.",
                hint="Use a UniqueConstraint whose first field is the clinic.",
                obj=model,
                id="neonpro.E004",
            )
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and not _starts_with_clinic(constraint):
            yield Error(
                f"The unique rule {constraint.name} does not start with the clinic.",
                hint="Make the clinic its first field.",
                obj=model,
                id="neonpro.E005",
            )
    triggers = getattr(model._meta, "triggers", [])
    if not any(isinstance(trigger, RecordChanges | RefuseChange) for trigger in triggers):
        yield Error(
            f"Changes of {table} would leave no trace.",
            hint="Add RecordChanges() to Meta.triggers.",
            obj=model,
            id="neonpro.E006",
        )
    yield from _history_messages(model)


def _history_messages(model: type[Model]) -> Iterator[CheckMessage]:
    """A history is the triggers' alone, and there is never one without the other."""
    table = model._meta.db_table
    triggers = list(getattr(model._meta, "triggers", []))
    recording = [trigger for trigger in triggers if isinstance(trigger, RecordHistory)]
    hint = "Declare `history = ClinicHistory()` on the model, and nothing of it by hand."
    if is_history(model):
        writable = [
            policy.name
            for policy in row_policies(model)
            if APP in policy.to and not policy.restrictive and policy.command != "SELECT"
        ]
        guarded = {RefuseChange, RefuseTruncate} <= {type(trigger) for trigger in triggers}
        if writable or not guarded:
            yield Error(f"{table}: versions could be changed or forged.", hint=hint, obj=model, id="neonpro.E007")
        kept = kept_by(model)
        if kept is None or not any(
            isinstance(trigger, RecordHistory) for trigger in getattr(kept._meta, "triggers", [])
        ):
            yield Error(f"{table}: no trigger writes this history.", hint=hint, obj=model, id="neonpro.E008")
        return
    history = history_of(model)
    if not recording and history is None:
        return
    operations = {str(trigger.operation) for trigger in recording}
    held = {field.column for field in history._meta.local_concrete_fields} if history else set()
    if operations != {"INSERT", "UPDATE", "DELETE"} or any(set(t.columns(model)) - held for t in recording):
        yield Error(f"{table}: its history would miss changes.", hint=hint, obj=model, id="neonpro.E008")


def row_policies(model: type[Model]) -> list[RowPolicy]:
    """The row policies that a model declares."""
    return [constraint for constraint in model._meta.constraints if isinstance(constraint, RowPolicy)]


def is_tenant(model: type[Model]) -> bool:
    """Whether a model's rows belong to a clinic: a restrictive policy compares them with the current one."""
    return any(policy.restrictive and (policy.using or "").endswith(CURRENT_CLINIC) for policy in row_policies(model))


def clinic_column(model: type[Model]) -> str:
    """The column in which a tenant model's rows say whose they are."""
    policy = next(policy for policy in row_policies(model) if policy.restrictive)
    return (policy.using or "").split(" = ")[0]


def _is_own_clinic(field: Field[Any, Any]) -> bool:
    return field.column == clinic_column(field.model)


def _starts_with_clinic(constraint: UniqueConstraint) -> bool:
    if constraint.fields:
        return constraint.fields[0] == "clinic"
    first = constraint.expressions[0]
    return isinstance(first, F) and first.name == "clinic"
