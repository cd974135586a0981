"""Users, clinics, memberships, professionals and services."""

import uuid

import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import clinics.base
import clinics.fields
import neonpro.db.audit
import neonpro.db.policies
from neonpro.db.functions import InstallSql


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("neonpro_db", "0001_schema_and_functions"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        InstallSql("guard_team"),
        migrations.CreateModel(
            name="Clinic",
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
                ("trade_name", models.CharField(max_length=120, verbose_name="trade name")),
                ("legal_name", models.CharField(max_length=160, verbose_name="legal name")),
                ("cnpj", clinics.fields.CnpjField(blank=True, verbose_name="CNPJ")),
                (
                    "cnes",
                    models.CharField(
                        blank=True,
                        help_text="Number in the national register of health establishments.",
                        max_length=7,
                        validators=[django.core.validators.RegexValidator("^\\d{7}$", "A CNES has 7 digits.")],
                        verbose_name="CNES",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("health_service", "health service"),
                            ("interest_to_health", "service of interest to health"),
                        ],
                        default="health_service",
                        help_text="Decides which sanitary rules apply (Anvisa, Nota Técnica 2/2024).",
                        max_length=20,
                        verbose_name="establishment kind",
                    ),
                ),
                ("licence_number", models.CharField(blank=True, max_length=40, verbose_name="sanitary licence")),
                ("licence_authority", models.CharField(blank=True, max_length=120, verbose_name="licensing authority")),
                ("licence_issued_on", models.DateField(blank=True, null=True, verbose_name="licence issued on")),
                ("licence_expires_on", models.DateField(blank=True, null=True, verbose_name="licence expires on")),
                (
                    "dpo_name",
                    models.CharField(
                        blank=True,
                        help_text="Name and contact are public (LGPD art. 41 § 1).",
                        max_length=120,
                        verbose_name="data protection officer",
                    ),
                ),
                (
                    "dpo_email",
                    models.EmailField(blank=True, max_length=254, verbose_name="data protection officer's e-mail"),
                ),
                ("dpo_substitute", models.CharField(blank=True, max_length=120, verbose_name="officer's substitute")),
                (
                    "anpd_small_agent",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Resolução CD/ANPD 2/2022. Rarely true for a clinic: sensitive data at scale is high risk.",
                        verbose_name="small processing agent",
                    ),
                ),
                ("anpd_small_agent_reason", models.TextField(blank=True, verbose_name="reason for small agent")),
                ("phone", clinics.fields.PhoneField(blank=True, verbose_name="phone")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("street", models.CharField(blank=True, max_length=160, verbose_name="address")),
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
                (
                    "time_zone",
                    models.CharField(
                        choices=[
                            ("America/Sao_Paulo", "Brasília"),
                            ("America/Manaus", "Amazonas"),
                            ("America/Rio_Branco", "Acre"),
                            ("America/Noronha", "Fernando de Noronha"),
                        ],
                        default="America/Sao_Paulo",
                        max_length=40,
                        verbose_name="time zone",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(db_default=True, default=True, editable=False, verbose_name="active"),
                ),
            ],
            options={
                "verbose_name": "clinic",
                "verbose_name_plural": "clinics",
                "db_table": "clinics",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="clinics_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="clinics_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="clinics_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="clinics_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="clinics_page",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('door', 'patient'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="clinics_gate", to=("neonpro_gate",), using="true"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cnpj", ""), ("cnpj__regex", "^[0-9A-Z]{12}[0-9]{2}$"), _connector="OR"),
                        name="clinics_cnpj_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cnes", ""), ("cnes__regex", "^[0-9]{7}$"), _connector="OR"),
                        name="clinics_cnes_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("licence_issued_on__isnull", True),
                            ("licence_expires_on__isnull", True),
                            ("licence_expires_on__gt", models.F("licence_issued_on")),
                            _connector="OR",
                        ),
                        name="clinics_licence_dates",
                        violation_error_message="The licence expires before it was issued.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("anpd_small_agent", False),
                            models.Q(("anpd_small_agent_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="clinics_small_agent_reason",
                        violation_error_message="A small processing agent needs its reason in writing.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["health_service", "interest_to_health"])),
                        name="clinics_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "time_zone__in",
                                ["America/Sao_Paulo", "America/Manaus", "America/Rio_Branco", "America/Noronha"],
                            )
                        ),
                        name="clinics_time_zone_listed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
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
                ("email", models.EmailField(max_length=254, verbose_name="e-mail")),
                ("is_active", models.BooleanField(db_default=True, default=True, verbose_name="active")),
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
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "db_table": "users",
                "constraints": [
                    models.UniqueConstraint(django.db.models.functions.text.Lower("email"), name="users_one_per_email"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="users_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="id = (SELECT neonpro.current_user_id()) OR (SELECT neonpro.current_clinic_role()) IN ('job', 'signin')",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="users_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="id = (SELECT neonpro.current_user_id()) OR (SELECT neonpro.current_clinic_role()) IN ('job', 'signin')",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="users_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT neonpro.current_clinic_role()) = 'job'",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="users_gate", to=("neonpro_gate",), using="true"
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT", name="users_invite", to=("neonpro_gate",), using="true"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
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
                ("display_name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "email",
                    models.EmailField(
                        help_text="The address this person signs in with.", max_length=254, verbose_name="e-mail"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("manager", "manager"),
                            ("reception", "reception"),
                            ("professional", "professional"),
                            ("dpo", "data protection officer"),
                            ("auditor", "auditor"),
                        ],
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                ("is_active", models.BooleanField(db_default=True, default=True, verbose_name="active")),
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
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "team member",
                "verbose_name_plural": "team",
                "db_table": "clinic_memberships",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="clinic_memberships_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="clinic_memberships_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="clinic_memberships_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="clinic_memberships_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="clinic_memberships_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT", name="clinic_memberships_gate", to=("neonpro_gate",), using="true"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["manager", "reception", "professional", "dpo", "auditor"])),
                        name="clinic_memberships_role_listed",
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "user"),
                        name="clinic_memberships_one_per_user",
                        violation_error_message="This person is already in the team.",
                    ),
                ],
                "indexes": [models.Index(fields=["user", "clinic"], name="clinic_memberships_user")],
            },
        ),
        migrations.CreateModel(
            name="Professional",
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
                ("full_name", models.CharField(max_length=120, verbose_name="full name")),
                ("specialty", models.CharField(blank=True, max_length=80, verbose_name="occupation or specialty")),
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
                        help_text="Empty for occupations without a council (Lei 13.643/2018).",
                        max_length=2,
                        verbose_name="council",
                    ),
                ),
                (
                    "council_number",
                    models.CharField(
                        blank=True,
                        max_length=15,
                        validators=[django.core.validators.RegexValidator("^\\d{1,15}$", "Digits only.")],
                        verbose_name="council number",
                    ),
                ),
                (
                    "council_uf",
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
                        verbose_name="council's state",
                    ),
                ),
                (
                    "council_region",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="For councils organised by numbered region, such as CRBM, CREFITO, CRN and CRP.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="council's region",
                    ),
                ),
                ("council_category", models.CharField(blank=True, max_length=10, verbose_name="category")),
                (
                    "rqe",
                    models.CharField(
                        blank=True,
                        help_text="A specialty is shown only with its RQE (CFM 2.336/2023).",
                        max_length=15,
                        validators=[django.core.validators.RegexValidator("^\\d{1,15}$", "Digits only.")],
                        verbose_name="RQE",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("unverified", "not verified"),
                            ("active", "active"),
                            ("provisional", "provisional"),
                            ("suspended", "suspended"),
                            ("cancelled", "cancelled"),
                            ("transferred", "transferred"),
                            ("deceased", "deceased"),
                        ],
                        db_default="unverified",
                        default="unverified",
                        max_length=20,
                        verbose_name="licence status",
                    ),
                ),
                ("verified_at", models.DateTimeField(blank=True, null=True, verbose_name="verified at")),
                (
                    "verification_source",
                    models.CharField(
                        blank=True,
                        help_text="Where the council confirmed it, and when.",
                        max_length=200,
                        verbose_name="how it was verified",
                    ),
                ),
                ("recheck_on", models.DateField(blank=True, null=True, verbose_name="check again on")),
                ("is_active", models.BooleanField(db_default=True, default=True, verbose_name="active")),
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
                    "membership",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        help_text="The person's own access, if there is one.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.membership",
                        verbose_name="team member",
                    ),
                ),
            ],
            options={
                "verbose_name": "professional",
                "verbose_name_plural": "professionals",
                "db_table": "professionals",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="professionals_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="professionals_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="professionals_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="professionals_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="professionals_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="membership", name="professionals_membership_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="professionals_gate",
                        to=("neonpro_gate",),
                        using="clinic_id = (SELECT neonpro.current_clinic()) AND (SELECT neonpro.current_patient()) IS NOT NULL",
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
                        name="professionals_council_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "unverified",
                                    "active",
                                    "provisional",
                                    "suspended",
                                    "cancelled",
                                    "transferred",
                                    "deceased",
                                ],
                            )
                        ),
                        name="professionals_status_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("council", ""),
                                ("council_number", ""),
                                ("council_region__isnull", True),
                                ("council_uf", ""),
                            ),
                            models.Q(
                                models.Q(("council", ""), _negated=True),
                                models.Q(("council_number", ""), _negated=True),
                                models.Q(
                                    models.Q(
                                        models.Q(("council_uf", ""), _negated=True), ("council_region__isnull", True)
                                    ),
                                    models.Q(("council_uf", ""), ("council_region__isnull", False)),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="professionals_licence_whole",
                        violation_error_message="A licence has a council, a number and either the state or the region: not both, not neither.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status", "unverified"), ("verified_at__isnull", False), _connector="OR"),
                        name="professionals_verified_when",
                        violation_error_message="Say when the council confirmed this status.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("council", ""), _negated=True),
                        fields=(
                            "clinic",
                            "council",
                            "council_uf",
                            "council_region",
                            "council_category",
                            "council_number",
                        ),
                        name="professionals_one_per_licence",
                        nulls_distinct=False,
                        violation_error_message="This clinic already has a professional with this licence.",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="clinic",
            name="technical_director",
            field=clinics.base.ClinicForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.professional",
                verbose_name="technical director",
            ),
        ),
        migrations.CreateModel(
            name="Service",
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
                ("name", models.CharField(max_length=120, verbose_name="name")),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("consultation", "consultation"),
                            ("follow_up", "follow-up"),
                            ("procedure", "procedure"),
                            ("aesthetic", "aesthetic procedure"),
                            ("exam", "exam"),
                        ],
                        max_length=20,
                        verbose_name="category",
                    ),
                ),
                (
                    "tuss_code",
                    models.CharField(
                        blank=True,
                        help_text="Terminologia Unificada da Saúde Suplementar (ANS), table 22.",
                        max_length=8,
                        validators=[django.core.validators.RegexValidator("^\\d{8}$", "A TUSS code has 8 digits.")],
                        verbose_name="TUSS code",
                    ),
                ),
                (
                    "duration_minutes",
                    models.PositiveSmallIntegerField(
                        validators=[django.core.validators.MinValueValidator(5)], verbose_name="duration (minutes)"
                    ),
                ),
                ("price_cents", models.PositiveIntegerField(blank=True, null=True, verbose_name="price (cents)")),
                ("is_active", models.BooleanField(db_default=True, default=True, verbose_name="active")),
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
                "verbose_name": "service",
                "verbose_name_plural": "services",
                "db_table": "services",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="services_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="services_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('auditor', 'dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="services_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="services_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="services_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="services_page",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('door', 'patient'), false)) IS NOT NULL",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("category__in", ["consultation", "follow_up", "procedure", "aesthetic", "exam"])
                        ),
                        name="services_category_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("tuss_code", ""), ("tuss_code__regex", "^[0-9]{8}$"), _connector="OR"),
                        name="services_tuss_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("duration_minutes__gte", 5), ("duration_minutes__lte", 720)),
                        name="services_duration_range",
                        violation_error_message="A service takes between 5 minutes and 12 hours.",
                    ),
                    models.UniqueConstraint(
                        models.F("clinic"),
                        django.db.models.functions.text.Lower("name"),
                        name="services_one_per_name",
                        violation_error_message="This clinic already has a service with this name.",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('', '', 'email,password', 'updated_at,last_login')",
                    func="RETURN NULL;",
                    hash="20c000ce3ee1bf1849af0422cf4894a9f8f90085",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_a16ff",
                    table="users",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="bbfac26d01989135948bee4f4dd2cd63b4e5a7db",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_3bd74",
                    table="users",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=neonpro.db.policies.ClinicKey(name="clinic_memberships_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="72285d384095c98f4599bad665755490461831ce",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_0d58b",
                    table="clinic_memberships",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="59c064da04e0a55bb838fa1d072cd037c14bcf82",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_e0f9e",
                    table="clinic_memberships",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_team",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_team()",
                    func="RETURN NULL;",
                    hash="45eed8acf5e46a2824c47a60593d0f219efc5830",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_guard_team_5801a",
                    table="clinic_memberships",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="professional",
            constraint=neonpro.db.policies.ClinicKey(name="professionals_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="professional",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="648880d13dd83023b246a9ef93334db40e207e29",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_b809c",
                    table="professionals",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="professional",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="21310b07e8c019b5982183165f9e3623e7b91b64",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_81ed3",
                    table="professionals",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="clinic",
            constraint=neonpro.db.policies.SameClinic(
                clinic_column="id", field="technical_director", name="clinics_director_same_clinic"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="clinic",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="c7157e71b6e0b13bc9c5331fd76cd77b91521a3e",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_4cbc3",
                    table="clinics",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="clinic",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="5935b0848885b97ced32f7b79823441e67c3b5c0",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_53b65",
                    table="clinics",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="service",
            constraint=neonpro.db.policies.ClinicKey(name="services_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="service",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="f9615bbed258987d662d75cb62876257e0dbd81e",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_5bad5",
                    table="services",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="service",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="593e700e9903aa1558ac0b7e01ea5980f03196bb",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_1a2da",
                    table="services",
                    when="BEFORE",
                ),
            ),
        ),
    ]
