"""Patients and appointments, and the history of both."""

import uuid

import django.contrib.postgres.fields.ranges
import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
import simple_history.models
from django.db import migrations, models

import clinics.base
import clinics.fields
import neonpro.db.audit
import neonpro.db.history
import neonpro.db.policies
import neonpro.vault.fields
import patients.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("neonpro_db", "0001_schema_and_functions"),
        ("neonpro_vault", "0002_search"),
        ("clinics", "0001_tables"),
        ("patients", "0001_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Patient",
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
                    "record_number",
                    models.CharField(
                        db_default=patients.models.NewRecordNumber(),
                        editable=False,
                        max_length=8,
                        verbose_name="record number",
                    ),
                ),
                (
                    "name",
                    neonpro.vault.fields.EncryptedTextField(
                        category="identification",
                        label="patient.name",
                        max_length=160,
                        patient="self",
                        verbose_name="full name",
                    ),
                ),
                (
                    "preferred_name",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        help_text="Shown everywhere instead of the civil name (Lei 15.378/2026).",
                        label="patient.preferred_name",
                        max_length=160,
                        patient="self",
                        verbose_name="preferred name",
                    ),
                ),
                (
                    "mother_name",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.mother_name",
                        max_length=160,
                        patient="self",
                        verbose_name="mother's name",
                    ),
                ),
                (
                    "birth_date",
                    neonpro.vault.fields.EncryptedDateField(
                        blank=True,
                        category="identification",
                        label="patient.birth_date",
                        null=True,
                        patient="self",
                        verbose_name="date of birth",
                    ),
                ),
                ("birth_year", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="year of birth")),
                (
                    "sex",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        choices=[("female", "female"), ("male", "male"), ("intersex", "intersex")],
                        label="patient.sex",
                        patient="self",
                        verbose_name="sex",
                    ),
                ),
                (
                    "birthplace_city",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.birthplace_city",
                        max_length=80,
                        patient="self",
                        verbose_name="birthplace: city",
                    ),
                ),
                (
                    "birthplace_uf",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        choices=[
                            ("AC", "Acre"),
                            ("AL", "Alagoas"),
                            ("AP", "Amapá"),
                            ("AM", "Amazonas"),
                            ("BA", "Bahia"),
                            ("CE", "Ceará"),
                            ("DF", "Distrito Federal"),
                            ("ES", "Espírito Santo"),
                            ("GO", "Goiás"),
                            ("MA", "Maranhão"),
                            ("MT", "Mato Grosso"),
                            ("MS", "Mato Grosso do Sul"),
                            ("MG", "Minas Gerais"),
                            ("PA", "Pará"),
                            ("PB", "Paraíba"),
                            ("PR", "Paraná"),
                            ("PE", "Pernambuco"),
                            ("PI", "Piauí"),
                            ("RJ", "Rio de Janeiro"),
                            ("RN", "Rio Grande do Norte"),
                            ("RS", "Rio Grande do Sul"),
                            ("RO", "Rondônia"),
                            ("RR", "Roraima"),
                            ("SC", "Santa Catarina"),
                            ("SP", "São Paulo"),
                            ("SE", "Sergipe"),
                            ("TO", "Tocantins"),
                        ],
                        label="patient.birthplace_uf",
                        patient="self",
                        verbose_name="birthplace: state",
                    ),
                ),
                (
                    "cpf",
                    clinics.fields.EncryptedCpfField(
                        blank=True, category="identification", label="patient.cpf", patient="self", verbose_name="CPF"
                    ),
                ),
                (
                    "cns",
                    clinics.fields.EncryptedCnsField(
                        blank=True, category="identification", label="patient.cns", patient="self", verbose_name="CNS"
                    ),
                ),
                (
                    "passport",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.passport",
                        max_length=20,
                        patient="self",
                        verbose_name="passport",
                    ),
                ),
                (
                    "phone",
                    clinics.fields.EncryptedPhoneField(
                        blank=True, category="contact", label="patient.phone", patient="self", verbose_name="phone"
                    ),
                ),
                (
                    "other_phone",
                    clinics.fields.EncryptedPhoneField(
                        blank=True,
                        category="contact",
                        label="patient.other_phone",
                        patient="self",
                        verbose_name="other phone",
                    ),
                ),
                (
                    "email",
                    clinics.fields.EncryptedEmailField(
                        blank=True,
                        category="contact",
                        label="patient.email",
                        max_length=254,
                        patient="self",
                        verbose_name="e-mail",
                    ),
                ),
                (
                    "street",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.street",
                        max_length=160,
                        patient="self",
                        verbose_name="address",
                    ),
                ),
                (
                    "district",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.district",
                        max_length=80,
                        patient="self",
                        verbose_name="district",
                    ),
                ),
                (
                    "city",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.city",
                        max_length=80,
                        patient="self",
                        verbose_name="city",
                    ),
                ),
                (
                    "uf",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        choices=[
                            ("AC", "Acre"),
                            ("AL", "Alagoas"),
                            ("AP", "Amapá"),
                            ("AM", "Amazonas"),
                            ("BA", "Bahia"),
                            ("CE", "Ceará"),
                            ("DF", "Distrito Federal"),
                            ("ES", "Espírito Santo"),
                            ("GO", "Goiás"),
                            ("MA", "Maranhão"),
                            ("MT", "Mato Grosso"),
                            ("MS", "Mato Grosso do Sul"),
                            ("MG", "Minas Gerais"),
                            ("PA", "Pará"),
                            ("PB", "Paraíba"),
                            ("PR", "Paraná"),
                            ("PE", "Pernambuco"),
                            ("PI", "Piauí"),
                            ("RJ", "Rio de Janeiro"),
                            ("RN", "Rio Grande do Norte"),
                            ("RS", "Rio Grande do Sul"),
                            ("RO", "Rondônia"),
                            ("RR", "Roraima"),
                            ("SC", "Santa Catarina"),
                            ("SP", "São Paulo"),
                            ("SE", "Sergipe"),
                            ("TO", "Tocantins"),
                        ],
                        label="patient.uf",
                        patient="self",
                        verbose_name="state",
                    ),
                ),
                (
                    "cep",
                    clinics.fields.EncryptedCepField(
                        blank=True, category="identification", label="patient.cep", patient="self", verbose_name="CEP"
                    ),
                ),
                (
                    "restricted_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="restricted since"),
                ),
                ("source", models.CharField(blank=True, editable=False, max_length=40, verbose_name="imported from")),
                (
                    "external_id",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        editable=False,
                        label="patient.external_id",
                        max_length=64,
                        patient="self",
                        verbose_name="id in that system",
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
            ],
            options={
                "verbose_name": "patient",
                "verbose_name_plural": "patients",
                "db_table": "patients",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="patients_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="patients_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="patients_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="patients_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="patients_search", to=("neonpro_search",), using="true"
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="patients_view_own",
                        to=("neonpro_app", "neonpro_owner"),
                        using="id = (SELECT neonpro.current_patient())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="patients_door",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    models.UniqueConstraint(fields=("clinic", "record_number"), name="patients_one_per_record_number"),
                    neonpro.vault.fields.NotEmpty(field="name", name="patients_name_given"),
                ],
                "indexes": [
                    models.Index(
                        models.F("clinic"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        models.F("id"),
                        name="patients_newest",
                    ),
                    models.Index(
                        condition=models.Q(("restricted_at__isnull", False)),
                        fields=["clinic", "id"],
                        name="patients_restricted",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalAppointment",
            fields=[
                ("id", models.UUIDField(editable=False)),
                ("created_at", models.DateTimeField(editable=False, verbose_name="created at")),
                ("updated_at", models.DateTimeField(editable=False, verbose_name="updated at")),
                ("day", models.DateField(verbose_name="day")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts at")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends at")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("scheduled", "scheduled"),
                            ("confirmed", "confirmed"),
                            ("arrived", "arrived"),
                            ("in_care", "in care"),
                            ("completed", "completed"),
                            ("cancelled", "cancelled"),
                            ("no_show", "no-show"),
                        ],
                        max_length=12,
                        verbose_name="status",
                    ),
                ),
                ("booked_at", models.DateTimeField(editable=False, verbose_name="booked at")),
                ("reminded", models.BooleanField(verbose_name="reminder sent")),
                (
                    "note",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="contact",
                        help_text="Nothing clinical here: the whole reception reads it.",
                        label="appointment.note",
                        max_length=500,
                        multiline=True,
                        patient="patient",
                        verbose_name="note for the reception",
                    ),
                ),
                (
                    "cancel_reason",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="contact",
                        label="appointment.cancel_reason",
                        max_length=200,
                        patient="patient",
                        verbose_name="why it was cancelled",
                    ),
                ),
                ("source", models.CharField(blank=True, editable=False, max_length=40, verbose_name="imported from")),
                (
                    "external_id",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="id in that system"),
                ),
                ("history_user_id", models.UUIDField(null=True, verbose_name="account")),
                ("history_id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                ("actor_kind", models.TextField(verbose_name="kind of actor")),
                ("actor", models.TextField(verbose_name="actor")),
                ("role", models.TextField(verbose_name="role")),
                ("request_id", models.UUIDField(null=True, verbose_name="request")),
                (
                    "clinic",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="clinics.clinic",
                        verbose_name="clinic",
                    ),
                ),
                (
                    "professional",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
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
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="clinics.service",
                        verbose_name="service",
                    ),
                ),
                (
                    "patient",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical appointment",
                "verbose_name_plural": "historical appointments",
                "db_table": "appointments_history",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "default_permissions": (),
                "constraints": [
                    neonpro.db.history.HistoryKey(name="appointments_history_key"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="appointments_history_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="appointments_history_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="appointments_history_add",
                        to=("neonpro_owner",),
                        using="(SELECT pg_catalog.pg_trigger_depth()) > 0",
                    ),
                ],
                "indexes": [models.Index(fields=["clinic", "id", "-history_date"], name="appointments_versions")],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Appointment",
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
                ("day", models.DateField(verbose_name="day")),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts at")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="ends at")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("scheduled", "scheduled"),
                            ("confirmed", "confirmed"),
                            ("arrived", "arrived"),
                            ("in_care", "in care"),
                            ("completed", "completed"),
                            ("cancelled", "cancelled"),
                            ("no_show", "no-show"),
                        ],
                        db_default="scheduled",
                        default="scheduled",
                        max_length=12,
                        verbose_name="status",
                    ),
                ),
                (
                    "booked_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="booked at"
                    ),
                ),
                ("reminded", models.BooleanField(db_default=False, default=False, verbose_name="reminder sent")),
                (
                    "note",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="contact",
                        help_text="Nothing clinical here: the whole reception reads it.",
                        label="appointment.note",
                        max_length=500,
                        multiline=True,
                        patient="patient",
                        verbose_name="note for the reception",
                    ),
                ),
                (
                    "cancel_reason",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="contact",
                        label="appointment.cancel_reason",
                        max_length=200,
                        patient="patient",
                        verbose_name="why it was cancelled",
                    ),
                ),
                ("source", models.CharField(blank=True, editable=False, max_length=40, verbose_name="imported from")),
                (
                    "external_id",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="id in that system"),
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
                "verbose_name": "appointment",
                "verbose_name_plural": "appointments",
                "db_table": "appointments",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="appointments_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="appointments_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="appointments_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="appointments_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="appointments_patient_same_clinic"),
                    neonpro.db.policies.SameClinic(field="professional", name="appointments_professional_same_clinic"),
                    neonpro.db.policies.SameClinic(field="service", name="appointments_service_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="appointments_search", to=("neonpro_search",), using="true"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                ["scheduled", "confirmed", "arrived", "in_care", "completed", "cancelled", "no_show"],
                            )
                        ),
                        name="appointments_status_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ends_at__isnull", True), ("starts_at__isnull", True)),
                            models.Q(
                                ("ends_at__gt", models.F("starts_at")),
                                ("ends_at__isnull", False),
                                ("starts_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="appointments_end_after_start",
                        violation_error_message="The appointment must end after it starts.",
                    ),
                    patients.models.NoOverlap(
                        condition=models.Q(
                            ("starts_at__isnull", False),
                            models.Q(("status__in", ("cancelled", "no_show")), _negated=True),
                        ),
                        expressions=[
                            (models.F("clinic"), "="),
                            (models.F("professional"), "="),
                            (
                                patients.models.TsTzRange(
                                    "starts_at", "ends_at", django.contrib.postgres.fields.ranges.RangeBoundary()
                                ),
                                "&&",
                            ),
                        ],
                        name="appointments_professional_free",
                    ),
                    patients.models.NoOverlap(
                        condition=models.Q(
                            ("starts_at__isnull", False),
                            models.Q(("status__in", ("cancelled", "no_show")), _negated=True),
                        ),
                        expressions=[
                            (models.F("clinic"), "="),
                            (models.F("patient"), "="),
                            (
                                patients.models.TsTzRange(
                                    "starts_at", "ends_at", django.contrib.postgres.fields.ranges.RangeBoundary()
                                ),
                                "&&",
                            ),
                        ],
                        name="appointments_patient_free",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("external_id", ""), _negated=True),
                        fields=("clinic", "source", "external_id"),
                        name="appointments_one_per_external_id",
                    ),
                ],
                "indexes": [
                    models.Index(
                        fields=["clinic", "day", "starts_at", "id"], include=("status",), name="appointments_day"
                    ),
                    models.Index(fields=["clinic", "patient", "day"], name="appointments_patient"),
                    models.Index(fields=["clinic", "professional", "day"], name="appointments_professional"),
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalPatient",
            fields=[
                ("id", models.UUIDField(editable=False)),
                ("created_at", models.DateTimeField(editable=False, verbose_name="created at")),
                ("updated_at", models.DateTimeField(editable=False, verbose_name="updated at")),
                ("record_number", models.CharField(editable=False, max_length=8, verbose_name="record number")),
                (
                    "name",
                    neonpro.vault.fields.EncryptedTextField(
                        category="identification",
                        label="patient.name",
                        max_length=160,
                        patient="self",
                        verbose_name="full name",
                    ),
                ),
                (
                    "preferred_name",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        help_text="Shown everywhere instead of the civil name (Lei 15.378/2026).",
                        label="patient.preferred_name",
                        max_length=160,
                        patient="self",
                        verbose_name="preferred name",
                    ),
                ),
                (
                    "mother_name",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.mother_name",
                        max_length=160,
                        patient="self",
                        verbose_name="mother's name",
                    ),
                ),
                (
                    "birth_date",
                    neonpro.vault.fields.EncryptedDateField(
                        blank=True,
                        category="identification",
                        label="patient.birth_date",
                        null=True,
                        patient="self",
                        verbose_name="date of birth",
                    ),
                ),
                ("birth_year", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="year of birth")),
                (
                    "sex",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        choices=[("female", "female"), ("male", "male"), ("intersex", "intersex")],
                        label="patient.sex",
                        patient="self",
                        verbose_name="sex",
                    ),
                ),
                (
                    "birthplace_city",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.birthplace_city",
                        max_length=80,
                        patient="self",
                        verbose_name="birthplace: city",
                    ),
                ),
                (
                    "birthplace_uf",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        choices=[
                            ("AC", "Acre"),
                            ("AL", "Alagoas"),
                            ("AP", "Amapá"),
                            ("AM", "Amazonas"),
                            ("BA", "Bahia"),
                            ("CE", "Ceará"),
                            ("DF", "Distrito Federal"),
                            ("ES", "Espírito Santo"),
                            ("GO", "Goiás"),
                            ("MA", "Maranhão"),
                            ("MT", "Mato Grosso"),
                            ("MS", "Mato Grosso do Sul"),
                            ("MG", "Minas Gerais"),
                            ("PA", "Pará"),
                            ("PB", "Paraíba"),
                            ("PR", "Paraná"),
                            ("PE", "Pernambuco"),
                            ("PI", "Piauí"),
                            ("RJ", "Rio de Janeiro"),
                            ("RN", "Rio Grande do Norte"),
                            ("RS", "Rio Grande do Sul"),
                            ("RO", "Rondônia"),
                            ("RR", "Roraima"),
                            ("SC", "Santa Catarina"),
                            ("SP", "São Paulo"),
                            ("SE", "Sergipe"),
                            ("TO", "Tocantins"),
                        ],
                        label="patient.birthplace_uf",
                        patient="self",
                        verbose_name="birthplace: state",
                    ),
                ),
                (
                    "cpf",
                    clinics.fields.EncryptedCpfField(
                        blank=True, category="identification", label="patient.cpf", patient="self", verbose_name="CPF"
                    ),
                ),
                (
                    "cns",
                    clinics.fields.EncryptedCnsField(
                        blank=True, category="identification", label="patient.cns", patient="self", verbose_name="CNS"
                    ),
                ),
                (
                    "passport",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.passport",
                        max_length=20,
                        patient="self",
                        verbose_name="passport",
                    ),
                ),
                (
                    "phone",
                    clinics.fields.EncryptedPhoneField(
                        blank=True, category="contact", label="patient.phone", patient="self", verbose_name="phone"
                    ),
                ),
                (
                    "other_phone",
                    clinics.fields.EncryptedPhoneField(
                        blank=True,
                        category="contact",
                        label="patient.other_phone",
                        patient="self",
                        verbose_name="other phone",
                    ),
                ),
                (
                    "email",
                    clinics.fields.EncryptedEmailField(
                        blank=True,
                        category="contact",
                        label="patient.email",
                        max_length=254,
                        patient="self",
                        verbose_name="e-mail",
                    ),
                ),
                (
                    "street",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.street",
                        max_length=160,
                        patient="self",
                        verbose_name="address",
                    ),
                ),
                (
                    "district",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.district",
                        max_length=80,
                        patient="self",
                        verbose_name="district",
                    ),
                ),
                (
                    "city",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="patient.city",
                        max_length=80,
                        patient="self",
                        verbose_name="city",
                    ),
                ),
                (
                    "uf",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        choices=[
                            ("AC", "Acre"),
                            ("AL", "Alagoas"),
                            ("AP", "Amapá"),
                            ("AM", "Amazonas"),
                            ("BA", "Bahia"),
                            ("CE", "Ceará"),
                            ("DF", "Distrito Federal"),
                            ("ES", "Espírito Santo"),
                            ("GO", "Goiás"),
                            ("MA", "Maranhão"),
                            ("MT", "Mato Grosso"),
                            ("MS", "Mato Grosso do Sul"),
                            ("MG", "Minas Gerais"),
                            ("PA", "Pará"),
                            ("PB", "Paraíba"),
                            ("PR", "Paraná"),
                            ("PE", "Pernambuco"),
                            ("PI", "Piauí"),
                            ("RJ", "Rio de Janeiro"),
                            ("RN", "Rio Grande do Norte"),
                            ("RS", "Rio Grande do Sul"),
                            ("RO", "Rondônia"),
                            ("RR", "Roraima"),
                            ("SC", "Santa Catarina"),
                            ("SP", "São Paulo"),
                            ("SE", "Sergipe"),
                            ("TO", "Tocantins"),
                        ],
                        label="patient.uf",
                        patient="self",
                        verbose_name="state",
                    ),
                ),
                (
                    "cep",
                    clinics.fields.EncryptedCepField(
                        blank=True, category="identification", label="patient.cep", patient="self", verbose_name="CEP"
                    ),
                ),
                (
                    "restricted_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="restricted since"),
                ),
                ("source", models.CharField(blank=True, editable=False, max_length=40, verbose_name="imported from")),
                (
                    "external_id",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        editable=False,
                        label="patient.external_id",
                        max_length=64,
                        patient="self",
                        verbose_name="id in that system",
                    ),
                ),
                ("history_user_id", models.UUIDField(null=True, verbose_name="account")),
                ("history_id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField()),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                ("actor_kind", models.TextField(verbose_name="kind of actor")),
                ("actor", models.TextField(verbose_name="actor")),
                ("role", models.TextField(verbose_name="role")),
                ("request_id", models.UUIDField(null=True, verbose_name="request")),
                (
                    "clinic",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="clinics.clinic",
                        verbose_name="clinic",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical patient",
                "verbose_name_plural": "historical patients",
                "db_table": "patients_history",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "default_permissions": (),
                "indexes": [models.Index(fields=["clinic", "id", "-history_date"], name="patients_versions")],
                "constraints": [
                    neonpro.db.history.HistoryKey(name="patients_history_key"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="patients_history_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="patients_history_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="patients_history_add",
                        to=("neonpro_owner",),
                        using="(SELECT pg_catalog.pg_trigger_depth()) > 0",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="historicalpatient",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="3ee246f664c7e7ed4fa627e67d6405f33b505a05",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_34498",
                    table="patients_history",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="historicalpatient",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="3df180d916f9c1a9bc80b65d9909fc7b4398c854",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_bcb51",
                    table="patients_history",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=neonpro.db.policies.ClinicKey(name="patients_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patient",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="d6d216193aa39fde29f753ec156e7c98d50f0116",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_518f7",
                    table="patients",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patient",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="eafe97b9036861f12bb201e2d53b55f03ed7da07",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_e7658",
                    table="patients",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patient",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_restriction",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_restriction()",
                    func="RETURN NULL;",
                    hash="1b8f3170e5c51af5c1e393113b69e4a3ec045a8c",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_guard_restriction_00192",
                    table="patients",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patient",
            trigger=pgtrigger.compiler.Trigger(
                name="history_insert",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "restricted_at", "source", "external_id"\', \'"record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "restricted_at", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="d98b0a331030eafaef550822220fd4c430223784",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_history_insert_d4890",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="patients",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patient",
            trigger=pgtrigger.compiler.Trigger(
                name="history_update",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "restricted_at", "source", "external_id"\', \'"record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "restricted_at", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="72ed5e456202f4eb640cd974f6319eba78c2e2e4",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_history_update_7b8a0",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="patients",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patient",
            trigger=pgtrigger.compiler.Trigger(
                name="history_delete",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "restricted_at", "source", "external_id"\', \'"record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "restricted_at", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="1e1808019adfb42b6d21f9b57353bcf5eb3366af",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_history_delete_1b518",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="patients",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="historicalappointment",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="3d483b1d56bd10887f3f89cf94be3296ab8f02aa",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_ee4ca",
                    table="appointments_history",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="historicalappointment",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="a57e8b2fc3fd69fbbc56d84d6e108c0aac17751b",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_bbc61",
                    table="appointments_history",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=neonpro.db.policies.ClinicKey(name="appointments_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="2292cec1f408fb6ae2d03a4d38745a6885bf9879",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_a33f7",
                    table="appointments",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="9252362e4f8dbc6cfa45aa44a90a753ec142387a",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_06ede",
                    table="appointments",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="own_day",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.appointment_day()",
                    func="RETURN NULL;",
                    hash="382363d3bfb73b17f7525fb7fdc7515e694c9e72",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_own_day_0d73f",
                    table="appointments",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="c21ef1ce5f5b2986dd057773e3f893f8235f907e",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_59d35",
                    table="appointments",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="last_day_insert",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute="neonpro.keep_last_day()",
                    func="RETURN NULL;",
                    hash="62b5f263be143a289ca9896ef22752b9460f83b7",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_last_day_insert_37cba",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="appointments",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="last_day_update",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute="neonpro.keep_last_day()",
                    func="RETURN NULL;",
                    hash="ec76b94d0f4945a856a0615d7f98f224bc94a44b",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_last_day_update_a2713",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="appointments",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="history_insert",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\', \'"patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="f5f17e8e5ae64a1eef07f3e68cba367f442b191e",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_history_insert_d0cef",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="appointments",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="history_update",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\', \'"patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="a6a034e5b20b859fe9251ee03170cb2af327b9e7",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_history_update_e7103",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="appointments",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="history_delete",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\', \'"patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="701a8285a9651d18f23a285adb31b337d7cd946e",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_history_delete_20521",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="appointments",
                    when="AFTER",
                ),
            ),
        ),
    ]
