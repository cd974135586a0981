"""Products, lots, stock, applications, photographs, adverse events, recalls; Anvisa's register."""

import uuid

import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import clinics.base
import neonpro.db.audit
import neonpro.db.policies
import neonpro.vault.fields
import patients.models.applications


class Migration(migrations.Migration):
    dependencies = [
        ("clinics", "0004_scope"),
        ("patients", "0040_product_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="StockMovement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated at"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("received", "received"),
                            ("discarded", "discarded"),
                            ("corrected", "corrected after counting"),
                        ],
                        max_length=10,
                        verbose_name="what happened",
                    ),
                ),
                (
                    "quantity",
                    models.DecimalField(
                        decimal_places=3,
                        help_text="Negative where it left the stock.",
                        max_digits=10,
                        verbose_name="quantity",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                ("recorded_by", models.UUIDField(blank=True, editable=False, null=True, verbose_name="recorded by")),
            ],
            options={
                "verbose_name": "stock movement",
                "verbose_name_plural": "stock movements",
                "db_table": "stock_movements",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="stock_movements_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="stock_movements_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["received", "discarded", "corrected"])),
                        name="stock_movements_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "received"), ("quantity__gt", 0)),
                            models.Q(
                                ("kind", "discarded"), ("quantity__lt", 0), models.Q(("reason", ""), _negated=True)
                            ),
                            models.Q(
                                ("kind", "corrected"),
                                models.Q(("quantity", 0), _negated=True),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="stock_movements_quantity_and_reason",
                        violation_error_message="What is received adds, what is discarded takes away and needs a reason.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated at"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("medicine", "medicine"),
                            ("vaccine", "vaccine"),
                            ("device", "medical device"),
                            ("cosmetic", "cosmetic"),
                            ("sanitizer", "sanitizing product"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="As the label has it, with its strength.", max_length=160, verbose_name="name"
                    ),
                ),
                ("model", models.CharField(blank=True, max_length=120, verbose_name="model")),
                (
                    "presentation",
                    models.CharField(
                        blank=True,
                        help_text="For example: bottle with 100 U, syringe with 1 mL.",
                        max_length=120,
                        verbose_name="presentation",
                    ),
                ),
                (
                    "unit",
                    models.CharField(
                        choices=[
                            ("un", "unit"),
                            ("U", "U (units of activity)"),
                            ("mL", "mL"),
                            ("mg", "mg"),
                            ("g", "g"),
                        ],
                        default="un",
                        help_text="The unit in which it is received and applied.",
                        max_length=2,
                        verbose_name="counted in",
                    ),
                ),
                ("manufacturer", models.CharField(blank=True, max_length=200, verbose_name="manufacturer")),
                ("holder", models.CharField(blank=True, max_length=200, verbose_name="holder of the registration")),
                (
                    "registration_number",
                    models.CharField(
                        blank=True,
                        help_text="At Anvisa; of an exempt cosmetic the number of its process.",
                        max_length=25,
                        verbose_name="registration number",
                    ),
                ),
                (
                    "risk_class",
                    models.CharField(
                        blank=True,
                        choices=[("I", "I"), ("II", "II"), ("III", "III"), ("IV", "IV")],
                        help_text="Of medical devices.",
                        max_length=3,
                        verbose_name="risk class",
                    ),
                ),
                (
                    "registration_status",
                    models.CharField(
                        choices=[
                            ("unchecked", "not checked"),
                            ("valid", "valid"),
                            ("suspended", "suspended"),
                            ("expired", "expired"),
                            ("cancelled", "cancelled"),
                        ],
                        db_default="unchecked",
                        default="unchecked",
                        max_length=10,
                        verbose_name="registration status",
                    ),
                ),
                (
                    "registration_valid_until",
                    models.DateField(
                        blank=True,
                        help_text="Empty where it has no end, such as notified devices of classes I and II.",
                        null=True,
                        verbose_name="registration valid until",
                    ),
                ),
                (
                    "gtin",
                    models.CharField(
                        blank=True,
                        help_text="So that a scanned package finds this product.",
                        max_length=14,
                        verbose_name="code on the package (GTIN, UDI-DI)",
                    ),
                ),
                (
                    "gives_label",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Permanent implants and PMMA: one label in the record, one on the invoice, one to the patient.",
                        verbose_name="the patient gets a label",
                    ),
                ),
                ("is_active", models.BooleanField(db_default=True, default=True, verbose_name="active")),
                (
                    "clinic",
                    models.ForeignKey(
                        db_default=clinics.base.CurrentClinic(),
                        db_index=False,
                        default=clinics.base.current_clinic,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.clinic",
                        verbose_name="clinic",
                    ),
                ),
            ],
            options={
                "verbose_name": "product",
                "verbose_name_plural": "products",
                "db_table": "products",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="products_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="products_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="products_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="products_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["medicine", "vaccine", "device", "cosmetic", "sanitizer"])),
                        name="products_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("unit__in", ["un", "U", "mL", "mg", "g"])), name="products_unit_listed"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("risk_class__in", ["I", "II", "III", "IV", ""])),
                        name="products_risk_class_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("registration_status__in", ["unchecked", "valid", "suspended", "expired", "cancelled"])
                        ),
                        name="products_registration_status_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(models.Q(("risk_class", ""), _negated=True), ("kind", "device")),
                            models.Q(("risk_class", ""), models.Q(("kind", "device"), _negated=True)),
                            _connector="OR",
                        ),
                        name="products_risk_class_of_devices",
                        violation_error_message="A medical device has a risk class, and nothing else has.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("registration_number", ""),
                            ("registration_number__regex", "^([0-9]{9,13}|25[0-9]{9}/[0-9]{4}(-[0-9]{2})?)$"),
                            _connector="OR",
                        ),
                        name="products_registration_number_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("gtin", ""), ("gtin__regex", "^[0-9]{8,14}$"), _connector="OR"),
                        name="products_gtin_form",
                        violation_error_message="The code on the package has 8 to 14 digits.",
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "name", "registration_number", "presentation"),
                        name="products_one_per_name",
                        violation_error_message="The clinic already has this product with this presentation.",
                    ),
                ],
                "indexes": [models.Index(fields=["clinic", "gtin"], name="products_gtin")],
            },
        ),
        migrations.CreateModel(
            name="ProductApplication",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated at"
                    ),
                ),
                (
                    "technique",
                    models.CharField(
                        choices=[
                            ("injected", "injected"),
                            ("implanted", "implanted"),
                            ("topical", "on the skin"),
                            ("equipment", "by equipment"),
                        ],
                        max_length=10,
                        verbose_name="how",
                    ),
                ),
                ("quantity", models.DecimalField(decimal_places=3, max_digits=10, verbose_name="quantity")),
                ("applied_at", models.DateTimeField(verbose_name="applied at")),
                (
                    "registration_number",
                    models.CharField(blank=True, editable=False, max_length=25, verbose_name="registration number"),
                ),
                (
                    "holder",
                    models.CharField(blank=True, editable=False, max_length=200, verbose_name="manufacturer or holder"),
                ),
                ("model", models.CharField(blank=True, editable=False, max_length=120, verbose_name="model")),
                ("lot_number", models.CharField(blank=True, editable=False, max_length=40, verbose_name="lot")),
                ("lot_expires_on", models.DateField(blank=True, editable=False, null=True, verbose_name="expiry")),
                (
                    "dilution",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        label="application.dilution",
                        max_length=120,
                        patient="patient",
                        verbose_name="dilution",
                    ),
                ),
                (
                    "body_site",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        label="application.body_site",
                        max_length=200,
                        patient="patient",
                        verbose_name="body site",
                    ),
                ),
                (
                    "serial",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        label="application.serial",
                        max_length=60,
                        patient="patient",
                        verbose_name="serial number",
                    ),
                ),
                (
                    "udi_raw",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        help_text="Scan the code on the package, or type it.",
                        label="application.udi_raw",
                        max_length=200,
                        patient="patient",
                        verbose_name="UDI as read",
                    ),
                ),
                (
                    "udi_di",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        editable=False,
                        label="application.udi_di",
                        max_length=25,
                        patient="patient",
                        verbose_name="UDI-DI",
                    ),
                ),
                (
                    "udi_pi",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        editable=False,
                        label="application.udi_pi",
                        max_length=120,
                        patient="patient",
                        verbose_name="UDI-PI",
                    ),
                ),
                (
                    "note",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        label="application.note",
                        max_length=2000,
                        multiline=True,
                        patient="patient",
                        verbose_name="observations",
                    ),
                ),
                (
                    "patient_label_given_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="label given to the patient at"),
                ),
                (
                    "appointment",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.appointment",
                        verbose_name="appointment",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        db_default=clinics.base.CurrentClinic(),
                        db_index=False,
                        default=clinics.base.current_clinic,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.clinic",
                        verbose_name="clinic",
                    ),
                ),
                (
                    "patient",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                (
                    "product",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.product",
                        verbose_name="product",
                    ),
                ),
                (
                    "professional",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.professional",
                        verbose_name="professional",
                    ),
                ),
                (
                    "service",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.service",
                        verbose_name="service",
                    ),
                ),
            ],
            options={
                "verbose_name": "application of a product",
                "verbose_name_plural": "applications of products",
                "db_table": "product_applications",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="product_applications_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="product_applications_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = product_applications.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(false)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="product_applications_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = product_applications.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="product_applications_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = product_applications.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="product_applications_patient_same_clinic"),
                    neonpro.db.policies.SameClinic(
                        field="professional", name="product_applications_professional_same_clinic"
                    ),
                    neonpro.db.policies.SameClinic(
                        field="appointment", name="product_applications_appointment_same_clinic"
                    ),
                    neonpro.db.policies.SameClinic(field="service", name="product_applications_service_same_clinic"),
                    neonpro.db.policies.SameClinic(field="product", name="product_applications_product_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="product_applications_search", to=("neonpro_search",), using="true"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("technique__in", ["injected", "implanted", "topical", "equipment"])),
                        name="product_applications_technique_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)),
                        name="product_applications_quantity_positive",
                        violation_error_message="Say how much was applied.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("technique__in", ("injected", "implanted")), _negated=True),
                            ("service__isnull", False),
                            _connector="OR",
                        ),
                        name="product_applications_procedure_given",
                        violation_error_message="Say in which procedure what is injected or implanted was applied.",
                    ),
                    patients.models.applications.GivenWhen(
                        column="technique",
                        field="body_site",
                        name="product_applications_site_given",
                        values=("injected", "implanted"),
                        violation_error_message="Say where on the body what is injected or implanted was applied.",
                    ),
                ],
                "indexes": [
                    models.Index(
                        models.F("clinic"),
                        models.F("patient"),
                        models.OrderBy(models.F("applied_at"), descending=True),
                        name="product_applications_patient",
                    ),
                    models.Index(
                        models.F("clinic"),
                        models.OrderBy(models.F("applied_at"), descending=True),
                        models.F("id"),
                        name="product_applications_newest",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ClinicalPhoto",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated at"
                    ),
                ),
                (
                    "moment",
                    models.CharField(
                        choices=[("before", "before"), ("after", "after"), ("follow_up", "follow-up")],
                        max_length=9,
                        verbose_name="moment",
                    ),
                ),
                ("taken_at", models.DateTimeField(verbose_name="taken at")),
                (
                    "caption",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="images",
                        label="clinical_photo.caption",
                        max_length=200,
                        patient="patient",
                        verbose_name="caption",
                    ),
                ),
                ("width", models.PositiveIntegerField(editable=False, verbose_name="width")),
                ("height", models.PositiveIntegerField(editable=False, verbose_name="height")),
                (
                    "content",
                    neonpro.vault.fields.EncryptedBinaryField(
                        category="images", label="clinical_photo.content", patient="patient", verbose_name="photograph"
                    ),
                ),
                (
                    "thumbnail",
                    neonpro.vault.fields.EncryptedBinaryField(
                        category="images", label="clinical_photo.thumbnail", patient="patient", verbose_name="thumbnail"
                    ),
                ),
                (
                    "withdrawn_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="withdrawn at"),
                ),
                (
                    "withdrawn_reason",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="images",
                        editable=False,
                        label="clinical_photo.withdrawn_reason",
                        max_length=200,
                        patient="patient",
                        verbose_name="why it was withdrawn",
                    ),
                ),
                (
                    "appointment",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.appointment",
                        verbose_name="appointment",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        db_default=clinics.base.CurrentClinic(),
                        db_index=False,
                        default=clinics.base.current_clinic,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.clinic",
                        verbose_name="clinic",
                    ),
                ),
                (
                    "patient",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                (
                    "application",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.productapplication",
                        verbose_name="application of a product",
                    ),
                ),
            ],
            options={
                "verbose_name": "photograph",
                "verbose_name_plural": "photographs",
                "db_table": "clinical_photos",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="clinical_photos_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="clinical_photos_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = clinical_photos.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(false)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="clinical_photos_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = clinical_photos.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="clinical_photos_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = clinical_photos.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="clinical_photos_patient_same_clinic"),
                    neonpro.db.policies.SameClinic(field="application", name="clinical_photos_application_same_clinic"),
                    neonpro.db.policies.SameClinic(field="appointment", name="clinical_photos_appointment_same_clinic"),
                    models.CheckConstraint(
                        condition=models.Q(("moment__in", ["before", "after", "follow_up"])),
                        name="clinical_photos_moment_listed",
                    ),
                    neonpro.vault.fields.NotEmpty(field="content", name="clinical_photos_content_given"),
                    neonpro.vault.fields.NotEmpty(field="thumbnail", name="clinical_photos_thumbnail_given"),
                    models.CheckConstraint(
                        condition=models.Q(("height__gt", 0), ("width__gt", 0)), name="clinical_photos_size_positive"
                    ),
                ],
                "indexes": [
                    models.Index(
                        models.F("clinic"),
                        models.F("patient"),
                        models.OrderBy(models.F("taken_at"), descending=True),
                        name="clinical_photos_patient",
                    ),
                    models.Index(fields=["clinic", "application"], name="clinical_photos_application"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApplicationVoid",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated at"
                    ),
                ),
                (
                    "reason",
                    neonpro.vault.fields.EncryptedTextField(
                        category="clinical",
                        label="application_void.reason",
                        max_length=300,
                        patient="patient",
                        verbose_name="reason",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        db_default=clinics.base.CurrentClinic(),
                        db_index=False,
                        default=clinics.base.current_clinic,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.clinic",
                        verbose_name="clinic",
                    ),
                ),
                (
                    "patient",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                (
                    "professional",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.professional",
                        verbose_name="professional",
                    ),
                ),
                (
                    "application",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.productapplication",
                        verbose_name="application",
                    ),
                ),
            ],
            options={
                "verbose_name": "voided application",
                "verbose_name_plural": "voided applications",
                "db_table": "product_application_voids",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="product_application_voids_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="product_application_voids_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = product_application_voids.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(false)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="product_application_voids_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = product_application_voids.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.SameClinic(
                        field="application", name="product_application_voids_application_same_clinic"
                    ),
                    neonpro.db.policies.SameClinic(
                        field="patient", name="product_application_voids_patient_same_clinic"
                    ),
                    neonpro.db.policies.SameClinic(
                        field="professional", name="product_application_voids_professional_same_clinic"
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="product_application_voids_search", to=("neonpro_search",), using="true"
                    ),
                    neonpro.vault.fields.NotEmpty(field="reason", name="product_application_voids_reason_given"),
                    models.UniqueConstraint(
                        fields=("clinic", "application"),
                        name="product_application_voids_once",
                        violation_error_message="This application was voided already.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProductLot",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated at"
                    ),
                ),
                ("number", models.CharField(max_length=40, verbose_name="lot")),
                (
                    "expires_on",
                    models.DateField(help_text="The last day on which it may be used.", verbose_name="expiry"),
                ),
                ("units_received", models.DecimalField(decimal_places=3, max_digits=10, verbose_name="received")),
                (
                    "units_left",
                    models.DecimalField(
                        db_default=0, decimal_places=3, default=0, editable=False, max_digits=10, verbose_name="left"
                    ),
                ),
                ("received_on", models.DateField(verbose_name="received on")),
                ("supplier", models.CharField(blank=True, max_length=120, verbose_name="supplier")),
                ("invoice", models.CharField(blank=True, max_length=60, verbose_name="invoice")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("available", "available"),
                            ("quarantined", "in quarantine"),
                            ("recalled", "recalled"),
                        ],
                        db_default="available",
                        default="available",
                        editable=False,
                        max_length=11,
                        verbose_name="situation",
                    ),
                ),
                ("status_reason", models.CharField(blank=True, editable=False, max_length=300, verbose_name="reason")),
                ("status_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="since")),
                ("status_by", models.UUIDField(blank=True, editable=False, null=True, verbose_name="by whom")),
                (
                    "clinic",
                    models.ForeignKey(
                        db_default=clinics.base.CurrentClinic(),
                        db_index=False,
                        default=clinics.base.current_clinic,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.clinic",
                        verbose_name="clinic",
                    ),
                ),
                (
                    "product",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.product",
                        verbose_name="product",
                    ),
                ),
            ],
            options={
                "verbose_name": "lot",
                "verbose_name_plural": "lots and stock",
                "db_table": "product_lots",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="product_lots_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="product_lots_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="product_lots_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="product_lots_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="product", name="product_lots_product_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="product_lots_search", to=("neonpro_search",), using="true"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["available", "quarantined", "recalled"])),
                        name="product_lots_status_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("number", ""), _negated=True), name="product_lots_number_given"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("units_received__gt", 0)),
                        name="product_lots_something_received",
                        violation_error_message="Say how much was received.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("units_left__gte", 0)), name="product_lots_never_below_zero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status", "available"), models.Q(("status_reason", ""), _negated=True), _connector="OR"
                        ),
                        name="product_lots_reason_given",
                        violation_error_message="Say why.",
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "product", "number"),
                        name="product_lots_one_per_number",
                        violation_error_message="The clinic already has this lot: record another receipt on its page.",
                    ),
                ],
                "indexes": [models.Index(fields=["clinic", "expires_on", "id"], name="product_lots_expiry")],
            },
        ),
        migrations.AddField(
            model_name="productapplication",
            name="lot",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.productlot",
                verbose_name="lot",
            ),
        ),
        migrations.CreateModel(
            name="AdverseEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated at"
                    ),
                ),
                (
                    "about",
                    models.CharField(
                        choices=[
                            ("MEDICINE", "medicine"),
                            ("VACCINE", "vaccine"),
                            ("DEVICE", "medical device"),
                            ("COSMETIC", "cosmetic"),
                            ("ASSISTANCE", "care itself, without a product"),
                            ("QUALITY", "quality of a product (technical complaint)"),
                        ],
                        max_length=10,
                        verbose_name="about",
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[("mild", "mild"), ("moderate", "moderate"), ("severe", "severe"), ("death", "death")],
                        max_length=8,
                        verbose_name="severity",
                    ),
                ),
                ("occurred_on", models.DateField(verbose_name="day of the event")),
                ("known_at", models.DateTimeField(verbose_name="the clinic learned of it at")),
                ("due_at", models.DateTimeField(editable=False, verbose_name="to be notified by")),
                (
                    "description",
                    neonpro.vault.fields.EncryptedTextField(
                        category="clinical",
                        label="adverse_event.description",
                        max_length=4000,
                        multiline=True,
                        patient="patient",
                        verbose_name="what happened",
                    ),
                ),
                (
                    "measures",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        label="adverse_event.measures",
                        max_length=2000,
                        multiline=True,
                        patient="patient",
                        verbose_name="what was done",
                    ),
                ),
                (
                    "outcome",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        label="adverse_event.outcome",
                        max_length=500,
                        patient="patient",
                        verbose_name="how the patient is now",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "to be notified"),
                            ("notified", "notified"),
                            ("dismissed", "no notification needed"),
                        ],
                        db_default="open",
                        default="open",
                        editable=False,
                        max_length=9,
                        verbose_name="situation",
                    ),
                ),
                (
                    "notified_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="notified at"),
                ),
                (
                    "protocol",
                    models.CharField(
                        blank=True, editable=False, max_length=60, verbose_name="number of the notification"
                    ),
                ),
                (
                    "dismissal",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        editable=False,
                        label="adverse_event.dismissal",
                        max_length=500,
                        patient="patient",
                        verbose_name="why not",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        db_default=clinics.base.CurrentClinic(),
                        db_index=False,
                        default=clinics.base.current_clinic,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.clinic",
                        verbose_name="clinic",
                    ),
                ),
                (
                    "patient",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                (
                    "professional",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.professional",
                        verbose_name="professional responsible",
                    ),
                ),
                (
                    "application",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.productapplication",
                        verbose_name="application of a product",
                    ),
                ),
                (
                    "lot",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.productlot",
                        verbose_name="lot",
                    ),
                ),
            ],
            options={
                "verbose_name": "adverse event",
                "verbose_name_plural": "adverse events",
                "db_table": "adverse_events",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="adverse_events_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="adverse_events_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = adverse_events.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(false)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="adverse_events_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = adverse_events.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="adverse_events_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = adverse_events.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="adverse_events_patient_same_clinic"),
                    neonpro.db.policies.SameClinic(field="application", name="adverse_events_application_same_clinic"),
                    neonpro.db.policies.SameClinic(field="lot", name="adverse_events_lot_same_clinic"),
                    neonpro.db.policies.SameClinic(
                        field="professional", name="adverse_events_professional_same_clinic"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("about__in", ["MEDICINE", "VACCINE", "DEVICE", "COSMETIC", "ASSISTANCE", "QUALITY"])
                        ),
                        name="adverse_events_about_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["mild", "moderate", "severe", "death"])),
                        name="adverse_events_severity_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["open", "notified", "dismissed"])),
                        name="adverse_events_status_listed",
                    ),
                    neonpro.vault.fields.NotEmpty(field="description", name="adverse_events_described"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "notified"), _negated=True),
                            ("notified_at__isnull", False),
                            _connector="OR",
                        ),
                        name="adverse_events_notified_when",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["clinic", "status", "due_at"], name="adverse_events_clock"),
                    models.Index(fields=["clinic", "patient"], name="adverse_events_patient"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecallContact",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated at"
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("reached", "reached and informed"),
                            ("no_answer", "no answer"),
                            ("wrong_contact", "wrong number or address"),
                            ("letter", "letter sent"),
                        ],
                        max_length=13,
                        verbose_name="outcome",
                    ),
                ),
                (
                    "note",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="contact",
                        help_text="Nothing clinical here.",
                        label="recall_contact.note",
                        max_length=300,
                        patient="patient",
                        verbose_name="observations",
                    ),
                ),
                ("recorded_by", models.UUIDField(blank=True, editable=False, null=True, verbose_name="recorded by")),
                (
                    "clinic",
                    models.ForeignKey(
                        db_default=clinics.base.CurrentClinic(),
                        db_index=False,
                        default=clinics.base.current_clinic,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.clinic",
                        verbose_name="clinic",
                    ),
                ),
                (
                    "lot",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.productlot",
                        verbose_name="lot",
                    ),
                ),
                (
                    "patient",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
            ],
            options={
                "verbose_name": "contact in a recall",
                "verbose_name_plural": "contacts in recalls",
                "db_table": "recall_contacts",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="recall_contacts_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="recall_contacts_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'manager', 'professional'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="recall_contacts_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'manager', 'professional'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="lot", name="recall_contacts_lot_same_clinic"),
                    neonpro.db.policies.SameClinic(field="patient", name="recall_contacts_patient_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="recall_contacts_leads",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT neonpro.leads_recalls())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="recall_contacts_search", to=("neonpro_search",), using="true"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["reached", "no_answer", "wrong_contact", "letter"])),
                        name="recall_contacts_outcome_listed",
                    ),
                ],
                "indexes": [
                    models.Index(
                        models.F("clinic"),
                        models.F("lot"),
                        models.F("patient"),
                        models.F("created_at"),
                        name="recall_contacts_lot",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RegisteredProduct",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created at"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated at"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("medicine", "medicine"),
                            ("vaccine", "vaccine"),
                            ("device", "medical device"),
                            ("cosmetic", "cosmetic"),
                            ("sanitizer", "sanitizing product"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("number", models.CharField(max_length=13, verbose_name="registration number")),
                ("name", models.CharField(max_length=300, verbose_name="name")),
                ("holder", models.CharField(blank=True, max_length=200, verbose_name="holder of the registration")),
                ("manufacturer", models.CharField(blank=True, max_length=200, verbose_name="manufacturer")),
                (
                    "risk_class",
                    models.CharField(
                        blank=True,
                        choices=[("I", "I"), ("II", "II"), ("III", "III"), ("IV", "IV")],
                        max_length=3,
                        verbose_name="risk class",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("unchecked", "not checked"),
                            ("valid", "valid"),
                            ("suspended", "suspended"),
                            ("expired", "expired"),
                            ("cancelled", "cancelled"),
                        ],
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("valid_until", models.DateField(blank=True, null=True, verbose_name="valid until")),
            ],
            options={
                "verbose_name": "product in Anvisa's register",
                "verbose_name_plural": "Anvisa's register",
                "db_table": "anvisa_register",
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "number"), name="anvisa_register_one_per_number"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["medicine", "vaccine", "device", "cosmetic", "sanitizer"])),
                        name="anvisa_register_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("risk_class__in", ["I", "II", "III", "IV", ""])),
                        name="anvisa_register_risk_class_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["unchecked", "valid", "suspended", "expired", "cancelled"])),
                        name="anvisa_register_status_listed",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="product",
            name="register",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.registeredproduct",
                verbose_name="in Anvisa's register",
            ),
        ),
        migrations.AddField(
            model_name="stockmovement",
            name="clinic",
            field=models.ForeignKey(
                db_default=clinics.base.CurrentClinic(),
                db_index=False,
                default=clinics.base.current_clinic,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.clinic",
                verbose_name="clinic",
            ),
        ),
        migrations.AddField(
            model_name="stockmovement",
            name="lot",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.productlot",
                verbose_name="lot",
            ),
        ),
        migrations.AddConstraint(
            model_name="clinicalphoto",
            constraint=neonpro.db.policies.ClinicKey(name="clinical_photos_key"),
        ),
        migrations.AddConstraint(
            model_name="applicationvoid",
            constraint=neonpro.db.policies.ClinicKey(name="product_application_voids_key"),
        ),
        migrations.AddConstraint(
            model_name="productlot",
            constraint=neonpro.db.policies.ClinicKey(name="product_lots_key"),
        ),
        migrations.AddConstraint(
            model_name="productapplication",
            constraint=neonpro.db.policies.ClinicKey(name="product_applications_key"),
        ),
        migrations.AddConstraint(
            model_name="adverseevent",
            constraint=neonpro.db.policies.ClinicKey(name="adverse_events_key"),
        ),
        migrations.AddConstraint(
            model_name="recallcontact",
            constraint=neonpro.db.policies.ClinicKey(name="recall_contacts_key"),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=neonpro.db.policies.ClinicKey(name="products_key"),
        ),
        migrations.AddConstraint(
            model_name="stockmovement",
            constraint=neonpro.db.policies.ClinicKey(name="stock_movements_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="registeredproduct",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="9a72d330de8dab3b84e1d0b768c83f892cf1c304",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_10961",
                    table="anvisa_register",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="registeredproduct",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="27bb2303437cb4ae7811f3c79b4188bae326b61d",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_f4bfa",
                    table="anvisa_register",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="registeredproduct",
            trigger=pgtrigger.compiler.Trigger(
                name="platform_job_only",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.platform_job_only()",
                    func="RETURN NULL;",
                    hash="7189b0a406f1d34d767940a4e377430663e9af51",
                    level="STATEMENT",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_platform_job_only_33d32",
                    table="anvisa_register",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="clinicalphoto",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', 'content,thumbnail,application_id', 'updated_at')",
                    func="RETURN NULL;",
                    hash="fc008727fad299805cebac94d996801d4d5b80c6",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_24ca2",
                    table="clinical_photos",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="clinicalphoto",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="4ff0e73727641c83423a635ccb123dffbe80099a",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_84c3b",
                    table="clinical_photos",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="clinicalphoto",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="1968fe3a4a0b0ea00bf4f98c740fbaad34d9c269",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_9a91b",
                    table="clinical_photos",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="clinicalphoto",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_photo",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_photo()",
                    func="RETURN NULL;",
                    hash="a324d9d63fb862bc7387e8309f2b28ff50afdd34",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_keep_photo_44544",
                    table="clinical_photos",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="applicationvoid",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="d212c380d0bb198b23910e0bfad81b6835cab332",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_a9311",
                    table="product_application_voids",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="applicationvoid",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="956c1976d06f790c68925c1dfd54356d9f48a5e3",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_8f044",
                    table="product_application_voids",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="applicationvoid",
            trigger=pgtrigger.compiler.Trigger(
                name="void_application",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.void_application()",
                    func="RETURN NULL;",
                    hash="6551560d5ddc1158076435023917be6e04386613",
                    operation="INSERT",
                    pgid="pgtrigger_void_application_b147e",
                    table="product_application_voids",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="applicationvoid",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="fc1f19bd92397c40e24073e33bf5c9aa20cc71e5",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_62076",
                    table="product_application_voids",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productlot",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="638e8d3b8eeca05a7116150f3913edacfb34d3a3",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_30640",
                    table="product_lots",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productlot",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="8087f68a509eca6f535692d8e0bc525ace787001",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_1a8af",
                    table="product_lots",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productlot",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_lot",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_lot()",
                    func="RETURN NULL;",
                    hash="0e1f8689f34992349fb277a1aa44585b9afa4562",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_guard_lot_3f118",
                    table="product_lots",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="productapplication",
            index=models.Index(fields=["clinic", "lot", "patient"], name="product_applications_lot"),
        ),
        migrations.AddConstraint(
            model_name="productapplication",
            constraint=neonpro.db.policies.SameClinic(field="lot", name="product_applications_lot_same_clinic"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productapplication",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', 'lot_id,product_id,service_id,technique,quantity,registration_number,holder,model,lot_number,lot_expires_on', 'updated_at')",
                    func="RETURN NULL;",
                    hash="a5fdecdce507e77bef233e1382bb42527a0af274",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_80e2c",
                    table="product_applications",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productapplication",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="e53d8f740db381537afa364ed85cd8486cd026c0",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_c29dd",
                    table="product_applications",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productapplication",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="ac361695b1fa537076f208d616111e3cb24b3279",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_5e706",
                    table="product_applications",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productapplication",
            trigger=pgtrigger.compiler.Trigger(
                name="apply_product",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.apply_product()",
                    func="RETURN NULL;",
                    hash="27d4e40678be275e2823d2d680c17403095bcf51",
                    operation="INSERT",
                    pgid="pgtrigger_apply_product_c2251",
                    table="product_applications",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="productapplication",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_application",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_application()",
                    func="RETURN NULL;",
                    hash="bfd00874f547107a5ed242908127f37e7b14dd05",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_keep_application_d8cf1",
                    table="product_applications",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="adverseevent",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', 'lot_id,application_id,about,severity', 'updated_at')",
                    func="RETURN NULL;",
                    hash="dfd90f87c545606385a9f66a0e77c9ea0692ed8f",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_3e6b3",
                    table="adverse_events",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="adverseevent",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="1889f0237d0534e4c44315e27a7d7458301fd9f1",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_17f5c",
                    table="adverse_events",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="adverseevent",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="77a3d6c5714feeca7dc433ef11b5e3fd73cb3ca5",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_131dd",
                    table="adverse_events",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="recallcontact",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', 'lot_id', 'updated_at')",
                    func="RETURN NULL;",
                    hash="c4093b4e661da67b1ec6c80bdb64845a7b7e576c",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_04ee0",
                    table="recall_contacts",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="recallcontact",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="11f3b057f5e4504224f6129b2919c7efff7ed641",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_2d9d6",
                    table="recall_contacts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="recallcontact",
            trigger=pgtrigger.compiler.Trigger(
                name="recall_contact",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.recall_contact()",
                    func="RETURN NULL;",
                    hash="fff3f32021565be96621c8dd32b35a44dca83f26",
                    operation="INSERT",
                    pgid="pgtrigger_recall_contact_c538d",
                    table="recall_contacts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="recallcontact",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="21b8d64895163bb9a3fb1ce3d81938f1a941beca",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_bbfcb",
                    table="recall_contacts",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="product",
            index=models.Index(fields=["clinic", "register"], name="products_register"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="product",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="c4d6ff6959047ff44a71ddb67a3f4a12af66acb0",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_884b4",
                    table="products",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="product",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="eadea6efbf168432791dc08881d25f498e8d66ad",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_9930d",
                    table="products",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="stockmovement",
            index=models.Index(
                models.F("clinic"),
                models.F("lot"),
                models.OrderBy(models.F("created_at"), descending=True),
                name="stock_movements_lot",
            ),
        ),
        migrations.AddConstraint(
            model_name="stockmovement",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="stock_movements_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="stockmovement",
            constraint=neonpro.db.policies.SameClinic(field="lot", name="stock_movements_lot_same_clinic"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="stockmovement",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="ad761f018588dcd99b11b3c6a4b0893da6d1b9ab",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_f2e12",
                    table="stock_movements",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="stockmovement",
            trigger=pgtrigger.compiler.Trigger(
                name="move_stock",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.move_stock()",
                    func="RETURN NULL;",
                    hash="ba3e9f568b6e0e50d497f131eef8493717cb6986",
                    operation="INSERT",
                    pgid="pgtrigger_move_stock_da8f5",
                    table="stock_movements",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="stockmovement",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="e308ae1a9a018d66a16cfad7e63bbfe526bfc2ff",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_0d169",
                    table="stock_movements",
                    when="BEFORE",
                ),
            ),
        ),
    ]
