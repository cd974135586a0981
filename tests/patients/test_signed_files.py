"""EncryptedBinaryField as its first table meets it: left in the database, copied, pickled, dumped."""

import base64
import copy
import json
import pickle
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError

from clinics.roles import Role
from neonpro import pades
from neonpro.vault.fields import SealedError
from patients.models import RecordSignature
from tests.factories import World
from tests.patients.test_signing import doctor, roots, signed

__all__ = ["doctor", "roots", "signed"]

FIELD = RecordSignature._meta.get_field("document")


def test_a_fixture_holds_the_file_as_ciphertext(doctor: World, signed: RecordSignature) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        (found,) = RecordSignature.objects.all()
        assert "document" in found.get_deferred_fields()
        text = serializers.serialize("json", [found])
        fields = json.loads(text)[0]["fields"]
        assert fields["document"].startswith("\0sealed:")
        assert b"%PDF" not in base64.b64decode(fields["document"].removeprefix("\0sealed:"))
        (loaded,) = serializers.deserialize("json", text)
        again: Any = loaded.object
        assert again.document == RecordSignature.objects.get().document


def test_copies_and_pickles_keep_what_was_read(doctor: World, signed: RecordSignature) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        found = RecordSignature.objects.defer(None).get()
        assert found.get_deferred_fields() == set()
        content = found.document
        assert copy.copy(found).document == content
        raw = pickle.dumps(found)
        assert b"%PDF" not in raw
        assert pickle.loads(raw).document == content  # noqa: S301


def test_what_cannot_be_asked_of_it_is_refused(doctor: World, signed: RecordSignature) -> None:
    with doctor.enter(Role.PROFESSIONAL):
        with pytest.raises(FieldError):
            RecordSignature.objects.filter(document=b"x")
        with pytest.raises(SealedError):
            list(RecordSignature.objects.values_list("document"))
        with pytest.raises(FieldError):
            RecordSignature.objects.order_by("document")


def test_values_are_bytes_however_they_come() -> None:
    assert FIELD.to_python(base64.b64encode(b"abc").decode()) == b"abc"
    assert FIELD.to_python(b"abc") == b"abc"
    assert FIELD.is_empty(b"")
    with pytest.raises(ValidationError):
        FIELD.to_python("\0sealed:!")


def test_some_megabytes_go_in_and_out(doctor: World, signed: RecordSignature) -> None:
    """Encrypted, stored apart and opened again: nothing of it is text, and no byte is lost."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    data = bytes(range(256)) * 16_000
    cipher = AESSIV(AESSIV.generate_key(512))
    patient, record = doctor.patients[0].pk, signed.pk
    sealed = FIELD.encrypt(cipher, data, patient, record)
    assert len(sealed) < len(data) + 64
    assert FIELD.decrypt(cipher, sealed, patient, record) == data
    assert pades.sha256(sealed) != pades.sha256(data)
