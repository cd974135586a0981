"""The acts of the committee that disposes of records, and erasures that carry them out."""

import uuid

import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import clinics.base
import neonpro.db.audit
import neonpro.db.policies
from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [
        ("clinics", "0005_overbooking"),
        ("compliance", "0040_audit_seals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        InstallSql("guard_disposal"),
        migrations.CreateModel(
            name="DisposalAct",
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
                    "number",
                    models.CharField(
                        help_text="Of the minutes, for instance 1/2026.", max_length=20, verbose_name="number"
                    ),
                ),
                ("decided_on", models.DateField(verbose_name="decided on")),
                (
                    "members",
                    models.CharField(
                        help_text="The names of the members of the committee; never of a patient.",
                        max_length=500,
                        verbose_name="members",
                    ),
                ),
                (
                    "choice",
                    models.CharField(
                        choices=[
                            ("ELIMINATE", "eliminate"),
                            ("HAND_TO_PATIENT", "hand over to the patient"),
                            ("KEEP", "go on keeping"),
                        ],
                        max_length=16,
                        verbose_name="decision",
                    ),
                ),
                (
                    "reason",
                    models.CharField(help_text="Why, without naming a patient.", max_length=500, verbose_name="reason"),
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
                    "recorded_by",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="recorded by",
                    ),
                ),
            ],
            options={
                "verbose_name": "act of disposal",
                "verbose_name_plural": "acts of disposal",
                "db_table": "disposal_acts",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="disposal_acts_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="disposal_acts_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="disposal_acts_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("choice__in", ["ELIMINATE", "HAND_TO_PATIENT", "KEEP"])),
                        name="disposal_acts_choice_listed",
                    ),
                    models.UniqueConstraint(fields=("clinic", "number"), name="disposal_acts_number"),
                ],
            },
        ),
        migrations.CreateModel(
            name="DisposalItem",
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
                ("patient_id", models.UUIDField(verbose_name="patient")),
                ("kept_until", models.DateField(verbose_name="kept until")),
                (
                    "plan_digest",
                    models.CharField(
                        max_length=64,
                        validators=[django.core.validators.RegexValidator("\\A[0-9a-f]{64}\\Z")],
                        verbose_name="fingerprint of the plan",
                    ),
                ),
                (
                    "act",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.disposalact",
                        verbose_name="act of disposal",
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
                "verbose_name": "record to dispose of",
                "verbose_name_plural": "records to dispose of",
                "db_table": "disposal_items",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="disposal_items_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="disposal_items_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="disposal_items_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="act", name="disposal_items_act_same_clinic"),
                    models.UniqueConstraint(fields=("clinic", "act", "patient_id"), name="disposal_items_once"),
                    models.CheckConstraint(
                        condition=models.Q(("plan_digest__regex", "^[0-9a-f]{64}$")), name="disposal_items_digest"
                    ),
                ],
                "indexes": [models.Index(models.F("clinic"), models.F("patient_id"), name="disposal_items_patient")],
            },
        ),
        migrations.AddConstraint(
            model_name="disposalact",
            constraint=neonpro.db.policies.ClinicKey(name="disposal_acts_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalact",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="2fb7754e257bc36f2738c361d3c19797f040865b",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_8216e",
                    table="disposal_acts",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalact",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="c91dab98adab2aa9a2ef5c88f31e45267d4cbc27",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_b66eb",
                    table="disposal_acts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalact",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_disposal",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_disposal()",
                    func="RETURN NULL;",
                    hash="1683f1f18c07a0e4284a758c32d2f09197217451",
                    operation="INSERT",
                    pgid="pgtrigger_guard_disposal_2a9d0",
                    table="disposal_acts",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalact",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="4a2f92c57db586ec542ba3842422a59de27b21e9",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_b6ea5",
                    table="disposal_acts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalact",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="4fcf80f78b16defab1816d197c954be13cb2d749",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_244d7",
                    table="disposal_acts",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="disposalitem",
            constraint=neonpro.db.policies.ClinicKey(name="disposal_items_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalitem",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="4b5cd814b602ec982b5b3fbca3039184d397b50b",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_f8787",
                    table="disposal_items",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalitem",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="2b408a44679252bd0317e8433a54ed856e05df75",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_925a7",
                    table="disposal_items",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalitem",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_disposal",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_disposal()",
                    func="RETURN NULL;",
                    hash="854730d6321e5c2c859b8663dc96643c0be952bc",
                    operation="INSERT",
                    pgid="pgtrigger_guard_disposal_4e3ff",
                    table="disposal_items",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalitem",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="15660680031627720d4b4bf33c596ca88ce53cb3",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_21ee8",
                    table="disposal_items",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposalitem",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="1669806473eb06c737ce508ef379aa34f840f2c8",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_49de6",
                    table="disposal_items",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RemoveConstraint(
            model_name="erasure",
            name="erasures_kind_listed",
        ),
        migrations.AlterField(
            model_name="erasure",
            name="kind",
            field=models.CharField(
                choices=[
                    ("request", "at the holder's request"),
                    ("retention", "its time was over"),
                    ("replay", "again, after a restore"),
                    ("disposal", "by decision of the committee"),
                ],
                default="request",
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.AddField(
            model_name="erasure",
            name="disposal",
            field=clinics.base.ClinicForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="compliance.disposalitem",
                verbose_name="record to dispose of",
            ),
        ),
        migrations.AddConstraint(
            model_name="erasure",
            constraint=neonpro.db.policies.SameClinic(field="disposal", name="erasures_disposal_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="erasure",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["request", "retention", "replay", "disposal"])),
                name="erasures_kind_listed",
            ),
        ),
        migrations.AddConstraint(
            model_name="erasure",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(models.Q(("kind", "disposal"), _negated=True), ("disposal__isnull", True)),
                    models.Q(("disposal__isnull", False), ("kind", "disposal"), ("proposed_by__isnull", False)),
                    _connector="OR",
                ),
                name="erasures_of_an_act",
            ),
        ),
    ]
