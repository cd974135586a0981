"""What was applied to a patient from which lot: traceability of RDC 509/2021. Rows are only ever added."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from neonpro.db.audit import RecordChanges
from neonpro.db.policies import RowPolicy
from neonpro.db.roles import SEARCH
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedTextField, NotEmpty
from neonpro.vault.models import VaultModel
from patients.models.care import clinical_tenancy
from patients.models.products import OwnFunction, units_field


class Technique(models.TextChoices):
    """How a product reaches the patient. What passes the skin must be made for it."""

    INJECTED = "injected", _("injected")
    IMPLANTED = "implanted", _("implanted")
    TOPICAL = "topical", _("on the skin")
    EQUIPMENT = "equipment", _("by equipment")


PASSES_THE_SKIN = (Technique.INJECTED, Technique.IMPLANTED)
"""The techniques for which everything must be traceable, and cosmetics are refused."""


class GivenWhen(models.CheckConstraint):
    """An encrypted field that must hold a value while another column has one of some values."""

    def __init__(self, *, name: str, field: str, column: str, values: Any, **options: Any) -> None:
        self.field, self.column, self.values = field, column, tuple(map(str, values))
        length: Any = models.Func(F(field), function="octet_length", output_field=models.IntegerField())
        options["condition"] = ~Q(**{f"{column}__in": self.values}) | Q(models.lookups.GreaterThan(length, 0))
        super().__init__(name=name, **options)

    def validate(self, *args: Any, **options: Any) -> None:
        """Nothing: forms see plain values, and the database has the last word."""

    def deconstruct(self) -> Any:
        path, args, options = super().deconstruct()
        del options["condition"]
        return path, args, options | {"field": self.field, "column": self.column, "values": self.values}


def _clinical(label: str, **options: Any) -> dict[str, Any]:
    return {"label": f"application.{label}", "category": "clinical", "patient": "patient", "blank": True, **options}


class ProductApplication(VaultModel, ClinicModel):
    """A product applied to a patient from one lot. `sql/apply_product.sql` refuses what must not be applied.

    What the label said (product, registration, lot, expiry, holder) is copied by the trigger: a product that is
    changed later does not change what was done. A mistake is put right by an `ApplicationVoid`.
    """

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    professional = ClinicForeignKey("clinics.Professional", verbose_name=_("professional"))
    appointment = ClinicForeignKey("patients.Appointment", null=True, blank=True, verbose_name=_("appointment"))
    service = ClinicForeignKey("clinics.Service", null=True, blank=True, verbose_name=_("service"))
    lot = ClinicForeignKey("patients.ProductLot", verbose_name=_("lot"))
    product = ClinicForeignKey("patients.Product", editable=False, verbose_name=_("product"))
    technique = models.CharField(_("how"), max_length=10, choices=Technique.choices)
    quantity = units_field(_("quantity"))
    applied_at = models.DateTimeField(_("applied at"))
    # As the label had it, by the trigger.
    registration_number = models.CharField(_("registration number"), max_length=25, blank=True, editable=False)
    holder = models.CharField(_("manufacturer or holder"), max_length=200, blank=True, editable=False)
    model = models.CharField(_("model"), max_length=120, blank=True, editable=False)
    lot_number = models.CharField(_("lot"), max_length=40, blank=True, editable=False)
    lot_expires_on = models.DateField(_("expiry"), null=True, blank=True, editable=False)
    dilution = EncryptedTextField(_("dilution"), max_length=120, **_clinical("dilution"))
    body_site = EncryptedTextField(_("body site"), max_length=200, **_clinical("body_site"))
    serial = EncryptedTextField(_("serial number"), max_length=60, **_clinical("serial"))
    udi_raw = EncryptedTextField(
        _("UDI as read"), max_length=200, help_text=_("Scan the code on the package, or type it."),
        **_clinical("udi_raw"),
    )  # fmt: skip
    udi_di = EncryptedTextField(_("UDI-DI"), max_length=25, editable=False, **_clinical("udi_di"))
    udi_pi = EncryptedTextField(_("UDI-PI"), max_length=120, editable=False, **_clinical("udi_pi"))
    note = EncryptedTextField(_("observations"), max_length=2000, multiline=True, **_clinical("note"))
    patient_label_given_at = models.DateTimeField(_("label given to the patient at"), null=True, blank=True)

    retention: ClassVar = "medical_record"
    in_clear: ClassVar[dict[str, str]] = {
        "technique": "a closed list; the trigger compares it, row policies show it to whom the patient is open",
        "registration_number": "a product's number, nobody's",
        "holder": "a company's name",
        "model": "a product's model",
        "lot_number": "a lot's number, nobody's; a recall compares it",
    }

    class Meta:
        db_table = "product_applications"
        verbose_name = _("application of a product")
        verbose_name_plural = _("applications of products")
        constraints = [
            *clinical_tenancy(
                "product_applications",
                same_clinic=["patient", "professional", "appointment", "service", "lot", "product"],
            ),
            RowPolicy(name="product_applications_search", command="SELECT", using="true", to=[SEARCH]),
            closed_list("product_applications", "technique", Technique),
            models.CheckConstraint(
                condition=Q(quantity__gt=0), name="product_applications_quantity_positive",
                violation_error_message=_("Say how much was applied."),
            ),
            models.CheckConstraint(
                condition=~Q(technique__in=PASSES_THE_SKIN) | Q(service__isnull=False),
                name="product_applications_procedure_given",
                violation_error_message=_("Say in which procedure what is injected or implanted was applied."),
            ),
            GivenWhen(
                name="product_applications_site_given", field="body_site", column="technique", values=PASSES_THE_SKIN,
                violation_error_message=_("Say where on the body what is injected or implanted was applied."),
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["clinic", "lot", "patient"], name="product_applications_lot"),
            models.Index(F("clinic"), F("patient"), F("applied_at").desc(), name="product_applications_patient"),
            models.Index(F("clinic"), F("applied_at").desc(), F("id"), name="product_applications_newest"),
        ]
        triggers = [
            # The log is read by roles that must not learn who got what: it says that a product was applied to a
            # patient, and the row, which never changes, says the rest to those who care for them.
            RecordChanges(
                patient="patient",
                withheld=[
                    "lot", "product", "service", "technique", "quantity", "registration_number", "holder", "model",
                    "lot_number", "lot_expires_on",
                ],
            ),
            TOUCH, KeepPatient(),
            OwnFunction(name="apply_product", when=pgtrigger.Before, operation=pgtrigger.Insert),
            OwnFunction(
                name="keep_application", when=pgtrigger.Before, operation=pgtrigger.Update | pgtrigger.Delete
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.id)[:8]


class ApplicationVoid(VaultModel, ClinicModel):
    """That an application was recorded by mistake: why, and its units go back to the lot. Rows are only ever added."""

    application = ClinicForeignKey(ProductApplication, verbose_name=_("application"))
    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    professional = ClinicForeignKey("clinics.Professional", null=True, blank=True, verbose_name=_("professional"))
    reason = EncryptedTextField(
        _("reason"), max_length=300, label="application_void.reason", category="clinical", patient="patient"
    )

    retention: ClassVar = "medical_record"

    class Meta:
        db_table = "product_application_voids"
        verbose_name = _("voided application")
        verbose_name_plural = _("voided applications")
        constraints = [
            *clinical_tenancy(
                "product_application_voids", same_clinic=["application", "patient", "professional"]
            ),
            RowPolicy(name="product_application_voids_search", command="SELECT", using="true", to=[SEARCH]),
            NotEmpty(name="product_application_voids_reason_given", field="reason"),
            models.UniqueConstraint(
                fields=["clinic", "application"], name="product_application_voids_once",
                violation_error_message=_("This application was voided already."),
            ),
        ]  # fmt: skip
        triggers = [
            RecordChanges(patient="patient"),
            KeepPatient(),
            OwnFunction(name="void_application", when=pgtrigger.Before, operation=pgtrigger.Insert),
            OwnFunction(name="refuse_change", when=pgtrigger.Before, operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return str(self.id)[:8]
