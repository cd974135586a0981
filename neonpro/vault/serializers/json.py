"""Django's JSON fixtures, with ciphertext."""

from django.core.serializers import json

from neonpro.vault.serializers import SealedFields

Deserializer = json.Deserializer


class Serializer(SealedFields, json.Serializer):
    """See `SealedFields`."""
