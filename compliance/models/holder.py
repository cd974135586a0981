"""The page «Meus dados»: by what a patient comes in, where a code is sent, and who is in.

What a patient then sees and does there is each table's own: `own_rows` and few policies more.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import RecordChanges
from neonpro.db.policies import AT_THE_DOOR, RowPolicy, tenancy
from neonpro.db.roles import GATE
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedTextField
from neonpro.vault.models import VaultModel

TRIES = 5
"""How often a code may be typed."""


def _door(table: str, *commands: str) -> list[RowPolicy]:
    """What the page does before anybody has signed in."""
    return [RowPolicy(name=f"{table}_door_{name.lower()}", command=name, using=AT_THE_DOOR) for name in commands]


class CodeKind(models.TextChoices):
    """By what somebody comes in, or proves that an address is theirs."""

    CODE = "code", _("code sent to the patient")
    LINK = "link", _("link given by the clinic")
    CONTACT = "contact", _("code to confirm an address")


class HolderCode(ClinicModel):
    """A code or a link, good once and for a short time. Only a keyed hash of it is kept."""

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    kind = models.CharField(_("kind"), max_length=8, choices=CodeKind.choices)
    digest = models.CharField(_("hash"), max_length=64, editable=False)
    expires_at = models.DateTimeField(_("ends at"))
    tries = models.PositiveSmallIntegerField(_("tries"), default=0, db_default=0, editable=False)
    used_at = models.DateTimeField(_("used at"), null=True, editable=False)

    retention: ClassVar = "agenda_aid"
    in_clear: ClassVar[dict[str, str]] = {
        "kind": "a closed list",
        "digest": "a keyed hash of a random number",
    }

    class Meta:
        db_table = "holder_codes"
        verbose_name = _("access to “My data”")
        verbose_name_plural = _("accesses to “My data”")
        constraints = [
            *tenancy("holder_codes", ACCESS["holder_codes"], same_clinic=["patient"]),
            *_door("holder_codes", "SELECT", "INSERT", "UPDATE"),
            RowPolicy(
                # The team hands out links and makes no codes, which are for the patient's own eyes.
                name="holder_codes_links",
                command="INSERT",
                using=f"kind = 'link' OR {AT_THE_DOOR}",
                restrictive=True,
            ),
            closed_list("holder_codes", "kind", CodeKind),
            models.CheckConstraint(condition=models.Q(tries__lte=TRIES), name="holder_codes_tries"),
            models.UniqueConstraint(fields=["clinic", "digest"], name="holder_codes_one_each"),
        ]
        indexes = [models.Index(fields=["clinic", "patient", "created_at"], name="holder_codes_patient")]
        triggers = [RecordChanges(patient="patient", withheld=["digest"]), TOUCH]

    def __str__(self) -> str:
        return str(self.id)[:8]


class ContactMethod(models.TextChoices):
    """How it was made sure that an address is the patient's."""

    IN_PERSON = "in_person", _("confirmed with the patient, document seen")
    CODE = "code", _("by a code sent to it")


class HolderContact(VaultModel, ClinicModel):
    """An address that is known to be the patient's: codes go to no other. One that changed has to be confirmed."""

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    contact = EncryptedTextField(
        _("e-mail"), max_length=254, label="holder_contact.contact", category="contact", patient="patient"
    )
    method = models.CharField(pgettext_lazy("contact", "confirmed"), max_length=12, choices=ContactMethod.choices)

    retention: ClassVar = "agenda_aid"
    in_clear: ClassVar[dict[str, str]] = {"method": "a closed list"}

    class Meta:
        db_table = "holder_contacts"
        verbose_name = _("confirmed address")
        verbose_name_plural = _("confirmed addresses")
        constraints = [
            *tenancy("holder_contacts", ACCESS["holder_contacts"], same_clinic=["patient"]),
            *_door("holder_contacts", "SELECT", "INSERT"),
            closed_list("holder_contacts", "method", ContactMethod),
        ]
        indexes = [models.Index(fields=["clinic", "patient", "created_at"], name="holder_contacts_patient")]
        triggers = [RecordChanges(patient="patient"), TOUCH, KeepPatient()]

    def __str__(self) -> str:
        return str(self.id)[:8]


class HolderSession(ClinicModel):
    """A patient who is in. `neonpro.enter` looks here whose the secret in the browser is, and until when it is good."""

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    method = models.CharField(_("kind"), max_length=8, choices=CodeKind.choices)
    digest = models.CharField(_("hash"), max_length=64, editable=False)
    last_seen_at = models.DateTimeField(_("last seen"), db_default=Now(), editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)

    retention: ClassVar = "agenda_aid"
    in_clear: ClassVar[dict[str, str]] = {
        "method": "a closed list",
        "digest": "a hash of a random number",
    }

    class Meta:
        db_table = "holder_sessions"
        verbose_name = _("visit of “My data”")
        verbose_name_plural = _("visits of “My data”")
        constraints = [
            *tenancy("holder_sessions", ACCESS["holder_sessions"], same_clinic=["patient"]),
            *_door("holder_sessions", "SELECT", "INSERT", "UPDATE"),
            RowPolicy(name="holder_sessions_gate", command="SELECT", using="true", to=[GATE]),
            RowPolicy(name="holder_sessions_gate_seen", command="UPDATE", using="true", to=[GATE]),
            closed_list("holder_sessions", "method", CodeKind),
            models.UniqueConstraint(fields=["clinic", "digest"], name="holder_sessions_one_each"),
        ]
        indexes = [models.Index(fields=["clinic", "patient", "created_at"], name="holder_sessions_patient")]
        triggers = [RecordChanges(patient="patient", withheld=["digest"], derived=["last_seen_at"]), TOUCH]

    def __str__(self) -> str:
        return str(self.id)[:8]
