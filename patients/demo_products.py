"""The demonstration's products: stock with something to look at, what was applied, a recall, an adverse event."""

import io
import tomllib
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.utils import timezone
from PIL import Image, ImageDraw, ImageFilter

from clinics.models import Clinic, Membership, Professional, Service, User
from clinics.roles import Role
from neonpro.db import context
from patients import adverse, people
from patients.absences import block_for_recall, proposal
from patients.applications import ApplicationError, apply_product
from patients.models import (
    AdverseEvent,
    Appointment,
    AppointmentStatus,
    LotStatus,
    PhotoMoment,
    Product,
    ProductApplication,
    ProductLot,
    Technique,
)
from patients.photos import add_photo
from patients.recalls import recall, record_contact
from patients.stock import set_status


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads((people.DATA / "demo_products.toml").read_text(encoding="utf-8"))


def write_products(place: UUID, now: datetime) -> None:
    """Fill the stock of a clinic, once; let its professionals apply, each in their own name; then recall a lot.

    Args:
        place: the clinic, whose job context is open.
        now: the moment of the demonstration.
    """
    if Product.objects.exists():
        return
    lots = _stock(now)
    accounts = Professional.objects.filter(is_active=True, membership__is_active=True, membership__role="professional")
    for professional, account in list(accounts.values_list("pk", "membership__user")):
        visits = list(
            Appointment.objects.filter(
                professional=professional, status=AppointmentStatus.COMPLETED, patient__restricted_at=None
            )
            .order_by("-day", "-starts_at", "pk")
            .values_list("pk", "patient", "day", "starts_at")
        )
        with context.enter(_user(account), place):
            _apply(professional, visits, lots, now)
    for lot in _document()["lot"]:
        if "recalled" in lot:
            set_status(lots[lot["key"]], LotStatus.RECALLED, reason=lot["recalled"])
            _tell_the_first(place, lots[lot["key"]])


def _user(account: UUID) -> User:
    with context.enter(context.SignIn(), None):
        return User.objects.get(pk=account)


def _stock(now: datetime) -> dict[str, UUID]:
    """Products and lots; the lots by their keys."""
    today = timezone.localdate(now)
    products = {}
    for product in _document()["product"]:
        fields = {name: value for name, value in product.items() if name != "key"}
        products[product["key"]] = Product.objects.create(**fields)
    lots = {}
    for lot in _document()["lot"]:
        made = ProductLot.objects.create(
            product=products[lot["product"]], number=lot["number"], units_received=Decimal(lot["units"]),
            expires_on=today + timedelta(days=lot["expires"]), received_on=today - timedelta(days=60),
            supplier=lot.get("supplier", ""), invoice=lot.get("invoice", ""),
            status=LotStatus.QUARANTINED if "quarantined" in lot else LotStatus.AVAILABLE,
            status_reason=lot.get("quarantined", ""),
        )  # fmt: skip
        lots[lot.get("key", lot["number"])] = made.pk
    return lots


def _apply(professional: UUID, visits: list[tuple[Any, ...]], lots: dict[str, UUID], now: datetime) -> None:
    """What a professional applied in the latest visits, one application a patient."""
    seen: dict[UUID, tuple[Any, ...]] = {}
    for visit in visits:
        seen.setdefault(visit[1], visit)
    services = dict(Service.objects.filter(is_active=True).values_list("name", "pk"))
    for applied, (visit, patient, day, starts_at) in zip(_document()["applied"], seen.values(), strict=False):
        service = services.get(applied["service"])
        if service is None:
            continue
        moment = starts_at or timezone.make_aware(datetime.combine(day, time(9)))
        try:
            done = apply_product(
                patient=patient, professional=professional, lot=lots[applied["lot"]], service=service,
                technique=Technique.INJECTED, quantity=Decimal(applied["quantity"]), applied_at=moment,
                appointment=visit, body_site=applied["body_site"], dilution=applied.get("dilution", ""),
            )  # fmt: skip
        except ApplicationError:
            # The clinic's matrix does not let this professional: the demonstration obeys it, too.
            continue
        if applied.get("photos"):
            for which in (PhotoMoment.BEFORE, PhotoMoment.AFTER):
                add_photo(
                    _picture(which), patient=patient, moment=which, application=done.pk, appointment=visit,
                    taken_at=moment, caption="Imagem de demonstração",
                )  # fmt: skip
        if "event" in applied:
            _event(done, applied["event"], professional, now)


def _event(done: ProductApplication, event: dict[str, Any], professional: UUID, now: datetime) -> None:
    known = min(done.applied_at + timedelta(days=event["days"]), now)
    made = AdverseEvent(
        patient_id=done.patient_id, application=done, lot_id=done.lot_id, professional_id=professional,
        about="MEDICINE", severity=event["severity"], occurred_on=timezone.localdate(known), known_at=known,
        description=event["description"], measures=event["measures"],
    )  # fmt: skip
    adverse.set_clock(made)
    made.save()


def _tell_the_first(place: UUID, lot: UUID) -> None:
    """The manager has reached one of the patients already, and blocked time to call the others."""
    account = Membership.objects.filter(role=Role.MANAGER, is_active=True).values_list("user", flat=True).first()
    if account is None:
        return
    with context.enter(_user(account), place):
        people_of = recall(lot).people
        for called, outcome in zip(people_of, ("reached", "no_answer"), strict=False):
            record_contact(lot, called.patient.pk, outcome=outcome)
        director = Clinic.objects.values_list("technical_director", flat=True).get()
        if director:
            starts, ends = proposal(director, calls=len(people_of), now=timezone.now())
            block_for_recall(lot, professional=director, starts_at=starts, ends_at=ends)


def _picture(moment: str) -> bytes:
    """A drawing in the place of a photograph: nobody's face."""
    canvas = Image.new("RGB", (900, 1100), (226, 224, 219))
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((210, 150, 690, 830), fill=(214, 178, 155))
    draw.rectangle((370, 780, 530, 1000), fill=(206, 168, 145))
    draw.ellipse((110, 930, 790, 1500), fill=(120, 140, 150))
    if moment == PhotoMoment.BEFORE:
        for height in (270, 305, 340):
            draw.arc((320, height, 580, height + 60), 200, 340, fill=(170, 130, 110), width=6)
    out = io.BytesIO()
    canvas.filter(ImageFilter.GaussianBlur(3)).save(out, "JPEG", quality=85)
    return out.getvalue()
