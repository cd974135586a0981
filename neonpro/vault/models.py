"""The base of models with encrypted fields: a page opens its keys in one call, a save cannot cross an erasure."""

import copy
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Self, TypeVar, cast
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import models
from django.db.models.query import BaseIterable, ModelIterable

from neonpro.vault.fields import (
    STATE,
    EncryptedField,
    Page,
    Sealed,
    SealedError,
    State,
    Withheld,
    as_stored,
    encrypted_fields,
    is_as_stored,
    require_open,
    state_of,
)
from neonpro.vault.keys import Act, Pair, Status, keyring

M = TypeVar("M", bound=models.Model)


class VaultQuerySet(models.QuerySet[M, M]):
    """A queryset whose instances know what they were read together with."""

    _opening: tuple[tuple[str, ...], Act | None] = ((), None)

    def __init__(self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        super().__init__(model, query, using, hints)
        if query is None and model is not None and (heavy := deferred_fields(model)):
            # No list ever loads files.
            self.query.add_deferred_loading(heavy)

    def opening(self, *categories: str, act: Act | None = None) -> Self:
        """Say which categories a page of these records shows, so that one call opens them all.

        Without it a page opens everything its model has. What is asked for besides is opened when it is read.

        Args:
            categories: see `neonpro.vault.keys.CATEGORIES`.
            act: what the audit log calls it; by default LIST for several patients and READ for one.
        """
        clone: Self = self._chain()  # type: ignore[attr-defined]
        clone._opening = (categories, act)
        return clone

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._opening = self._opening
        return clone  # type: ignore[no-any-return]

    # --- reading -----------------------------------------------------------------------------------------------------

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._refuse_bare_values()
            super()._fetch_all()
            self._link(self._result_cache or [])
        else:
            super()._fetch_all()

    def iterator(self, chunk_size: int | None = None) -> Iterator[Any]:
        """As Django's; the keys of one chunk are opened together."""
        self._refuse_bare_values()
        rows = super().iterator(chunk_size)
        while chunk := list(islice(rows, chunk_size or 2000)):
            self._link(chunk)
            yield from chunk

    def _link(self, rows: Sequence[Any]) -> None:
        iterable: type[BaseIterable[Any]] = self._iterable_class
        if issubclass(iterable, ModelIterable):
            link(rows, *self._opening)

    def _refuse_bare_values(self) -> None:
        """`values()` has no record to open a value with, and would give ciphertext.

        Raises:
            SealedError: it names an encrypted field.
        """
        iterable: type[BaseIterable[Any]] = self._iterable_class
        if issubclass(iterable, ModelIterable):
            return
        for column in self.query.select:
            if isinstance(target := getattr(column, "target", None), EncryptedField):
                raise SealedError(f"{target.label} is encrypted: values() cannot open it. Read the instances.")

    def order_by(self, *field_names: Any) -> Self:
        for name in field_names:
            if isinstance(name, str) and is_encrypted_path(self.model, name.lstrip("-+")):
                raise FieldError(f"{name} is encrypted: PostgreSQL cannot sort by it.")
        return super().order_by(*field_names)

    def only(self, *fields: Any) -> Self:
        clone: Self = self._chain()  # type: ignore[attr-defined]
        names, deferring = clone.query.deferred_loading
        if deferring:
            # What was left out from the beginning may be asked for by name; Django would leave it out for ever.
            clone.query.deferred_loading = names - deferred_fields(self.model), True
        # Without the binding a value could not be opened, and each record would ask for it by itself.
        return super(VaultQuerySet, clone).only(*fields, *self._binding_columns())

    def defer(self, *fields: Any) -> Self:
        if fields == (None,):
            return super().defer(None)
        kept = {name.removesuffix("_id") for name in self._binding_columns()} | self._binding_columns()
        return super().defer(*(name for name in fields if name not in kept))

    def _binding_columns(self) -> set[str]:
        return {found.patient_attname for found in encrypted_fields(self.model)} | {"id"}

    # --- writing -----------------------------------------------------------------------------------------------------

    def bulk_create(
        self, objs: Iterable[Any], batch_size: int | None = None, ignore_conflicts: bool = False,
        update_conflicts: bool = False, update_fields: Any = None, unique_fields: Any = None,
    ) -> list[Any]:  # fmt: skip
        """As Django's; all keys are made in one call and all search tokens written in another.

        Raises:
            SealedError: with a way of solving conflicts: a value is bound to its own record, and to no other's.
        """
        if ignore_conflicts or update_conflicts:
            raise SealedError("Encrypted values are bound to their record: solve conflicts before bulk_create().")
        instances = list(objs)
        change = Change.of(instances, None, using=self.db)
        made = super().bulk_create(instances, batch_size=batch_size)
        change.done()
        return made

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        instances, names = list(objs), list(fields)
        change = Change.of(instances, names, using=self.db)
        with as_stored():
            for instance in instances:
                state = state_of(instance)
                for name, (_, sealed) in state.pending.items():
                    instance.__dict__[name] = sealed
            try:
                count: int = super().bulk_update(instances, names, batch_size=batch_size)
            finally:
                for instance in instances:
                    for name, (value, _) in state_of(instance).pending.items():
                        instance.__dict__[name] = value
        change.done()
        return count

    def update(self, **values: Any) -> int:
        """As Django's, for what is not encrypted; encrypted fields it can only empty.

        Raises:
            SealedError: a new value for an encrypted field.
        """
        if not is_as_stored():
            for name, value in values.items():
                try:
                    found = self.model._meta.get_field(name)
                except FieldDoesNotExist:
                    continue
                if isinstance(found, EncryptedField) and not (
                    value is None or (isinstance(value, str | bytes) and not value)
                ):
                    raise SealedError(f"{found.label} is encrypted for its record: use save() or bulk_update().")
        return super().update(**values)


def deferred_fields(model: type[models.Model]) -> frozenset[str]:
    """The fields of a model that are not loaded with its rows."""
    return frozenset(found.attname for found in encrypted_fields(model) if found.deferred)


class VaultModel(models.Model):
    """A model with encrypted fields. It has an `id` (UUID) that exists before the row does."""

    search: ClassVar[Any] = None
    """A `neonpro.vault.search.SearchIndex`, on the model whose records people search."""
    in_clear: ClassVar[dict[str, str]] = {}
    """The text, JSON and file fields that hold nothing personal, each with the reason (`neonpro.vault.checks`)."""

    objects = VaultQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def __copy__(self) -> Self:
        return self._copied(copy.copy)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._copied(lambda value: copy.deepcopy(value, memo))

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: opened values go back to their ciphertext.

        Raises:
            SealedError: a value was changed and not saved.
        """
        state: dict[str, Any] = super().__getstate__()
        known = state_of(self)
        for found in encrypted_fields(type(self)):
            value = state.get(found.attname)
            if isinstance(value, Sealed | Withheld) or value is None or found.is_empty(value):
                continue
            sealed = found.sealed_value(self)
            if sealed is None or sealed != known.sealed.get(found.attname):
                raise SealedError(f"{found.label} was changed: save the record before pickling it.")
            state[found.attname] = sealed
        state[STATE] = State(known.patient, known.record)
        return state

    def save(self, *args: Any, **options: Any) -> None:
        if self.pk is None:
            self.pk = cast(Any, self._meta.pk).get_pk_value_on_save(self)
        change = Change.of(
            [self], options.get("update_fields"), using=options.get("using") or self._state.db or "default"
        )
        super().save(*args, **options)
        change.done()

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any]) -> Self:
        instance = super().from_db(db, field_names, values)
        columns = instance.__dict__
        patient = encrypted_fields(cls)[0].patient_attname
        columns[STATE] = State(columns.get(patient), columns.get("id"))
        return instance

    def refresh_from_db(self, *args: Any, **options: Any) -> None:
        with as_stored():
            super().refresh_from_db(*args, **options)
        state = state_of(self)
        state.pending.clear()
        state.patient, state.record = (
            self.__dict__.get(encrypted_fields(type(self))[0].patient_attname),
            self.__dict__.get("id"),
        )

    def _copied(self, duplicate: Any) -> Self:
        # Not by way of __getstate__, which seals: a copy in memory keeps what was opened.
        twin = type(self).__new__(type(self))
        for name, value in self.__dict__.items():
            twin.__dict__[name] = duplicate(value) if name not in {STATE} else copy.deepcopy(value)
        twin._state = copy.copy(self._state)
        twin._state.fields_cache = self._state.fields_cache.copy()
        return twin


_Plain = tuple[Any, UUID, UUID, list[tuple[EncryptedField, Any]]]
"""An instance, its patient, its record, and what of it has to be encrypted."""


@dataclass(slots=True)
class Change:
    """The encrypted side of one write: keys made and held before it, ciphertexts and search tokens after it."""

    instances: Sequence[Any]
    fields: "list[EncryptedField]"
    reindex: list[Any]

    @classmethod
    def of(cls, instances: Sequence[Any], names: Iterable[str] | None, *, using: str) -> "Change":
        """Seal what instances hold, with one call for the keys of all of them.

        Args:
            instances: of one model.
            names: the fields that will be written; None for all.
            using: the database alias.

        Raises:
            Erased: keys were destroyed, also by an erasure that this write had to wait for.
            Refused: the role may not write this.
        """
        if not instances:
            return cls([], [], [])
        model = type(instances[0])
        wanted = None if names is None else set(names)
        fields = [
            found for found in encrypted_fields(model)
            if wanted is None or found.name in wanted or found.attname in wanted
        ]  # fmt: skip
        plain = list(cls._plain(instances, fields))
        ciphers = cls._ciphers(plain, using)
        dirty: set[Pair] = set()
        for instance, patient, record, values in plain:
            state = state_of(instance)
            # A patient that is being made has only keys that were made for it just now, or for_writing refused.
            newborn = fields[0].patient == "self" and instance._state.adding
            for found, value in values:
                pair = (patient, found.category)
                sealed = found.encrypt(require_open(ciphers[pair], found.label), value, patient, record)
                state.pending[found.attname] = (value, sealed)
                if not newborn and sealed != state.sealed.get(found.attname):
                    dirty.add(pair)
        if dirty:
            keyring(using).hold(dirty)
        return cls(instances, fields, cls._to_index(model, instances, fields))

    @staticmethod
    def _plain(instances: Sequence[Any], fields: "list[EncryptedField]") -> "Iterator[_Plain]":
        """The values that have to be encrypted."""
        for instance in instances:
            columns = instance.__dict__
            values = [
                (found, value)
                for found in fields
                if (value := columns.get(found.attname)) is not None
                and not found.is_empty(value)
                and not isinstance(value, Sealed | Withheld)
                and not hasattr(value, "resolve_expression")
            ]
            if values:
                yield instance, *fields[0].binding(instance), values

    @staticmethod
    def _ciphers(plain: "list[_Plain]", using: str) -> dict[Pair, AESSIV | Status]:
        if not plain:
            return {}
        fresh: set[Pair] = set()
        known: set[Pair] = set()
        for instance, patient, _record, values in plain:
            newborn = values[0][0].patient == "self" and instance._state.adding
            (fresh if newborn else known).update([(patient, found.category) for found, _value in values])
        ring = keyring(using)
        ciphers = ring.for_writing(known) if known else {}
        return ciphers | (ring.for_writing(fresh, fresh=True) if fresh else {})

    @staticmethod
    def _to_index(model: type[Any], instances: Sequence[Any], fields: "list[EncryptedField]") -> list[Any]:
        """Those of which the search must learn something new."""
        if model.search is None:
            return []
        names = [found.attname for found in fields if found.attname in model.search.fields]
        return [
            instance
            for instance in instances
            if instance._state.adding or any(_differs(instance, name) for name in names)
        ]

    def done(self) -> None:
        """The rows are written: tell the search, and remember their ciphertexts."""
        # First, for it may refuse (a CPF that is taken): then the values are still to be indexed.
        if self.reindex:
            type(self.reindex[0]).search.write(self.reindex)
        for instance in self.instances:
            state = state_of(instance)
            for name, (_, sealed) in state.pending.items():
                state.sealed[name] = sealed
            state.pending.clear()
            if self.fields:
                state.patient, state.record = self.fields[0].binding(instance)


def _differs(instance: Any, name: str) -> bool:
    state, value = state_of(instance), instance.__dict__.get(name)
    if isinstance(value, Sealed | Withheld) or name not in instance.__dict__:
        return False
    if name in state.pending:
        return state.pending[name][1] != state.sealed.get(name)
    # Empty now; and before?
    return bool(state.sealed.get(name))


def link(rows: Sequence[Any], categories: tuple[str, ...] = (), act: Act | None = None) -> None:
    """Tell records what they were read together with; also those that came along by select_related.

    Args:
        rows: instances of one model.
        categories: what is opened together; () for all that their models have.
        act: see `VaultQuerySet.opening`.
    """
    if not rows:
        return
    first = rows[0]
    if isinstance(first, VaultModel):
        states = [state_of(row) for row in rows]
        patients = tuple(dict.fromkeys(state.patient for state in states if state.patient is not None))
        names = categories or tuple(dict.fromkeys(found.category for found in encrypted_fields(type(first))))
        page = Page(patients, names, act or (Act.LIST if len(patients) > 1 else Act.READ))
        for state in states:
            state.page = page
    for name in first._state.fields_cache:
        related = dict.fromkeys(row._state.fields_cache.get(name) for row in rows)
        # What was prefetched has been told by its own queryset.
        link([one for one in related if isinstance(one, VaultModel) and state_of(one).page is None], categories, act)


def is_encrypted_path(model: type[models.Model], path: str) -> bool:
    """Whether a lookup path such as "patient__name" ends in an encrypted field."""
    here: Any = model
    for name in path.split("__"):
        try:
            found = here._meta.get_field(name)
        except (FieldDoesNotExist, AttributeError):
            return False
        if isinstance(found, EncryptedField):
            return True
        here = getattr(found, "related_model", None)
    return False
