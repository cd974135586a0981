"""The system check of patients' tables: every text, JSON or file field is encrypted, or says why it need not be."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import models

from neonpro.db.audit import RecordChanges
from neonpro.vault.fields import EncryptedField, encrypted_fields
from neonpro.vault.models import VaultModel

_TELLING = (models.CharField, models.TextField, models.JSONField, models.FileField, models.BinaryField)


def check_patient_tables(**_: Any) -> list[CheckMessage]:
    """Every model whose rows are about a patient (its audit trigger says which), from vault.E003 on."""
    return [message for model in apps.get_models(include_auto_created=True) for message in model_messages(model)]


def model_messages(model: type[models.Model]) -> Iterator[CheckMessage]:
    """What is wrong with one model."""
    original = getattr(model, "instance_type", model)
    encrypted = encrypted_fields(model)
    if encrypted and not issubclass(model, VaultModel):
        yield Error(
            f"{model._meta.label} has encrypted fields and is no VaultModel.",
            hint="Make VaultModel its first base.",
            obj=model,
            id="vault.E003",
        )
    if len({found.patient for found in encrypted}) > 1:
        yield Error(f"{model._meta.label}: its fields lead to different patients.", obj=model, id="vault.E004")
    if not is_patient_table(original):
        return
    reasons: dict[str, str] = getattr(original, "in_clear", {})
    for found in original._meta.local_fields:
        if not isinstance(found, _TELLING) or isinstance(found, EncryptedField):
            continue
        if not reasons.get(found.name):
            yield Error(
                f"{original._meta.label}.{found.name} may hold personal data: it is neither encrypted nor explained.",
                hint="Use an encrypted field, or say in the model's in_clear why it holds nothing personal.",
                obj=original,
                id="vault.E005",
            )
    for name in reasons:
        if name not in {found.name for found in original._meta.local_fields}:
            yield Error(
                f"{original._meta.label}.in_clear names {name}, which is no field.", obj=original, id="vault.E006"
            )


def is_patient_table(model: type[models.Model]) -> bool:
    """Whether a model's rows are about a patient: its audit trigger names the column."""
    return any(
        isinstance(trigger, RecordChanges) and trigger.patient for trigger in getattr(model._meta, "triggers", ())
    )
