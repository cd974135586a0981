"""Consents: texts, the events that are only ever added, and the state that PostgreSQL derives from them."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.roles import ACCESS
from compliance.purposes import TERMS, Family, Purpose
from neonpro.db.audit import AlwaysTrigger, RecordChanges, RefuseChange, RefuseTruncate
from neonpro.db.history import ONLY_TRIGGERS
from neonpro.db.policies import CURRENT_CLINIC, CURRENT_PATIENT, RowPolicy, own_rows, public, tenancy
from neonpro.db.roles import OWNER
from neonpro.vault.fields import EncryptedBinaryField, EncryptedTextField
from neonpro.vault.models import VaultModel
from neonpro.vault.retention import Share

CONSENT_BASES = ("7.I", "11.I")
"""The two bases that are a consent in the sense of the LGPD."""


class LegalBasis(models.TextChoices):
    """LGPD art. 7 and art. 11 (`lgpd.legal_bases`, `lgpd.sensitive_legal_bases`)."""

    CONSENT = "7.I", _("consent (art. 7 I)")
    LEGAL_DUTY = "7.II", _("legal duty (art. 7 II)")
    PUBLIC_POLICY = "7.III", _("public policy (art. 7 III)")
    RESEARCH = "7.IV", _("research (art. 7 IV)")
    CONTRACT = "7.V", _("contract (art. 7 V)")
    CLAIMS = "7.VI", _("legal claims (art. 7 VI)")
    LIFE = "7.VII", _("protection of life (art. 7 VII)")
    HEALTH = "7.VIII", _("protection of health (art. 7 VIII)")
    INTEREST = "7.IX", _("legitimate interest (art. 7 IX)")
    CREDIT = "7.X", _("protection of credit (art. 7 X)")
    SENSITIVE_CONSENT = "11.I", _("specific and highlighted consent (art. 11 I)")
    SENSITIVE_LEGAL_DUTY = "11.II.a", _("legal duty (art. 11 II a)")
    SENSITIVE_PUBLIC_POLICY = "11.II.b", _("public policy (art. 11 II b)")
    SENSITIVE_RESEARCH = "11.II.c", _("research (art. 11 II c)")
    SENSITIVE_RIGHTS = "11.II.d", _("exercise of rights (art. 11 II d)")
    SENSITIVE_LIFE = "11.II.e", _("protection of life (art. 11 II e)")
    SENSITIVE_HEALTH = "11.II.f", _("protection of health by health professionals (art. 11 II f)")
    SENSITIVE_FRAUD = "11.II.g", _("prevention of fraud (art. 11 II g)")


class DataCategory(models.TextChoices):
    """Which data; the sensitive ones are those of LGPD art. 5 II (`lgpd.sensitive_data`)."""

    IDENTIFICATION = "IDENTIFICATION", _("identification")
    CONTACT = "CONTACT", pgettext_lazy("data category", "contact")
    RACE = "RACE_OR_ETHNICITY", _("racial or ethnic origin")
    RELIGION = "RELIGION", _("religious conviction")
    POLITICS = "POLITICS", _("political opinion")
    UNION = "UNION", _("union membership")
    HEALTH = "HEALTH", _("health")
    SEX_LIFE = "SEX_LIFE", _("sex life")
    GENETIC = "GENETIC", _("genetic data")
    BIOMETRIC = "BIOMETRIC", _("biometric data")


NOT_SENSITIVE = (DataCategory.IDENTIFICATION, DataCategory.CONTACT)


class ConsentEvent(models.TextChoices):
    """What happened."""

    ASKED = "asked", pgettext_lazy("consent", "asked")
    GRANTED = "granted", pgettext_lazy("consent", "granted")
    REFUSED = "refused", pgettext_lazy("consent", "refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("consent", "withdrawn")
    EXPIRED = "expired_by_policy", pgettext_lazy("consent", "expired by the clinic's policy")


ConsentState = ConsentEvent
"""The state is named for the event that brought it."""


class Channel(models.TextChoices):
    """How the patient said it."""

    PAPER = "paper", _("on paper, signed by hand")
    IN_PERSON = "in_person", _("in person, on the screen")
    PHONE = "phone", _("by phone")
    VIDEO = "video", _("by video")
    EMAIL = "email", _("by e-mail")
    MESSAGE = "message", _("by message")
    PORTAL = "portal", _("on the page “My data”")
    POLICY = "policy", _("routine of the clinic's policy")


class Actor(models.TextChoices):
    """Who said it."""

    SELF = "self", _("the patient")
    GUARDIAN = "guardian", _("a parent, guardian or representative")


class EvidenceKind(models.TextChoices):
    """What a scan is."""

    PDF = "pdf", "PDF"
    JPEG = "jpeg", "JPEG"
    PNG = "png", "PNG"


CLINICAL_FAMILIES = (Family.PROCEDURE, Family.DRUG_RISK)
"""Families whose signed term tells what somebody is treated for: only those who care for the patient open its scan."""


class Relation(models.TextChoices):
    """What the person who speaks for the patient is to them."""

    MOTHER = "mother", _("mother")
    FATHER = "father", _("father")
    GUARDIAN = "guardian", _("legal guardian of a minor (tutor)")
    CURATOR = "curator", _("curator")
    REPRESENTATIVE = "representative", _("representative chosen by the patient")


class _Runs(AlwaysTrigger):
    """A trigger that runs one of our functions without arguments."""

    def __init__(self, function: str, when: Any, operation: Any, **options: Any) -> None:
        self.function = function
        super().__init__(name=function, when=when, operation=operation, **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return f"neonpro.{self.function}()"


def _filled(field: str) -> Any:
    """That an encrypted field holds something: the database sees how long it is."""
    length: Any = models.Func(F(field), function="octet_length", output_field=models.IntegerField())
    return models.lookups.GreaterThan(length, 0)


class ConsentText(ClinicModel):
    """A version of what patients are asked to agree to. Once published it never changes: a new text is another."""

    purpose = models.CharField(_("purpose"), max_length=24, choices=Purpose.choices)
    service = ClinicForeignKey(
        "clinics.Service", null=True, blank=True, verbose_name=_("service"),
        help_text=_("Only for the consent to a procedure: the text of this service alone."),
    )  # fmt: skip
    version = models.PositiveIntegerField(_("version"), default=0, db_default=0, editable=False)
    title = models.CharField(_("title"), max_length=160)
    body = models.TextField(
        _("text"), help_text=_("An empty line begins a new paragraph. Nothing about a patient here.")
    )
    sha256 = models.CharField("SHA-256", max_length=64, blank=True, editable=False)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True, editable=False)
    retired_at = models.DateTimeField(_("replaced at"), null=True, blank=True, editable=False)

    class Meta:
        db_table = "consent_texts"
        verbose_name = _("consent text")
        verbose_name_plural = _("consent texts")
        constraints = [
            *tenancy("consent_texts", ACCESS["consent_texts"], same_clinic=["service"]),
            public("consent_texts", "published_at IS NOT NULL"),
            closed_list("consent_texts", "purpose", Purpose),
            models.CheckConstraint(
                condition=Q(service__isnull=True) | Q(purpose__in=[p for p, t in TERMS.items() if t.by_service]),
                name="consent_texts_service",
                violation_error_message=_("Only the consent to a procedure is of one service."),
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True) | Q(published_at__isnull=False), name="consent_texts_retired_after"
            ),
            models.UniqueConstraint(
                fields=["clinic", "purpose", "service", "version"],
                nulls_distinct=False,
                name="consent_texts_one_version",
            ),
            models.UniqueConstraint(
                fields=["clinic", "purpose", "service"],
                condition=Q(published_at__isnull=False, retired_at__isnull=True),
                nulls_distinct=False,
                name="consent_texts_one_in_force",
            ),
        ]
        triggers = [
            RecordChanges(), TOUCH, RefuseTruncate(),
            _Runs("guard_consent_text", pgtrigger.Before, pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.title} (v{self.version})"

    @property
    def in_force(self) -> bool:
        """Whether patients are asked with this version."""
        return self.published_at is not None and self.retired_at is None

    @property
    def paragraphs(self) -> list[str]:
        """The text, paragraph by paragraph."""
        return [part.strip() for part in self.body.replace("\r\n", "\n").split("\n\n") if part.strip()]


class ConsentRecord(VaultModel, ClinicModel):
    """One thing that happened to a consent. Rows are only ever added: the controller must be able to prove them.

    Number, family, version and hash of the text, and who wrote it down, are PostgreSQL's (`sql/take_consent.sql`).
    """

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    purpose = models.CharField(_("purpose"), max_length=24, choices=Purpose.choices)
    service = ClinicForeignKey("clinics.Service", null=True, blank=True, verbose_name=_("service"))
    number = models.PositiveIntegerField(_("number"), default=0, db_default=0, editable=False)
    event = models.CharField(_("event"), max_length=20, choices=ConsentEvent.choices)
    family = models.CharField(_("family"), max_length=16, choices=Family.choices)
    legal_basis = models.CharField(_("legal basis"), max_length=8, choices=LegalBasis.choices)
    data_category = models.CharField(_("data"), max_length=20, choices=DataCategory.choices)
    highlighted = models.BooleanField(_("highlighted clause"), default=False, db_default=False)
    text = ClinicForeignKey("compliance.ConsentText", null=True, blank=True, verbose_name=_("text"))
    text_version = models.PositiveIntegerField(_("version of the text"), null=True, editable=False)
    text_sha256 = models.CharField(_("SHA-256 of the text"), max_length=64, blank=True, editable=False)
    channel = models.CharField(_("how"), max_length=12, choices=Channel.choices)
    actor = models.CharField(_("who"), max_length=8, choices=Actor.choices, default=Actor.SELF, db_default="self")
    guardian_relation = models.CharField(
        _("relation to the patient"), max_length=16, choices=Relation.choices, blank=True
    )
    guardian_name = EncryptedTextField(
        _("name of the guardian"), max_length=160, blank=True,
        label="consent_record.guardian_name", category="identification", patient="patient",
    )  # fmt: skip
    guardian_proof = EncryptedTextField(
        _("proof of the relation"), max_length=200, blank=True,
        label="consent_record.guardian_proof", category="identification", patient="patient",
        help_text=_("Which document was shown: certificate of birth, order of guardianship…"),
    )  # fmt: skip
    evidence_kind = models.CharField(_("kind of file"), max_length=4, choices=EvidenceKind.choices, blank=True)
    evidence = EncryptedBinaryField(
        _("scan of the signed term"), blank=True, default=b"",
        label="consent_record.evidence", category="identification", patient="patient",
    )  # fmt: skip
    clinical_evidence = EncryptedBinaryField(
        _("scan of the signed term (clinical)"), blank=True, default=b"",
        label="consent_record.clinical_evidence", category="clinical", patient="patient",
    )  # fmt: skip
    happened_at = models.DateTimeField(_("when it happened"), db_default=models.functions.Now())
    recorded_by = models.UUIDField(_("recorded by"), null=True, editable=False)
    recorded_role = models.CharField(_("in which role"), max_length=16, blank=True, editable=False)

    in_clear: ClassVar[dict[str, str]] = {
        "purpose": "a closed list",
        "event": "a closed list",
        "family": "a closed list",
        "legal_basis": "a closed list",
        "data_category": "a closed list",
        "text_sha256": "the hash of the clinic's own text, which says nothing of a patient",
        "channel": "a closed list",
        "actor": "a closed list: the patient or somebody for them, not who",
        "guardian_relation": "a closed list, not who",
        "evidence_kind": "a closed list",
        "recorded_role": "a closed list",
    }

    retention: ClassVar = (
        Share("medical_record", rows=Q(family__in=["PROCEDURE", "DRUG_RISK", "TELEMEDICINE"])),
        Share("marketing_proof"),
    )

    class Meta:
        db_table = "consent_records"
        verbose_name = _("consent event")
        verbose_name_plural = _("consent events")
        constraints = [
            *tenancy("consent_records", ACCESS["consent_records"], same_clinic=["patient", "service", "text"]),
            own_rows("consent_records"),
            # On the page «Meus dados» patients take back what they gave, themselves, and write nothing else.
            RowPolicy(
                name="consent_records_withdraw_own",
                command="INSERT",
                using=f"patient_id = {CURRENT_PATIENT} AND event = 'withdrawn' AND actor = 'self'"
                " AND channel = 'portal'",
            ),
            closed_list("consent_records", "purpose", Purpose),
            closed_list("consent_records", "event", ConsentEvent),
            closed_list("consent_records", "family", Family),
            closed_list("consent_records", "legal_basis", LegalBasis),
            closed_list("consent_records", "data_category", DataCategory),
            closed_list("consent_records", "channel", Channel),
            closed_list("consent_records", "actor", Actor),
            closed_list("consent_records", "guardian_relation", Relation, blank=True),
            models.CheckConstraint(
                # LGPD art. 11: for sensitive data neither legitimate interest nor credit, nor anything else of art. 7.
                condition=Q(data_category__in=NOT_SENSITIVE) | Q(legal_basis__startswith="11."),
                name="consent_records_sensitive_basis",
            ),
            models.CheckConstraint(
                # Care (art. 11 II f, a) and every other basis ask for no consent under the LGPD.
                condition=~Q(family="LGPD") | Q(legal_basis__in=CONSENT_BASES),
                name="consent_records_care_asks_none",
            ),
            models.CheckConstraint(
                # Art. 11 I: specific and highlighted.
                condition=~Q(legal_basis="11.I") | Q(highlighted=True),
                name="consent_records_highlighted",
            ),
            models.CheckConstraint(
                # The six families never share a purpose.
                condition=models.Q(
                    *(Q(purpose=str(purpose), family=str(terms.family)) for purpose, terms in TERMS.items()),
                    _connector=Q.OR,
                ),
                name="consent_records_one_family",
            ),
            models.CheckConstraint(
                condition=Q(service__isnull=True) | Q(purpose__in=[str(p) for p, t in TERMS.items() if t.by_service]),
                name="consent_records_service",
            ),
            models.CheckConstraint(
                condition=~Q(event__in=["asked", "granted"])
                | (Q(text__isnull=False, text_version__isnull=False) & ~Q(text_sha256="")),
                name="consent_records_text_named",
            ),
            models.CheckConstraint(
                condition=Q(actor="self", guardian_relation="") | (Q(actor="guardian") & ~Q(guardian_relation="")),
                name="consent_records_guardian_relation",
            ),
            models.CheckConstraint(
                condition=Q(actor="self") | (Q(_filled("guardian_name")) & Q(_filled("guardian_proof"))),
                name="consent_records_guardian_named",
            ),
            closed_list("consent_records", "evidence_kind", EvidenceKind, blank=True),
            models.CheckConstraint(
                # A file says what it is; a clinical one is under the clinical key.
                condition=(Q(evidence_kind="") & ~Q(_filled("evidence")) & ~Q(_filled("clinical_evidence")))
                | (
                    ~Q(evidence_kind="")
                    & (
                        (~Q(family__in=CLINICAL_FAMILIES) & Q(_filled("evidence")) & ~Q(_filled("clinical_evidence")))
                        | (Q(family__in=CLINICAL_FAMILIES) & Q(_filled("clinical_evidence")) & ~Q(_filled("evidence")))
                    )
                ),
                name="consent_records_evidence",
            ),
            models.CheckConstraint(
                condition=Q(channel="policy", event="expired_by_policy")
                | (~Q(channel="policy") & ~Q(event="expired_by_policy")),
                name="consent_records_policy",
            ),
            models.UniqueConstraint(
                fields=["clinic", "patient", "purpose", "service", "number"],
                nulls_distinct=False,
                name="consent_records_numbered",
            ),
        ]
        indexes = [
            models.Index(F("clinic"), F("patient"), F("created_at").desc(), name="consent_records_patient"),
            models.Index(F("clinic"), F("created_at").desc(), F("id"), name="consent_records_newest"),
        ]
        triggers = [
            RecordChanges(patient="patient", withheld=["evidence", "clinical_evidence"]),
            RefuseChange(), RefuseTruncate(),
            _Runs("take_consent", pgtrigger.Before, pgtrigger.Insert),
            _Runs("derive_consent", pgtrigger.After, pgtrigger.Insert),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.get_event_display()}"

    @property
    def evidence_field(self) -> str:
        """Where the scan of this family is kept."""
        return "clinical_evidence" if self.family in CLINICAL_FAMILIES else "evidence"


class Consent(ClinicModel):
    """How a patient stands to one purpose now: the fold of the events. Nobody writes it; the events' trigger does."""

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    purpose = models.CharField(_("purpose"), max_length=24, choices=Purpose.choices)
    service = ClinicForeignKey("clinics.Service", null=True, verbose_name=_("service"))
    state = models.CharField(_("state"), max_length=20, choices=ConsentEvent.choices, blank=True)
    since = models.DateTimeField(_("since"), null=True)
    number = models.PositiveIntegerField(_("number of events"), default=0, db_default=0)
    record = models.UUIDField(_("event that decides"), null=True)
    asked_at = models.DateTimeField(_("last asked"), null=True)

    in_clear: ClassVar[dict[str, str]] = {"purpose": "a closed list", "state": "a closed list"}

    retention: ClassVar = "marketing_proof"

    class Meta:
        db_table = "lgpd_consents"
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            *tenancy("lgpd_consents", ACCESS["lgpd_consents"], same_clinic=["patient", "service"]),
            own_rows("lgpd_consents"),
            RowPolicy(
                name="lgpd_consents_derived",
                command="ALL",
                # Inside a trigger alone: not even the tables' owner types a state.
                using=f"clinic_id = {CURRENT_CLINIC} AND {ONLY_TRIGGERS}",
                to=[OWNER],
            ),
            closed_list("lgpd_consents", "purpose", Purpose),
            closed_list("lgpd_consents", "state", ConsentEvent, blank=True),
            models.UniqueConstraint(
                fields=["clinic", "patient", "purpose", "service"], nulls_distinct=False, name="lgpd_consents_one_each"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "purpose", "state", "since"], name="lgpd_consents_list")]
        triggers = [
            RecordChanges(patient="patient", derived=["number", "record", "since", "asked_at"]),
            TOUCH,
            RefuseTruncate(),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.get_state_display()}"
