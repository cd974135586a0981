"""History tables: every version of a table's rows, copied by PostgreSQL's own triggers (`sql/record_history.sql`).

The history of the table T is T_history. It is read by whoever may view T; only the triggers add rows, and nobody
changes or takes one away. `clinics.history.ClinicHistory` declares all of it on a model at once.
"""

from collections.abc import Iterable
from typing import Any

import pgtrigger
from django.db.models import BaseConstraint, Model

from neonpro.db.audit import AlwaysTrigger, RecordChanges, RefuseChange, RefuseTruncate
from neonpro.db.policies import PAGE_ENDINGS, ClinicKey, RowPolicy
from neonpro.db.roles import APP, OWNER

SUFFIX = "_history"
"""What follows the table's name in its history's; the trigger function knows it too."""

ONLY_TRIGGERS = "(SELECT pg_catalog.pg_trigger_depth()) > 0"
"""True inside a trigger alone: not even the tables' owner adds a version by hand."""

UNCHANGING = {"id", "clinic", "created_at", "updated_at"}
"""Fields that make no version by themselves."""


class HistoryKey(ClinicKey):
    """The primary key of a history table, (clinic_id, history_id); it is also what tells one from any other table."""

    column = "history_id"


class RecordHistory(AlwaysTrigger):
    """Copy what one kind of statement changed into the table's history; a table needs one for each kind.

    Args:
        operation: pgtrigger.Insert, Update or Delete. PostgreSQL allows one kind a trigger that sees whole statements.
        excluded: fields that the history does not keep.
        derived: fields that are kept, and that make no version when nothing else changes.
    """

    when = pgtrigger.After
    level = pgtrigger.Statement

    def __init__(self, operation: Any, *, excluded: Iterable[str] = (), derived: Iterable[str] = ()) -> None:
        self.excluded = frozenset(excluded)
        self.derived = frozenset(derived)
        referencing = pgtrigger.Referencing(
            old=None if operation == pgtrigger.Insert else "old_rows",
            new=None if operation == pgtrigger.Delete else "new_rows",
        )
        name = f"history_{str(operation).lower()}"
        super().__init__(name=name, operation=operation, referencing=referencing)

    def columns(self, model: type[Model]) -> list[str]:
        """The columns that are copied."""
        return [field.column for field in model._meta.local_concrete_fields if field.name not in self.excluded]

    def render_execute(self, model: type[Model]) -> str:
        kept = self.columns(model)
        still = UNCHANGING | self.derived
        telling = [
            field.column
            for field in model._meta.local_concrete_fields
            if field.column in kept and field.name not in still
        ]
        lists = (", ".join(f'"{column}"' for column in columns) for columns in (kept, telling))
        return f"neonpro.record_history({', '.join(repr(columns) for columns in lists)})"


def history_triggers(triggers: Iterable[Any], *, excluded: Iterable[str] = ()) -> list[RecordHistory]:
    """The triggers that keep a table's history.

    Args:
        triggers: the table's other triggers; what its audit trigger calls derived makes no version either.
        excluded: see `RecordHistory`.
    """
    derived = {name for trigger in triggers if isinstance(trigger, RecordChanges) for name in trigger.derived}
    return [
        RecordHistory(operation, excluded=excluded, derived=derived)
        for operation in (pgtrigger.Insert, pgtrigger.Update, pgtrigger.Delete)
    ]


def history_rules(table: str, constraints: Iterable[BaseConstraint]) -> list[BaseConstraint]:
    """The key and the row policies of a table's history: whoever may view the table may view it, nobody may do more.

    Args:
        table: the table whose versions it keeps.
        constraints: that table's own. A policy that narrows or allows reading does the same in the history,
            but for those of the page «Meus dados», where nobody reads versions.
    """
    viewing = [
        policy
        for policy in constraints
        if isinstance(policy, RowPolicy)
        and policy.command in {"ALL", "SELECT"}
        and APP in policy.to
        and not policy.name.endswith(PAGE_ENDINGS)
    ]
    history = f"{table}{SUFFIX}"
    return [
        HistoryKey(name=f"{history}_key"),
        # For reading only: versions are added by the triggers, for whatever clinic the row is of.
        *(
            RowPolicy(
                name=f"{history}{policy.name.removeprefix(table)}",
                command="SELECT",
                using=policy.using,
                to=policy.to,
                restrictive=policy.restrictive,
            )
            for policy in viewing
        ),
        RowPolicy(name=f"{history}_add", command="INSERT", using=ONLY_TRIGGERS, to=[OWNER]),
    ]


def guards() -> list[AlwaysTrigger]:
    """The triggers of a history table itself."""
    return [RefuseChange(), RefuseTruncate()]


def is_history(model: type[Model]) -> bool:
    """Whether a model's table keeps the versions of another."""
    return any(isinstance(constraint, HistoryKey) for constraint in model._meta.constraints)


def history_of(model: type[Model]) -> type[Model] | None:
    """The model of a table's history, if there is one."""
    return _by_table(model, f"{model._meta.db_table}{SUFFIX}", history=True)


def kept_by(history: type[Model]) -> type[Model] | None:
    """The model whose versions a history table keeps."""
    return _by_table(history, history._meta.db_table.removesuffix(SUFFIX), history=False)


def _by_table(model: type[Model], table: str, *, history: bool) -> type[Model] | None:
    for other in model._meta.apps.get_models(include_auto_created=True):
        if other._meta.db_table == table and not other._meta.proxy and is_history(other) == history:
            return other
    return None
