"""Products, their lots and what moves a lot's stock; and Anvisa's register, which belongs to no clinic."""

from typing import Any

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, RecordModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.policies import RowPolicy, tenancy
from neonpro.db.roles import SEARCH


class ProductKind(models.TextChoices):
    """What Anvisa calls a product; the kind says how its number looks and where an adverse event is reported."""

    MEDICINE = "medicine", _("medicine")
    VACCINE = "vaccine", _("vaccine")
    DEVICE = "device", _("medical device")
    COSMETIC = "cosmetic", _("cosmetic")
    SANITIZER = "sanitizer", _("sanitizing product")


class RiskClass(models.TextChoices):
    """The risk classes of medical devices (RDC 751/2022)."""

    I = "I", "I"  # noqa: E741  # as the norm writes it
    II = "II", "II"
    III = "III", "III"
    IV = "IV", "IV"


class RegistrationStatus(models.TextChoices):
    """What Anvisa says of a registration."""

    UNCHECKED = "unchecked", _("not checked")
    VALID = "valid", _("valid")
    SUSPENDED = "suspended", pgettext_lazy("registration", "suspended")
    EXPIRED = "expired", pgettext_lazy("registration", "expired")
    CANCELLED = "cancelled", pgettext_lazy("registration", "cancelled")


class Unit(models.TextChoices):
    """In what a product is counted and applied."""

    UNIT = "un", _("unit")
    ACTIVITY = "U", _("U (units of activity)")
    ML = "mL", "mL"
    MG = "mg", "mg"
    GRAM = "g", "g"


class LotStatus(models.TextChoices):
    """Whether a lot may be used. Expiry is no state: its day comes by itself."""

    AVAILABLE = "available", _("available")
    QUARANTINED = "quarantined", _("in quarantine")
    RECALLED = "recalled", _("recalled")


class MovementKind(models.TextChoices):
    """What changed a lot's stock without being applied to anybody."""

    RECEIVED = "received", _("received")
    DISCARDED = "discarded", _("discarded")
    CORRECTED = "corrected", _("corrected after counting")


