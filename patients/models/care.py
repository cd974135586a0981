"""Who cares for a patient: the care team, and the row policies of everything clinical, which go by it."""

from collections.abc import Iterable
from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import BaseConstraint, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clinics.base import TOUCH, ClinicForeignKey, ClinicModel, closed_list
from clinics.roles import ACCESS
from neonpro.db.audit import AlwaysTrigger, RecordChanges, RefuseTruncate
from neonpro.db.policies import (
    COMMANDS,
    CURRENT_CLINIC,
    CURRENT_ROLE,
    ClinicKey,
    RowPolicy,
    SameClinic,
    clinic_policy,
    tenancy,
)
from neonpro.db.roles import OWNER
from neonpro.vault.audit import KeepPatient
from neonpro.vault.fields import EncryptedTextField
from neonpro.vault.models import VaultModel

CURRENT_PROFESSIONAL = "(SELECT neonpro.current_professional())"


def open_to_reader(table: str, *, to_write: bool = False) -> str:
    """SQL that holds for rows of patients who are open to the reader: the one condition of clinical policies.

    It says what `sql/open_patients.sql` says to the keys, as a condition that PostgreSQL plans: one patient is looked
    up in the care team, a list of many is compared with the reader's own patients. Measured with 5,000 patients in care
    among 100,000, 500,000 entries: see the README.

    Args:
        table: with a `patient_id`.
        to_write: who may write about the patient; a permission that only lets one look does not count.
    """
    return (
        f"(EXISTS (SELECT FROM care_team AS c WHERE c.clinic_id = {CURRENT_CLINIC}"
        f" AND c.professional_id = {CURRENT_PROFESSIONAL} AND c.patient_id = {table}.patient_id AND c.until IS NULL)"
        f" OR patient_id IN (SELECT neonpro.granted_patients({str(to_write).lower()})))"
    )


def clinical_tenancy(
    table: str,
    *,
    same_clinic: Iterable[str] = (),
    visible: str = "",
    changeable: str = "",
    deletable: str = "",
) -> list[BaseConstraint]:
    """What `tenancy` gives, for a table with clinical rows: the role of `ACCESS`, and the patient open to the reader.

    Args:
        table: the model's db_table; its rows have a `patient_id`.
        same_clinic: the foreign keys to other tables of the clinic.
        visible: SQL that a row must meet besides to be seen.
        changeable: SQL that a row must meet besides to be changed.
        deletable: SQL that a row must meet besides to be deleted.
    """
    more = {"view": visible, "add": "", "change": changeable, "delete": deletable}
    policies = []
    for permission, command in COMMANDS.items():
        roles = sorted(ACCESS[table].get(permission, ()))
        if roles:
            listed = ", ".join(f"'{role}'" for role in roles)
            conditions = (
                f"(SELECT nullif(neonpro.current_clinic_role() IN ({listed}), false)) IS NOT NULL",
                open_to_reader(table, to_write=permission != "view"),
                more[permission] and f"({more[permission]})",
            )
            using = " AND ".join(filter(None, conditions))
            policies.append(RowPolicy(name=f"{table}_{permission}", command=command, using=using))
    return [
        ClinicKey(name=f"{table}_key"),
        clinic_policy(table),
        *policies,
        *(SameClinic(name=f"{table}_{field}_same_clinic", field=field) for field in same_clinic),
    ]


class Began(models.TextChoices):
    """How somebody came into a care team."""

    APPOINTMENT = "appointment", pgettext_lazy("care", "by an appointment")
    COLLEAGUE = "colleague", pgettext_lazy("care", "added by a colleague")
    MANAGER = "manager", pgettext_lazy("care", "added by management")


class Ended(models.TextChoices):
    """How a stay in a care team ended."""

    APPOINTMENT = "appointment", pgettext_lazy("care", "the appointment fell through")
    LEFT = "left", pgettext_lazy("care", "left the team")
    MANAGER = "manager", pgettext_lazy("care", "ended by management")


class GuardCare(AlwaysTrigger):
    """Who enters a care team; a stay is begun and ended, never rewritten (`sql/guard_care.sql`)."""

    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_care", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_care()"


