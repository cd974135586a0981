"""What every model of a clinic's table shares."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from neonpro.db import context
from neonpro.db.audit import TouchUpdatedAt


class CurrentClinic(models.Func):
    """The clinic of the transaction's context, in SQL."""

    function = "neonpro.current_clinic"
    output_field = models.UUIDField()


def current_clinic() -> UUID | None:
    """The clinic of the open context: the default of every new row."""
    open_context = context.current()
    return open_context.clinic if open_context else None


class RecordModel(models.Model):
    """An id that exists before the row does, and two times that the database keeps."""

    id = models.UUIDField(primary_key=True, default=uuid4, db_default=RandomUUID(), editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), db_default=Now(), editable=False)

    class Meta:
        abstract = True


class ClinicModel(RecordModel):
    """A row that belongs to one clinic. Its Meta takes `tenancy(...)` as constraints and `RecordChanges` as trigger."""

    clinic = models.ForeignKey(
        "clinics.Clinic",
        on_delete=models.PROTECT,
        default=current_clinic,
        db_default=CurrentClinic(),
        editable=False,
        related_name="+",
        # The row policies and the composite primary key already lead with it.
        db_index=False,
        verbose_name=_("clinic"),
    )

    class Meta:
        abstract = True


class ClinicForeignKey(models.ForeignKey[Any, Any]):
    """A reference to another table of the same clinic; `tenancy(same_clinic=[...])` makes its constraint.

    No index by default: one that is led by the clinic is the model's to declare.
    """

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **options: Any) -> None:
        options.setdefault("related_name", "+")
        options["db_constraint"] = False
        options.setdefault("db_index", False)
        super().__init__(to, on_delete, **options)


def closed_list(
    table: str, field: str, choices: type[models.TextChoices], *, blank: bool = False
) -> models.CheckConstraint:
    """A CHECK that a column holds one of a closed list's values (or nothing, where `blank`)."""
    values: Iterable[str] = [*choices.values, *([""] if blank else [])]
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=f"{table}_{field}_listed")


TOUCH = TouchUpdatedAt()
"""The trigger that keeps `updated_at`; every model lists it in its Meta."""
