"""Stock: receiving, discarding and counting lots, holding one back, recalling one. The database does the counting."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from neonpro.rules import rule
from patients.models import LotStatus, MovementKind, Product, ProductLot, StockMovement
from patients.udi import Udi, same_product

SOON: Final = "anvisa.stock.expires_soon"
"""The rule (our policy, no law) that says how long before its expiry a lot is shown as expiring soon."""


class StockError(Exception):
    """The stock stays as it is; the message is for the person who tried."""


def constraint(error: BaseException) -> str:
    """The name of the rule that a database error is about, or ''."""
    return str(getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or "")


def move(lot: UUID, *, kind: str, quantity: Decimal, reason: str = "") -> StockMovement:
    """Record that something came, was discarded, or was counted otherwise.

    Args:
        lot: which lot.
        kind: see `MovementKind`.
        quantity: how much, without a sign; of a correction the number that is there now.
        reason: why, needed for all but a receipt.

    Raises:
        StockError: more than is left, no reason, or nothing to record.
    """
    reason = reason.strip()
    if kind != MovementKind.RECEIVED and not reason:
        raise StockError(_("Say why."))
    with transaction.atomic():
        found = ProductLot.objects.select_for_update().get(pk=lot)
        signed = {
            MovementKind.RECEIVED: quantity,
            MovementKind.DISCARDED: -quantity,
            MovementKind.CORRECTED: quantity - found.units_left,
        }[MovementKind(kind)]
        if signed == 0:
            raise StockError(_("Nothing would change."))
        try:
            with transaction.atomic():
                return StockMovement.objects.create(lot=found, kind=kind, quantity=signed, reason=reason)
        except (IntegrityError, DataError) as error:
            if constraint(error) == "stock_movements_not_enough":
                raise StockError(
                    _("Only %(left)s are left of this lot.") % {"left": f"{found.units_left.normalize():f}"}
                ) from error
            raise StockError(_("Say how much, as a number above zero.")) from error


def set_status(lot: UUID, status: str, *, reason: str) -> ProductLot:
    """Hold a lot back, recall it, or release it.

    Raises:
        StockError: it is so already, or no reason was given.
    """
    reason = reason.strip()
    if not reason:
        raise StockError(_("Say why."))
    with transaction.atomic():
        found = ProductLot.objects.select_for_update().get(pk=lot)
        if found.status == status:
            raise StockError(_("Somebody has done this already. Reload the page."))
        found.status, found.status_reason = status, reason
        found.save(update_fields=["status", "status_reason"])
    found.refresh_from_db()
    return found


@dataclass(frozen=True, slots=True)
class Overview:
    """What stock-keeping has to look at."""

    soon: list[ProductLot]
    expired: list[ProductLot]
    held: list[ProductLot]
    unusable: list[Product]
    """Products whose registration does not allow their use, with something in stock."""
    until: date
    """Expiry up to this day counts as soon."""


def overview(*, today: date) -> Overview:
    """What expires, what is held back, and what may not be used any more, of all that is in stock."""
    until = rule(SOON, on=today).period.after(today)
    stocked = ProductLot.objects.filter(units_left__gt=0).select_related("product")
    from patients.products import UNUSABLE

    return Overview(
        soon=list(
            stocked.filter(expires_on__range=(today, until), status=LotStatus.AVAILABLE).order_by("expires_on")[:50]
        ),
        expired=list(stocked.filter(expires_on__lt=today).order_by("-expires_on")[:50]),
        held=list(stocked.exclude(status=LotStatus.AVAILABLE).order_by("-status_at")[:50]),
        unusable=list(
            Product.objects.filter(
                registration_status__in=UNUSABLE,
                pk__in=ProductLot.objects.filter(units_left__gt=0).values("product"),
            ).order_by("name")[:50]
        ),
        until=until,
    )


def usable(lots: Iterable[ProductLot], *, today: date) -> list[ProductLot]:
    """Those of some lots (with their products) that could be applied today, first what expires first."""
    from patients.products import UNUSABLE

    return sorted(
        (
            lot
            for lot in lots
            if lot.status == LotStatus.AVAILABLE
            and lot.expires_on >= today
            and lot.units_left > 0
            and lot.product.is_active
            and lot.product.registration_status not in UNUSABLE
            and (lot.product.registration_valid_until is None or lot.product.registration_valid_until >= today)
        ),
        key=lambda lot: (lot.product.name, lot.expires_on),
    )


def scanned(code: Udi) -> tuple[Product | None, ProductLot | None]:
    """The product and the lot that a scanned package is of, as far as the clinic knows them."""
    if not code.di:
        return None, None
    products: QuerySet[Product, Product] = Product.objects.exclude(gtin="")
    product = next((product for product in products if same_product(code.di, product.gtin)), None)
    if product is None or not code.lot:
        return product, None
    return product, ProductLot.objects.filter(product=product, number=code.lot).first()


def days_left(lot: ProductLot, *, today: date) -> int:
    """How many days a lot may still be used; negative once it has expired."""
    return (lot.expires_on - today) // timedelta(days=1)
