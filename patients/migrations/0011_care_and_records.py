"""Care teams, medical records, their templates, alerts."""

import uuid

import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import clinics.base
import neonpro.db.audit
import neonpro.db.policies
import neonpro.vault.fields


class Migration(migrations.Migration):
    dependencies = [
        ("clinics", "0002_gate"),
        ("patients", "0010_care_functions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CareTeam",
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
                    "since",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="since"
                    ),
                ),
                ("until", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="until")),
                (
                    "began",
                    models.CharField(
                        choices=[
                            ("appointment", "by an appointment"),
                            ("colleague", "added by a colleague"),
                            ("manager", "added by management"),
                        ],
                        editable=False,
                        max_length=12,
                        verbose_name="how it began",
                    ),
                ),
                (
                    "reason",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="contact",
                        help_text="Nothing clinical here: management reads it.",
                        label="care_team.reason",
                        max_length=200,
                        patient="patient",
                        verbose_name="reason",
                    ),
                ),
                (
                    "ended",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("appointment", "the appointment fell through"),
                            ("left", "left the team"),
                            ("manager", "ended by management"),
                        ],
                        editable=False,
                        max_length=12,
                        verbose_name="how it ended",
                    ),
                ),
                (
                    "end_reason",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="contact",
                        editable=False,
                        label="care_team.end_reason",
                        max_length=200,
                        patient="patient",
                        verbose_name="why it ended",
                    ),
                ),
            ],
            options={
                "verbose_name": "care team member",
                "verbose_name_plural": "care team members",
                "db_table": "care_team",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended", ""), ("until__isnull", True)),
                            models.Q(("until__isnull", False), models.Q(("ended", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="care_team_ended_how",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MedicalRecord",
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
                            ("anamnesis", "anamnesis"),
                            ("evolution", "evolution"),
                            ("procedure", "procedure"),
                            ("exam", "exam"),
                            ("document", "document"),
                        ],
                        editable=False,
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                (
                    "document_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("report", "medical report"),
                            ("exam_request", "request for tests"),
                            ("findings", "findings"),
                            ("opinion", "opinion"),
                            ("medical_certificate", "medical certificate"),
                            ("referral", "referral"),
                            ("other", "other document"),
                        ],
                        editable=False,
                        max_length=20,
                        verbose_name="kind of document",
                    ),
                ),
                (
                    "occurred_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now,
                        help_text="The time of the care, not of the writing.",
                        verbose_name="when it happened",
                    ),
                ),
                (
                    "emergency",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="An emergency entry may leave out the anamnesis (CFM 1.638/2002 art. 5).",
                        verbose_name="emergency",
                    ),
                ),
                (
                    "content",
                    neonpro.vault.fields.EncryptedJSONField(
                        blank=True,
                        category="clinical",
                        label="medical_record.content",
                        null=True,
                        patient="patient",
                        verbose_name="content",
                    ),
                ),
                (
                    "diagnoses",
                    neonpro.vault.fields.EncryptedJSONField(
                        blank=True,
                        category="clinical",
                        label="medical_record.diagnoses",
                        null=True,
                        patient="patient",
                        verbose_name="diagnoses (CID)",
                    ),
                ),
                (
                    "cid_consent",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        verbose_name="the patient agreed that the CID stands on the certificate",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "draft"), ("finalised", "finalised"), ("signed", "signed")],
                        db_default="draft",
                        default="draft",
                        editable=False,
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "revision",
                    models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name="revision"),
                ),
                (
                    "amend_reason",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        editable=False,
                        label="medical_record.amend_reason",
                        max_length=500,
                        multiline=True,
                        patient="patient",
                        verbose_name="reason of the addendum",
                    ),
                ),
                (
                    "author_name",
                    models.CharField(blank=True, editable=False, max_length=120, verbose_name="author's name"),
                ),
                (
                    "author_council",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("01", "CRESS"),
                            ("02", "COREN"),
                            ("03", "CRF"),
                            ("04", "CREFONO"),
                            ("05", "CREFITO"),
                            ("06", "CRM"),
                            ("07", "CRN"),
                            ("08", "CRO"),
                            ("09", "CRP"),
                            ("10", "other"),
                            ("11", "CRBio"),
                            ("12", "CRBM"),
                            ("13", "CREF"),
                            ("14", "CRMV"),
                            ("15", "CRTR"),
                        ],
                        editable=False,
                        max_length=2,
                        verbose_name="council",
                    ),
                ),
                (
                    "author_number",
                    models.CharField(blank=True, editable=False, max_length=15, verbose_name="council number"),
                ),
                (
                    "author_uf",
                    models.CharField(blank=True, editable=False, max_length=2, verbose_name="council's state"),
                ),
                (
                    "author_region",
                    models.PositiveSmallIntegerField(editable=False, null=True, verbose_name="council's region"),
                ),
                (
                    "author_category",
                    models.CharField(blank=True, editable=False, max_length=10, verbose_name="category"),
                ),
                ("author_rqe", models.CharField(blank=True, editable=False, max_length=15, verbose_name="RQE")),
                (
                    "author_role",
                    models.CharField(blank=True, editable=False, max_length=80, verbose_name="occupation or specialty"),
                ),
                ("finalised_at", models.DateTimeField(editable=False, null=True, verbose_name="finalised at")),
                ("time_zone", models.CharField(blank=True, editable=False, max_length=40, verbose_name="time zone")),
            ],
            options={
                "verbose_name": "entry in the medical record",
                "verbose_name_plural": "entries in the medical record",
                "db_table": "medical_records",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["anamnesis", "evolution", "procedure", "exam", "document"])),
                        name="medical_records_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "document_kind__in",
                                [
                                    "report",
                                    "exam_request",
                                    "findings",
                                    "opinion",
                                    "medical_certificate",
                                    "referral",
                                    "other",
                                    "",
                                ],
                            )
                        ),
                        name="medical_records_document_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "document"), models.Q(("document_kind", ""), _negated=True)),
                            models.Q(models.Q(("kind", "document"), _negated=True), ("document_kind", "")),
                            _connector="OR",
                        ),
                        name="medical_records_document_kind",
                        violation_error_message="A document says which kind it is, and nothing else does.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["draft", "finalised", "signed"])),
                        name="medical_records_status_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("author_name", ""),
                                ("finalised_at__isnull", True),
                                ("status", "draft"),
                                ("time_zone", ""),
                            ),
                            models.Q(
                                models.Q(("status", "draft"), _negated=True),
                                ("content__isnull", False),
                                ("finalised_at__isnull", False),
                                models.Q(("author_name", ""), _negated=True),
                                models.Q(("time_zone", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="medical_records_finalised_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PatientAlert",
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
                    neonpro.vault.fields.EncryptedTextField(
                        category="clinical",
                        choices=[
                            ("allergy", "allergy"),
                            ("condition", "condition"),
                            ("medicine", "medicine in use"),
                            ("device", "implant or device"),
                            ("other", "other alert"),
                        ],
                        label="patient_alert.kind",
                        patient="patient",
                        verbose_name="kind",
                    ),
                ),
                (
                    "severity",
                    neonpro.vault.fields.EncryptedTextField(
                        category="clinical",
                        choices=[("high", "severe"), ("moderate", "moderate"), ("low", "mild")],
                        label="patient_alert.severity",
                        patient="patient",
                        verbose_name="severity",
                    ),
                ),
                (
                    "text",
                    neonpro.vault.fields.EncryptedTextField(
                        category="clinical",
                        label="patient_alert.text",
                        max_length=200,
                        patient="patient",
                        verbose_name="alert",
                    ),
                ),
                ("ended_at", models.DateTimeField(editable=False, null=True, verbose_name="ended at")),
            ],
            options={
                "verbose_name": "alert",
                "verbose_name_plural": "alerts",
                "db_table": "patient_alerts",
                "constraints": [neonpro.vault.fields.NotEmpty(field="text", name="patient_alerts_text_given")],
            },
        ),
        migrations.CreateModel(
            name="RecordTemplate",
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
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("anamnesis", "anamnesis"),
                            ("evolution", "evolution"),
                            ("procedure", "procedure"),
                            ("exam", "exam"),
                            ("document", "document"),
                        ],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                (
                    "document_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("report", "medical report"),
                            ("exam_request", "request for tests"),
                            ("findings", "findings"),
                            ("opinion", "opinion"),
                            ("medical_certificate", "medical certificate"),
                            ("referral", "referral"),
                            ("other", "other document"),
                        ],
                        max_length=20,
                        verbose_name="kind of document",
                    ),
                ),
                ("specialty", models.CharField(blank=True, max_length=80, verbose_name="specialty")),
                ("sections", models.JSONField(default=list, verbose_name="sections")),
                (
                    "starter",
                    models.CharField(blank=True, editable=False, max_length=40, verbose_name="of the starter set"),
                ),
                ("is_active", models.BooleanField(db_default=True, default=True, verbose_name="active")),
            ],
            options={
                "verbose_name": "template of entries",
                "verbose_name_plural": "templates of entries",
                "db_table": "record_templates",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="record_templates_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="record_templates_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="record_templates_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="record_templates_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager', 'professional'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["anamnesis", "evolution", "procedure", "exam", "document"])),
                        name="record_templates_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "document_kind__in",
                                [
                                    "report",
                                    "exam_request",
                                    "findings",
                                    "opinion",
                                    "medical_certificate",
                                    "referral",
                                    "other",
                                    "",
                                ],
                            )
                        ),
                        name="record_templates_document_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "document"), models.Q(("document_kind", ""), _negated=True)),
                            models.Q(models.Q(("kind", "document"), _negated=True), ("document_kind", "")),
                            _connector="OR",
                        ),
                        name="record_templates_document_kind",
                        violation_error_message="A document says which kind it is, and nothing else does.",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="follow_appointments_insert",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute="neonpro.follow_appointments()",
                    func="RETURN NULL;",
                    hash="56002c2781c9461a77905a0570ac480587b0c16b",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_follow_appointments_insert_ede81",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="appointments",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="follow_appointments_update",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute="neonpro.follow_appointments()",
                    func="RETURN NULL;",
                    hash="fd3db13f826764d983232f4cc0fd324444acf8d3",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_follow_appointments_update_a5f12",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="appointments",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="careteam",
            name="added_by",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="added by",
            ),
        ),
        migrations.AddField(
            model_name="careteam",
            name="appointment",
            field=clinics.base.ClinicForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.appointment",
                verbose_name="appointment",
            ),
        ),
        migrations.AddField(
            model_name="careteam",
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
            model_name="careteam",
            name="ended_by",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="ended by",
            ),
        ),
        migrations.AddField(
            model_name="careteam",
            name="patient",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.patient",
                verbose_name="patient",
            ),
        ),
        migrations.AddField(
            model_name="careteam",
            name="professional",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.professional",
                verbose_name="professional",
            ),
        ),
        migrations.AddField(
            model_name="medicalrecord",
            name="amends",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.medicalrecord",
                verbose_name="corrects",
            ),
        ),
        migrations.AddField(
            model_name="medicalrecord",
            name="appointment",
            field=clinics.base.ClinicForeignKey(
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
        migrations.AddField(
            model_name="medicalrecord",
            name="author",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.professional",
                verbose_name="author",
            ),
        ),
        migrations.AddField(
            model_name="medicalrecord",
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
            model_name="medicalrecord",
            name="patient",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.patient",
                verbose_name="patient",
            ),
        ),
        migrations.AddField(
            model_name="patientalert",
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
            model_name="patientalert",
            name="ended_by",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.professional",
                verbose_name="ended by",
            ),
        ),
        migrations.AddField(
            model_name="patientalert",
            name="noted_by",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.professional",
                verbose_name="noted by",
            ),
        ),
        migrations.AddField(
            model_name="patientalert",
            name="patient",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.patient",
                verbose_name="patient",
            ),
        ),
        migrations.AddField(
            model_name="recordtemplate",
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
            model_name="medicalrecord",
            name="template",
            field=clinics.base.ClinicForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.recordtemplate",
                verbose_name="template of entries",
            ),
        ),
        migrations.AddIndex(
            model_name="careteam",
            index=models.Index(
                condition=models.Q(("until__isnull", True)),
                fields=["clinic", "professional", "patient"],
                name="care_team_open",
            ),
        ),
        migrations.AddIndex(
            model_name="careteam",
            index=models.Index(fields=["clinic", "patient", "since"], name="care_team_patient"),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=neonpro.db.policies.ClinicKey(name="care_team_key"),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="care_team_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="care_team_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=neonpro.db.policies.RowPolicy(
                command="INSERT",
                name="care_team_add",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=neonpro.db.policies.SameClinic(field="patient", name="care_team_patient_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=neonpro.db.policies.SameClinic(field="professional", name="care_team_professional_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=neonpro.db.policies.SameClinic(field="appointment", name="care_team_appointment_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=neonpro.db.policies.RowPolicy(
                command="UPDATE",
                name="care_team_change",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT neonpro.current_clinic_role()) IN ('job', 'manager') OR ((SELECT neonpro.current_clinic_role()) = 'professional' AND professional_id = (SELECT neonpro.current_professional()))",
            ),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="care_team_owner",
                to=("neonpro_owner",),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=models.CheckConstraint(
                condition=models.Q(("began__in", ["appointment", "colleague", "manager"])),
                name="care_team_began_listed",
            ),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended__in", ["appointment", "left", "manager", ""])), name="care_team_ended_listed"
            ),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("began", "appointment"), _negated=True), ("appointment__isnull", False), _connector="OR"
                ),
                name="care_team_began_with",
            ),
        ),
        migrations.AddConstraint(
            model_name="careteam",
            constraint=models.UniqueConstraint(
                condition=models.Q(("until__isnull", True)),
                fields=("clinic", "patient", "professional"),
                name="care_team_one_stay",
                violation_error_message="This professional is in the patient's care team already.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="careteam",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="4a58fbb379caec8658c28e69fff4a4f9564d0389",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_f8c66",
                    table="care_team",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="careteam",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="130c9704d18bbc0f3abed80c708b9ae1dd0aebb2",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_a369c",
                    table="care_team",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="careteam",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="c59a821f94871b7ccafacd3888d8378f163f65bc",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_3455c",
                    table="care_team",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="careteam",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_care",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_care()",
                    func="RETURN NULL;",
                    hash="6dc316aa0b22a37bddda28e0ae72b6c0be84ddce",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_guard_care_d33df",
                    table="care_team",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="careteam",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="de9dcfa5026c946486569aeeb256160df0e6e7b5",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_7aa8b",
                    table="care_team",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="patientalert",
            index=models.Index(fields=["clinic", "patient", "created_at"], name="patient_alerts_patient"),
        ),
        migrations.AddConstraint(
            model_name="patientalert",
            constraint=neonpro.db.policies.ClinicKey(name="patient_alerts_key"),
        ),
        migrations.AddConstraint(
            model_name="patientalert",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="patient_alerts_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="patientalert",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="patient_alerts_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = patient_alerts.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(false)))",
            ),
        ),
        migrations.AddConstraint(
            model_name="patientalert",
            constraint=neonpro.db.policies.RowPolicy(
                command="INSERT",
                name="patient_alerts_add",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = patient_alerts.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
            ),
        ),
        migrations.AddConstraint(
            model_name="patientalert",
            constraint=neonpro.db.policies.RowPolicy(
                command="UPDATE",
                name="patient_alerts_change",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = patient_alerts.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
            ),
        ),
        migrations.AddConstraint(
            model_name="patientalert",
            constraint=neonpro.db.policies.SameClinic(field="patient", name="patient_alerts_patient_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="patientalert",
            constraint=neonpro.db.policies.SameClinic(field="noted_by", name="patient_alerts_noted_by_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="patientalert",
            constraint=neonpro.db.policies.SameClinic(field="ended_by", name="patient_alerts_ended_by_same_clinic"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patientalert",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="a5358747fee94ffc5ac7c4d544f68ee441aa885c",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_9a728",
                    table="patient_alerts",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patientalert",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="e141b3bfa272a7c1855e13287489e40f6610999b",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_c49fc",
                    table="patient_alerts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patientalert",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="50cde9a5e67d2db3e001d8f2139f3737112fb282",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_4ecfb",
                    table="patient_alerts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patientalert",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_alert",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_alert()",
                    func="RETURN NULL;",
                    hash="debb0806d61390acf1fec594309ba714638e7ece",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_guard_alert_6b84e",
                    table="patient_alerts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patientalert",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="d537c12a27dfc3ddd787429fce7d7cc7744b5be1",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_b3a02",
                    table="patient_alerts",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="recordtemplate",
            constraint=neonpro.db.policies.ClinicKey(name="record_templates_key"),
        ),
        migrations.AddConstraint(
            model_name="recordtemplate",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="record_templates_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="recordtemplate",
            constraint=models.UniqueConstraint(
                fields=("clinic", "kind", "name"),
                name="record_templates_one_per_name",
                violation_error_message="This clinic already has a template of this kind with this name.",
            ),
        ),
        migrations.AddConstraint(
            model_name="recordtemplate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("starter", ""), _negated=True),
                fields=("clinic", "starter"),
                name="record_templates_starter_once",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="recordtemplate",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="b28e5cb2cf97b2e8fa30d76ba7d29eb869b0f45a",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_2eeb5",
                    table="record_templates",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="recordtemplate",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="50ef83a2ddfa5cd43f50735788e252fbbf446766",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_f19de",
                    table="record_templates",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="medicalrecord",
            index=models.Index(
                models.F("clinic"),
                models.F("patient"),
                models.OrderBy(models.F("occurred_at"), descending=True),
                models.F("id"),
                name="medical_records_patient",
            ),
        ),
        migrations.AddIndex(
            model_name="medicalrecord",
            index=models.Index(
                models.F("clinic"),
                models.F("author"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.F("id"),
                name="medical_records_author",
            ),
        ),
        migrations.AddIndex(
            model_name="medicalrecord",
            index=models.Index(
                models.F("clinic"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.F("id"),
                name="medical_records_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="medicalrecord",
            index=models.Index(
                condition=models.Q(("amends__isnull", False)),
                fields=["clinic", "amends"],
                name="medical_records_amends",
            ),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.ClinicKey(name="medical_records_key"),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="medical_records_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="medical_records_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = medical_records.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(false))) AND (status <> 'draft' OR author_id = (SELECT neonpro.current_professional()))",
            ),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.RowPolicy(
                command="INSERT",
                name="medical_records_add",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = medical_records.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
            ),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.RowPolicy(
                command="UPDATE",
                name="medical_records_change",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = medical_records.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true))) AND (author_id = (SELECT neonpro.current_professional()))",
            ),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.RowPolicy(
                command="DELETE",
                name="medical_records_delete",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = medical_records.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true))) AND (author_id = (SELECT neonpro.current_professional()) AND status = 'draft')",
            ),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.SameClinic(field="patient", name="medical_records_patient_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.SameClinic(
                field="appointment", name="medical_records_appointment_same_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.SameClinic(field="template", name="medical_records_template_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.SameClinic(field="amends", name="medical_records_amends_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="medicalrecord",
            constraint=neonpro.db.policies.SameClinic(field="author", name="medical_records_author_same_clinic"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="medicalrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="6d95c9fd4cde26c202d7de685d7d4c5fc268ffdb",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_b62d5",
                    table="medical_records",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="medicalrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="e137317137d2aaf07ce14a132f17be8734678df3",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_c34c8",
                    table="medical_records",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="medicalrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="028f317e6e65bd26f195807b620c209b96477179",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_e75cf",
                    table="medical_records",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="medicalrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_record",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_record()",
                    func="RETURN NULL;",
                    hash="7e19f530891af4f7891abae7d7a4966435f49874",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_guard_record_bc6dc",
                    table="medical_records",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="medicalrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="da4458155ccdfb991ae8adaf14f791f43e8d899f",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_73340",
                    table="medical_records",
                    when="BEFORE",
                ),
            ),
        ),
    ]
