"""Django's JSON Lines fixtures, with ciphertext."""

from django.core.serializers import jsonl

from neonpro.vault.serializers import SealedFields

Deserializer = jsonl.Deserializer


class Serializer(SealedFields, jsonl.Serializer):
    """See `SealedFields`."""
