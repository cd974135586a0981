"""The team: a person's place in a clinic."""

from typing import Any

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH, ClinicModel, closed_list
from clinics.roles import ACCESS, Role
from neonpro.db.audit import AlwaysTrigger, RecordChanges
from neonpro.db.policies import (
    RowPolicy,
    tenancy,
)
from neonpro.db.roles import GATE


class GuardTeam(AlwaysTrigger):
    """Nobody changes their own role, and a clinic keeps a manager (`sql/guard_team.sql`)."""

    when = pgtrigger.After
    operation = pgtrigger.Update | pgtrigger.Delete

    def __init__(self, **options: Any) -> None:
        super().__init__(name="guard_team", **options)

    def render_execute(self, model: type[models.Model]) -> str:
        return "neonpro.guard_team()"


TEAM_RULES = {
    "clinic_memberships_not_own_role": _("You cannot change your own role or end your own access."),
    "clinic_memberships_keep_manager": _("A clinic keeps at least one active manager: name another one first."),
}
"""What `GuardTeam` refuses, by the name it gives the rule, in words for the person who tried."""


class Membership(ClinicModel):
    """A person's place in a clinic: one account, one role. Ending it takes effect with the next request."""

    user = models.ForeignKey(
        "clinics.User", on_delete=models.PROTECT, related_name="+", db_index=False, editable=False,
        verbose_name=_("user"),
    )  # fmt: skip
    display_name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail"), help_text=_("The address this person signs in with."))
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    may_overbook = models.BooleanField(
        _("may overbook (encaixe)"), default=False, db_default=False,
        help_text=_("May book at a time that is taken or closed, giving a reason. Managers always may."),
    )  # fmt: skip

    class Meta:
        db_table = "clinic_memberships"
        verbose_name = _("team member")
        verbose_name_plural = _("team")
        constraints = [
            *tenancy("clinic_memberships", ACCESS["clinic_memberships"]),
            RowPolicy(name="clinic_memberships_gate", command="SELECT", using="true", to=[GATE]),
            closed_list("clinic_memberships", "role", Role),
            models.UniqueConstraint(
                fields=["clinic", "user"],
                name="clinic_memberships_one_per_user",
                violation_error_message=_("This person is already in the team."),
            ),
        ]
        # The gate looks memberships up by person.
        indexes = [models.Index(fields=["user", "clinic"], name="clinic_memberships_user")]
        triggers = [RecordChanges(), TOUCH, GuardTeam()]

    def __str__(self) -> str:
        return self.display_name
