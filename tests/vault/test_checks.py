"""The system checks of patients' tables (neonpro/vault/checks.py) find what they are for."""

from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.test.utils import isolate_apps

from neonpro.db.audit import RecordChanges
from neonpro.vault import checks
from neonpro.vault.fields import EncryptedDateField, EncryptedTextField, encrypted_fields
from neonpro.vault.models import VaultModel

NUMBERS = count()
KINDS: Any = (
    models.CharField(max_length=9),
    models.TextField(),
    models.JSONField(),
    models.FileField(),
    models.BinaryField(),
)


def found(model: type[models.Model]) -> list[str | None]:
    return [message.id for message in checks.model_messages(model)]


def make(bases: tuple[type[models.Model], ...] = (VaultModel,), **attributes: Any) -> type[models.Model]:
    """A patient's table with these fields."""

    class Meta:
        app_label = "patients"
        triggers = [RecordChanges(patient="patient")]

    attributes.setdefault("patient", models.ForeignKey("patients.Patient", models.PROTECT, db_constraint=False))
    return type(f"Sample{next(NUMBERS)}", bases, {"__module__": __name__, "Meta": Meta, **attributes})


def secret(**options: Any) -> Any:
    return EncryptedTextField(label="sample.text", category="clinical", patient="patient", **options)


@isolate_apps("patients")
@pytest.mark.parametrize(
    "kind",
    [models.CharField(max_length=9), models.TextField(), models.JSONField(), models.FileField(), models.BinaryField()],
)
def test_a_telling_field_in_clear_needs_a_reason(kind: Any) -> None:
    assert found(make(text=secret(), plain=kind.clone())) == ["vault.E005"]
    assert found(make(text=secret(), plain=kind.clone(), in_clear={"plain": ""})) == ["vault.E005"]
    assert found(make(text=secret(), plain=kind.clone(), in_clear={"plain": "a closed list"})) == []


@isolate_apps("patients")
def test_the_other_mistakes() -> None:
    assert found(make(text=secret())) == []
    assert found(make(text=secret(), in_clear={"gone": "no longer there"})) == ["vault.E006"]
    assert found(make((models.Model,), text=secret())) == ["vault.E003"]
    other = EncryptedTextField(label="sample.other", category="contact")
    assert found(make(text=secret(), other=other)) == ["vault.E004"]
    for field, expected in (
        (EncryptedTextField(label="x", category="nonsense"), "vault.E001"),
        (EncryptedTextField(label="x", category="contact", unique=True), "vault.E002"),
        (EncryptedDateField(label="x", category="contact", db_index=True), "vault.E002"),
    ):
        make((models.Model,), value=field)
        assert expected in [message.id for message in field.check()]


def test_a_table_that_is_about_nobody_is_left_alone() -> None:
    professional = apps.get_model("clinics", "Professional")
    assert not checks.is_patient_table(professional)
    assert found(professional) == []


def test_ours_are_clean_and_labels_never_meet() -> None:
    assert checks.check_patient_tables() == []
    labels = [
        field.label
        for model in apps.get_models()
        if not hasattr(model, "instance_type")
        for field in encrypted_fields(model)
    ]
    assert len(labels) == len(set(labels)) > 15
