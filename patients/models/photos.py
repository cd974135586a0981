"""Photographs of patients, before and after, encrypted under the patient's key for images."""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from neonpro.db.audit import RecordChanges
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedBinaryField, EncryptedTextField, NotEmpty
from neonpro.vault.models import VaultModel
from patients.models.care import clinical_tenancy
from patients.models.products import OwnFunction


class PhotoMoment(models.TextChoices):
    """When a photograph was taken, seen from the procedure."""

    BEFORE = "before", _("before")
    AFTER = "after", _("after")
    FOLLOW_UP = "follow_up", _("follow-up")


def _image(label: str, **options: Any) -> dict[str, Any]:
    return {"label": f"clinical_photo.{label}", "category": "images", "patient": "patient", **options}


class ClinicalPhoto(VaultModel, ClinicModel):
    """A photograph in a patient's record. It stays; one that was filed by mistake is withdrawn, and no longer shown.

    `patients.photos` makes what is kept: decoded and encoded anew, without EXIF.
    """

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    application = ClinicForeignKey(
        "patients.ProductApplication", null=True, blank=True, verbose_name=_("application of a product")
    )
    appointment = ClinicForeignKey("patients.Appointment", null=True, blank=True, verbose_name=_("appointment"))
    moment = models.CharField(_("moment"), max_length=9, choices=PhotoMoment.choices)
    taken_at = models.DateTimeField(_("taken at"))
    caption = EncryptedTextField(_("caption"), max_length=200, blank=True, **_image("caption"))
    width = models.PositiveIntegerField(_("width"), editable=False)
    height = models.PositiveIntegerField(_("height"), editable=False)
    content = EncryptedBinaryField(_("photograph"), editable=False, **_image("content"))
    thumbnail = EncryptedBinaryField(_("thumbnail"), editable=False, **_image("thumbnail"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True, editable=False)
    withdrawn_reason = EncryptedTextField(
        _("why it was withdrawn"), max_length=200, blank=True, editable=False, **_image("withdrawn_reason")
    )

    retention: ClassVar = "medical_record"
    in_clear: ClassVar[dict[str, str]] = {"moment": "a closed list; row policies show it to whom the patient is open"}

    class Meta:
        db_table = "clinical_photos"
        verbose_name = _("photograph")
        verbose_name_plural = _("photographs")
        constraints = [
            *clinical_tenancy("clinical_photos", same_clinic=["patient", "application", "appointment"]),
            closed_list("clinical_photos", "moment", PhotoMoment),
            NotEmpty(name="clinical_photos_content_given", field="content"),
            NotEmpty(name="clinical_photos_thumbnail_given", field="thumbnail"),
            models.CheckConstraint(
                condition=Q(width__gt=0, height__gt=0), name="clinical_photos_size_positive"
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(F("clinic"), F("patient"), F("taken_at").desc(), name="clinical_photos_patient"),
            models.Index(fields=["clinic", "application"], name="clinical_photos_application"),
        ]
        triggers = [
            RecordChanges(patient="patient", withheld=["content", "thumbnail", "application"]),
            TOUCH, KeepPatient(),
            OwnFunction(name="keep_photo", when=pgtrigger.Before, operation=pgtrigger.Update | pgtrigger.Delete),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.id)[:8]
