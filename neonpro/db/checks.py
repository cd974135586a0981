"""System checks of the models: a table of a clinic that forgot its policies never reaches a migration."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db.models import F, Field, ForeignKey, Model, UniqueConstraint

from neonpro.db.audit import RecordChanges, RefuseChange
from neonpro.db.policies import CURRENT_CLINIC, RowPolicy, SameClinic


def check_models(**_: Any) -> list[CheckMessage]:
    """Every model's table is a clinic's, with all that this asks for, or is named in NEONPRO_SUPPORT_TABLES."""
    return [message for model in apps.get_models(include_auto_created=True) for message in model_messages(model)]


def model_messages(model: type[Model]) -> Iterator[CheckMessage]:
    """What is wrong with one model, from neonpro.E001 to neonpro.E006, each with a hint."""
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
    referring = {constraint.field for constraint in model._meta.constraints if isinstance(constraint, SameClinic)}
    for field in model._meta.local_fields:
        stays_inside = (
            not isinstance(field, ForeignKey)
            or _is_own_clinic(field)
            or not is_tenant(field.remote_field.model)
            or (field.name in referring and not getattr(field, "db_constraint", True))
        )
        if not stays_inside:
            yield Error(
                f"{table}.{field.name} could refer to a row of another clinic.",
                hint=f"Use ClinicForeignKey and tenancy(same_clinic=['{field.name}']).",
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
