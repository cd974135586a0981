"""What an erasure keeps of a category whose other part goes: written anew under a fresh key, so that the old can go.

Without it the audit log's and older dumps' ciphertext of the part that went would open as long as the kept part does.
The log's own ciphertext of the kept part does not open afterwards either: the log is never rewritten.
"""

import os
from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from neonpro.db.bound import execute
from neonpro.vault.fields import EncryptedField, encrypted_fields
from neonpro.vault.keys import KEY_BYTES, Act, VaultError, keyring, master_keys
from neonpro.vault.models import VaultModel
from neonpro.vault.retention import patient_models

BATCH: Final = 1000
"""Values a statement: photographs are large."""


class CannotReseal(VaultError):
    """Whoever erases may not open what is kept, so it cannot be written anew; nothing was changed."""


def reseal(patient: UUID, categories: Sequence[str], *, but: Collection[UUID] = ()) -> int:
    """Replace keys and write all that is left under them anew; inside an erasure, after its rows went.

    Args:
        patient: whom the transaction erases.
        categories: of which a part is kept.
        but: rows that stay without what they say: their texts stay under the old key, and so open no more.

    Returns:
        How many values there were, versions included.

    Raises:
        CannotReseal: a category does not open for whoever erases.
    """
    ring = keyring()
    if not categories:
        return 0
    ring.open([patient], categories, Act.READ)
    olds = {name: cipher for name in categories if isinstance(cipher := ring.cipher(patient, name), AESSIV)}
    if closed := _used(categories, but) - olds.keys():
        raise CannotReseal(", ".join(sorted(closed)))
    if not olds:
        return 0
    secrets = {name: os.urandom(KEY_BYTES) for name in olds}
    master = master_keys()[0]
    wrapped = [master.wrap(secret, patient, name) for name, secret in secrets.items()]
    execute(
        "SELECT neonpro.renew_keys(%s::uuid, %s::text[], %s::integer, %s::bytea[])",
        [patient, list(secrets), master.kid, wrapped],
    )
    news = {name: AESSIV(secret) for name, secret in secrets.items()}
    return sum(
        _reseal_field(found, patient, but, olds[found.category], news[found.category]) for found in _fields(olds.keys())
    )


def _fields(categories: Any) -> list[EncryptedField]:
    return [
        found
        for model in patient_models() if issubclass(model, VaultModel)
        for found in encrypted_fields(model) if found.category in categories
    ]  # fmt: skip


def _used(categories: Sequence[str], but: Collection[UUID]) -> set[str]:
    """The categories under which something is left."""
    return {found.category for found in _fields(categories) if _values(found, but)}


def _values(found: EncryptedField, but: Collection[UUID]) -> list[tuple[UUID, bytes]]:
    rows = execute(
        "SELECT record, sealed FROM neonpro.sealed_values(%s::text, %s::text)",
        [found.model._meta.db_table, found.column],
    )
    return [(record, bytes(sealed)) for record, sealed in rows if record not in but]


def _reseal_field(found: EncryptedField, patient: UUID, but: Collection[UUID], old: AESSIV, new: AESSIV) -> int:
    moved = []
    for record, sealed in _values(found, but):
        try:
            moved.append((record, sealed, found.rewritten(old, new, sealed, patient, record)))
        except InvalidTag:
            # It did not open before either: a value that was altered stays what it is.
            continue
    done = 0
    for start in range(0, len(moved), BATCH):
        records, olds, news = (list(part) for part in zip(*moved[start : start + BATCH], strict=True))
        ((number,),) = execute(
            "SELECT neonpro.reseal_rows(%s::text, %s::text, %s::uuid[], %s::bytea[], %s::bytea[])",
            [found.model._meta.db_table, found.column, records, olds, news],
        )
        done += int(number)
    return done
