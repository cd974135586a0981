"""Signatures of entries and of prescriptions: the signed file, and all by which it can be verified in twenty years."""

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
    """Only whoever wrote it, only what is final, only with a licence (`sql/guard_signature.sql`)."""

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


def sealed_file(name: Any, label: str, category: str) -> EncryptedBinaryField:
    """A file of a signature, under the patient's key of a category."""
    return EncryptedBinaryField(name, label=label, category=category, patient="patient")


def sealed_cpf(label: str) -> EncryptedTextField:
    """The CPF in the certificate."""
    return EncryptedTextField(
        _("signer's CPF"), max_length=11, editable=False, label=label, category="identification", patient="patient"
    )


class SignatureBase(VaultModel, ClinicModel):
    """The signed PDF of something, made once and never changed, not by the owner of the table either.

    The file is clinical. The signature apart from it (`container` and `signed_digest`: who signed what digest) tells
    nothing of its content, so a job may verify that without reading anybody's record.
    """

    document: Any
    container: Any
    chain: Any
    signer_cpf: Any

    patient = ClinicForeignKey("patients.Patient", editable=False, verbose_name=_("patient"))
    signer = ClinicForeignKey("clinics.Professional", editable=False, verbose_name=_("signed by"))
    document_sha256 = models.CharField(_("SHA-256 of the file"), max_length=64, editable=False)
    document_size = models.PositiveIntegerField(_("size of the file"), editable=False)
    sealed_sha256 = models.CharField(_("SHA-256 of the stored file"), max_length=64, default="", editable=False)
    signed_digest = models.CharField(_("signed digest"), max_length=64, editable=False)
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
        abstract = True

    def __str__(self) -> str:
        return str(self.id)[:8]


def signature_rules(table: str, *, of: str, once: Any) -> list[Any]:
    """The constraints of a table of signatures.

    Args:
        table: the model's db_table.
        of: the foreign key to what is signed, which is signed once.
        once: what to say where it is signed already.
    """
    return [
        *clinical_tenancy(table, same_clinic=[of, "patient", "signer"]),
        RowPolicy(name=f"{table}_job", command="SELECT", using=f"{CURRENT_ROLE} = '{JOB}'"),
        closed_list(table, "level", SignatureLevel),
        closed_list(table, "pades_level", PadesProfile),
        models.UniqueConstraint(
            fields=["clinic", of], name=f"{table}_one_per_{of}", violation_error_message=once,
        ),
        *(NotEmpty(name=f"{table}_{name}_given", field=name)
          for name in ("document", "container", "chain", "signer_cpf")),
        models.CheckConstraint(
            condition=Q(document_sha256__regex=r"^[0-9a-f]{64}$")
            & Q(sealed_sha256__regex=r"^[0-9a-f]{64}$")
            & Q(signed_digest__regex=r"^[0-9a-f]{64}$")
            & Q(certificate_serial__regex=r"^[0-9a-f]+$")
            & ~Q(certificate_issuer=""),
            name=f"{table}_whole",
        ),
        models.CheckConstraint(
            condition=Q(pades_level="B-B", stamped_at__isnull=True) | Q(pades_level="B-T", stamped_at__isnull=False),
            name=f"{table}_stamped",
        ),
    ]  # fmt: skip


def signature_indexes(table: str) -> list[models.Index]:
    """The newest first; and those of a patient."""
    return [
        models.Index(fields=["clinic", "signed_at", "id"], name=f"{table}_newest"),
        models.Index(fields=["clinic", "patient"], name=f"{table}_of"),
    ]


def signature_triggers(*more: Any) -> list[Any]:
    """The log is no place for files; that a signature was made, by whom and when, is in it."""
    return [
        RecordChanges(patient="patient", withheld=["document", "container", "chain"]),
        TOUCH, KeepPatient(), GuardSignature(), *more, RefuseChange(), RefuseTruncate(),
    ]  # fmt: skip


class RecordSignature(SignatureBase):
    """The signature of an entry of the medical record, which it makes a signed one."""

    record = ClinicForeignKey("patients.MedicalRecord", editable=False, verbose_name=_("entry in the medical record"))
    document = sealed_file(_("signed file"), "record_signature.document", "clinical")
    container = sealed_file(_("signature"), "record_signature.container", "identification")
    chain = sealed_file(_("certificates"), "record_signature.chain", "identification")
    signer_cpf = sealed_cpf("record_signature.signer_cpf")

    class Meta:
        db_table = "record_signatures"
        verbose_name = _("signature")
        verbose_name_plural = _("signatures")
        constraints = signature_rules("record_signatures", of="record", once=_("This entry is signed already."))
        indexes = signature_indexes("record_signatures")
        triggers = signature_triggers(MarkSigned())


class PrescriptionSignature(SignatureBase):
    """The signature of a prescription, without which none is electronic (`sql/require_signature.sql`)."""

    prescription = ClinicForeignKey("patients.Prescription", editable=False, verbose_name=_("prescription"))
    document = sealed_file(_("signed file"), "prescription_signature.document", "clinical")
    container = sealed_file(_("signature"), "prescription_signature.container", "identification")
    chain = sealed_file(_("certificates"), "prescription_signature.chain", "identification")
    signer_cpf = sealed_cpf("prescription_signature.signer_cpf")

    class Meta:
        db_table = "prescription_signatures"
        verbose_name = _("signature of a prescription")
        verbose_name_plural = _("signatures of prescriptions")
        constraints = signature_rules(
            "prescription_signatures", of="prescription", once=_("This prescription is signed already.")
        )
        indexes = signature_indexes("prescription_signatures")
        triggers = signature_triggers()
