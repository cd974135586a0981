"""Accounts: who signs in, whatever clinic they work in."""

from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from clinics.base import TOUCH
from clinics.roles import JOB, SIGN_IN
from neonpro.db.audit import RecordChanges
from neonpro.db.policies import (
    CURRENT_ROLE,
    CURRENT_USER,
    RowPolicy,
)
from neonpro.db.roles import GATE

NEW_ACCOUNT_ROLES = f"{CURRENT_ROLE} IN ('{JOB}', '{SIGN_IN}')"


class UserManager(BaseUserManager["User"]):
    """Accounts by e-mail."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an account, in a job's context. Without a password nobody can sign in to it yet."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a platform account. It opens no clinic: only memberships do."""
        return self.create_user(email, password, **(fields | {"is_superuser": True}))


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]
    """An account that signs in. What it may do is its membership's to say, clinic by clinic.

    An account belongs to no clinic, so it is not shown to one: colleagues see the name that their own clinic wrote
    into the membership. A clinic therefore never learns where else somebody works.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, db_default=RandomUUID(), editable=False)
    email = models.EmailField(_("e-mail"))
    is_active = models.BooleanField(_("active"), default=True, db_default=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), db_default=Now(), editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table = "users"
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(Lower("email"), name="users_one_per_email"),
            RowPolicy(name="users_view", command="SELECT", using=f"id = {CURRENT_USER} OR {NEW_ACCOUNT_ROLES}"),
            RowPolicy(name="users_change", command="UPDATE", using=f"id = {CURRENT_USER} OR {NEW_ACCOUNT_ROLES}"),
            RowPolicy(name="users_add", command="INSERT", using=f"{CURRENT_ROLE} = '{JOB}'"),
            RowPolicy(name="users_gate", command="SELECT", using="true", to=[GATE]),
            # A manager invites by e-mail; whether the account existed is not told (neonpro.invite).
            RowPolicy(name="users_invite", command="INSERT", using="true", to=[GATE]),
        ]
        triggers = [
            RecordChanges(clinic=None, withheld=["email", "password"], derived=["last_login"]),
            TOUCH,
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_staff(self) -> bool:
        """Everyone who can sign in works in the admin; without a membership it shows nothing."""
        return self.is_active

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether a backend grants it. Being a superuser grants nothing: a clinic's data is its members'."""
        from clinics.auth import has_perm

        return self.is_active and has_perm(self, perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether the role in the current clinic may do anything with an app."""
        from clinics.auth import has_module_perms

        return self.is_active and has_module_perms(self, app_label)
