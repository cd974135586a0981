"""Signatures of prescriptions; and without one no prescription is electronic."""

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
        ("patients", "0051_prescriptions"),
    ]

    operations = [
        migrations.CreateModel(
            name="PrescriptionSignature",
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
                    "document_sha256",
                    models.CharField(editable=False, max_length=64, verbose_name="SHA-256 of the file"),
                ),
                ("document_size", models.PositiveIntegerField(editable=False, verbose_name="size of the file")),
                (
                    "sealed_sha256",
                    models.CharField(
                        default="", editable=False, max_length=64, verbose_name="SHA-256 of the stored file"
                    ),
                ),
                ("signed_digest", models.CharField(editable=False, max_length=64, verbose_name="signed digest")),
                (
                    "certificate_serial",
                    models.CharField(editable=False, max_length=64, verbose_name="certificate's serial number"),
                ),
                (
                    "certificate_issuer",
                    models.CharField(editable=False, max_length=200, verbose_name="certification authority"),
                ),
                (
                    "policy",
                    models.CharField(blank=True, editable=False, max_length=200, verbose_name="certificate policy"),
                ),
                (
                    "level",
                    models.CharField(
                        choices=[("ADVANCED", "advanced (not ICP-Brasil)"), ("QUALIFIED", "qualified (ICP-Brasil)")],
                        editable=False,
                        max_length=10,
                        verbose_name="level",
                    ),
                ),
                (
                    "pades_level",
                    models.CharField(
                        choices=[("B-B", "PAdES B-B, without a timestamp"), ("B-T", "PAdES B-T, with a timestamp")],
                        editable=False,
                        max_length=4,
                        verbose_name="profile",
                    ),
                ),
                ("signed_at", models.DateTimeField(editable=False, verbose_name="signed at")),
                ("stamped_at", models.DateTimeField(editable=False, null=True, verbose_name="timestamp")),
                ("report", models.JSONField(editable=False, verbose_name="validation report")),
                (
                    "document",
                    neonpro.vault.fields.EncryptedBinaryField(
                        category="clinical",
                        label="prescription_signature.document",
                        patient="patient",
                        verbose_name="signed file",
                    ),
                ),
                (
                    "container",
                    neonpro.vault.fields.EncryptedBinaryField(
                        category="identification",
                        label="prescription_signature.container",
                        patient="patient",
                        verbose_name="signature",
                    ),
                ),
                (
                    "chain",
                    neonpro.vault.fields.EncryptedBinaryField(
                        category="identification",
                        label="prescription_signature.chain",
                        patient="patient",
                        verbose_name="certificates",
                    ),
                ),
                (
                    "signer_cpf",
                    neonpro.vault.fields.EncryptedTextField(
                        category="identification",
                        editable=False,
                        label="prescription_signature.signer_cpf",
                        max_length=11,
                        patient="patient",
                        verbose_name="signer's CPF",
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
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.patient",
                        verbose_name="patient",
                    ),
                ),
                (
                    "prescription",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.prescription",
                        verbose_name="prescription",
                    ),
                ),
                (
                    "signer",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.professional",
                        verbose_name="signed by",
                    ),
                ),
            ],
            options={
                "verbose_name": "signature of a prescription",
                "verbose_name_plural": "signatures of prescriptions",
                "db_table": "prescription_signatures",
                "indexes": [
                    models.Index(fields=["clinic", "signed_at", "id"], name="prescription_signatures_newest"),
                    models.Index(fields=["clinic", "patient"], name="prescription_signatures_of"),
                ],
                "constraints": [
                    neonpro.db.policies.ClinicKey(name="prescription_signatures_key"),
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="prescription_signatures_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="prescription_signatures_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = prescription_signatures.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(false)))",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="prescription_signatures_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('professional'), false)) IS NOT NULL AND (EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = (SELECT neonpro.current_clinic()) AND c.professional_id = (SELECT neonpro.current_professional()) AND c.patient_id = prescription_signatures.patient_id AND c.until IS NULL) OR patient_id IN (SELECT neonpro.granted_patients(true)))",
                    ),
                    neonpro.db.policies.SameClinic(
                        field="prescription", name="prescription_signatures_prescription_same_clinic"
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="prescription_signatures_patient_same_clinic"),
                    neonpro.db.policies.SameClinic(field="signer", name="prescription_signatures_signer_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="prescription_signatures_job",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT neonpro.current_clinic_role()) = 'job'",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("level__in", ["ADVANCED", "QUALIFIED"])),
                        name="prescription_signatures_level_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pades_level__in", ["B-B", "B-T"])),
                        name="prescription_signatures_pades_level_listed",
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "prescription"),
                        name="prescription_signatures_one_per_prescription",
                        violation_error_message="This prescription is signed already.",
                    ),
                    neonpro.vault.fields.NotEmpty(field="document", name="prescription_signatures_document_given"),
                    neonpro.vault.fields.NotEmpty(field="container", name="prescription_signatures_container_given"),
                    neonpro.vault.fields.NotEmpty(field="chain", name="prescription_signatures_chain_given"),
                    neonpro.vault.fields.NotEmpty(field="signer_cpf", name="prescription_signatures_signer_cpf_given"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("document_sha256__regex", "^[0-9a-f]{64}$"),
                            ("sealed_sha256__regex", "^[0-9a-f]{64}$"),
                            ("signed_digest__regex", "^[0-9a-f]{64}$"),
                            ("certificate_serial__regex", "^[0-9a-f]+$"),
                            models.Q(("certificate_issuer", ""), _negated=True),
                        ),
                        name="prescription_signatures_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("pades_level", "B-B"), ("stamped_at__isnull", True)),
                            models.Q(("pades_level", "B-T"), ("stamped_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="prescription_signatures_stamped",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="prescription",
            trigger=pgtrigger.compiler.Trigger(
                name="require_signature",
                sql=neonpro.db.audit.AlwaysDeferredTriggerSql(
                    execute="neonpro.require_signature()",
                    func="RETURN NULL;",
                    hash="ff2787de58264cf817807d9734cdca02bad50037",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_require_signature_b78b9",
                    table="prescriptions",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="prescriptionsignature",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', 'document,container,chain', 'updated_at')",
                    func="RETURN NULL;",
                    hash="ba028c7caa79f0bc51e2aebd7bce8caccf87b963",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_77e1d",
                    table="prescription_signatures",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="prescriptionsignature",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="8162f9065293dd440862c4470eddc4faaea88d05",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_462be",
                    table="prescription_signatures",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="prescriptionsignature",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="d288661cef509dc5e16b2e1d0bcd13caa9fd4400",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_3aceb",
                    table="prescription_signatures",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="prescriptionsignature",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_signature",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_signature()",
                    func="RETURN NULL;",
                    hash="42270e87bc5ff874515aa62a53178277b7012e47",
                    operation="INSERT",
                    pgid="pgtrigger_guard_signature_aef94",
                    table="prescription_signatures",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="prescriptionsignature",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="499b1e6f5b79dc829beb74719a3749a9627d26f9",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_b4d5b",
                    table="prescription_signatures",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="prescriptionsignature",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="89730c5abf24e5cb680e180da62448246fa3f5bf",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_86d12",
                    table="prescription_signatures",
                    when="BEFORE",
                ),
            ),
        ),
    ]
