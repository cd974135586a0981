"""Brazilian identifiers: kept without punctuation, checked with their check digits, shown the way people write them.

Each `clean_*` takes what a person typed and returns the stored form, or raises `ValidationError` with a message for
that person. Sources: CPF and CNPJ, Receita Federal (alphanumeric CNPJ: IN RFB 2.229/2024); CNS, DATASUS; CNES,
Ministério da Saúde; TUSS, ANS.
"""

import re

import phonenumbers
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from validate_docbr import CNPJ, CNS, CPF

UFS = [
    ("AC", "Acre"), ("AL", "Alagoas"), ("AP", "Amapá"), ("AM", "Amazonas"), ("BA", "Bahia"), ("CE", "Ceará"),
    ("DF", "Distrito Federal"), ("ES", "Espírito Santo"), ("GO", "Goiás"), ("MA", "Maranhão"), ("MT", "Mato Grosso"),
    ("MS", "Mato Grosso do Sul"), ("MG", "Minas Gerais"), ("PA", "Pará"), ("PB", "Paraíba"), ("PR", "Paraná"),
    ("PE", "Pernambuco"), ("PI", "Piauí"), ("RJ", "Rio de Janeiro"), ("RN", "Rio Grande do Norte"),
    ("RS", "Rio Grande do Sul"), ("RO", "Rondônia"), ("RR", "Roraima"), ("SC", "Santa Catarina"), ("SP", "São Paulo"),
    ("SE", "Sergipe"), ("TO", "Tocantins"),
]  # fmt: skip
"""The 26 states and the Federal District (IBGE)."""

TIME_ZONES = [
    ("America/Sao_Paulo", _("Brasília")),
    ("America/Manaus", _("Amazonas")),
    ("America/Rio_Branco", _("Acre")),
    ("America/Noronha", _("Fernando de Noronha")),
]
"""Brazil's four official times (Lei 12.876/2013)."""


_BAD_PHONE = _("This phone number is not valid: give the area code and number.")


def clean_cpf(text: str) -> str:
    """Eleven digits with valid check digits; '' stays ''."""
    digits = re.sub(r"[.\-\s]", "", text)
    if digits and not (re.fullmatch(r"[0-9]{11}", digits) and CPF().validate(digits)):
        raise ValidationError(_("This CPF is not valid: check the digits."), code="cpf")
    return digits


def clean_cnpj(text: str) -> str:
    """Twelve letters or digits and two check digits, upper case; '' stays ''."""
    value = re.sub(r"[.\-/\s]", "", text).upper()
    if value and not (re.fullmatch(r"[0-9A-Z]{12}[0-9]{2}", value) and value != "0" * 14 and CNPJ().validate(value)):
        raise ValidationError(_("This CNPJ is not valid: check the characters."), code="cnpj")
    return value


def clean_cns(text: str) -> str:
    """The fifteen digits of a Cartão Nacional de Saúde; '' stays ''."""
    digits = re.sub(r"\s", "", text)
    if digits and not (re.fullmatch(r"[12789][0-9]{14}", digits) and CNS().validate(digits)):
        raise ValidationError(_("This CNS is not valid: check the 15 digits."), code="cns")
    return digits


def clean_cep(text: str) -> str:
    """Eight digits; '' stays ''. Whether the postcode exists is not checked."""
    digits = re.sub(r"[\-.\s]", "", text)
    if digits and not re.fullmatch(r"[0-9]{8}", digits):
        raise ValidationError(_("A CEP has 8 digits."), code="cep")
    return digits


def clean_phone(text: str) -> str:
    """E.164, taken as a Brazilian number unless it starts with +; '' stays ''."""
    if not text.strip():
        return ""
    try:
        number = phonenumbers.parse(text, "BR")
    except phonenumbers.NumberParseException as error:
        raise ValidationError(_BAD_PHONE, code="phone") from error
    if not phonenumbers.is_valid_number(number):
        raise ValidationError(_BAD_PHONE, code="phone")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def format_cpf(digits: str) -> str:
    """000.000.000-00."""
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}" if _plain(digits, 11) else digits


def format_cnpj(value: str) -> str:
    """00.000.000/0000-00."""
    return f"{value[:2]}.{value[2:5]}.{value[5:8]}/{value[8:12]}-{value[12:]}" if _plain(value, 14) else value


def format_cep(digits: str) -> str:
    """00000-000."""
    return f"{digits[:5]}-{digits[5:]}" if _plain(digits, 8) else digits


def _plain(value: str, length: int) -> bool:
    """Whether this is a stored value: what stands in place of one that does not open may be as long."""
    return len(value) == length and value.isalnum()


def format_phone(e164: str) -> str:
    """The national form for a Brazilian number, the international one for others; what is no number, as it is."""
    try:
        number = phonenumbers.parse(e164, "BR")
    except phonenumbers.NumberParseException:
        return e164
    style = phonenumbers.PhoneNumberFormat
    return str(phonenumbers.format_number(number, style.NATIONAL if number.country_code == 55 else style.INTERNATIONAL))
