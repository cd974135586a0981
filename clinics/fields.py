"""Model fields of Brazilian identifiers: whatever way a person types one, one form is stored."""

import re
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models

from clinics import identifiers
from neonpro.vault.fields import EncryptedTextField, Withheld


class _Cleaned(models.CharField[Any, Any]):
    """Text that `_clean` brings into its stored form, in forms and on every save."""

    _clean: Callable[[str], str]
    _length: int

    def __init__(self, *args: Any, **options: Any) -> None:
        options["max_length"] = self._length
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        del options["max_length"]
        return name, path, args, options

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        plain = isinstance(value, str) and not isinstance(value, Withheld)
        return type(self)._clean(value) if plain else value

    def formfield(self, *args: Any, **options: Any) -> Any:
        # Room for the punctuation that people type.
        field: Any = super().formfield(*args, **options)
        if field is not None:
            field.max_length = None
            field.validators = [v for v in field.validators if getattr(v, "code", "") != "max_length"]
            field.widget.attrs.pop("maxlength", None)
        return field


class _InClear(_Cleaned):
    """Of a business, or of a person in their trade."""

    def get_prep_value(self, value: Any) -> Any:
        # Stored values are clean already; a query with a punctuated number must find them all the same.
        return _tidy(type(self)._clean, models.CharField.to_python(self, value))


class _Encrypted(EncryptedTextField, _Cleaned):
    """Of a patient. What has the stored form already is left alone: checking its digits again took an import longer
    than encrypting them."""

    _stored: re.Pattern[str]

    def encode(self, value: Any) -> bytes:
        stored = isinstance(value, str) and self._stored.fullmatch(value)
        return super().encode(value if stored else _tidy(type(self)._clean, value))


def _tidy(clean: Callable[[str], str], value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return clean(value)
    except ValidationError:
        return value


class CnpjField(_InClear):
    """CNPJ, 14 characters, alphanumeric since IN RFB 2.229/2024."""

    _clean, _length = staticmethod(identifiers.clean_cnpj), 14


class CpfField(_InClear):
    """CPF of somebody who is no patient, 11 digits. A patient's is an `EncryptedCpfField`."""

    _clean, _length = staticmethod(identifiers.clean_cpf), 11


class CepField(_InClear):
    """Postcode, 8 digits."""

    _clean, _length = staticmethod(identifiers.clean_cep), 8


class PhoneField(_InClear):
    """Telephone number in E.164."""

    _clean, _length = staticmethod(identifiers.clean_phone), 16


class EncryptedCpfField(_Encrypted):
    """CPF, 11 digits."""

    _clean, _length = staticmethod(identifiers.clean_cpf), 11
    _stored = re.compile(r"[0-9]{11}", re.ASCII)


class EncryptedCnsField(_Encrypted):
    """Cartão Nacional de Saúde, 15 digits."""

    _clean, _length = staticmethod(identifiers.clean_cns), 15
    _stored = re.compile(r"[0-9]{15}", re.ASCII)


class EncryptedCepField(_Encrypted):
    """Postcode, 8 digits."""

    _clean, _length = staticmethod(identifiers.clean_cep), 8
    _stored = re.compile(r"[0-9]{8}", re.ASCII)


class EncryptedPhoneField(_Encrypted):
    """Telephone number in E.164."""

    _clean, _length = staticmethod(identifiers.clean_phone), 16
    # A Brazilian number with its area code, of which none has a zero.
    _stored = re.compile(r"\+55[1-9]{2}[0-9]{8,9}", re.ASCII)


class EncryptedEmailField(EncryptedTextField):
    """An e-mail address."""

    default_validators = [validate_email]

    def formfield(self, *args: Any, **options: Any) -> Any:
        return super().formfield(*args, **{"form_class": forms.EmailField, **options})


WRITTEN: dict[type[Any], Callable[[str], str]] = {
    EncryptedCpfField: identifiers.format_cpf,
    CpfField: identifiers.format_cpf,
    CnpjField: identifiers.format_cnpj,
    CepField: identifiers.format_cep,
    EncryptedCepField: identifiers.format_cep,
    PhoneField: identifiers.format_phone,
    EncryptedPhoneField: identifiers.format_phone,
}
"""How people write what these fields keep without punctuation."""
