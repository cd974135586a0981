"""django-simple-history whose rows PostgreSQL writes. `history = ClinicHistory()` on a model is all there is to say.

simple-history makes the historical model and reads it (`patient.history.all()`, `Patient.history.as_of(moment)`). What
it writes by signals misses `update()`, `bulk_create()` and SQL, so here triggers write instead (`neonpro.db.history`).
"""

from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import NOT_PROVIDED, Index, Model
from django.utils.translation import gettext_lazy as _
from simple_history.manager import HistoricalQuerySet, HistoryManager
from simple_history.models import HistoricalRecords

from neonpro.db.history import SUFFIX, guards, history_rules, history_triggers
from neonpro.vault.models import VaultModel, VaultQuerySet


class ClinicHistoryManager(HistoryManager):
    """Reads versions. The triggers have written those of a bulk operation by the time simple-history would."""

    def bulk_history_create(self, objs: Any, *args: Any, **options: Any) -> list[Any]:
        """Nothing, so that `bulk_create_with_history` and the like leave one version a row, not two."""
        return []


class SealedVersions(HistoricalQuerySet, VaultQuerySet):  # type: ignore[type-arg]
    """Versions of a record with encrypted fields."""


class ClinicHistory(HistoricalRecords):
    """The history of a clinic's table.

    The table is `<base>_history`, keyed (clinic_id, history_id) and led by the clinic in every index. Whoever may view
    the base table may view it; only the triggers of the base table, which this declares too, add to it, and nobody
    changes or deletes a version. It says who acted the way the audit log does, and names no account: ask
    `version.history_user` for the name that the clinic knows the person by.

    Raises:
        ImproperlyConfigured: the model belongs to no clinic, or has a field that the history has for itself.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("history_manager", ClinicHistoryManager)
        super().__init__(
            history_user_id_field=models.UUIDField(_("account"), null=True),
            history_user_getter=_name_of,
            history_user_setter=_refuse,
            **options,
        )

    def finalize(self, sender: Any, **options: Any) -> None:
        super().finalize(sender, **options)
        if not hasattr(sender._meta, "simple_history_manager_attribute"):
            return
        # Listening to signals would also make Django fetch what it could delete in one statement.
        for signal, receiver in (
            (models.signals.post_save, self.post_save),
            (models.signals.post_delete, self.post_delete),
            (models.signals.pre_delete, self.pre_delete),
        ):
            signal.disconnect(receiver, sender=sender)
        triggers = list(getattr(sender._meta, "triggers", ()))
        triggers += history_triggers(triggers, excluded=self.excluded_fields)
        # pgtrigger registers the one, migrations are made from the other.
        sender._meta.triggers = sender._meta.original_attrs["triggers"] = triggers

    def create_history_model(self, model: Any, inherited: bool) -> Any:
        if issubclass(model, VaultModel):
            # A version's values are bound to the record, as the record's own; a page of versions opens keys once.
            bases: tuple[Any, ...] = self.bases
            self.bases = (*(base for base in bases if base is not models.Model), VaultModel)
            self.historical_queryset = SealedVersions
        if not any(field.name == "clinic" for field in model._meta.concrete_fields):
            raise ImproperlyConfigured(f"{model.__name__} belongs to no clinic: ClinicHistory is for a ClinicModel.")
        return super().create_history_model(model, inherited)

    def copy_fields(self, model: Any) -> dict[str, Any]:
        """The fields as they are, without what belongs to the base table: indexes, constraints, defaults."""
        fields: dict[str, Any] = super().copy_fields(model)
        for field in fields.values():
            field.db_index = False
            field.default = field.db_default = NOT_PROVIDED
            for cached in ("_get_default", "_db_default_expression"):
                field.__dict__.pop(cached, None)
        # simple-history makes every reference optional; a version without a clinic would be nobody's.
        fields["clinic"].null = fields["clinic"].blank = False
        return fields

    def get_extra_fields(self, model: Any, fields: Any) -> dict[str, Any]:
        extra: dict[str, Any] = super().get_extra_fields(model, fields)
        # Nothing gives a reason, and nothing goes back to a version: it would bring back what was erased.
        for unwanted in ("history_change_reason", "revert_url", "get_default_history_user"):
            del extra[unwanted]
        extra |= {
            "actor_kind": models.TextField(_("kind of actor")),
            "actor": models.TextField(_("actor")),
            "role": models.TextField(_("role")),
            "request_id": models.UUIDField(_("request"), null=True),
            "__str__": _number,
        }
        if clash := sorted(fields.keys() & extra.keys()):
            raise ImproperlyConfigured(f"{model.__name__}: its history has fields named {', '.join(clash)} of its own.")
        return extra

    def get_meta_options(self, model: Any) -> dict[str, Any]:
        table = model._meta.db_table
        options: dict[str, Any] = super().get_meta_options(model)
        return options | {
            "db_table": f"{table}{SUFFIX}",
            # What may be viewed is the model's; the history has no permissions of its own.
            "default_permissions": (),
            "constraints": history_rules(table, model._meta.constraints),
            "indexes": [Index(fields=["clinic", "id", "-history_date"], name=f"{table}_versions")],
            "triggers": guards(),
        }

    def add_extra_methods(self, cls: Any) -> None:
        cls.save_without_historical_record = _not_without

    def create_historical_record(self, *args: Any, **options: Any) -> None:
        """Nothing: the trigger has written it."""

    post_save = post_delete = pre_delete = create_historical_record


def history_model(model: type[Model]) -> Any:
    """The historical model of a model that has a `ClinicHistory`, or None."""
    name = getattr(model._meta, "simple_history_manager_attribute", None)
    return getattr(model, name).model if name else None


def _name_of(version: Any) -> str:
    from clinics import trail

    return trail.who(version.actor_kind, version.actor, trail.names())


def _refuse(version: Any, user: Any) -> NoReturn:
    raise AttributeError("Who acted is read from the signed context by PostgreSQL; it cannot be set.")


def _number(version: Any) -> str:
    """Nothing personal: simple-history would print the record, and for that read it whole."""
    return f"{version.history_type} {str(version.id)[:8]} {version.history_date:%d/%m/%Y %H:%M:%S}"


def _not_without(record: Any, *args: Any, **options: Any) -> NoReturn:
    """In the place of simple-history's method, which here could not keep its promise.

    Raises:
        TypeError: always.
    """
    raise TypeError("A trigger of PostgreSQL keeps the history: nothing is saved without it. Use save().")
