"""The signature of an entry: the signed file and everything by which it can be verified in twenty years."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.roles import JOB
from neonpro.db.audit import AlwaysTrigger, RecordChanges, RefuseChange, RefuseTruncate
from neonpro.db.policies import CURRENT_ROLE, RowPolicy
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedBinaryField, EncryptedTextField, NotEmpty
from neonpro.vault.models import VaultModel
from patients.models.care import clinical_tenancy


class SignatureLevel(models.TextChoices):
    """What a signature is worth (Lei 14.063/2020 art. 4); the values are `neonpro.pades.Level`'s."""

    ADVANCED = "ADVANCED", pgettext_lazy("signature", "advanced (not ICP-Brasil)")
    QUALIFIED = "QUALIFIED", pgettext_lazy("signature", "qualified (ICP-Brasil)")


class PadesProfile(models.TextChoices):
    """The profile that was reached; the values are `neonpro.pades.PadesLevel`'s."""

    B_B = "B-B", _("PAdES B-B, without a timestamp")
    B_T = "B-T", _("PAdES B-T, with a timestamp")


class GuardSignature(AlwaysTrigger):
    """Only the author, only what is final, only with a licence (`sql/guard_signature.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_signature", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_signature()"


class MarkSigned(AlwaysTrigger):
    """A kept signature makes its entry a signed one (`sql/mark_signed.sql`)."""

    when = pgtrigger.After
    operation = pgtrigger.Insert

    def __init__(self, **options: Any) -> None:
        super().__init__(name="mark_signed", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.mark_signed()"


class RecordSignature(VaultModel, ClinicModel):
    """The signed PDF of an entry, made once and never changed, not by the owner of the table either.

    The file is clinical. The signature apart from it (`container` and `signed_digest`: who signed what digest) tells
    nothing of its content, so a job may verify that without reading anybody's record.
    """

    record = ClinicForeignKey("patients.MedicalRecord", editable=False, verbose_name=_("entry in the medical record"))
    patient = ClinicForeignKey("patients.Patient", editable=False, verbose_name=_("patient"))
    signer = ClinicForeignKey("clinics.Professional", editable=False, verbose_name=_("signed by"))
    document = EncryptedBinaryField(
        _("signed file"), label="record_signature.document", category="clinical", patient="patient"
    )
    document_sha256 = models.CharField(_("SHA-256 of the file"), max_length=64, editable=False)
    document_size = models.PositiveIntegerField(_("size of the file"), editable=False)
    sealed_sha256 = models.CharField(_("SHA-256 of the stored file"), max_length=64, default="", editable=False)
    container = EncryptedBinaryField(
        _("signature"), label="record_signature.container", category="identification", patient="patient"
    )
    signed_digest = models.CharField(_("signed digest"), max_length=64, editable=False)
    chain = EncryptedBinaryField(
        _("certificates"), label="record_signature.chain", category="identification", patient="patient"
    )
    signer_cpf = EncryptedTextField(
        _("signer's CPF"), max_length=11, editable=False,
        label="record_signature.signer_cpf", category="identification", patient="patient",
    )  # fmt: skip
    certificate_serial = models.CharField(_("certificate's serial number"), max_length=64, editable=False)
    certificate_issuer = models.CharField(_("certification authority"), max_length=200, editable=False)
    policy = models.CharField(_("certificate policy"), max_length=200, blank=True, editable=False)
    level = models.CharField(_("level"), max_length=10, choices=SignatureLevel.choices, editable=False)
    pades_level = models.CharField(_("profile"), max_length=4, choices=PadesProfile.choices, editable=False)
    signed_at = models.DateTimeField(_("signed at"), editable=False)
    stamped_at = models.DateTimeField(_("timestamp"), null=True, editable=False)
    report = models.JSONField(_("validation report"), editable=False)

    in_clear: ClassVar[dict[str, str]] = {
        "document_sha256": "of a file with a random number in it: it cannot be guessed from a guessed content",
        "sealed_sha256": "of ciphertext",
        "signed_digest": "as document_sha256",
        "certificate_serial": "the professional's certificate",
        "certificate_issuer": "an authority's name",
        "policy": "object identifiers of the authority",
        "level": "a closed list",
        "pades_level": "a closed list",
        "report": "codes and times of what was verified, nobody's name",
    }

    retention: ClassVar = "medical_record"

    class Meta:
        db_table = "record_signatures"
        verbose_name = _("signature")
        verbose_name_plural = _("signatures")
        constraints = [
            *clinical_tenancy("record_signatures", same_clinic=["record", "patient", "signer"]),
            RowPolicy(name="record_signatures_job", command="SELECT", using=f"{CURRENT_ROLE} = '{JOB}'"),
            closed_list("record_signatures", "level", SignatureLevel),
            closed_list("record_signatures", "pades_level", PadesProfile),
            models.UniqueConstraint(
                fields=["clinic", "record"],
                name="record_signatures_one_per_record",
                violation_error_message=_("This entry is signed already."),
            ),
            *(NotEmpty(name=f"record_signatures_{name}_given", field=name)
              for name in ("document", "container", "chain", "signer_cpf")),
            models.CheckConstraint(
                condition=Q(document_sha256__regex=r"^[0-9a-f]{64}$")
                & Q(sealed_sha256__regex=r"^[0-9a-f]{64}$")
                & Q(signed_digest__regex=r"^[0-9a-f]{64}$")
                & Q(certificate_serial__regex=r"^[0-9a-f]+$")
                & ~Q(certificate_issuer=""),
                name="record_signatures_whole",
            ),
            models.CheckConstraint(
                condition=Q(pades_level="B-B", stamped_at__isnull=True)
                | Q(pades_level="B-T", stamped_at__isnull=False),
                name="record_signatures_stamped",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["clinic", "signed_at", "id"], name="record_signatures_newest"),
            models.Index(fields=["clinic", "patient"], name="record_signatures_patient"),
        ]
        triggers = [
            # The log is no place for files; that a signature was made, by whom and when, is in it.
            RecordChanges(patient="patient", withheld=["document", "container", "chain"]),
            TOUCH, KeepPatient(), GuardSignature(), MarkSigned(), RefuseChange(), RefuseTruncate(),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.id)[:8]
