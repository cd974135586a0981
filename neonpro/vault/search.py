"""Search without plaintext: what PostgreSQL keeps of a name are keyed hashes of the beginnings of its words.

A token is a 64-bit number, different in each clinic, of which only the role for searching reads any (`sql/
search_tokens.sql`). Statements that carry tokens are bound by the server and so in no log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from struct import unpack
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS

from neonpro.db.bound import execute
from neonpro.vault.fields import EncryptedField, Withheld
from neonpro.vault.keys import Status, keyring
from neonpro.vault.text import fold, words

SHORTEST: Final = 2
LONGEST: Final = 15
"""How many letters of a word's beginning are indexed: what is typed beyond the fifteenth is not compared."""

_WORD: Final = "word"


def name_tokens(key: bytes, *texts: str) -> tuple[int, ...]:
    """What a name is found by: every beginning of 2 to 15 letters of each word, and words of one letter whole.

    Args:
        key: the clinic's search key, 32 bytes.
        texts: names; those of one person together.
    """
    return _tokens(
        key,
        _WORD,
        {
            word[:length]
            for text in texts
            for word in words(text)
            for length in range(min(SHORTEST, len(word)), min(LONGEST, len(word)) + 1)
        },
    )


def word_tokens(key: bytes, term: str) -> tuple[int, ...]:
    """What a name must have all of to be found by a term.

    Words of one letter count only when there is nothing longer, and one alone is no term: it finds nothing.
    """
    typed = words(term)
    telling = [word for word in typed if len(word) >= SHORTEST] or (typed if len(typed) > 1 else [])
    return _tokens(key, _WORD, {word[:LONGEST] for word in telling})


def exact_token(key: bytes, kind: str, value: str) -> int:
    """What a whole value is found by, whatever its case; `kind` (at most 16 letters) keeps a CPF from being a phone."""
    return _tokens(key, kind, [fold(value)])[0]


def unique_token(key: bytes, kind: str, *values: str) -> int:
    """What stands for values that only one patient of a clinic may have together."""
    return _tokens(key, kind, ["\x1f".join(values)])[0]


def _tokens(key: bytes, kind: str, texts: Iterable[str]) -> tuple[int, ...]:
    keyed = blake2b(digest_size=8, key=key, person=kind.encode())
    digests = []
    for text in texts:
        digest = keyed.copy()
        digest.update(text.encode())
        digests.append(digest.digest())
    return unpack(f"<{len(digests)}q", b"".join(digests))


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """By what a model's rows, one for each patient, are found; an attribute `search` of the model.

    Args:
        words: the attributes whose words' beginnings are found.
        exact: for each kind of value, the attributes that are found whole.
        unique: "cpf" and "external": attributes that no two patients of a clinic may share (an empty one is nobody's).
    """

    words: tuple[str, ...]
    exact: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unique: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def fields(self) -> frozenset[str]:
        """The attributes that the index depends on: when one has changed, `write`."""
        return frozenset(chain(self.words, *self.exact.values(), *self.unique.values()))

    def write(self, instances: Iterable[Any], *, using: str = DEFAULT_DB_ALIAS) -> None:
        """Make the index say what these rows say, in one call, after the rows themselves were written.

        A row of which the reader may not see everything, or whose name was erased, is left as it is in the index;
        other values that were erased or do not open are not indexed.

        Raises:
            django.db.IntegrityError: another patient has the CPF (`patients_one_per_cpf`) or the id in another system
                (`patients_one_per_external_id`).
            django.db.DatabaseError: a patient was erased, is restricted, or is not of this clinic.
        """
        rows = {instance.pk: instance for instance in instances if not self._closed(instance)}
        if not rows:
            return
        key = keyring(using).search_key()
        execute(
            "SELECT neonpro.write_tokens(%s::uuid[], %s::text[], %s::bigint[], %s::bigint[])",
            [
                list(rows),
                ["{" + ",".join(map(str, self._found_by(key, row))) + "}" for row in rows.values()],
                [self._unique(key, "cpf", row) for row in rows.values()],
                [self._unique(key, "external", row) for row in rows.values()],
            ],
            using=using,
        )

    def _closed(self, instance: Any) -> bool:
        return any(
            isinstance(value, Withheld) and (name in self.words or value.status in {Status.WITHHELD, Status.RESTRICTED})
            for name in self.fields
            for value in [getattr(instance, name)]
        )

    def _found_by(self, key: bytes, instance: Any) -> Iterable[int]:
        yield from name_tokens(key, *_values(instance, self.words))
        for kind, names in self.exact.items():
            for value in _values(instance, names):
                yield exact_token(key, kind, value)

    def _unique(self, key: bytes, kind: str, instance: Any) -> int | None:
        names = self.unique.get(kind, ())
        values = _values(instance, names)
        return unique_token(key, kind, *values) if names and len(values) == len(names) else None


def _values(instance: Any, names: Iterable[str]) -> list[str]:
    """The values that are there and open, in the form in which they are stored."""
    values = []
    for name in names:
        value = getattr(instance, name)
        if value and not isinstance(value, Withheld):
            stored = instance._meta.get_field(name)
            # A number as somebody typed it, before the row is read back.
            values.append(str(stored.decode(stored.encode(value)) if isinstance(stored, EncryptedField) else value))
    return values
