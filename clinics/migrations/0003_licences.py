"""Licences: evidence, who verified, an end; and professionals' CPFs, apart."""

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
    dependencies = [("clinics", "0002_gate")]
    operations = [
        InstallSql("guard_licence"),
        migrations.CreateModel(
            name="ProfessionalIdentity",
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
                ("cpf", clinics.fields.CpfField(verbose_name="CPF")),
            ],
            options={
                "verbose_name": "professional's CPF",
                "verbose_name_plural": "professionals' CPFs",
                "db_table": "professional_identities",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="professional_identities_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="professional_identities_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="professional_identities_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="professional_identities_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cpf__regex", "^[0-9]{11}$")), name="professional_identities_cpf_form"
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="professional",
            name="valid_until",
            field=models.DateField(
                blank=True,
                help_text="Where the council gave it for a time only.",
                null=True,
                verbose_name="licence valid until",
            ),
        ),
        migrations.AddField(
            model_name="professional",
            name="verification_method",
            field=models.CharField(
                blank=True,
                choices=[
                    ("website", "public search on the council's website"),
                    ("certificate", "certificate issued by the council"),
                    ("contact", "answer of the council by phone or e-mail"),
                ],
                max_length=12,
                verbose_name="how it was verified",
            ),
        ),
        migrations.AddField(
            model_name="professional",
            name="verified_by",
            field=clinics.base.ClinicForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.membership",
                verbose_name="verified by",
            ),
        ),
        migrations.AlterField(
            model_name="professional",
            name="rqe",
            field=models.CharField(
                blank=True,
                help_text="Number under which the council registered the specialty. A doctor's specialty is shown only with it (CFM 2.336/2023).",
                max_length=15,
                validators=[django.core.validators.RegexValidator("^\\d{1,15}$", "Digits only.")],
                verbose_name="RQE",
            ),
        ),
        migrations.AlterField(
            model_name="professional",
            name="verification_source",
            field=models.CharField(
                blank=True,
                help_text="Where it can be seen again: address, protocol or number of the certificate.",
                max_length=200,
                verbose_name="evidence",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="professional",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_licence",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_licence()",
                    func="RETURN NULL;",
                    hash="2e2497d7e849b36add1f9f34dc61d171434e1250",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_guard_licence_426d5",
                    table="professionals",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="professional",
            constraint=neonpro.db.policies.SameClinic(
                field="verified_by", name="professionals_verified_by_same_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="professional",
            constraint=models.CheckConstraint(
                condition=models.Q(("verification_method__in", ["website", "certificate", "contact", ""])),
                name="professionals_verification_method_listed",
            ),
        ),
        migrations.AddField(
            model_name="professionalidentity",
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
            model_name="professionalidentity",
            name="professional",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="clinics.professional",
                verbose_name="professional",
            ),
        ),
        migrations.AddConstraint(
            model_name="professionalidentity",
            constraint=neonpro.db.policies.ClinicKey(name="professional_identities_key"),
        ),
        migrations.AddConstraint(
            model_name="professionalidentity",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="professional_identities_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="professionalidentity",
            constraint=neonpro.db.policies.SameClinic(
                field="professional", name="professional_identities_professional_same_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="professionalidentity",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="professional_identities_own",
                to=("neonpro_app", "neonpro_owner"),
                using="professional_id IN (SELECT p.id FROM public.professionals AS p JOIN public.clinic_memberships AS m ON m.clinic_id = p.clinic_id AND m.id = p.membership_id WHERE m.user_id = (SELECT neonpro.current_user_id()))",
            ),
        ),
        migrations.AddConstraint(
            model_name="professionalidentity",
            constraint=models.UniqueConstraint(
                fields=("clinic", "professional"), name="professional_identities_one_per_professional"
            ),
        ),
        migrations.AddConstraint(
            model_name="professionalidentity",
            constraint=models.UniqueConstraint(
                fields=("clinic", "cpf"),
                name="professional_identities_one_per_cpf",
                violation_error_message="This clinic already has a professional with this CPF.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="professionalidentity",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', 'cpf', 'updated_at')",
                    func="RETURN NULL;",
                    hash="68df15706aa41af0567051e6b7ff14450f282155",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_c916c",
                    table="professional_identities",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="professionalidentity",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="ff3680caeb5112663dc2a4806fc17e7abc94e801",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_fa6d1",
                    table="professional_identities",
                    when="BEFORE",
                ),
            ),
        ),
        InstallSql("has_licence"),
    ]
