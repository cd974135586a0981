"""Applying a product: the database refuses what must not be; here each refusal is said in words, with what to do."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinics.models import Professional
from neonpro.db.bound import execute
from neonpro.vault.keys import Erased, Refused
from patients.models import ApplicationVoid, ProductApplication, ProductLot
from patients.stock import constraint
from patients.udi import parse_udi


class ApplicationError(Exception):
    """A product was not applied, or an application not voided; the message is for the person who tried."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        """The field of the form that it is about."""


REFUSALS: Final[dict[str, tuple[str | None, Any]]] = {
    "product_applications_not_yet": (
        "applied_at", gettext_lazy("This time has not come yet. Give the time at which it was applied."),
    ),
    "product_applications_lot_recalled": (
        "lot", gettext_lazy("This lot is recalled. Do not use it: set it apart and take another lot."),
    ),
    "product_applications_lot_quarantined": (
        "lot",
        gettext_lazy("This lot is in quarantine. Take another one, or ask who put it there to release it on its page."),
    ),
    "product_applications_lot_expired": (
        "lot", gettext_lazy("This lot had expired by that day. Take another one, and discard what is left of it."),
    ),
    "product_applications_registration_cancelled": (
        "lot",
        gettext_lazy(
            "The product's registration at Anvisa is cancelled or suspended: it must not be used. Set what is left"
            " apart and talk to the supplier."
        ),
    ),
    "product_applications_registration_expired": (
        "lot",
        gettext_lazy(
            "The product's registration at Anvisa has expired. If it was renewed, put the new day into the product's"
            " page; otherwise do not use it."
        ),
    ),
    "product_applications_cosmetic_injected": (
        "technique",
        gettext_lazy(
            "A cosmetic is made for the skin's surface and is never injected or implanted. Choose a medicine or a"
            " medical device."
        ),
    ),
    "product_applications_not_enough": (
        "quantity",
        gettext_lazy("There is not so much left of this lot. Check the quantity, or take the rest from another lot."),
    ),
    "product_applications_licence": (
        "professional",
        gettext_lazy("The council does not let this professional practise. Somebody else must apply it."),
    ),
    "product_applications_scope": (
        "service",
        gettext_lazy(
            "The clinic's table of who may do what does not let this professional perform this procedure. The technical"
            " director decides it, under Professionals."
        ),
    ),
    "product_applications_quantity_positive": ("quantity", gettext_lazy("Say how much was applied.")),
    "product_applications_site_given": (
        "body_site", gettext_lazy("Say where on the body what is injected or implanted was applied."),
    ),
    "product_applications_procedure_given": (
        "service", gettext_lazy("Say in which procedure what is injected or implanted was applied."),
    ),
}  # fmt: skip
"""What the database refuses (`sql/apply_product.sql` and the table's constraints), by the name it gives the rule."""


def apply_product(
    *,
    patient: UUID,
    professional: UUID,
    lot: UUID,
    technique: str,
    quantity: Decimal,
    applied_at: datetime,
    service: UUID | None = None,
    appointment: UUID | None = None,
    label_given_at: datetime | None = None,
    **clinical: str,
) -> ProductApplication:
    """Record that a product was applied; its units leave the lot with it.

    Args:
        patient: to whom.
        professional: by whom.
        lot: from which lot.
        technique: see `Technique`.
        quantity: in the product's own unit.
        applied_at: when.
        service: in which procedure; needed for what is injected or implanted.
        appointment: in which visit.
        label_given_at: when the patient was given the label of an implant.
        clinical: dilution, body_site, serial, udi_raw, note.

    Raises:
        ApplicationError: the database refuses it, with what to do.
    """
    code = parse_udi(clinical.get("udi_raw", ""))
    if code.understood:
        clinical |= {"udi_di": code.di, "udi_pi": code.pi}
        clinical["serial"] = clinical.get("serial") or code.serial
        wanted = ProductLot.objects.filter(pk=lot).values_list("number", flat=True).first()
        if code.lot and wanted and code.lot.casefold() != wanted.casefold():
            raise ApplicationError(
                _("The code on the package is of lot %(scanned)s and not of %(chosen)s. Check the package.")
                % {"scanned": code.lot, "chosen": wanted},
                "udi_raw",
            )
    try:
        with transaction.atomic():
            made: ProductApplication = ProductApplication.objects.create(
                patient_id=patient, professional_id=professional, lot_id=lot, technique=technique, quantity=quantity,
                applied_at=applied_at, service_id=service, appointment_id=appointment,
                patient_label_given_at=label_given_at, **clinical,
            )  # fmt: skip
    except IntegrityError as error:
        field, words = REFUSALS.get(
            constraint(error),
            (None, gettext_lazy("Something chosen here no longer exists. Reload the page.")),
        )
        raise ApplicationError(str(words), field) from error
    except (DatabaseError, Erased, Refused) as error:
        raise ApplicationError(
            _("Only who cares for this patient records what is applied. Join the care team on the patient's page.")
        ) from error
    return made


def void(application: UUID, *, reason: str) -> ApplicationVoid:
    """Say that an application was recorded by mistake; its units go back to the lot.

    Raises:
        ApplicationError: no reason, or it was voided already.
    """
    reason = reason.strip()
    if not reason:
        raise ApplicationError(_("Say why."), "reason")
    done = ProductApplication.objects.only("patient_id").get(pk=application)
    try:
        with transaction.atomic():
            made: ApplicationVoid = ApplicationVoid.objects.create(
                application_id=application, patient_id=done.patient_id, professional_id=acting_professional(),
                reason=reason,
            )  # fmt: skip
    except IntegrityError as error:
        raise ApplicationError(_("This application was voided already.")) from error
    except (DatabaseError, Erased, Refused) as error:
        raise ApplicationError(
            _("Only who cares for this patient voids an application. Join the care team on the patient's page.")
        ) from error
    return made


def acting_professional() -> UUID | None:
    """The professional who acts; None for anybody else."""
    ((found,),) = execute("SELECT neonpro.current_professional()", [])
    return found  # type: ignore[no-any-return]


def acting() -> Professional | None:
    """The row of the professional who acts."""
    own = acting_professional()
    return Professional.objects.filter(pk=own).first() if own else None


def with_voids(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Applications, each with `is_void`: whether it was recorded by mistake."""
    found: QuerySet[Any] = rows.annotate(is_void=Exists(ApplicationVoid.objects.filter(application=OuterRef("pk"))))
    return found
