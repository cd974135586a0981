"""What a patient's page says of products and prescriptions: what was applied last, and what the patient takes now."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from patients.admin.prescription_pages import item_line
from patients.admin.products import amount
from patients.applications import with_voids
from patients.models import ProductApplication
from patients.page import Reader, Section, register
from patients.prescription_warnings import active

SHOWN = 5
"""Applications on the page; the rest are a click away."""


def _applications(reader: Reader) -> dict[str, Any] | None:
    """What was applied, the newest first; no heading where nothing was."""
    rows = with_voids(ProductApplication.objects.filter(patient=reader.patient.pk))
    found = list(rows.select_related("product").order_by("-applied_at", "-id")[: SHOWN + 1])
    if not found:
        return None
    return {
        "applications": [
            {
                "when": timezone.localtime(one.applied_at),
                "product": str(one.product),
                "lot": one.lot_number,
                "quantity": amount(one.quantity, one.product.unit),
                "site": one.body_site,
                "is_void": one.is_void,
                "url": reverse("admin:patients_productapplication_change", args=[one.pk]),
            }
            for one in found[:SHOWN]
        ],
        "all_url": reverse("admin:patients_patient_products", args=[reader.patient.pk]),
    }


def _prescriptions(reader: Reader) -> dict[str, Any] | None:
    """Prescriptions that hold today; no heading where there are none."""
    found = active(reader.patient.pk, today=reader.today)
    if not found:
        return None
    return {
        "prescriptions": [
            {
                "issued": row.issued_on,
                "medicines": [item_line(item) for item in items],
                "url": reverse("admin:patients_prescription_change", args=[row.pk]),
            }
            for row, items in found
        ],
        "all_url": reverse("admin:patients_patient_prescriptions", args=[reader.patient.pk]),
    }


register(
    Section(
        key="prescriptions", title=gettext_lazy("Active prescriptions"), order=15, fill=_prescriptions, clinical=True,
        template="admin/patients/patient/page/prescriptions.html", permission="patients.view_prescription",
        categories=("clinical",),
    )
)  # fmt: skip
register(
    Section(
        key="products", title=gettext_lazy("Products applied"), order=35, fill=_applications, clinical=True,
        template="admin/patients/patient/page/products.html", permission="patients.view_productapplication",
        categories=("clinical",),
    )
)  # fmt: skip
