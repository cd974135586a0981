"""The audit log, as Django reads it, and grants on single records."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from guardian.models import UserObjectPermissionAbstract

from clinics.base import TOUCH, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import RecordChanges, RefuseChange, RefuseTruncate
from neonpro.db.policies import CURRENT_CLINIC, RowPolicy, role_policies, tenancy
from neonpro.db.roles import OWNER, SEALER, SEARCH

PLATFORM = "00000000-0000-0000-0000-000000000000"
"""The clinic of audit rows that belong to none: the platform."""


class AuditLog(models.Model):
    """One thing that happened: a changed row, a sign-in, an export. Written by PostgreSQL, never by Django.

    The table and its partitions are made by `neonpro/db/sql/audit_logs.sql`.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    clinic_id = models.UUIDField(_("clinic"))
    created_at = models.DateTimeField(_("when"))
    action = models.TextField(_("action"))
    table_name = models.TextField(_("table"))
    record_id = models.UUIDField(_("record"), null=True)
    patient_id = models.UUIDField(_("patient"), null=True)
    patients = ArrayField(models.UUIDField(), verbose_name=_("patients"), null=True)
    actor_kind = models.TextField(_("kind of actor"))
    actor = models.TextField(_("actor"))
    role = models.TextField(_("role"))
    request_id = models.UUIDField(_("request"), null=True)
    changes = models.JSONField(_("changes"), null=True)

    class Meta:
        db_table = "audit_logs"
        verbose_name = _("audit log entry")
        verbose_name_plural = _("audit log")
        default_permissions = ("view",)
        constraints = [
            # For reading only: rows are added by the owner's functions, for whatever clinic the row is of.
            RowPolicy(
                name="audit_logs_clinic",
                command="SELECT",
                using=f"clinic_id = {CURRENT_CLINIC}",
                restrictive=True,
            ),
            *role_policies("audit_logs", ACCESS["audit_logs"]),
            RowPolicy(name="audit_logs_add", command="INSERT", using="true", to=[OWNER]),
            # For neonpro.accesses_of, which filters the clinic and checks the role itself.
            RowPolicy(name="audit_logs_search", command="SELECT", using="true", to=[SEARCH]),
            # For the seals (neonpro.open_seal and what verifies them), which hash rows and show none to anybody else.
            RowPolicy(name="audit_logs_sealer", command="SELECT", using="true", to=[SEALER]),
        ]
        triggers = [RefuseChange(), RefuseTruncate()]

    def __str__(self) -> str:
        return f"{self.action} {self.created_at:%d/%m/%Y %H:%M:%S}"


class GrantKind(models.TextChoices):
    """Why somebody may see a record that their role alone does not open."""

    SHARE = "share", _("shared by a colleague")
    BREAK_GLASS = "break_glass", _("emergency access")


class ResourcePermission(UserObjectPermissionAbstract, ClinicModel):  # type: ignore[django-manager-missing]
    """A permission on one record for one person: django-guardian's, with its clinic, reason and end."""

    granted_by = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+", db_index=False,
        verbose_name=_("granted by"),
    )  # fmt: skip
    kind = models.CharField(
        _("kind"), max_length=12, choices=GrantKind.choices, default=GrantKind.SHARE, db_default=GrantKind.SHARE.value
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    expires_at = models.DateTimeField(_("ends at"), null=True, blank=True)

    class Meta:
        db_table = "resource_permissions"
        verbose_name = _("permission on a record")
        verbose_name_plural = _("permissions on records")
        constraints = [
            *tenancy("resource_permissions", ACCESS["resource_permissions"]),
            closed_list("resource_permissions", "kind", GrantKind),
            models.UniqueConstraint(
                fields=["clinic", "user", "permission", "object_pk"], name="resource_permissions_one_each"
            ),
            models.CheckConstraint(
                condition=~Q(kind="break_glass") | Q(expires_at__isnull=False), name="resource_permissions_glass_ends"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "content_type", "object_pk"], name="resource_permissions_record")]
        triggers = [RecordChanges(), TOUCH]

    def __str__(self) -> str:
        # guardian's own prints the record itself, which may be a patient.
        return str(self.id)
