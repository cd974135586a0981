"""The agenda: the flow of states, encaixes, hours, absences, the waiting list and reminders."""

import uuid

import django.contrib.postgres.fields.ranges
import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import clinics.base
import neonpro.db.audit
import neonpro.db.policies
import neonpro.vault.fields
import patients.models.appointment
from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    dependencies = [
        ("clinics", "0005_overbooking"),
        ("patients", "0004_accesses"),
    ]

    operations = [
        InstallSql("may_overbook"),
        InstallSql("appointment_flow"),
        migrations.CreateModel(
            name="Absence",
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
                            ("vacation", "vacation"),
                            ("holiday", "holiday"),
                            ("course", "course or congress"),
                            ("lunch", "lunch"),
                            ("meeting", "meeting"),
                            ("closed", "clinic closed"),
                            ("other", "other absence"),
                        ],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("starts_at", models.DateTimeField(verbose_name="starts at")),
                ("ends_at", models.DateTimeField(verbose_name="ends at")),
            ],
            options={
                "verbose_name": "absence",
                "verbose_name_plural": "absences",
                "db_table": "absences",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="absences_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="absences_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="absences_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["vacation", "holiday", "course", "lunch", "meeting", "closed", "other"])
                        ),
                        name="absences_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="absences_end_after_start",
                        violation_error_message="It must end after it starts.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reminder",
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
                ("for_day", models.DateField(verbose_name="day of the visit")),
                (
                    "channel",
                    models.CharField(
                        choices=[("email", "e-mail"), ("list", "from the list")], max_length=8, verbose_name="channel"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("sending", "begun"), ("sent", "sent"), ("failed", "failed")],
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
            ],
            options={
                "verbose_name": "reminder",
                "verbose_name_plural": "reminders",
                "db_table": "reminders",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="reminders_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="reminders_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="reminders_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["email", "list"])), name="reminders_channel_listed"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["sending", "sent", "failed"])),
                        name="reminders_status_listed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WaitingEntry",
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
                ("days", models.PositiveSmallIntegerField(db_default=127, default=127, verbose_name="days")),
                ("periods", models.PositiveSmallIntegerField(db_default=7, default=7, verbose_name="periods")),
                (
                    "since",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        verbose_name="waiting since",
                    ),
                ),
                (
                    "priority",
                    models.CharField(
                        choices=[("high", "high"), ("normal", "normal")],
                        db_default="normal",
                        default="normal",
                        max_length=8,
                        verbose_name="priority",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("booked", "booked"), ("withdrawn", "withdrawn")],
                        db_default="waiting",
                        default="waiting",
                        editable=False,
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                (
                    "note",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="contact",
                        help_text="Nothing clinical here: the whole reception reads it.",
                        label="waiting_entry.note",
                        max_length=300,
                        multiline=True,
                        patient="patient",
                        verbose_name="note for the reception",
                    ),
                ),
            ],
            options={
                "verbose_name": "waiting list entry",
                "verbose_name_plural": "waiting list",
                "db_table": "waiting_list",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("priority__in", ["high", "normal"])), name="waiting_list_priority_listed"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["waiting", "booked", "withdrawn"])),
                        name="waiting_list_status_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("days__gte", 1), ("days__lte", 127)),
                        name="waiting_list_some_day",
                        violation_error_message="Choose at least one day.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("periods__gte", 1), ("periods__lte", 7)),
                        name="waiting_list_some_period",
                        violation_error_message="Choose at least one period.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkingHours",
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
                    "weekday",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Monday"),
                            (1, "Tuesday"),
                            (2, "Wednesday"),
                            (3, "Thursday"),
                            (4, "Friday"),
                            (5, "Saturday"),
                            (6, "Sunday"),
                        ],
                        verbose_name="day of the week",
                    ),
                ),
                ("starts", models.TimeField(verbose_name="from")),
                ("ends", models.TimeField(help_text="00:00 is midnight at the end of the day.", verbose_name="until")),
                (
                    "valid_from",
                    models.DateField(help_text="The first day on which it holds.", verbose_name="valid from"),
                ),
                (
                    "valid_to",
                    models.DateField(
                        blank=True,
                        help_text="The last day; empty while it goes on.",
                        null=True,
                        verbose_name="valid until",
                    ),
                ),
            ],
            options={
                "verbose_name": "working hours",
                "verbose_name_plural": "working hours",
                "db_table": "working_hours",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="working_hours_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="working_hours_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="working_hours_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'reception'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("weekday__lte", 6)), name="working_hours_weekday_listed"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ends__gt", models.F("starts")), ("ends", "00:00"), _connector="OR"),
                        name="working_hours_end_after_start",
                        violation_error_message="It must end after it starts.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_to__isnull", True), ("valid_to__gte", models.F("valid_from")), _connector="OR"
                        ),
                        name="working_hours_valid_dates",
                        violation_error_message="The last day is before the first.",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="appointment",
            name="record_changes",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="appointment",
            name="history_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="appointment",
            name="history_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="appointment",
            name="history_delete",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="patient",
            name="history_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="patient",
            name="history_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="patient",
            name="history_delete",
        ),
        migrations.RemoveConstraint(
            model_name="appointment",
            name="appointments_professional_free",
        ),
        migrations.AddField(
            model_name="appointment",
            name="overbook_reason",
            field=neonpro.vault.fields.EncryptedTextField(
                blank=True,
                category="contact",
                help_text="Nothing clinical here: the whole reception reads it.",
                label="appointment.overbook_reason",
                max_length=200,
                patient="patient",
                verbose_name="why it is an overbooking",
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="overbooked",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="On purpose at a time that is taken or closed. It needs a reason.",
                verbose_name="overbooking (encaixe)",
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="status_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="in this state since"
            ),
        ),
        migrations.AddField(
            model_name="historicalappointment",
            name="overbook_reason",
            field=neonpro.vault.fields.EncryptedTextField(
                blank=True,
                category="contact",
                help_text="Nothing clinical here: the whole reception reads it.",
                label="appointment.overbook_reason",
                max_length=200,
                patient="patient",
                verbose_name="why it is an overbooking",
            ),
        ),
        migrations.AddField(
            model_name="historicalappointment",
            name="overbooked",
            field=models.BooleanField(
                default=False,
                help_text="On purpose at a time that is taken or closed. It needs a reason.",
                verbose_name="overbooking (encaixe)",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="historicalappointment",
            name="status_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now, editable=False, verbose_name="in this state since"
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="historicalpatient",
            name="no_reminders",
            field=models.BooleanField(
                default=False,
                help_text="Leave this patient out of reminders of visits, on any channel.",
                verbose_name="wants no reminders",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="patient",
            name="no_reminders",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Leave this patient out of reminders of visits, on any channel.",
                verbose_name="wants no reminders",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at,status_at')",
                    func="RETURN NULL;",
                    hash="e4a18134509dca5e615f17bdb9bdbe86985f50a3",
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
                name="guard_flow",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.appointment_flow()",
                    func="RETURN NULL;",
                    hash="025c889ee45425663178e26beb36679e194bafdc",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_guard_flow_0fd15",
                    table="appointments",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="appointment",
            trigger=pgtrigger.compiler.Trigger(
                name="history_insert",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "status_at", "overbooked", "overbook_reason", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\', \'"patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "overbooked", "overbook_reason", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="7fb178c652cd76880d06e50990578cabbb8e82f9",
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
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "status_at", "overbooked", "overbook_reason", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\', \'"patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "overbooked", "overbook_reason", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="3e30c1fc63451fde62355cb2a88a0498ed744314",
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
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "status_at", "overbooked", "overbook_reason", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\', \'"patient_id", "professional_id", "service_id", "day", "starts_at", "ends_at", "status", "overbooked", "overbook_reason", "booked_at", "reminded", "note", "cancel_reason", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="7d13c529eb842cf41d05d0d7a6b6e3e73dbc84fa",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_history_delete_20521",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="appointments",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patient",
            trigger=pgtrigger.compiler.Trigger(
                name="history_insert",
                sql=neonpro.db.audit.AlwaysStatementTriggerSql(
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "no_reminders", "restricted_at", "source", "external_id"\', \'"record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "no_reminders", "restricted_at", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="88ae5a8a861a0c1433a8f0128c6272f41da885ab",
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
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "no_reminders", "restricted_at", "source", "external_id"\', \'"record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "no_reminders", "restricted_at", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="3444ff02474842ff9a582d7c20a029ecf86d6e88",
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
                    execute='neonpro.record_history(\'"id", "created_at", "updated_at", "clinic_id", "record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "no_reminders", "restricted_at", "source", "external_id"\', \'"record_number", "name", "preferred_name", "mother_name", "birth_date", "birth_year", "sex", "birthplace_city", "birthplace_uf", "cpf", "cns", "passport", "phone", "other_phone", "email", "street", "district", "city", "uf", "cep", "no_reminders", "restricted_at", "source", "external_id"\')',
                    func="RETURN NULL;",
                    hash="045e9fb06d89017b4237dd14b0befe1ffb7698b0",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_history_delete_1b518",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="patients",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=patients.models.appointment.NoOverlap(
                condition=models.Q(
                    ("starts_at__isnull", False),
                    models.Q(("status__in", ("cancelled", "no_show")), _negated=True),
                    ("overbooked", False),
                ),
                expressions=[
                    (models.F("clinic"), "="),
                    (models.F("professional"), "="),
                    (
                        patients.models.appointment.TsTzRange(
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
            constraint=patients.models.appointment.ReasonGiven(
                field="overbook_reason",
                marked="overbooked",
                name="appointments_overbooking_reason",
                violation_error_message="An overbooking needs its reason.",
            ),
        ),
        migrations.AddField(
            model_name="absence",
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
            model_name="absence",
            name="professional",
            field=clinics.base.ClinicForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="Empty: the whole clinic, on a municipal holiday for instance.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.professional",
                verbose_name="professional",
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="appointment",
            field=clinics.base.ClinicForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="patients.appointment",
                verbose_name="appointment",
            ),
        ),
        migrations.AddField(
            model_name="reminder",
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
            model_name="reminder",
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
            model_name="waitingentry",
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
            model_name="waitingentry",
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
            model_name="waitingentry",
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
            model_name="waitingentry",
            name="professional",
            field=clinics.base.ClinicForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="Empty: any.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.professional",
                verbose_name="professional",
            ),
        ),
        migrations.AddField(
            model_name="waitingentry",
            name="service",
            field=clinics.base.ClinicForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="Empty: any.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.service",
                verbose_name="service",
            ),
        ),
        migrations.AddField(
            model_name="workinghours",
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
            model_name="workinghours",
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
        migrations.AddIndex(
            model_name="absence",
            index=models.Index(fields=["clinic", "ends_at"], name="absences_until"),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=neonpro.db.policies.ClinicKey(name="absences_key"),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="absences_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="absences_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=neonpro.db.policies.SameClinic(field="professional", name="absences_professional_same_clinic"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="absence",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="f97c903de6f1e079b64f88bfc5fdf76e04132ca9",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_5656c",
                    table="absences",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="absence",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="62aa64de16609dd5beb10962d37a5fe6ead8e1f1",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_615df",
                    table="absences",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(fields=["clinic", "for_day"], name="reminders_day"),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=neonpro.db.policies.ClinicKey(name="reminders_key"),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="reminders_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=neonpro.db.policies.SameClinic(field="appointment", name="reminders_appointment_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=neonpro.db.policies.SameClinic(field="patient", name="reminders_patient_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "failed"), _negated=True),
                fields=("clinic", "appointment", "for_day"),
                name="reminders_once",
                violation_error_message="This patient was reminded of this visit already.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reminder",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="3f729716ce63563d1593353ff406972584de407a",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_af175",
                    table="reminders",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reminder",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="2d272bed59afa78122b03c7c5ddac98c304735a7",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_4a148",
                    table="reminders",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="waitingentry",
            index=models.Index(
                condition=models.Q(("status", "waiting")), fields=["clinic", "since"], name="waiting_list_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="waitingentry",
            index=models.Index(fields=["clinic", "patient"], name="waiting_list_patient"),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=neonpro.db.policies.ClinicKey(name="waiting_list_key"),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="waiting_list_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="waiting_list_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=neonpro.db.policies.RowPolicy(
                command="INSERT",
                name="waiting_list_add",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=neonpro.db.policies.RowPolicy(
                command="UPDATE",
                name="waiting_list_change",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=neonpro.db.policies.SameClinic(field="patient", name="waiting_list_patient_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=neonpro.db.policies.SameClinic(
                field="professional", name="waiting_list_professional_same_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=neonpro.db.policies.SameClinic(field="service", name="waiting_list_service_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=neonpro.db.policies.SameClinic(field="appointment", name="waiting_list_appointment_same_clinic"),
        ),
        migrations.AddConstraint(
            model_name="waitingentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("appointment__isnull", False), ("status", "booked")),
                    models.Q(models.Q(("status", "booked"), _negated=True), ("appointment__isnull", True)),
                    _connector="OR",
                ),
                name="waiting_list_booked_with_appointment",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="waitingentry",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="9297b0d7ff2f9650699a7dd0f8daa889c8d40c01",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_0b13e",
                    table="waiting_list",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="waitingentry",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="cbe68e26c36b57fefc9818fef31706ec9c89fa87",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_01deb",
                    table="waiting_list",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="waitingentry",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_patient",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.keep_patient()",
                    func="RETURN NULL;",
                    hash="c0adec67f41967f23ce63716f2a7973042ceff89",
                    operation="UPDATE",
                    pgid="pgtrigger_keep_patient_d629a",
                    table="waiting_list",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="workinghours",
            index=models.Index(fields=["clinic", "professional", "weekday"], name="working_hours_professional"),
        ),
        migrations.AddConstraint(
            model_name="workinghours",
            constraint=neonpro.db.policies.ClinicKey(name="working_hours_key"),
        ),
        migrations.AddConstraint(
            model_name="workinghours",
            constraint=neonpro.db.policies.RowPolicy(
                command="ALL",
                name="working_hours_clinic",
                restrictive=True,
                to=("neonpro_app", "neonpro_owner"),
                using="clinic_id = (SELECT neonpro.current_clinic())",
            ),
        ),
        migrations.AddConstraint(
            model_name="workinghours",
            constraint=neonpro.db.policies.RowPolicy(
                command="SELECT",
                name="working_hours_view",
                to=("neonpro_app", "neonpro_owner"),
                using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
            ),
        ),
        migrations.AddConstraint(
            model_name="workinghours",
            constraint=neonpro.db.policies.SameClinic(
                field="professional", name="working_hours_professional_same_clinic"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="workinghours",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="8b9fb936fdbad2b9fc37ae5d02c2181d9bb6516a",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_d79d2",
                    table="working_hours",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="workinghours",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="e2c3266c46e357d734d8aa1631a2339bde7c00ca",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_9aee9",
                    table="working_hours",
                    when="BEFORE",
                ),
            ),
        ),
    ]
