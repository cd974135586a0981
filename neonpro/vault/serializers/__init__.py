"""Fixtures hold ciphertext: `dumpdata` opens nothing, whatever the type of a value.

Django's serializers ask a field to write its value as text, except dates and numbers, which they take as they are.
"""

from typing import Any

from django.db import models

from neonpro.vault.fields import EncryptedField


class SealedFields:
    """For the serializers of `SERIALIZATION_MODULES`: an encrypted field always speaks for itself."""

    def _value_from_field(self, obj: models.Model, field: Any) -> Any:
        if isinstance(field, EncryptedField):
            return field.value_to_string(obj)
        return super()._value_from_field(obj, field)  # type: ignore[misc]
