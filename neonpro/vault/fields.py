"""Model fields whose values PostgreSQL only ever sees encrypted; the ORM and the admin see plain values.

AES-SIV (RFC 5297), deterministic, with the field's label, the patient and the record bound in: an unchanged value stays
byte-equal, so that the audit trigger sees real changes only, and a value that was moved to another row, field or
patient does not open. A value that cannot be opened reads as a `Withheld` placeholder, which a save writes back.
"""

import base64
import binascii
import json
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, cast
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.core import checks
from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.db.models.expressions import BaseExpression
from django.db.models.query_utils import DeferredAttribute
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from neonpro.vault.keys import CATEGORIES, Act, Erased, Keyring, Refused, Status, VaultError, keyring

_VERSION: Final = b"\x01"
"""The first byte of every stored value: how the rest is to be read."""

_BLOCK: Final = 16
"""Plaintexts are filled up to a multiple of this many bytes: the length of a value gives little away."""

_MARK: Final = "\0sealed:"
"""Before a ciphertext in a fixture. A form refuses the NUL, so nobody can type one."""

STATE: Final = "_vault"
"""Where an instance keeps its `State`."""


class SealedError(VaultError):
    """Something asked for encrypted values in a way that cannot open them."""


class Sealed(bytes):
    """A value as PostgreSQL has it. Printing it shows nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<sealed>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)


_WORDS: Final[dict[Status, Callable[[], str]]] = {
    Status.ERASED: lambda: _("«erased»"),
    Status.MISSING: lambda: _("«erased»"),
    Status.WITHHELD: lambda: _("«restricted access»"),
    Status.RESTRICTED: lambda: _("«restricted access»"),
    Status.UNREADABLE: lambda: _("«unreadable»"),
}


class Withheld(str):
    """What a reader sees in place of a value that does not open; a save writes the ciphertext back untouched."""

    __slots__ = ("sealed", "status")

    status: Status
    sealed: Sealed

    def __new__(cls, status: Status, sealed: bytes) -> "Withheld":
        placeholder = super().__new__(cls, _WORDS[status]())
        placeholder.status = status
        placeholder.sealed = Sealed(sealed)
        return placeholder

    def __reduce__(self) -> Any:
        return Withheld, (self.status, bytes(self.sealed))


@dataclass(slots=True, repr=False)
class Page:
    """Records that were read together: the keys of all of them are opened in one call."""

    patients: tuple[UUID, ...]
    categories: tuple[str, ...]
    act: Act


@dataclass(slots=True, repr=False)
class State:
    """What an instance knows of its own ciphertexts."""

    patient: UUID | None = None
    record: UUID | None = None
    sealed: dict[str, Sealed] = field(default_factory=dict)
    """The ciphertexts that the database has, of the values that were opened or saved."""
    pending: dict[str, tuple[Any, Sealed]] = field(default_factory=dict)
    """Ciphertexts made for the save that is under way, with the value each stands for."""
    page: Page | None = None
    raw: bool = False
    """A fixture is being loaded: Django reads the attributes themselves, and must find ciphertext."""


_as_stored: ContextVar[bool] = ContextVar("neonpro_as_stored", default=False)


@contextmanager
def as_stored() -> Any:
    """Inside, attributes give the ciphertext and nothing is opened: for code that moves values without reading them."""
    token = _as_stored.set(True)
    try:
        yield
    finally:
        _as_stored.reset(token)


def is_as_stored() -> bool:
    """Whether attributes give the ciphertext just now."""
    return _as_stored.get()


def state_of(instance: models.Model) -> State:
    """What an instance knows of its ciphertexts; made empty where there was none."""
    state = instance.__dict__.get(STATE)
    if state is None:
        state = instance.__dict__[STATE] = State()
    return cast(State, state)


def encrypted_fields(model: type[models.Model]) -> "list[EncryptedField]":
    """The encrypted fields of a model, in its order."""
    return [found for found in model._meta.concrete_fields if isinstance(found, EncryptedField)]


class NoLookup(models.Lookup[Any]):
    """Every lookup of an encrypted field but isnull."""

    def __init__(self, lhs: Any, rhs: Any) -> None:
        label = lhs.output_field.label
        raise FieldError(f"{label} is encrypted: PostgreSQL cannot compare it. Use the search, or isnull.")


class EncryptedAttribute(DeferredAttribute):
    """Opens a value when it is first read, together with those of the page it came with."""

    field: "EncryptedField"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        name = self.field.attname
        value = instance.__dict__.get(name, self)
        if value is self:
            value = super().__get__(instance, owner)
        if isinstance(value, Sealed) and not _as_stored.get():
            state = state_of(instance)
            if not state.raw:
                value = instance.__dict__[name] = self.field.open(instance, value, state)
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedField(models.Field[Any, Any]):
    """What the encrypted fields share; the concrete ones below also are Django's own, for forms and validation.

    Args:
        label: names the field in every ciphertext, for ever: never change it, not even when the field is renamed.
        category: which of the patient's keys (`neonpro.vault.keys.CATEGORIES`).
        patient: the foreign key that leads to the patient; "self" on the patient.
    """

    descriptor_class = EncryptedAttribute
    deferred = False
    """Whether a queryset leaves it in the database until it is read."""

    def __init__(self, *args: Any, label: str, category: str, patient: str = "self", **options: Any) -> None:
        self.label = label
        self.category = category
        self.patient = patient
        self._bound_label = label.encode()
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        options |= {"label": self.label, "category": self.category, "patient": self.patient}
        return name, path, args, options

    def check(self, **options: Any) -> list[checks.CheckMessage]:
        messages = super().check(**options)
        if self.category not in CATEGORIES:
            messages.append(checks.Error(f"{self.category!r} is no category.", obj=self, id="vault.E001"))
        if self.unique or getattr(self, "db_index", False):
            messages.append(
                checks.Error(
                    "An encrypted value cannot be unique or indexed.",
                    hint="Declare it in the model's SearchIndex.",
                    obj=self,
                    id="vault.E002",
                )
            )
        return messages

    # --- opening and sealing -----------------------------------------------------------------------------------------

    @property
    def patient_attname(self) -> str:
        """The attribute that holds the patient's id."""
        return "id" if self.patient == "self" else f"{self.patient}_id"

    def binding(self, instance: Any) -> tuple[UUID, UUID]:
        """The patient and the record that a value of this instance is bound to.

        Raises:
            SealedError: the instance says neither yet.
        """
        patient, record = getattr(instance, self.patient_attname), instance.id
        if patient is None or record is None:
            raise SealedError(f"{self.label} needs its patient before it can hold a value.")
        return patient, record

    def encode(self, value: Any) -> bytes:
        """A plain value as the bytes that are encrypted."""
        raise NotImplementedError

    def decode(self, text: bytes) -> Any:
        """The plain value of decrypted bytes."""
        raise NotImplementedError

    def is_empty(self, value: Any) -> bool:
        """Whether there is nothing to encrypt: that a field is empty is no secret, and needs no key."""
        return value is None

    def encrypt(self, cipher: AESSIV, value: Any, patient: UUID, record: UUID) -> Sealed:
        """The ciphertext of a plain value."""
        text = self.encode(value) + b"\x80"
        text = text.ljust(-(-len(text) // _BLOCK) * _BLOCK, b"\0")
        return Sealed(_VERSION + cipher.encrypt(text, [self._bound_label, patient.bytes, record.bytes]))

    def decrypt(self, cipher: AESSIV, sealed: bytes, patient: UUID, record: UUID) -> Any:
        """The plain value of a ciphertext.

        Raises:
            InvalidTag: it is another record's, field's or patient's, or was altered.
        """
        if sealed[:1] != _VERSION:
            raise InvalidTag
        try:
            text = cipher.decrypt(sealed[1:], [self._bound_label, patient.bytes, record.bytes])
        except ValueError as error:
            # Shorter than a tag.
            raise InvalidTag from error
        return self.decode(text[: text.rindex(b"\x80")])

    def rewritten(self, old: AESSIV, new: AESSIV, sealed: bytes, patient: UUID, record: UUID) -> bytes:
        """A ciphertext under another key of the same patient and category; it says the same.

        Raises:
            InvalidTag: the old key does not open it.
        """
        if sealed[:1] != _VERSION:
            raise InvalidTag
        binding = [self._bound_label, patient.bytes, record.bytes]
        return _VERSION + new.encrypt(old.decrypt(sealed[1:], binding), binding)

    def open(self, instance: Any, sealed: Sealed, state: State) -> Any:
        """The plain value of an instance's ciphertext, or a `Withheld` that says why there is none."""
        if not sealed:
            return ""
        if state.patient is None or state.record is None:
            # Set by hand, from a fixture for instance: it is this instance's or nobody's.
            state.patient, state.record = self.binding(instance)
        patient, record = state.patient, state.record
        ring = keyring(instance._state.db or "default")
        if not ring.knows(patient, self.category):
            self._open_page(ring, patient, instance, state)
        cipher = ring.cipher(patient, self.category)
        if isinstance(cipher, Status):
            return Withheld(cipher, sealed)
        try:
            value = self.decrypt(cipher, sealed, patient, record)
        except InvalidTag:
            ring.report_unreadable(patient, self.label)
            return Withheld(Status.UNREADABLE, sealed)
        state.sealed[self.attname] = sealed
        return value

    def _open_page(self, ring: Keyring, patient: UUID, instance: Any, state: State) -> None:
        page = state.page
        if page is None:
            # Read by itself, so everything of the record is wanted.
            names = tuple(dict.fromkeys(found.category for found in encrypted_fields(type(instance))))
            page = state.page = Page((patient,), names, Act.READ)
        categories = page.categories if self.category in page.categories else (self.category,)
        ring.open((*page.patients, patient), categories, page.act)

    def sealed_value(self, instance: Any) -> Sealed | None:
        """What the database is to hold for an instance: its ciphertext as it was, or one made of the plain value.

        Raises:
            Erased, Refused: there is no key to encrypt with.
            FieldError: the value is an expression.
        """
        value = instance.__dict__.get(self.attname)
        if value is None:
            return None
        if self.is_empty(value):
            return Sealed()
        state = state_of(instance)
        pending = state.pending.get(self.attname)
        if pending is not None and pending[0] is value:
            return pending[1]
        if isinstance(value, BaseExpression) or hasattr(value, "resolve_expression"):
            raise FieldError(f"{self.label} is encrypted: PostgreSQL cannot compute it.")
        if isinstance(value, Sealed | Withheld):
            sealed = value.sealed if isinstance(value, Withheld) else value
            if not sealed or state.patient is None or (state.patient, state.record) == self.binding(instance):
                return sealed
            # A copy for another record: what it holds is bound to the first one.
            value = self.open(instance, sealed, state)
            if isinstance(value, Withheld):
                raise Refused(f"{self.label} cannot be copied: it does not open.")
        patient, record = self.binding(instance)
        pair = (patient, self.category)
        cipher = keyring(instance._state.db or "default").for_writing([pair])[pair]
        return self.encrypt(require_open(cipher, self.label), value, patient, record)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return self.sealed_value(model_instance)

    # --- the database ------------------------------------------------------------------------------------------------

    def get_internal_type(self) -> str:
        return "BinaryField"

    def from_db_value(self, value: bytes | None, expression: Any, connection: Any) -> Sealed | None:
        """A value on its way from the database stays sealed until somebody reads it."""
        return None if value is None else Sealed(value)

    def get_prep_value(self, value: Any) -> Any:
        return value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> bytes | None:
        if value is None:
            return None
        if isinstance(value, Withheld):
            return bytes(value.sealed)
        if isinstance(value, Sealed):
            return bytes(value)
        # Django itself takes b"" for the empty value of a column that a migration adds.
        if value in ("", b""):
            return b""
        raise SealedError(
            f"{self.label} is encrypted for its record: set it on an instance and save() or bulk_update() it."
        )

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else NoLookup

    def get_transform(self, lookup_name: str) -> Any:
        return None

    # --- forms and fixtures ------------------------------------------------------------------------------------------

    def to_python(self, value: Any) -> Any:
        if isinstance(value, Sealed | Withheld):
            return value
        if isinstance(value, str) and value.startswith(_MARK):
            try:
                return Sealed(base64.b64decode(value.removeprefix(_MARK), validate=True))
            except binascii.Error as error:
                raise ValidationError("Not a sealed value.") from error
        return super().to_python(value)

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        # Nobody typed it, and nobody can put it right.
        return value if isinstance(value, Sealed | Withheld) else super().clean(value, model_instance)

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        # Whatever a form sends in its place: what the person could not read, the person does not overwrite.
        if not isinstance(getattr(instance, self.attname), Withheld):
            super().save_form_data(instance, data)

    def value_to_string(self, obj: models.Model) -> Any:
        sealed = self.sealed_value(obj)
        return sealed if sealed is None else _MARK + base64.b64encode(sealed).decode()


def require_open(cipher: AESSIV | Status, label: str) -> AESSIV:
    """A key to write with.

    Raises:
        Erased: it was destroyed.
        Refused: the role may not write this, or the key does not open.
    """
    if isinstance(cipher, AESSIV):
        return cipher
    if cipher is Status.ERASED:
        raise Erased(f"The keys of {label} were destroyed: nothing more can be stored there.")
    raise Refused(f"This role cannot write {label} ({cipher}).")


class EncryptedTextField(EncryptedField, models.CharField[Any, Any]):
    """Text; '' where there is none. `multiline` gives it room in forms."""

    def __init__(self, *args: Any, multiline: bool = False, **options: Any) -> None:
        self.multiline = multiline
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        if self.multiline:
            options["multiline"] = True
        return name, path, args, options

    def is_empty(self, value: Any) -> bool:
        return not value

    def encode(self, value: Any) -> bytes:
        return str(value).encode()

    def decode(self, text: bytes) -> str:
        return text.decode()


class EncryptedDateField(EncryptedField, models.DateField[Any, Any]):
    """A day; None where there is none."""

    def encode(self, value: Any) -> bytes:
        # As Django does on saving: somebody may have set the text of a day.
        day = value if isinstance(value, date) else models.DateField.to_python(self, value)
        return day.isoformat().encode()

    def decode(self, text: bytes) -> date | None:
        return parse_date(text.decode())


class EncryptedJSONField(EncryptedField, models.JSONField):  # type: ignore[misc]  # its values come sealed
    """Anything that JSON can say; None where there is nothing."""

    def encode(self, value: Any) -> bytes:
        return json.dumps(value, cls=self.encoder, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    def decode(self, text: bytes) -> Any:
        return json.loads(text, cls=self.decoder)

    def to_python(self, value: Any) -> Any:
        # JSONField takes any text for JSON; only a fixture's mark is ours to read.
        if isinstance(value, str) and value.startswith(_MARK):
            return super().to_python(value)
        return value


class EncryptedBinaryField(EncryptedField, models.BinaryField[Any, Any]):
    """A file of some megabytes; b'' where there is none.

    A queryset of its model leaves it in the database until somebody reads it, so that no list ever loads files
    (`neonpro.vault.models.VaultQuerySet`). Name it in the audit trigger's `withheld`: the log is not the place for it.
    """

    deferred = True

    def is_empty(self, value: Any) -> bool:
        return not value

    def encode(self, value: Any) -> bytes:
        return bytes(value)

    def decode(self, text: bytes) -> bytes:
        return text

    def open(self, instance: Any, sealed: Sealed, state: State) -> Any:
        return super().open(instance, sealed, state) if sealed else b""

    def to_python(self, value: Any) -> Any:
        # From a fixture, plain bytes come as base64.
        plain = super().to_python(value)
        return bytes(plain) if isinstance(plain, memoryview) else plain

    def value_to_string(self, obj: models.Model) -> Any:
        if self.attname in obj.get_deferred_fields():
            with as_stored():
                obj.refresh_from_db(fields=[self.attname])
        return super().value_to_string(obj)


class NotEmpty(models.CheckConstraint):
    """An encrypted field that must hold a value: the database sees how long it is, and no more."""

    def __init__(self, *, name: str, field: str, violation_error_message: Any = None, **options: Any) -> None:
        self.field = field
        length: Any = models.Func(models.F(field), function="octet_length", output_field=models.IntegerField())
        options["condition"] = models.lookups.GreaterThan(length, 0)
        super().__init__(name=name, violation_error_message=violation_error_message, **options)

    def validate(self, *args: Any, **options: Any) -> None:
        """Nothing: forms see plain values, and the database has the last word."""

    def deconstruct(self) -> Any:
        path, args, options = super().deconstruct()
        del options["condition"]
        options["field"] = self.field
        return path, args, options