class OwnFunction(AlwaysTrigger):
    """A trigger that runs one SQL function of ours and takes no arguments."""

    def __init__(self, *, name: str, when: Any, operation: Any, **options: Any) -> None:
        self.run = name
        super().__init__(name=name, when=when, operation=operation, **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return f"neonpro.{self.run}()"


def units_field(name: Any, **options: Any) -> "models.DecimalField[Any, Any]":
    """A quantity of a product, in its own unit."""
    return models.DecimalField(name, max_digits=10, decimal_places=3, **options)


class RegisteredProduct(RecordModel):
    """A line of Anvisa's open data: what the agency says of a registration. Public, the same for every clinic.

    Only a job outside of any clinic writes it (`sql/platform_job_only.sql`); `manage.py import_anvisa` is that job.
    """

    kind = models.CharField(_("kind"), max_length=10, choices=ProductKind.choices)
    number = models.CharField(_("registration number"), max_length=13)
    name = models.CharField(_("name"), max_length=300)
    holder = models.CharField(_("holder of the registration"), max_length=200, blank=True)
    manufacturer = models.CharField(_("manufacturer"), max_length=200, blank=True)
    risk_class = models.CharField(_("risk class"), max_length=3, choices=RiskClass.choices, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=RegistrationStatus.choices)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)

    class Meta:
        db_table = "anvisa_register"
        verbose_name = _("product in Anvisa's register")
        verbose_name_plural = _("Anvisa's register")
        constraints = [
            models.UniqueConstraint(fields=["kind", "number"], name="anvisa_register_one_per_number"),
            closed_list("anvisa_register", "kind", ProductKind),
            closed_list("anvisa_register", "risk_class", RiskClass, blank=True),
            closed_list("anvisa_register", "status", RegistrationStatus),
        ]
        triggers = [
            # What a file brings for the first time is one event of the log, with the file's hash; what it changes
            # later is a row for each.
            RecordChanges(clinic=None, operation=pgtrigger.Update | pgtrigger.Delete),
            TOUCH,
            OwnFunction(
                name="platform_job_only", when=pgtrigger.Before, level=pgtrigger.Statement,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Product(ClinicModel):
    """A product that a clinic uses on patients, with its registration at Anvisa."""

    kind = models.CharField(_("kind"), max_length=10, choices=ProductKind.choices)
    name = models.CharField(_("name"), max_length=160, help_text=_("As the label has it, with its strength."))
    model = models.CharField(_("model"), max_length=120, blank=True)
    presentation = models.CharField(
        _("presentation"), max_length=120, blank=True, help_text=_("For example: bottle with 100 U, syringe with 1 mL.")
    )
    unit = models.CharField(
        _("counted in"), max_length=2, choices=Unit.choices, default=Unit.UNIT,
        help_text=_("The unit in which it is received and applied."),
    )  # fmt: skip
    manufacturer = models.CharField(_("manufacturer"), max_length=200, blank=True)
    holder = models.CharField(_("holder of the registration"), max_length=200, blank=True)
    registration_number = models.CharField(
        _("registration number"), max_length=25, blank=True,
        help_text=_("At Anvisa; of an exempt cosmetic the number of its process."),
    )  # fmt: skip
    risk_class = models.CharField(
        _("risk class"), max_length=3, choices=RiskClass.choices, blank=True, help_text=_("Of medical devices.")
    )
    registration_status = models.CharField(
        _("registration status"), max_length=10, choices=RegistrationStatus.choices,
        default=RegistrationStatus.UNCHECKED, db_default=RegistrationStatus.UNCHECKED.value,
    )  # fmt: skip
    registration_valid_until = models.DateField(
        _("registration valid until"), null=True, blank=True,
        help_text=_("Empty where it has no end, such as notified devices of classes I and II."),
    )  # fmt: skip
    register = models.ForeignKey(
        RegisteredProduct, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+",
        db_index=False, verbose_name=_("in Anvisa's register"),
    )  # fmt: skip
    gtin = models.CharField(
        _("code on the package (GTIN, UDI-DI)"), max_length=14, blank=True,
        help_text=_("So that a scanned package finds this product."),
    )  # fmt: skip
    gives_label = models.BooleanField(
        _("the patient gets a label"), default=False, db_default=False,
        help_text=_("Permanent implants and PMMA: one label in the record, one on the invoice, one to the patient."),
    )  # fmt: skip
    is_active = models.BooleanField(_("active"), default=True, db_default=True)

    class Meta:
        db_table = "products"
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            *tenancy("products", ACCESS["products"]),
            closed_list("products", "kind", ProductKind),
            closed_list("products", "unit", Unit),
            closed_list("products", "risk_class", RiskClass, blank=True),
            closed_list("products", "registration_status", RegistrationStatus),
            models.CheckConstraint(
                condition=(~Q(risk_class="") & Q(kind=ProductKind.DEVICE))
                | (Q(risk_class="") & ~Q(kind=ProductKind.DEVICE)),
                name="products_risk_class_of_devices",
                violation_error_message=_("A medical device has a risk class, and nothing else has."),
            ),
            models.CheckConstraint(
                # How the numbers of each kind look is law (neonpro/rules/anvisa.toml): the form says it. Here only
                # that it is a number at all.
                condition=Q(registration_number="")
                | Q(registration_number__regex=r"^([0-9]{9,13}|25[0-9]{9}/[0-9]{4}(-[0-9]{2})?)$"),
                name="products_registration_number_form",
            ),
            models.CheckConstraint(
                condition=Q(gtin="") | Q(gtin__regex=r"^[0-9]{8,14}$"), name="products_gtin_form",
                violation_error_message=_("The code on the package has 8 to 14 digits."),
            ),
            models.UniqueConstraint(
                fields=["clinic", "name", "registration_number", "presentation"], name="products_one_per_name",
                violation_error_message=_("The clinic already has this product with this presentation."),
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["clinic", "register"], name="products_register"),
            models.Index(fields=["clinic", "gtin"], name="products_gtin"),
        ]
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        return " ".join(part for part in (self.name, self.presentation) if part)


class ProductLot(ClinicModel):
    """A lot of a product: what was received, what is left, and whether it may be used.

    What is left follows from receipts, discards and applications and is the database's alone to count
    (`sql/guard_lot.sql`); so are the time and the account of a quarantine or recall.
    """

    product = ClinicForeignKey(Product, verbose_name=_("product"))
    number = models.CharField(_("lot"), max_length=40)
    expires_on = models.DateField(_("expiry"), help_text=_("The last day on which it may be used."))
    units_received = units_field(_("received"))
    units_left = units_field(_("left"), editable=False, default=0, db_default=0)
    received_on = models.DateField(_("received on"))
    supplier = models.CharField(_("supplier"), max_length=120, blank=True)
    invoice = models.CharField(_("invoice"), max_length=60, blank=True)
    status = models.CharField(
        _("situation"), max_length=11, choices=LotStatus.choices, default=LotStatus.AVAILABLE,
        db_default=LotStatus.AVAILABLE.value, editable=False,
    )  # fmt: skip
    status_reason = models.CharField(_("reason"), max_length=300, blank=True, editable=False)
    status_at = models.DateTimeField(_("since"), null=True, blank=True, editable=False)
    status_by = models.UUIDField(_("by whom"), null=True, blank=True, editable=False)

    class Meta:
        db_table = "product_lots"
        verbose_name = _("lot")
        verbose_name_plural = _("lots and stock")
        constraints = [
            *tenancy("product_lots", ACCESS["product_lots"], same_clinic=["product"]),
            RowPolicy(name="product_lots_search", command="SELECT", using="true", to=[SEARCH]),
            closed_list("product_lots", "status", LotStatus),
            models.CheckConstraint(condition=~Q(number=""), name="product_lots_number_given"),
            models.CheckConstraint(
                condition=Q(units_received__gt=0), name="product_lots_something_received",
                violation_error_message=_("Say how much was received."),
            ),
            models.CheckConstraint(condition=Q(units_left__gte=0), name="product_lots_never_below_zero"),
            models.CheckConstraint(
                condition=Q(status=LotStatus.AVAILABLE) | ~Q(status_reason=""), name="product_lots_reason_given",
                violation_error_message=_("Say why."),
            ),
            models.UniqueConstraint(
                fields=["clinic", "product", "number"], name="product_lots_one_per_number",
                violation_error_message=_("The clinic already has this lot: record another receipt on its page."),
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["clinic", "expires_on", "id"], name="product_lots_expiry")]
        triggers = [
            RecordChanges(), TOUCH,
            OwnFunction(name="guard_lot", when=pgtrigger.Before, operation=pgtrigger.Insert | pgtrigger.Update),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number


class StockMovement(ClinicModel):
    """Something that changed a lot's stock without being applied to a patient. Rows are only ever added."""

    lot = ClinicForeignKey(ProductLot, verbose_name=_("lot"))
    kind = models.CharField(_("what happened"), max_length=10, choices=MovementKind.choices)
    quantity = units_field(_("quantity"), help_text=_("Negative where it left the stock."))
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    recorded_by = models.UUIDField(_("recorded by"), null=True, blank=True, editable=False)

    class Meta:
        db_table = "stock_movements"
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        constraints = [
            *tenancy("stock_movements", ACCESS["stock_movements"], same_clinic=["lot"]),
            closed_list("stock_movements", "kind", MovementKind),
            models.CheckConstraint(
                condition=Q(kind=MovementKind.RECEIVED, quantity__gt=0)
                | (Q(kind=MovementKind.DISCARDED, quantity__lt=0) & ~Q(reason=""))
                | (Q(kind=MovementKind.CORRECTED) & ~Q(quantity=0) & ~Q(reason="")),
                name="stock_movements_quantity_and_reason",
                violation_error_message=_("What is received adds, what is discarded takes away and needs a reason."),
            ),
        ]
        indexes = [models.Index(F("clinic"), F("lot"), F("created_at").desc(), name="stock_movements_lot")]
        triggers = [
            RecordChanges(),
            OwnFunction(name="move_stock", when=pgtrigger.Before, operation=pgtrigger.Insert),
            OwnFunction(name="refuse_change", when=pgtrigger.Before, operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.quantity:f}"
