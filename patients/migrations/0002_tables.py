"""Patients and appointments."""

import uuid

import django.contrib.postgres.fields.ranges
import django.contrib.postgres.functions
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import clinics.base
import clinics.fields
import neonpro.db.audit
import neonpro.db.policies
import patients.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("neonpro_db", "0001_schema_and_functions"),
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
                ("name", models.CharField(max_length=160, verbose_name="full name")),
                (
                    "preferred_name",
                    models.CharField(
                        blank=True,
                        help_text="Shown everywhere instead of the civil name (Lei 15.378/2026).",
                        max_length=160,
                        verbose_name="preferred name",
                    ),
                ),
                ("mother_name", models.CharField(blank=True, max_length=160, verbose_name="mother's name")),
                ("birth_date", models.DateField(blank=True, null=True, verbose_name="date of birth")),
                ("birth_year", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="year of birth")),
                (
                    "sex",
                    models.CharField(
                        blank=True,
                        choices=[("female", "female"), ("male", "male"), ("intersex", "intersex")],
                        max_length=10,
                        verbose_name="sex",
                    ),
                ),
                ("birthplace_city", models.CharField(blank=True, max_length=80, verbose_name="birthplace: city")),
                (
                    "birthplace_uf",
                    models.CharField(
                        blank=True,
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
                        max_length=2,
                        verbose_name="birthplace: state",
                    ),
                ),
                ("cpf", clinics.fields.CpfField(blank=True, verbose_name="CPF")),
                ("cns", clinics.fields.CnsField(blank=True, verbose_name="CNS")),
                ("passport", models.CharField(blank=True, max_length=20, verbose_name="passport")),
                ("phone", clinics.fields.PhoneField(blank=True, verbose_name="phone")),
                ("other_phone", clinics.fields.PhoneField(blank=True, verbose_name="other phone")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("street", models.CharField(blank=True, max_length=160, verbose_name="address")),
                ("district", models.CharField(blank=True, max_length=80, verbose_name="district")),
                ("city", models.CharField(blank=True, max_length=80, verbose_name="city")),
                (
                    "uf",
                    models.CharField(
                        blank=True,
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
                        max_length=2,
                        verbose_name="state",
                    ),
                ),
                ("cep", clinics.fields.CepField(blank=True, verbose_name="CEP")),
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
            ],
            options={
                "verbose_name": "patient",
                "verbose_name_plural": "patients",
                "db_table": "patients",
            },
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
                    models.TextField(
                        blank=True,
                        help_text="Nothing clinical here: the whole reception reads it.",
                        validators=[django.core.validators.MaxLengthValidator(500)],
                        verbose_name="note for the reception",
                    ),
                ),
                ("cancel_reason", models.CharField(blank=True, max_length=200, verbose_name="why it was cancelled")),
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
            },
        ),
        migrations.AddIndex(
            model_name="patient",
            index=models.Index(
                models.F("clinic"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.F("id"),
                name="patients_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="patient",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(patients.models.Fold("name"), "gin_trgm_ops"),
                name="patients_name_search",
            ),
        ),
        migrations.AddIndex(
            model_name="patient",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(patients.models.Fold("preferred_name"), "gin_trgm_ops"),
                name="patients_preferred_search",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=neonpro.db.policies.ClinicKey(name="patients_key"),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="patients_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="patients_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=neonpro.db.policies.RowPolicy(
                command="INSERT",
                name="patients_add",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=neonpro.db.policies.RowPolicy(
                command="UPDATE",
                name="patients_change",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT", name="patients_search", to=("neonpro_search",), using="true"
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.CheckConstraint(
                condition=models.Q(("sex__in", ["female", "male", "intersex", ""])), name="patients_sex_listed"
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.UniqueConstraint(
                fields=("clinic", "record_number"), name="patients_one_per_record_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.UniqueConstraint(
                condition=models.Q(("cpf", ""), _negated=True),
                fields=("clinic", "cpf"),
                name="patients_one_per_cpf",
                violation_error_message="This clinic already has a patient with this CPF.",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=("clinic", "source", "external_id"),
                name="patients_one_per_external_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.CheckConstraint(
                condition=models.Q(("cpf", ""), ("cpf__regex", "^[0-9]{11}$"), _connector="OR"),
                name="patients_cpf_form",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="patients_name_given"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patient",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'id', 'name,preferred_name,mother_name,cpf,cns,passport,birth_date,sex,birthplace_city,birthplace_uf,street,district,city,uf,cep,phone,other_phone,email,external_id', 'updated_at')",
                    func="RETURN NULL;",
                    hash="406d9ba9b1a0590518fd2f8b35a86afbd8aaaaf0",
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
        migrations.AddIndex(
            model_name="appointment",
            index=models.Index(
                fields=["clinic", "day", "starts_at", "id"], include=["status"], name="appointments_day"
            ),
        ),
        migrations.AddIndex(
            model_name="appointment",
            index=models.Index(fields=["clinic", "patient", "day"], name="appointments_patient"),
        ),
        migrations.AddIndex(
            model_name="appointment",
            index=models.Index(fields=["clinic", "professional", "day"], name="appointments_professional"),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=neonpro.db.policies.ClinicKey(name="appointments_key"),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="appointments_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="appointments_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=neonpro.db.policies.RowPolicy(
                command="INSERT",
                name="appointments_add",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=neonpro.db.policies.RowPolicy(
                command="UPDATE",
                name="appointments_change",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=neonpro.db.policies.SameClinic(field="patient", name="appointments_patient_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=neonpro.db.policies.SameClinic(
                field="professional", name="appointments_professional_same_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=neonpro.db.policies.SameClinic(field="service", name="appointments_service_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["scheduled", "confirmed", "arrived", "in_care", "completed", "cancelled", "no_show"],
                    )
                ),
                name="appointments_status_listed",
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ends_at__isnull", True), ("starts_at__isnull", True)),
                    models.Q(
                        ("ends_at__gt", models.F("starts_at")), ("ends_at__isnull", False), ("starts_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="appointments_end_after_start",
                violation_error_message="The appointment must end after it starts.",
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=patients.models.NoOverlap(
                condition=models.Q(
                    ("starts_at__isnull", False), models.Q(("status__in", ("cancelled", "no_show")), _negated=True)
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
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=patients.models.NoOverlap(
                condition=models.Q(
                    ("starts_at__isnull", False), models.Q(("status__in", ("cancelled", "no_show")), _negated=True)
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
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=("clinic", "source", "external_id"),
                name="appointments_one_per_external_id",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', 'note,cancel_reason,external_id', 'updated_at')",
                    func="RETURN NULL;",
                    hash="ab2ae08f7a5f7c0e4194d9a33936f742eb792b61",
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
    ]
