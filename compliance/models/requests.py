"""Requests of the holders of data (LGPD arts. 18 and 20, Lei 15.378/2026)."""

from datetime import date
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges, RefuseChange
from neonpro.db.policies import CURRENT_PATIENT, RowPolicy, own_rows, tenancy
from neonpro.rules import rule
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedTextField
from neonpro.vault.models import VaultModel


class RequestType(models.TextChoices):
    """What is asked for (`lgpd.requests.types`)."""

    CONFIRMATION = "CONFIRMATION", _("confirmation that data are held")
    ACCESS = "ACCESS", _("access to the data")
    CORRECTION = "CORRECTION", _("correction")
    ERASURE = "ANONYMIZE_BLOCK_DELETE", _("anonymisation, blocking or erasure")
    PORTABILITY = "PORTABILITY", _("portability")
    DELETE_CONSENTED = "DELETE_CONSENTED_DATA", _("erasure of what rests on consent")
    SHARING_INFO = "SHARING_INFO", _("with whom data are shared")
    CONSENT_INFO = "CONSENT_REFUSAL_INFO", _("what follows from refusing consent")
    REVOKE_CONSENT = "REVOKE_CONSENT", _("withdrawal of consent")
    OPPOSE = "OPPOSE", _("objection to the processing")
    PETITION = "PETITION_ANPD", _("petition to the ANPD")
    REVIEW = "REVIEW_AUTOMATED_DECISION", _("review of an automated decision")
    RECORD_COPY = "RECORD_COPY", _("copy of the record")
    RECORD_RECTIFICATION = "RECORD_RECTIFICATION", _("rectification of the record")


ERASING = (RequestType.ERASURE, RequestType.DELETE_CONSENTED)
"""The types that an erasure can answer."""

PACKAGED = (RequestType.ACCESS, RequestType.PORTABILITY, RequestType.RECORD_COPY)
"""The types that a package of everything held answers: `neonpro.packaged_patient` has them too, and a test compares."""

LETTERS = (RequestType.CONFIRMATION, RequestType.SHARING_INFO, RequestType.CONSENT_INFO)
"""The types that a letter answers, made of what is in the database."""

_TERMS = {RequestType.CONFIRMATION: "access_simplified", RequestType.ACCESS: "access_complete"}
"""The rules of how long an answer may take; for all others `lgpd.requests.others`."""


def due_day(kind: str, received: date) -> date:
    """By which day the law wants an answer to what arrived on a day."""
    code = _TERMS.get(RequestType(kind), "others")
    return rule(f"lgpd.requests.{code}", on=received).period.after(received)


class RequestStatus(models.TextChoices):
    """Where a request stands."""

    RECEIVED = "received", pgettext_lazy("request", "received")
    IN_PROGRESS = "in_progress", pgettext_lazy("request", "in progress")
    ANSWERED = "answered", pgettext_lazy("request", "answered")
    REFUSED = "refused", pgettext_lazy("request", "refused")


OPEN = (RequestStatus.RECEIVED, RequestStatus.IN_PROGRESS)
"""The states that still want an answer."""


class RequestChannel(models.TextChoices):
    """How it came."""

    IN_PERSON = "in_person", _("in person")
    PAGE = "page", _("on the holder's page")
    EMAIL = "email", _("by e-mail")
    LETTER = "letter", _("by letter")
    PHONE = "phone", _("by telephone")


class IdentityCheck(models.TextChoices):
    """How it was made sure who asks."""

    DOCUMENT = "document", _("document seen in person")
    CODE = "code", _("code to a known contact")
    GOV_BR = "gov_br", _("gov.br signature")
    REPRESENTATIVE = "representative", _("power of attorney or guardianship")


class AnswerChannel(models.TextChoices):
    """How the answer went out."""

    IN_PERSON = "in_person", _("in person")
    PAGE = "page", _("on the holder's page")
    EMAIL = "email", _("by e-mail")
    LETTER = "letter", _("by letter")