class FollowAppointments(AlwaysTrigger):
    """An appointment opens care, and one that falls through closes it again (`sql/follow_appointments.sql`)."""

    when = pgtrigger.After
    level = pgtrigger.Statement

    def __init__(self, *, operation: pgtrigger.Operation, **options: Any) -> None:
        old = "old_rows" if operation == pgtrigger.Update else None
        super().__init__(
            name=f"follow_appointments_{str(operation).lower()}",
            operation=operation,
            referencing=pgtrigger.Referencing(old=old, new="new_rows"),
            **options,
        )

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.follow_appointments()"


class CareTeam(VaultModel, ClinicModel):
    """A professional's stay in the care team of a patient: it opens the patient's clinical data to that professional.

    A stay begins with an appointment, or when a colleague in the team or a manager adds the professional, and lasts
    until it is ended. Whoever has left sees nothing clinical any more, their own entries included: the record is the
    patient's and stays with the clinic (CFM 1.638/2002); who needs it again is added or given a permission again.
    """

    patient = ClinicForeignKey("patients.Patient", verbose_name=_("patient"))
    professional = ClinicForeignKey("clinics.Professional", verbose_name=_("professional"))
    since = models.DateTimeField(_("since"), db_default=models.functions.Now(), editable=False)
    until = models.DateTimeField(pgettext_lazy("care", "until"), null=True, blank=True, editable=False)
    began = models.CharField(_("how it began"), max_length=12, choices=Began.choices, editable=False)
    appointment = ClinicForeignKey(
        "patients.Appointment", null=True, blank=True, editable=False, verbose_name=_("appointment")
    )
    added_by = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+", db_index=False,
        verbose_name=_("added by"),
    )  # fmt: skip
    reason = EncryptedTextField(
        _("reason"), max_length=200, blank=True, label="care_team.reason", category="contact", patient="patient",
        help_text=_("Nothing clinical here: management reads it."),
    )  # fmt: skip
    ended = models.CharField(_("how it ended"), max_length=12, choices=Ended.choices, blank=True, editable=False)
    ended_by = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+", db_index=False,
        verbose_name=_("ended by"),
    )  # fmt: skip
    end_reason = EncryptedTextField(
        _("why it ended"), max_length=200, blank=True, editable=False,
        label="care_team.end_reason", category="contact", patient="patient",
    )  # fmt: skip

    in_clear: ClassVar[dict[str, str]] = {
        "began": "a closed list",
        "ended": "a closed list",
    }

    retention: ClassVar = "care_team"

    class Meta:
        db_table = "care_team"
        verbose_name = _("care team member")
        verbose_name_plural = _("care team members")
        constraints = [
            *tenancy(
                "care_team",
                ACCESS["care_team"] | {"change": ()},
                same_clinic=["patient", "professional", "appointment"],
            ),
            # A manager ends any stay; a professional their own.
            RowPolicy(
                name="care_team_change",
                command="UPDATE",
                using=f"{CURRENT_ROLE} IN ('job', 'manager')"
                f" OR ({CURRENT_ROLE} = 'professional' AND professional_id = {CURRENT_PROFESSIONAL})",
            ),
            # For neonpro.follow_appointments: what a booking opens, whoever books.
            RowPolicy(name="care_team_owner", command="ALL", using=f"clinic_id = {CURRENT_CLINIC}", to=[OWNER]),
            closed_list("care_team", "began", Began),
            closed_list("care_team", "ended", Ended, blank=True),
            models.CheckConstraint(
                condition=Q(until__isnull=True, ended="") | (Q(until__isnull=False) & ~Q(ended="")),
                name="care_team_ended_how",
            ),
            models.CheckConstraint(
                condition=~Q(began="appointment") | Q(appointment__isnull=False), name="care_team_began_with"
            ),
            models.UniqueConstraint(
                fields=["clinic", "patient", "professional"],
                condition=Q(until__isnull=True),
                name="care_team_one_stay",
                violation_error_message=_("This professional is in the patient's care team already."),
            ),
        ]  # fmt: skip
        indexes = [
            # The clinical policies ask for the patients of one professional, the pages for the team of one patient.
            models.Index(
                fields=["clinic", "professional", "patient"], condition=Q(until__isnull=True), name="care_team_open"
            ),
            models.Index(fields=["clinic", "patient", "since"], name="care_team_patient"),
        ]
        triggers = [RecordChanges(patient="patient"), TOUCH, KeepPatient(), GuardCare(), RefuseTruncate()]

    def __str__(self) -> str:
        return str(self.id)[:8]
