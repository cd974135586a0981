"""The tables of the page «Meus dados»: codes and links, confirmed addresses, sessions."""

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
from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [
        ("clinics", "0005_overbooking"),
        ("compliance", "0030_holder_functions"),
        ("patients", "0061_telemedicine"),
    ]

    operations = [
        migrations.CreateModel(
            name="HolderContact",
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
                    "contact",
                    neonpro.vault.fields.EncryptedTextField(
                        category="contact",
                        label="holder_contact.contact",
                        max_length=254,
                        patient="patient",
                        verbose_name="e-mail",
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("in_person", "confirmed with the patient, document seen"),
                            ("code", "by a code sent to it"),
                        ],
                        max_length=12,
                        verbose_name="confirmed",
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
            ],
            options={
                "verbose_name": "confirmed address",
                "verbose_name_plural": "confirmed addresses",
                "db_table": "holder_contacts",
                "indexes": [models.Index(fields=["clinic", "patient", "created_at"], name="holder_contacts_patient")],
                "constraints": [
                    neonpro.db.policies.ClinicKey(name="holder_contacts_key"),
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="holder_contacts_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="holder_contacts_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="holder_contacts_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="holder_contacts_patient_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="holder_contacts_door_select",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="holder_contacts_door_insert",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("method__in", ["in_person", "code"])), name="holder_contacts_method_listed"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HolderSession",
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
                    "method",
                    models.CharField(
                        choices=[
                            ("code", "code sent to the patient"),
                            ("link", "link given by the clinic"),
                            ("contact", "code to confirm an address"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=64, verbose_name="hash")),
                (
                    "last_seen_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="last seen"
                    ),
                ),
                ("ended_at", models.DateTimeField(editable=False, null=True, verbose_name="ended at")),
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
            ],
            options={
                "verbose_name": "visit of “My data”",
                "verbose_name_plural": "visits of “My data”",
                "db_table": "holder_sessions",
                "indexes": [models.Index(fields=["clinic", "patient", "created_at"], name="holder_sessions_patient")],
                "constraints": [
                    neonpro.db.policies.ClinicKey(name="holder_sessions_key"),
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="holder_sessions_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="holder_sessions_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="holder_sessions_patient_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="holder_sessions_door_select",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="holder_sessions_door_insert",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="holder_sessions_door_update",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="holder_sessions_gate", to=("neonpro_gate",), using="true"
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE", name="holder_sessions_gate_seen", to=("neonpro_gate",), using="true"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("method__in", ["code", "link", "contact"])),
                        name="holder_sessions_method_listed",
                    ),
                    models.UniqueConstraint(fields=("clinic", "digest"), name="holder_sessions_one_each"),
                ],
            },
        ),
        migrations.CreateModel(
            name="HolderCode",
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
                            ("code", "code sent to the patient"),
                            ("link", "link given by the clinic"),
                            ("contact", "code to confirm an address"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("digest", models.CharField(editable=False, max_length=64, verbose_name="hash")),
                ("expires_at", models.DateTimeField(verbose_name="ends at")),
                (
                    "tries",
                    models.PositiveSmallIntegerField(db_default=0, default=0, editable=False, verbose_name="tries"),
                ),
                ("used_at", models.DateTimeField(editable=False, null=True, verbose_name="used at")),
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
            ],
            options={
                "verbose_name": "access to “My data”",
                "verbose_name_plural": "accesses to “My data”",
                "db_table": "holder_codes",
                "indexes": [models.Index(fields=["clinic", "patient", "created_at"], name="holder_codes_patient")],
                "constraints": [
                    neonpro.db.policies.ClinicKey(name="holder_codes_key"),
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="holder_codes_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="holder_codes_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="holder_codes_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="holder_codes_patient_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="holder_codes_door_select",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="holder_codes_door_insert",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="holder_codes_door_update",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="holder_codes_links",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="kind = 'link' OR (SELECT nullif(neonpro.current_clinic_role() = 'door', false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["code", "link", "contact"])), name="holder_codes_kind_listed"
                    ),
                    models.CheckConstraint(condition=models.Q(("tries__lte", 5)), name="holder_codes_tries"),
                    models.UniqueConstraint(fields=("clinic", "digest"), name="holder_codes_one_each"),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="holdercode",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', 'digest', 'updated_at')",
                    func="RETURN NULL;",
                    hash="bab592c5359cc5c4515ac49af925bbaf1405330f",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_cb693",
                    table="holder_codes",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="holdercode",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="ceb516ae764905d12fe8313449f2462238638776",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_23d09",
                    table="holder_codes",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="holdercontact",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="efad991e830c6ede3a9022a0e114c9d3c4c8275a",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_06aa9",
                    table="holder_contacts",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="holdercontact",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="6a3570d5fa17fa8bf3a1e3d0be5982a496d761b6",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_5a247",
                    table="holder_contacts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="holdercontact",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="408b91f28db5fa496848499b43a99baca2373d2c",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_dca9f",
                    table="holder_contacts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="holdersession",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', 'digest', 'updated_at,last_seen_at')",
                    func="RETURN NULL;",
                    hash="54d061daef069cca541500ef7c4cf626744e35e3",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_402eb",
                    table="holder_sessions",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="holdersession",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="50f14e8f89ac3c840d67a5c3eed693b184c09cb6",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_35ccd",
                    table="holder_sessions",
                    when="BEFORE",
                ),
            ),
        ),
        InstallSql("holder_grants"),
    ]