class GuardRequest(AlwaysTrigger):
    """Begins, moves and ends as the law has it, and stays as it ended (`sql/guard_request.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_request", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_request()"


def _told(name: str) -> dict[str, Any]:
    return {
        "label": f"data_request.{name}", "category": "identification", "patient": "patient", "blank": True,
        "multiline": True, "max_length": 4000,
    }  # fmt: skip


class DataRequest(VaultModel, ClinicModel):
    """Something that a person asks about their own data, with the day by which it must be answered.

    It outlives an erasure (five years), so it refers to no row: the patient is a number. Who moves it where is
    `compliance.requests`; what no SQL may do, `sql/guard_request.sql`.
    """

    patient_id = models.UUIDField(_("patient"))
    kind = models.CharField(pgettext_lazy("request", "type"), max_length=30, choices=RequestType.choices)
    channel = models.CharField(_("channel"), max_length=12, choices=RequestChannel.choices)
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    due_on = models.DateField(_("due on"), editable=False)
    status = models.CharField(_("status"), max_length=12, choices=RequestStatus.choices, default=RequestStatus.RECEIVED)
    owner = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+",
        db_index=False, verbose_name=_("who answers"),
    )  # fmt: skip
    identity_check = models.CharField(
        _("identity checked by"), max_length=16, choices=IdentityCheck.choices, blank=True
    )
    identity_checked_at = models.DateTimeField(_("identity checked at"), null=True, blank=True, editable=False)
    # Written by the trigger: an account, or nobody where a job or the holder's page checked.
    identity_checked_by = models.UUIDField(_("who checked the identity"), null=True, blank=True, editable=False)
    details = EncryptedTextField(_("what is asked, in the holder's words"), **_told("details"))
    extended_at = models.DateTimeField(_("extended at"), null=True, blank=True, editable=False)
    extended_from = models.DateField(_("first due on"), null=True, blank=True, editable=False)
    extension_reason = EncryptedTextField(_("reason for the extension"), editable=False, **_told("extension_reason"))
    answer = EncryptedTextField(_("answer"), editable=False, **_told("answer"))
    answer_channel = models.CharField(
        _("answered how"), max_length=12, choices=AnswerChannel.choices, blank=True, editable=False
    )
    refusal_ground = EncryptedTextField(_("ground of the refusal"), editable=False, **_told("refusal_ground"))
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True, editable=False)
    # Written by the trigger, and never taken back: from then on the holder downloads the package on «Meus dados».
    released_at = models.DateTimeField(_("package released at"), null=True, blank=True, editable=False)

    retention: ClassVar = "data_request"
    in_clear: ClassVar[dict[str, str]] = {
        "kind": "a closed list of types",
        "channel": "a closed list",
        "status": "a closed list of states",
        "identity_check": "a closed list of ways",
        "answer_channel": "a closed list",
    }

    class Meta:
        db_table = "data_requests"
        verbose_name = _("request of a holder")
        verbose_name_plural = _("requests of holders")
        constraints = [
            *tenancy("data_requests", ACCESS["data_requests"]),
            own_rows("data_requests"),
            # On the page «Meus dados» the holder asks; everything that follows is the encarregado's.
            RowPolicy(
                name="data_requests_ask_own",
                command="INSERT",
                using=f"patient_id = {CURRENT_PATIENT} AND channel = 'page' AND status = 'received'"
                " AND identity_check IN ('code', 'document') AND owner_id IS NULL AND answered_at IS NULL"
                " AND received_at > now() - interval '1 hour' AND due_on >= current_date",
            ),
            closed_list("data_requests", "kind", RequestType),
            closed_list("data_requests", "channel", RequestChannel),
            closed_list("data_requests", "status", RequestStatus),
            closed_list("data_requests", "identity_check", IdentityCheck, blank=True),
            closed_list("data_requests", "answer_channel", AnswerChannel, blank=True),
            models.CheckConstraint(
                condition=Q(identity_check="") | Q(identity_checked_at__isnull=False),
                name="data_requests_identity_when",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "status", "due_on"], name="data_requests_queue"),
            models.Index(F("clinic"), F("patient_id"), name="data_requests_patient"),
        ]
        triggers = [RecordChanges(patient="patient_id"), TOUCH, KeepPatient(), GuardRequest()]

    def __str__(self) -> str:
        return f"{self.received_at:%d/%m/%Y} {str(self.id)[:8]}"

    @property
    def number(self) -> str:
        """What people call it: the beginning of its id."""
        return str(self.id)[:8].upper()

    @property
    def is_open(self) -> bool:
        """Whether it still wants an answer."""
        return self.status in OPEN

    @property
    def released_until(self) -> date | None:
        """The last day on which the holder downloads the package on «Meus dados»; None where it is not released."""
        if self.released_at is None or self.status == RequestStatus.REFUSED:
            return None
        day = timezone.localdate(self.released_at)
        return rule("lgpd.requests.released", on=day).period.after(day)

    @property
    def is_released(self) -> bool:
        """Whether the holder can download the package today."""
        until = self.released_until
        return until is not None and timezone.localdate() <= until

    def save(self, *args: Any, **options: Any) -> None:
        if self._state.adding:
            # Never typed, whoever makes it: the day of the clinic's clock, and the rule of that day.
            self.due_on = due_day(self.kind, timezone.localdate(self.received_at))
        super().save(*args, **options)


class RequestDigest(ClinicModel):
    """That the digest of a week went to a clinic's encarregado: one a week, however often the command runs."""

    week = models.DateField(_("week of"))
    waiting = models.PositiveIntegerField(_("open requests"))
    overdue = models.PositiveIntegerField(_("overdue"))

    class Meta:
        db_table = "request_digests"
        verbose_name = _("weekly digest of requests")
        verbose_name_plural = _("weekly digests of requests")
        constraints = [
            *tenancy("request_digests", ACCESS["request_digests"]),
            models.UniqueConstraint(fields=["clinic", "week"], name="request_digests_one_a_week"),
        ]
        triggers = [RecordChanges(), TOUCH, RefuseChange()]

    def __str__(self) -> str:
        return f"{self.week:%d/%m/%Y}"
