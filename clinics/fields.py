"""Model fields of Brazilian identifiers: whatever way a person types one, one form is stored."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from clinics import identifiers


class _CleanedField(models.CharField[Any, Any]):
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
        return type(self)._clean(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        # Stored values are clean already; a query with a punctuated number must find them all the same.
        value = models.CharField.to_python(self, value)
        if not isinstance(value, str):
            return value
        try:
            return type(self)._clean(value)
        except ValidationError:
            return value

    def formfield(self, *args: Any, **options: Any) -> Any:
        # Room for the punctuation that people type.
        field: Any = super().formfield(*args, **options)
        if field is not None:
            field.max_length = None
            field.validators = [v for v in field.validators if getattr(v, "code", "") != "max_length"]
            field.widget.attrs.pop("maxlength", None)
        return field


class CpfField(_CleanedField):
    """CPF, 11 digits."""

    _clean, _length = staticmethod(identifiers.clean_cpf), 11


class CnpjField(_CleanedField):
    """CNPJ, 14 characters, alphanumeric since IN RFB 2.229/2024."""

    _clean, _length = staticmethod(identifiers.clean_cnpj), 14


class CnsField(_CleanedField):
    """Cartão Nacional de Saúde, 15 digits."""

    _clean, _length = staticmethod(identifiers.clean_cns), 15


class CepField(_CleanedField):
    """Postcode, 8 digits."""

    _clean, _length = staticmethod(identifiers.clean_cep), 8


class PhoneField(_CleanedField):
    """Telephone number in E.164."""

    _clean, _length = staticmethod(identifiers.clean_phone), 16


WRITTEN: dict[type[Any], Callable[[str], str]] = {
    CpfField: identifiers.format_cpf,
    CnpjField: identifiers.format_cnpj,
    CepField: identifiers.format_cep,
    PhoneField: identifiers.format_phone,
}
"""How people write what these fields keep without punctuation."""
