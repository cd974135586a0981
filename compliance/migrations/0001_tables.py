"""The audit log's model and the permissions on single records."""

import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import clinics.base
import neonpro.db.audit
import neonpro.db.policies


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("neonpro_db", "0001_schema_and_functions"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("clinics", "0001_tables"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ResourcePermission",
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
                ("object_pk", models.CharField(max_length=255, verbose_name="object ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("share", "shared by a colleague"), ("break_glass", "emergency access")],
                        db_default="share",
                        default="share",
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="ends at")),
            ],
            options={
                "verbose_name": "permission on a record",
                "verbose_name_plural": "permissions on records",
                "db_table": "resource_permissions",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="resource_permissions_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'manager', 'professional'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="resource_permissions_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="resource_permissions_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="resource_permissions_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["share", "break_glass"])),
                        name="resource_permissions_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "break_glass"), _negated=True),
                            ("expires_at__isnull", False),
                            _connector="OR",
                        ),
                        name="resource_permissions_glass_ends",
                    ),
                ],
            },
        ),
        # neonpro/db/sql/audit_logs.sql makes the table, partitioned; Django only knows of it.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="AuditLog",
                    fields=[
                        ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                        ("clinic_id", models.UUIDField(verbose_name="clinic")),
                        ("created_at", models.DateTimeField(verbose_name="when")),
                        ("action", models.TextField(verbose_name="action")),
                        ("table_name", models.TextField(verbose_name="table")),
                        ("record_id", models.UUIDField(null=True, verbose_name="record")),
                        ("patient_id", models.UUIDField(null=True, verbose_name="patient")),
                        (
                            "patients",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.UUIDField(), null=True, size=None, verbose_name="patients"
                            ),
                        ),
                        ("actor_kind", models.TextField(verbose_name="kind of actor")),
                        ("actor", models.TextField(verbose_name="actor")),
                        ("role", models.TextField(verbose_name="role")),
                        ("request_id", models.UUIDField(null=True, verbose_name="request")),
                        ("changes", models.JSONField(null=True, verbose_name="changes")),
                    ],
                    options={
                        "verbose_name": "audit log entry",
                        "verbose_name_plural": "audit log",
                        "db_table": "audit_logs",
                        "default_permissions": ("view",),
                    },
                ),
            ]
        ),
        migrations.AddConstraint(
            model_name="auditlog",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="audit_logs_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="auditlog",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="audit_logs_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'manager'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="auditlog",
            constraint=neonpro.db.policies.RowPolicy(
                command="INSERT", name="audit_logs_add", to=("neonpro_owner",), using="true"
            ),
        ),
        migrations.AddConstraint(
            model_name="auditlog",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT", name="audit_logs_search", to=("neonpro_search",), using="true"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditlog",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="b158359f82864ce1f8064ee1bad4257e413e9746",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_ed8b4",
                    table="audit_logs",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditlog",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="e1fd8c54e23189a5cb33a7e16e3115169bd53668",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_db996",
                    table="audit_logs",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="resourcepermission",
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
            model_name="resourcepermission",
            name="content_type",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="contenttypes.contenttype"),
        ),
        migrations.AddField(
            model_name="resourcepermission",
            name="granted_by",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="granted by",
            ),
        ),
        migrations.AddField(
            model_name="resourcepermission",
            name="permission",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.permission"),
        ),
        migrations.AddField(
            model_name="resourcepermission",
            name="user",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name="resourcepermission",
            index=models.Index(fields=["clinic", "content_type", "object_pk"], name="resource_permissions_record"),
        ),
        migrations.AddConstraint(
            model_name="resourcepermission",
            constraint=neonpro.db.policies.ClinicKey(name="resource_permissions_key"),
        ),
        migrations.AddConstraint(
            model_name="resourcepermission",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="resource_permissions_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="resourcepermission",
            constraint=models.UniqueConstraint(
                fields=("clinic", "user", "permission", "object_pk"), name="resource_permissions_one_each"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="resourcepermission",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="fbf2fa1db5b54b2ffa8b2112c234ae5b0ffb9014",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_e4cd2",
                    table="resource_permissions",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="resourcepermission",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="26ed27bb863da486be57880c9ec48b1e48a92b77",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_8e625",
                    table="resource_permissions",
                    when="BEFORE",
                ),
            ),
        ),
    ]
