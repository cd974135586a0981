"""Products, lots and what was applied, for tests."""

import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from PIL import Image

from patients.models import LotStatus, Patient, Product, ProductApplication, ProductKind, ProductLot, Technique, Unit

TOXIN, FILLER, CREAM = "1012345670019", "80123450001", "251234567890"


def picture(width: int = 8, height: int = 8, form: str = "JPEG", **options: Any) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (180, 140, 120)).save(out, form, **options)
    return out.getvalue()


TINY_JPEG = picture()


def make_product(**fields: Any) -> Product:
    """A botulinum toxin with a valid registration, unless told otherwise."""
    return Product.objects.create(
        **{
            "kind": ProductKind.MEDICINE,
            "name": "Toxina botulínica A 100 U",
            "registration_number": TOXIN,
            "registration_status": "valid",
            "registration_valid_until": date(2035, 1, 1),
            "holder": "Laboratório Exemplo S.A.",
            "unit": Unit.ACTIVITY,
            **fields,
        }
    )


def make_lot(product: Product, **fields: Any) -> ProductLot:
    """A lot of 100 units that expires in a year, unless told otherwise; as the database has it."""
    status = fields.pop("status", LotStatus.AVAILABLE)
    today = timezone.localdate()
    lot = ProductLot.objects.create(
        **{
            "product": product,
            "number": "L1234",
            "expires_on": today + timedelta(days=365),
            "units_received": Decimal(100),
            "received_on": today,
            "status": status,
            "status_reason": "" if status == LotStatus.AVAILABLE else "alerta do fabricante",
            **fields,
        }
    )
    lot.refresh_from_db()
    return lot


def make_application(lot: ProductLot, patient: Patient, world: Any, **fields: Any) -> ProductApplication:
    """Twenty units injected now by the world's professional, unless told otherwise."""
    made: ProductApplication = ProductApplication.objects.create(
        **{
            "lot": lot,
            "patient": patient,
            "professional": world.professional,
            "service": world.service,
            "technique": Technique.INJECTED,
            "quantity": Decimal(20),
            "applied_at": timezone.now(),
            "body_site": "fronte",
            "dilution": "100 U em 2 mL",
            **fields,
        }
    )
    return made
