"""What the role for erasing may reach: every table to look for what is left, a patient's rows to delete or write anew.

The policies are not declared on the models: they follow from them, so that a later table is covered without being
named. `migrate` makes them (`neonpro.db.deploy`), `check --database` compares them (`neonpro.db.catalogue`).
"""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Field, Model

from neonpro.db.audit import RecordChanges
from neonpro.db.history import is_history, kept_by
from neonpro.db.policies import RowPolicy
from neonpro.db.roles import ERASER

NEVER_DELETED = frozenset({"audit_logs"})
"""The log outlives everybody: destroyed keys make it unreadable, nothing takes a row away."""


def patient_column(model: type[Model]) -> str | None:
    """The column that says whose a row is, by the audit trigger of the table or of the one whose history it is."""
    base = kept_by(model) if is_history(model) else model
    for trigger in getattr(base._meta, "triggers", ()) if base is not None else ():
        if isinstance(trigger, RecordChanges) and trigger.patient:
            field: Any = (base or model)._meta.get_field(trigger.patient)
            assert isinstance(field, Field)
            return str(field.column)
    return None


def eraser_policies(model: type[Model]) -> list[RowPolicy]:
    """The policies of one table for the role that erases; none where there is no row security at all."""
    table = model._meta.db_table
    if model._meta.proxy or not any(isinstance(constraint, RowPolicy) for constraint in model._meta.constraints):
        return []
    policies = [RowPolicy(name=f"{table}_eraser_reads", command="SELECT", using="true", to=[ERASER])]
    column = patient_column(model)
    if column and table not in NEVER_DELETED:
        using = f"{column} = (SELECT neonpro.erasing_patient())"
        policies.append(RowPolicy(name=f"{table}_eraser_deletes", command="DELETE", using=using, to=[ERASER]))
        using = f"{column} = (SELECT neonpro.resealing_patient())"
        policies.append(RowPolicy(name=f"{table}_eraser_reseals", command="UPDATE", using=using, to=[ERASER]))
    return policies


def eraser_grants() -> dict[str, frozenset[str]]:
    """What the role may do with each table."""
    grants = {table: {"SELECT"} for table in settings.NEONPRO_SUPPORT_TABLES}
    for model in apps.get_models(include_auto_created=True):
        for policy in eraser_policies(model):
            grants.setdefault(model._meta.db_table, set()).add(policy.command)
    return {table: frozenset(commands) for table, commands in grants.items()}
