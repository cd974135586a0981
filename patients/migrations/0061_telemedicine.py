"""Telemedicine sessions."""

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


class Migration(migrations.Migration):
    dependencies = [
        ("clinics", "0005_overbooking"),
        ("patients", "0060_telemedicine_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="TelemedicineSession",
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
                    "modality",
                    models.CharField(
                        choices=[
                            ("TELECONSULTA", "teleconsultation"),
                            ("TELEINTERCONSULTA", "tele-interconsultation"),
                            ("TELEDIAGNOSTICO", "telediagnosis"),
                            ("TELECIRURGIA", "telesurgery"),
                            ("TELEMONITORAMENTO", "telemonitoring"),
                            ("TELETRIAGEM", "teletriage"),
                            ("TELECONSULTORIA", "teleconsultancy"),
                        ],
                        default="TELECONSULTA",
                        max_length=20,
                        verbose_name="modality",
                    ),
                ),
                (
                    "room_url",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="contact",
                        help_text="The clinic's own room, for example of its video service. No name of a patient in it.",
                        label="telemedicine_session.room_url",
                        max_length=300,
                        patient="patient",
                        verbose_name="link of the video room",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("planned", "planned"),
                            ("running", "running"),
                            ("ended", "ended"),
                            ("refused", "refused"),
                            ("converted", "changed to in person"),
                            ("cancelled", "cancelled"),
                        ],
                        db_default="planned",
                        default="planned",
                        editable=False,
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("consent", models.UUIDField(editable=False, null=True, verbose_name="consent it rests on")),
                (
                    "emergency",
                    models.BooleanField(db_default=False, default=False, editable=False, verbose_name="emergency"),
                ),
                (
                    "emergency_reason",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        editable=False,
                        label="telemedicine_session.emergency_reason",
                        max_length=500,
                        multiline=True,
                        patient="patient",
                        verbose_name="why the emergency left no time for the term",
                    ),
                ),
                (
                    "patient_identity",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("document", "showed a document with a photograph"),
                            ("known", "known to the professional"),
                            ("representative", "a representative identified both"),
                        ],
                        editable=False,
                        max_length=14,
                        verbose_name="identity of the patient",
                    ),
                ),
                (
                    "professional_identified",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        editable=False,
                        verbose_name="the professional said name and registration",
                    ),
                ),
                (
                    "patient_location",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        editable=False,
                        label="telemedicine_session.patient_location",
                        max_length=200,
                        patient="patient",
                        verbose_name="where the patient said to be",
                    ),
                ),
                (
                    "professional_location",
                    models.CharField(
                        blank=True, editable=False, max_length=120, verbose_name="where the professional is"
                    ),
                ),
                ("started_at", models.DateTimeField(editable=False, null=True, verbose_name="began at")),
                ("ended_at", models.DateTimeField(editable=False, null=True, verbose_name="ended at")),
                (
                    "refused_by",
                    models.CharField(
                        blank=True,
                        choices=[("PATIENT", "the patient"), ("PROFESSIONAL", "the professional")],
                        editable=False,
                        max_length=12,
                        verbose_name="refused by",
                    ),
                ),
                ("refused_at", models.DateTimeField(editable=False, null=True, verbose_name="refused at")),
                (
                    "reason",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        editable=False,
                        label="telemedicine_session.reason",
                        max_length=500,
                        multiline=True,
                        patient="patient",
                        verbose_name="why it was refused or changed",
                    ),
                ),
                (
                    "converted_to_in_person_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="changed to in person at"),
                ),
                (
                    "in_person_overdue",
                    models.BooleanField(
                        db_default=False, default=False, editable=False, verbose_name="a visit in person was overdue"
                    ),
                ),
                (
                    "overdue_reason",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        editable=False,
                        label="telemedicine_session.overdue_reason",
                        max_length=500,
                        multiline=True,
                        patient="patient",
                        verbose_name="why it went on at a distance all the same",
                    ),
                ),
                (
                    "recording_started_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="recording began at"),
                ),
                (
                    "recording_stopped_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="recording stopped at"),
                ),
                (
                    "recording_consent",
                    models.UUIDField(editable=False, null=True, verbose_name="consent to the recording"),
                ),
                (
                    "shared_with",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="clinical",
                        editable=False,
                        label="telemedicine_session.shared_with",
                        max_length=300,
                        patient="patient",
                        verbose_name="with whom images and data are shared",
                    ),
                ),
                ("sharing_consent", models.UUIDField(editable=False, null=True, verbose_name="consent to the sharing")),
                ("record", models.UUIDField(editable=False, null=True, verbose_name="entry in the medical record")),
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
                    "in_person_appointment",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.appointment",
                        verbose_name="appointment in person",
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
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.professional",
                        verbose_name="professional",
                    ),
                ),
            ],
            options={
                "verbose_name": "telemedicine session",
                "verbose_name_plural": "telemedicine sessions",
                "db_table": "telemedicine_sessions",
                "indexes": [
                    models.Index(
                        models.F("clinic"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        models.F("id"),
                        name="telemedicine_newest",
                    ),
                    models.Index(fields=["clinic", "patient", "status"], name="telemedicine_patient"),
                    models.Index(fields=["clinic", "professional", "status"], name="telemedicine_professional"),
                ],
                "constraints": [
                    neonpro.db.policies.ClinicKey(name="telemedicine_sessions_key"),
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="telemedicine_sessions_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="telemedicine_sessions_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="telemedicine_sessions_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="telemedicine_sessions_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="telemedicine_sessions_patient_same_clinic"),
                    neonpro.db.policies.SameClinic(
                        field="professional", name="telemedicine_sessions_professional_same_clinic"
                    ),
                    neonpro.db.policies.SameClinic(
                        field="appointment", name="telemedicine_sessions_appointment_same_clinic"
                    ),
                    neonpro.db.policies.SameClinic(
                        field="in_person_appointment", name="telemedicine_sessions_in_person_appointment_same_clinic"
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="telemedicine_sessions_care_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'professional', false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = telemedicine_sessions.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(false)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="telemedicine_sessions_care_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'professional', false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = telemedicine_sessions.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="telemedicine_sessions_care_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'professional', false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = telemedicine_sessions.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="telemedicine_sessions_stopped",
                        to=("neonpro_owner",),
                        using="clinic_id = (SELECT neonpro.current_clinic()) AND (SELECT pg_catalog.pg_trigger_depth()) > 0",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "modality__in",
                                [
                                    "TELECONSULTA",
                                    "TELEINTERCONSULTA",
                                    "TELEDIAGNOSTICO",
                                    "TELECIRURGIA",
                                    "TELEMONITORAMENTO",
                                    "TELETRIAGEM",
                                    "TELECONSULTORIA",
                                ],
                            )
                        ),
                        name="telemedicine_sessions_modality_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["planned", "running", "ended", "refused", "converted", "cancelled"])
                        ),
                        name="telemedicine_sessions_status_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("patient_identity__in", ["document", "known", "representative", ""])),
                        name="telemedicine_sessions_patient_identity_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("refused_by__in", ["PATIENT", "PROFESSIONAL", ""])),
                        name="telemedicine_sessions_refused_by_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ["running", "ended"]), _negated=True),
                            models.Q(
                                ("professional_identified", True),
                                ("started_at__isnull", False),
                                models.Q(("patient_identity", ""), _negated=True),
                                models.Q(("professional_location", ""), _negated=True),
                                models.Q(("consent__isnull", False), ("emergency", True), _connector="OR"),
                            ),
                            _connector="OR",
                        ),
                        name="telemedicine_sessions_started_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("refused_at__isnull", True),
                                ("refused_by", ""),
                                models.Q(("status", "refused"), _negated=True),
                            ),
                            models.Q(
                                ("refused_at__isnull", False),
                                ("status", "refused"),
                                models.Q(("refused_by", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="telemedicine_sessions_refused_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("converted_to_in_person_at__isnull", False), ("status", "converted")),
                            models.Q(
                                models.Q(("status", "converted"), _negated=True),
                                ("converted_to_in_person_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="telemedicine_sessions_converted_when",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_at__isnull", True),
                            models.Q(
                                ("ended_at__gte", models.F("started_at")),
                                ("started_at__isnull", False),
                                models.Q(("status__in", ["planned", "running"]), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="telemedicine_sessions_ended_after",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("recording_started_at__isnull", True), ("recording_stopped_at__isnull", True)),
                            models.Q(
                                ("recording_consent__isnull", False),
                                ("recording_started_at__isnull", False),
                                ("started_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="telemedicine_sessions_recording_allowed",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("appointment__isnull", False), ("status__in", ["planned", "running", "ended"])
                        ),
                        fields=("clinic", "appointment"),
                        name="telemedicine_sessions_one_per_appointment",
                        violation_error_message="This appointment has a telemedicine session already.",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="telemedicinesession",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="e045cec4f4e11cc56768344945978cf72fcf7223",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_61363",
                    table="telemedicine_sessions",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="telemedicinesession",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="a0e67ae5965d57b22e97b8620e7125f1e9860356",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_663f1",
                    table="telemedicine_sessions",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="telemedicinesession",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="fe50d4d47c082dae9ca686ea2d8e4ba6399ee384",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_74eb7",
                    table="telemedicine_sessions",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="telemedicinesession",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_telemedicine",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_telemedicine()",
                    func="RETURN NULL;",
                    hash="4f917e3d4cb172e0a65927a735008f627df1261c",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_guard_telemedicine_40d76",
                    table="telemedicine_sessions",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="telemedicinesession",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="d257322e91fc736cd776a8c4426a9439168c9763",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_16f45",
                    table="telemedicine_sessions",
                    when="BEFORE",
                ),
            ),
        ),
    ]
