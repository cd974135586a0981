"""Consents: texts, events and the state that is derived from them."""

import uuid

import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.lookups
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
        ("clinics", "0002_gate"),
        ("compliance", "0010_consent_functions"),
        ("patients", "0004_accesses"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConsentText",
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
                    "purpose",
                    models.CharField(
                        choices=[
                            ("marketing", "news and offers of the clinic"),
                            ("image_record", "photographs for the record only"),
                            ("image_publication", "publication of photographs"),
                            ("telemedicine", "care at a distance (telemedicine)"),
                            ("telemedicine_sharing", "sharing images and data of telemedicine"),
                            ("telemedicine_recording", "recording of telemedicine"),
                            ("ai", "support of care by artificial intelligence"),
                            ("procedure", "procedure"),
                            ("drug_risk", "drug with known risks"),
                        ],
                        max_length=24,
                        verbose_name="purpose",
                    ),
                ),
                (
                    "version",
                    models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name="version"),
                ),
                ("title", models.CharField(max_length=160, verbose_name="title")),
                (
                    "body",
                    models.TextField(
                        help_text="An empty line begins a new paragraph. Nothing about a patient here.",
                        verbose_name="text",
                    ),
                ),
                ("sha256", models.CharField(blank=True, editable=False, max_length=64, verbose_name="SHA-256")),
                (
                    "published_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="published at"),
                ),
                ("retired_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="replaced at")),
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
                    "service",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        help_text="Only for the consent to a procedure: the text of this service alone.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.service",
                        verbose_name="service",
                    ),
                ),
            ],
            options={
                "verbose_name": "consent text",
                "verbose_name_plural": "consent texts",
                "db_table": "consent_texts",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="consent_texts_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="consent_texts_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="consent_texts_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="UPDATE",
                        name="consent_texts_change",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="DELETE",
                        name="consent_texts_delete",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'manager'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="consent_texts_page",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('door', 'patient'), false)) IS NOT NULL AND published_at IS NOT NULL",
                    ),
                    neonpro.db.policies.SameClinic(field="service", name="consent_texts_service_same_clinic"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "purpose__in",
                                [
                                    "marketing",
                                    "image_record",
                                    "image_publication",
                                    "telemedicine",
                                    "telemedicine_sharing",
                                    "telemedicine_recording",
                                    "ai",
                                    "procedure",
                                    "drug_risk",
                                ],
                            )
                        ),
                        name="consent_texts_purpose_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("service__isnull", True), ("purpose__in", ["procedure"]), _connector="OR"),
                        name="consent_texts_service",
                        violation_error_message="Only the consent to a procedure is of one service.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("retired_at__isnull", True), ("published_at__isnull", False), _connector="OR"
                        ),
                        name="consent_texts_retired_after",
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "purpose", "service", "version"),
                        name="consent_texts_one_version",
                        nulls_distinct=False,
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("published_at__isnull", False), ("retired_at__isnull", True)),
                        fields=("clinic", "purpose", "service"),
                        name="consent_texts_one_in_force",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ConsentRecord",
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
                    "purpose",
                    models.CharField(
                        choices=[
                            ("marketing", "news and offers of the clinic"),
                            ("image_record", "photographs for the record only"),
                            ("image_publication", "publication of photographs"),
                            ("telemedicine", "care at a distance (telemedicine)"),
                            ("telemedicine_sharing", "sharing images and data of telemedicine"),
                            ("telemedicine_recording", "recording of telemedicine"),
                            ("ai", "support of care by artificial intelligence"),
                            ("procedure", "procedure"),
                            ("drug_risk", "drug with known risks"),
                        ],
                        max_length=24,
                        verbose_name="purpose",
                    ),
                ),
                ("number", models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name="number")),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("asked", "asked"),
                            ("granted", "granted"),
                            ("refused", "refused"),
                            ("withdrawn", "withdrawn"),
                            ("expired_by_policy", "expired by the clinic's policy"),
                        ],
                        max_length=20,
                        verbose_name="event",
                    ),
                ),
                (
                    "family",
                    models.CharField(
                        choices=[
                            ("LGPD", "consent under the LGPD"),
                            ("PROCEDURE", "informed consent to a procedure (TCLE)"),
                            ("TELEMEDICINE", "telemedicine term"),
                            ("IMAGE_USE", "use of images"),
                            ("AI", "notice of artificial intelligence"),
                            ("DRUG_RISK", "term of a drug's risks"),
                        ],
                        max_length=16,
                        verbose_name="family",
                    ),
                ),
                (
                    "legal_basis",
                    models.CharField(
                        choices=[
                            ("7.I", "consent (art. 7 I)"),
                            ("7.II", "legal duty (art. 7 II)"),
                            ("7.III", "public policy (art. 7 III)"),
                            ("7.IV", "research (art. 7 IV)"),
                            ("7.V", "contract (art. 7 V)"),
                            ("7.VI", "legal claims (art. 7 VI)"),
                            ("7.VII", "protection of life (art. 7 VII)"),
                            ("7.VIII", "protection of health (art. 7 VIII)"),
                            ("7.IX", "legitimate interest (art. 7 IX)"),
                            ("7.X", "protection of credit (art. 7 X)"),
                            ("11.I", "specific and highlighted consent (art. 11 I)"),
                            ("11.II.a", "legal duty (art. 11 II a)"),
                            ("11.II.b", "public policy (art. 11 II b)"),
                            ("11.II.c", "research (art. 11 II c)"),
                            ("11.II.d", "exercise of rights (art. 11 II d)"),
                            ("11.II.e", "protection of life (art. 11 II e)"),
                            ("11.II.f", "protection of health by health professionals (art. 11 II f)"),
                            ("11.II.g", "prevention of fraud (art. 11 II g)"),
                        ],
                        max_length=8,
                        verbose_name="legal basis",
                    ),
                ),
                (
                    "data_category",
                    models.CharField(
                        choices=[
                            ("IDENTIFICATION", "identification"),
                            ("CONTACT", "contact"),
                            ("RACE_OR_ETHNICITY", "racial or ethnic origin"),
                            ("RELIGION", "religious conviction"),
                            ("POLITICS", "political opinion"),
                            ("UNION", "union membership"),
                            ("HEALTH", "health"),
                            ("SEX_LIFE", "sex life"),
                            ("GENETIC", "genetic data"),
                            ("BIOMETRIC", "biometric data"),
                        ],
                        max_length=20,
                        verbose_name="data",
                    ),
                ),
                (
                    "highlighted",
                    models.BooleanField(db_default=False, default=False, verbose_name="highlighted clause"),
                ),
                (
                    "text_version",
                    models.PositiveIntegerField(editable=False, null=True, verbose_name="version of the text"),
                ),
                (
                    "text_sha256",
                    models.CharField(blank=True, editable=False, max_length=64, verbose_name="SHA-256 of the text"),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("paper", "on paper, signed by hand"),
                            ("in_person", "in person, on the screen"),
                            ("phone", "by phone"),
                            ("video", "by video"),
                            ("email", "by e-mail"),
                            ("message", "by message"),
                            ("portal", "on the page “My data”"),
                            ("policy", "routine of the clinic's policy"),
                        ],
                        max_length=12,
                        verbose_name="how",
                    ),
                ),
                (
                    "actor",
                    models.CharField(
                        choices=[("self", "the patient"), ("guardian", "a parent, guardian or representative")],
                        db_default="self",
                        default="self",
                        max_length=8,
                        verbose_name="who",
                    ),
                ),
                (
                    "guardian_relation",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("mother", "mother"),
                            ("father", "father"),
                            ("guardian", "legal guardian of a minor (tutor)"),
                            ("curator", "curator"),
                            ("representative", "representative chosen by the patient"),
                        ],
                        max_length=16,
                        verbose_name="relation to the patient",
                    ),
                ),
                (
                    "guardian_name",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        label="consent_record.guardian_name",
                        max_length=160,
                        patient="patient",
                        verbose_name="name of the guardian",
                    ),
                ),
                (
                    "guardian_proof",
                    neonpro.vault.fields.EncryptedTextField(
                        blank=True,
                        category="identification",
                        help_text="Which document was shown: certificate of birth, order of guardianship…",
                        label="consent_record.guardian_proof",
                        max_length=200,
                        patient="patient",
                        verbose_name="proof of the relation",
                    ),
                ),
                (
                    "evidence_kind",
                    models.CharField(
                        blank=True,
                        choices=[("pdf", "PDF"), ("jpeg", "JPEG"), ("png", "PNG")],
                        max_length=4,
                        verbose_name="kind of file",
                    ),
                ),
                (
                    "evidence",
                    neonpro.vault.fields.EncryptedBinaryField(
                        blank=True,
                        category="identification",
                        default=b"",
                        label="consent_record.evidence",
                        patient="patient",
                        verbose_name="scan of the signed term",
                    ),
                ),
                (
                    "clinical_evidence",
                    neonpro.vault.fields.EncryptedBinaryField(
                        blank=True,
                        category="clinical",
                        default=b"",
                        label="consent_record.clinical_evidence",
                        patient="patient",
                        verbose_name="scan of the signed term (clinical)",
                    ),
                ),
                (
                    "happened_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="when it happened"
                    ),
                ),
                ("recorded_by", models.UUIDField(editable=False, null=True, verbose_name="recorded by")),
                (
                    "recorded_role",
                    models.CharField(blank=True, editable=False, max_length=16, verbose_name="in which role"),
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
                (
                    "service",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.service",
                        verbose_name="service",
                    ),
                ),
                (
                    "text",
                    clinics.base.ClinicForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.consenttext",
                        verbose_name="text",
                    ),
                ),
            ],
            options={
                "verbose_name": "consent event",
                "verbose_name_plural": "consent events",
                "db_table": "consent_records",
                "constraints": [
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="consent_records_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="consent_records_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="consent_records_add",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="consent_records_view_own",
                        to=("neonpro_app", "neonpro_owner"),
                        using="patient_id = (SELECT neonpro.current_patient())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="INSERT",
                        name="consent_records_withdraw_own",
                        to=("neonpro_app", "neonpro_owner"),
                        using="patient_id = (SELECT neonpro.current_patient()) AND event = 'withdrawn' AND actor = 'self' AND channel = 'portal'",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="consent_records_patient_same_clinic"),
                    neonpro.db.policies.SameClinic(field="service", name="consent_records_service_same_clinic"),
                    neonpro.db.policies.SameClinic(field="text", name="consent_records_text_same_clinic"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "purpose__in",
                                [
                                    "marketing",
                                    "image_record",
                                    "image_publication",
                                    "telemedicine",
                                    "telemedicine_sharing",
                                    "telemedicine_recording",
                                    "ai",
                                    "procedure",
                                    "drug_risk",
                                ],
                            )
                        ),
                        name="consent_records_purpose_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("event__in", ["asked", "granted", "refused", "withdrawn", "expired_by_policy"])
                        ),
                        name="consent_records_event_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("family__in", ["LGPD", "PROCEDURE", "TELEMEDICINE", "IMAGE_USE", "AI", "DRUG_RISK"])
                        ),
                        name="consent_records_family_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "legal_basis__in",
                                [
                                    "7.I",
                                    "7.II",
                                    "7.III",
                                    "7.IV",
                                    "7.V",
                                    "7.VI",
                                    "7.VII",
                                    "7.VIII",
                                    "7.IX",
                                    "7.X",
                                    "11.I",
                                    "11.II.a",
                                    "11.II.b",
                                    "11.II.c",
                                    "11.II.d",
                                    "11.II.e",
                                    "11.II.f",
                                    "11.II.g",
                                ],
                            )
                        ),
                        name="consent_records_legal_basis_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "data_category__in",
                                [
                                    "IDENTIFICATION",
                                    "CONTACT",
                                    "RACE_OR_ETHNICITY",
                                    "RELIGION",
                                    "POLITICS",
                                    "UNION",
                                    "HEALTH",
                                    "SEX_LIFE",
                                    "GENETIC",
                                    "BIOMETRIC",
                                ],
                            )
                        ),
                        name="consent_records_data_category_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "channel__in",
                                ["paper", "in_person", "phone", "video", "email", "message", "portal", "policy"],
                            )
                        ),
                        name="consent_records_channel_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("actor__in", ["self", "guardian"])), name="consent_records_actor_listed"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("guardian_relation__in", ["mother", "father", "guardian", "curator", "representative", ""])
                        ),
                        name="consent_records_guardian_relation_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("data_category__in", ("IDENTIFICATION", "CONTACT")),
                            ("legal_basis__startswith", "11."),
                            _connector="OR",
                        ),
                        name="consent_records_sensitive_basis",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("family", "LGPD"), _negated=True),
                            ("legal_basis__in", ("7.I", "11.I")),
                            _connector="OR",
                        ),
                        name="consent_records_care_asks_none",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("legal_basis", "11.I"), _negated=True), ("highlighted", True), _connector="OR"
                        ),
                        name="consent_records_highlighted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("family", "LGPD"), ("purpose", "marketing")),
                            models.Q(("family", "IMAGE_USE"), ("purpose", "image_record")),
                            models.Q(("family", "IMAGE_USE"), ("purpose", "image_publication")),
                            models.Q(("family", "TELEMEDICINE"), ("purpose", "telemedicine")),
                            models.Q(("family", "TELEMEDICINE"), ("purpose", "telemedicine_sharing")),
                            models.Q(("family", "TELEMEDICINE"), ("purpose", "telemedicine_recording")),
                            models.Q(("family", "AI"), ("purpose", "ai")),
                            models.Q(("family", "PROCEDURE"), ("purpose", "procedure")),
                            models.Q(("family", "DRUG_RISK"), ("purpose", "drug_risk")),
                            _connector="OR",
                        ),
                        name="consent_records_one_family",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("service__isnull", True), ("purpose__in", ["procedure"]), _connector="OR"),
                        name="consent_records_service",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("event__in", ["asked", "granted"]), _negated=True),
                            models.Q(
                                ("text__isnull", False),
                                ("text_version__isnull", False),
                                models.Q(("text_sha256", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="consent_records_text_named",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("actor", "self"), ("guardian_relation", "")),
                            models.Q(("actor", "guardian"), models.Q(("guardian_relation", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="consent_records_guardian_relation",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("actor", "self"),
                            models.Q(
                                django.db.models.lookups.GreaterThan(
                                    models.Func(
                                        models.F("guardian_name"),
                                        function="octet_length",
                                        output_field=models.IntegerField(),
                                    ),
                                    0,
                                ),
                                django.db.models.lookups.GreaterThan(
                                    models.Func(
                                        models.F("guardian_proof"),
                                        function="octet_length",
                                        output_field=models.IntegerField(),
                                    ),
                                    0,
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="consent_records_guardian_named",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("evidence_kind__in", ["pdf", "jpeg", "png", ""])),
                        name="consent_records_evidence_kind_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("evidence_kind", ""),
                                models.Q(
                                    django.db.models.lookups.GreaterThan(
                                        models.Func(
                                            models.F("evidence"),
                                            function="octet_length",
                                            output_field=models.IntegerField(),
                                        ),
                                        0,
                                    ),
                                    _negated=True,
                                ),
                                models.Q(
                                    django.db.models.lookups.GreaterThan(
                                        models.Func(
                                            models.F("clinical_evidence"),
                                            function="octet_length",
                                            output_field=models.IntegerField(),
                                        ),
                                        0,
                                    ),
                                    _negated=True,
                                ),
                            ),
                            models.Q(
                                models.Q(("evidence_kind", ""), _negated=True),
                                models.Q(
                                    models.Q(
                                        models.Q(("family__in", ("PROCEDURE", "DRUG_RISK")), _negated=True),
                                        django.db.models.lookups.GreaterThan(
                                            models.Func(
                                                models.F("evidence"),
                                                function="octet_length",
                                                output_field=models.IntegerField(),
                                            ),
                                            0,
                                        ),
                                        models.Q(
                                            django.db.models.lookups.GreaterThan(
                                                models.Func(
                                                    models.F("clinical_evidence"),
                                                    function="octet_length",
                                                    output_field=models.IntegerField(),
                                                ),
                                                0,
                                            ),
                                            _negated=True,
                                        ),
                                    ),
                                    models.Q(
                                        ("family__in", ("PROCEDURE", "DRUG_RISK")),
                                        django.db.models.lookups.GreaterThan(
                                            models.Func(
                                                models.F("clinical_evidence"),
                                                function="octet_length",
                                                output_field=models.IntegerField(),
                                            ),
                                            0,
                                        ),
                                        models.Q(
                                            django.db.models.lookups.GreaterThan(
                                                models.Func(
                                                    models.F("evidence"),
                                                    function="octet_length",
                                                    output_field=models.IntegerField(),
                                                ),
                                                0,
                                            ),
                                            _negated=True,
                                        ),
                                    ),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="consent_records_evidence",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("channel", "policy"), ("event", "expired_by_policy")),
                            models.Q(
                                models.Q(("channel", "policy"), _negated=True),
                                models.Q(("event", "expired_by_policy"), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="consent_records_policy",
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "patient", "purpose", "service", "number"),
                        name="consent_records_numbered",
                        nulls_distinct=False,
                    ),
                ],
                "indexes": [
                    models.Index(
                        models.F("clinic"),
                        models.F("patient"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        name="consent_records_patient",
                    ),
                    models.Index(
                        models.F("clinic"),
                        models.OrderBy(models.F("created_at"), descending=True),
                        models.F("id"),
                        name="consent_records_newest",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Consent",
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
                    "purpose",
                    models.CharField(
                        choices=[
                            ("marketing", "news and offers of the clinic"),
                            ("image_record", "photographs for the record only"),
                            ("image_publication", "publication of photographs"),
                            ("telemedicine", "care at a distance (telemedicine)"),
                            ("telemedicine_sharing", "sharing images and data of telemedicine"),
                            ("telemedicine_recording", "recording of telemedicine"),
                            ("ai", "support of care by artificial intelligence"),
                            ("procedure", "procedure"),
                            ("drug_risk", "drug with known risks"),
                        ],
                        max_length=24,
                        verbose_name="purpose",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("asked", "asked"),
                            ("granted", "granted"),
                            ("refused", "refused"),
                            ("withdrawn", "withdrawn"),
                            ("expired_by_policy", "expired by the clinic's policy"),
                        ],
                        max_length=20,
                        verbose_name="state",
                    ),
                ),
                ("since", models.DateTimeField(null=True, verbose_name="since")),
                ("number", models.PositiveIntegerField(db_default=0, default=0, verbose_name="number of events")),
                ("record", models.UUIDField(null=True, verbose_name="event that decides")),
                ("asked_at", models.DateTimeField(null=True, verbose_name="last asked")),
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
                (
                    "service",
                    clinics.base.ClinicForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.service",
                        verbose_name="service",
                    ),
                ),
            ],
            options={
                "verbose_name": "consent",
                "verbose_name_plural": "consents",
                "db_table": "lgpd_consents",
                "indexes": [models.Index(fields=["clinic", "purpose", "state", "since"], name="lgpd_consents_list")],
                "constraints": [
                    neonpro.db.policies.ClinicKey(name="lgpd_consents_key"),
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="lgpd_consents_clinic",
                        restrictive=True,
                        to=("neonpro_app", "neonpro_owner"),
                        using="clinic_id = (SELECT neonpro.current_clinic())",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="lgpd_consents_view",
                        to=("neonpro_app", "neonpro_owner"),
                        using="(SELECT nullif(neonpro.current_clinic_role() IN ('dpo', 'job', 'manager', 'professional', 'reception'), false)) IS NOT NULL",
                    ),
                    neonpro.db.policies.RowPolicy(
                        command="SELECT",
                        name="lgpd_consents_view_own",
                        to=("neonpro_app", "neonpro_owner"),
                        using="patient_id = (SELECT neonpro.current_patient())",
                    ),
                    neonpro.db.policies.SameClinic(field="patient", name="lgpd_consents_patient_same_clinic"),
                    neonpro.db.policies.SameClinic(field="service", name="lgpd_consents_service_same_clinic"),
                    neonpro.db.policies.RowPolicy(
                        command="ALL",
                        name="lgpd_consents_derived",
                        to=("neonpro_owner",),
                        using="clinic_id = (SELECT neonpro.current_clinic()) AND (SELECT pg_catalog.pg_trigger_depth()) > 0",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "purpose__in",
                                [
                                    "marketing",
                                    "image_record",
                                    "image_publication",
                                    "telemedicine",
                                    "telemedicine_sharing",
                                    "telemedicine_recording",
                                    "ai",
                                    "procedure",
                                    "drug_risk",
                                ],
                            )
                        ),
                        name="lgpd_consents_purpose_listed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["asked", "granted", "refused", "withdrawn", "expired_by_policy", ""])
                        ),
                        name="lgpd_consents_state_listed",
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "patient", "purpose", "service"),
                        name="lgpd_consents_one_each",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consent",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', '', 'updated_at,number,record,since,asked_at')",
                    func="RETURN NULL;",
                    hash="385ca8104080f245075fcc1efac46a697cd9795b",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_24d49",
                    table="lgpd_consents",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consent",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="1a776a73f50fe7bedea21366f433a5c1ca3ea316",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_fc769",
                    table="lgpd_consents",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consent",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="93eecea616ef4ee0b6ec109fb9884d8bccb55e68",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_042c8",
                    table="lgpd_consents",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="consenttext",
            constraint=neonpro.db.policies.ClinicKey(name="consent_texts_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consenttext",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', '', '', 'updated_at')",
                    func="RETURN NULL;",
                    hash="07dc7b8650af0758eae28f2f0eaea361dd1a108e",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_578d6",
                    table="consent_texts",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consenttext",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_updated_at",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.touch_updated_at()",
                    func="RETURN NULL;",
                    hash="c5baae6d5209cc1f37cb399f9cf54587d6745a18",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_updated_at_f7ab2",
                    table="consent_texts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consenttext",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="1b5d07b9a051631aede8ddee1b7b30cb78fe7f07",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_f62de",
                    table="consent_texts",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consenttext",
            trigger=pgtrigger.compiler.Trigger(
                name="guard_consent_text",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.guard_consent_text()",
                    func="RETURN NULL;",
                    hash="6c8ff9f3994a2d24d23b5da101b169131a0a5e62",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_guard_consent_text_89c39",
                    table="consent_texts",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="consentrecord",
            constraint=neonpro.db.policies.ClinicKey(name="consent_records_key"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consentrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="record_changes",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.record_change('clinic_id', 'patient_id', 'evidence,clinical_evidence', 'updated_at')",
                    func="RETURN NULL;",
                    hash="789aedb5c2b9fadb24fe016ac17bdf86005848ad",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_record_changes_799cb",
                    table="consent_records",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consentrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_change",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="0f2783a29c955d4ac45d85e93797433c9998aec9",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_refuse_change_5d02c",
                    table="consent_records",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consentrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="refuse_truncate",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.refuse_change()",
                    func="RETURN NULL;",
                    hash="32debe3c20184f7b56fa3cb8f79f5d3524100a52",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_refuse_truncate_84d45",
                    table="consent_records",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consentrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="take_consent",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.take_consent()",
                    func="RETURN NULL;",
                    hash="fe6f2bb38151779b813615b7bcc6d489b5a086e6",
                    operation="INSERT",
                    pgid="pgtrigger_take_consent_b8f5f",
                    table="consent_records",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="consentrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="derive_consent",
                sql=neonpro.db.audit.AlwaysTriggerSql(
                    execute="neonpro.derive_consent()",
                    func="RETURN NULL;",
                    hash="3bb608ee9f16f30334204bab4fc803cb942b205c",
                    operation="INSERT",
                    pgid="pgtrigger_derive_consent_8b45d",
                    table="consent_records",
                    when="AFTER",
                ),
            ),
        ),
        InstallSql("consent_allows"),
        InstallSql("consent_now"),
        InstallSql("consent_in_force"),
    ]
