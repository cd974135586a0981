"""Who may perform what: the clinic's matrix, and the technical director's sign-offs."""

import uuid

import django.contrib.postgres.functions
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
from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [("clinics", "0003_licences")]
    operations = [
        InstallSql("guard_signoff"),
        migrations.CreateModel(
            name="ScopeRule",
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
                    "procedure_class",
                    models.CharField(
                        choices=[
                            ("surgery", "surgery"),
                            ("sedation", "sedation"),
                            ("injectable", "injectables"),
                            ("medicine", "application of medicines"),
                            ("cosmetic", "cosmetics, without medicines"),
                        ],
                        max_length=12,
                        verbose_name="procedure class",
                    ),
                ),
                (
                    "council",
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
                        help_text="Empty: occupations without a council.",
                        max_length=2,
                        verbose_name="council",
                    ),
                ),
                (
                    "level",
                    models.CharField(
                        choices=[
                            ("allowed", "allowed"),
                            ("allowed_with_title", "allowed with a registered specialty"),
                            ("disputed", "disputed"),
                            ("forbidden", "forbidden"),
                        ],
                        max_length=20,
                        verbose_name="who may perform it",
                    ),
                ),
                (
                    "limits",
                    models.CharField(
                        blank=True,
                        help_text="For example: only on the face. Shown with the decision.",
                        max_length=120,
                        verbose_name="limits",
                    ),
                ),
            ],
            options={
                "verbose_name": "scope of practice",
                "verbose_name_plural": "scope of practice",
                "db_table": "scope_rules",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="scope_rules_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="scope_rules_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="scope_rules_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="scope_rules_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("procedure_class__in", ["surgery", "sedation", "injectable", "medicine", "cosmetic"])
                        ),
                        name="scope_rules_procedure_class_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "council__in",
                                [
                                    "01",
                                    "02",
                                    "03",
                                    "04",
                                    "05",
                                    "06",
                                    "07",
                                    "08",
                                    "09",
                                    "10",
                                    "11",
                                    "12",
                                    "13",
                                    "14",
                                    "15",
                                    "",
                                ],
                            )
                        ),
                        name="scope_rules_council_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("level__in", ["allowed", "allowed_with_title", "disputed", "forbidden"])),
                        name="scope_rules_level_listed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ScopeSignOff",
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
                    "procedure_class",
                    models.CharField(
                        choices=[
                            ("surgery", "surgery"),
                            ("sedation", "sedation"),
                            ("injectable", "injectables"),
                            ("medicine", "application of medicines"),
                            ("cosmetic", "cosmetics, without medicines"),
                        ],
                        max_length=12,
                        verbose_name="procedure class",
                    ),
                ),
                ("reason", models.CharField(max_length=500, verbose_name="reason")),
                ("until", models.DateField(verbose_name="until")),
                (
                    "signed_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        verbose_name="signed off at",
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="ended at")),
            ],
            options={
                "verbose_name": "sign-off",
                "verbose_name_plural": "sign-offs",
                "db_table": "scope_signoffs",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("procedure_class__in", ["surgery", "sedation", "injectable", "medicine", "cosmetic"])
                        ),
                        name="scope_signoffs_procedure_class_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="scope_signoffs_reason_given"
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="service",
            name="procedure_class",
            field=models.CharField(
                blank=True,
                choices=[
                    ("surgery", "surgery"),
                    ("sedation", "sedation"),
                    ("injectable", "injectables"),
                    ("medicine", "application of medicines"),
                    ("cosmetic", "cosmetics, without medicines"),
                ],
                db_default="",
                help_text="Decides who may perform it, by the clinic's matrix. Empty: anybody.",
                max_length=12,
                verbose_name="procedure class",
            ),
        ),
        migrations.AddConstraint(
            model_name="service",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("procedure_class__in", ["surgery", "sedation", "injectable", "medicine", "cosmetic", ""])
                ),
                name="services_procedure_class_listed",
            ),
        ),
        migrations.AddField(
            model_name="scoperule",
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
            model_name="scopesignoff",
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
            model_name="scopesignoff",
            name="director",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.professional",
                verbose_name="technical director",
            ),
        ),
        migrations.AddField(
            model_name="scopesignoff",
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
        migrations.AddConstraint(
            model_name="scoperule",
            constraint=neonpro.db.policies.ClinicKey(name="scope_rules_key"),
        ),
        migrations.AddConstraint(
            model_name="scoperule",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="scope_rules_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="scoperule",
            constraint=models.UniqueConstraint(
                fields=("clinic", "procedure_class", "council"),
                name="scope_rules_one_per_cell",
                violation_error_message="The matrix already says something about this class and council.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scoperule",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="6434ec6b72117cb3ad552c13c4ba2b216e6af236",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_04d69",
                    table="scope_rules",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scoperule",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="e34d6517282b00bad15f073f12354a3520502939",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_ea594",
                    table="scope_rules",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="scopesignoff",
            index=models.Index(fields=["clinic", "professional", "procedure_class"], name="scope_signoffs_of"),
        ),
        migrations.AddConstraint(
            model_name="scopesignoff",
            constraint=neonpro.db.policies.ClinicKey(name="scope_signoffs_key"),
        ),
        migrations.AddConstraint(
            model_name="scopesignoff",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="scope_signoffs_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="scopesignoff",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="scope_signoffs_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="scopesignoff",
            constraint=neonpro.db.policies.RowPolicy(
                command="INSERT",
                name="scope_signoffs_add",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager', 'professional'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="scopesignoff",
            constraint=neonpro.db.policies.RowPolicy(
                command="UPDATE",
                name="scope_signoffs_change",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager', 'professional'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="scopesignoff",
            constraint=neonpro.db.policies.SameClinic(
                field="professional", name="scope_signoffs_professional_same_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="scopesignoff",
            constraint=neonpro.db.policies.SameClinic(field="director", name="scope_signoffs_director_same_clinic"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scopesignoff",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="bf8b368e10a299672c2c69814323a9ada9a64fa4",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_bad09",
                    table="scope_signoffs",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scopesignoff",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="202565e33b9776be443119af3a05bb38f4777113",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_ea974",
                    table="scope_signoffs",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scopesignoff",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_signoff",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_signoff()",
                    func="RETURN NULL;",
                    hash="2d7902cee4ebd2d67b77dff6ba5bacd1e395f6d8",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_guard_signoff_e93b9",
                    table="scope_signoffs",
                    when="BEFORE",
                ),
            ),
        ),
        InstallSql("scope_refusal"),
    ]
