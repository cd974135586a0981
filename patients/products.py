"""Products and Anvisa's register: numbers by kind, finding a registration, and following what the agency changes."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import F, Q
from django.utils.translation import gettext as _

from neonpro.rules import rule
from patients.models import Product, ProductKind, RegisteredProduct, RegistrationStatus, RiskClass

UNUSABLE: Final = (RegistrationStatus.CANCELLED, RegistrationStatus.SUSPENDED, RegistrationStatus.EXPIRED)
"""The situations of a registration in which the database refuses an application (`sql/apply_product.sql`)."""

_RULES: Final = {
    # A vaccine is registered as a medicine.
    ProductKind.VACCINE: "medicine",
    ProductKind.MEDICINE: "medicine",
    ProductKind.DEVICE: "device",
    ProductKind.COSMETIC: "cosmetic",
    ProductKind.SANITIZER: "sanitizer",
}

_MEDICINE_DIGITS: Final = 9
"""What of a medicine's number names the product; four more name the presentation."""


class NumberError(ValueError):
    """A registration number is none of its kind; the message is for the person who typed it."""


def clean_number(number: str, kind: str, *, on: date) -> str:
    """A registration number as it is stored: its digits, or of an exempt cosmetic the number of its process.

    Args:
        number: as the label has it, with dots and strokes or without.
        kind: of the product (`ProductKind`).
        on: the day whose rules count.

    Raises:
        NumberError: numbers of this kind look otherwise.
    """
    digits = re.sub(r"[.\-/ ]", "", number)
    if rule(f"anvisa.number.{_RULES[ProductKind(kind)]}", on=on).pattern.fullmatch(digits):
        return digits
    process = number.strip().replace(" ", "")
    if kind == ProductKind.COSMETIC and rule("anvisa.number.exempt_cosmetic_process", on=on).pattern.fullmatch(process):
        return re.sub(r"^(\d{5})\.?(\d{6})/(\d{4})-?(\d{2})?$", _process, process)
    raise NumberError(
        {
            ProductKind.DEVICE: _("A medical device has a number of 11 digits that begins with 1 or 8."),
            ProductKind.COSMETIC: _(
                "A cosmetic has a number of 9 or 13 digits that begins with 2 or, where it is exempt, the number of its"
                " process, such as 25351.123456/2024-10."
            ),
            ProductKind.SANITIZER: _("A sanitizing product has a number of 9 or 13 digits that begins with 3."),
        }.get(ProductKind(kind))
        or _("A medicine has a number of 9 or 13 digits that begins with 1.")
    )


def _process(found: "re.Match[str]") -> str:
    first, second, year, check = found.groups()
    return f"{first}{second}/{year}" + (f"-{check}" if check else "")


def find_registration(number: str, kind: str) -> RegisteredProduct | None:
    """What the imported register says of a number; None where it is not there, or the kind is not imported."""
    if kind == ProductKind.DEVICE:
        return RegisteredProduct.objects.filter(kind=ProductKind.DEVICE, number=number).first()
    if kind in (ProductKind.MEDICINE, ProductKind.VACCINE) and number:
        wanted = {number, number[:_MEDICINE_DIGITS]}
        return (
            RegisteredProduct.objects.filter(kind=ProductKind.MEDICINE, number__in=wanted).order_by("-number").first()
        )
    return None


def link(product: Product) -> None:
    """Take over what the register says of a product, before it is saved; without it what somebody typed stays."""
    found = find_registration(product.registration_number, product.kind)
    product.register = found
    if found is None:
        return
    product.registration_status = found.status
    product.registration_valid_until = found.valid_until
    product.holder = found.holder or product.holder
    product.manufacturer = found.manufacturer or product.manufacturer
    if product.kind == ProductKind.DEVICE and found.risk_class:
        product.risk_class = found.risk_class


@dataclass(frozen=True, slots=True)
class Followed:
    """How many of a clinic's products changed with the register, and how many of those may no longer be applied."""

    changed: int
    closed: int


def follow_register() -> Followed:
    """Bring the open clinic's products up to the register; each that changes leaves its row in the audit log.

    Products that were typed in before their registration was imported find it now.
    """
    changed = closed = 0
    unlinked = Product.objects.filter(register=None).exclude(registration_number="")
    differing = Product.objects.filter(register__isnull=False).exclude(
        Q(registration_status=F("register__status"))
        & (
            Q(registration_valid_until=F("register__valid_until"))
            | Q(registration_valid_until=None, register__valid_until=None)
        )
    )
    for product in [*unlinked, *differing]:
        before = (product.register_id, product.registration_status, product.registration_valid_until)
        was_usable = product.registration_status not in UNUSABLE
        link(product)
        if before == (product.register_id, product.registration_status, product.registration_valid_until):
            continue
        product.save()
        changed += 1
        closed += was_usable and product.registration_status in UNUSABLE
    return Followed(changed, closed)


def needs_end(kind: str, risk_class: str, *, on: date) -> bool:
    """Whether a registration always has a last day: registered devices have one, notified ones not (RDC 751/2022)."""
    return kind == ProductKind.DEVICE and risk_class in rule("anvisa.registered_classes", on=on).choices


def is_notified(risk_class: str, *, on: date) -> bool:
    """Whether devices of a risk class are notified and not registered."""
    return risk_class in rule("anvisa.notified_classes", on=on).choices and risk_class in RiskClass.values
