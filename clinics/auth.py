"""Who may do what, in Django's terms: the role in the open clinic context, by the table of `clinics.roles`."""

from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth import get_backends
from django.contrib.auth.backends import ModelBackend

from clinics.roles import ACCESS
from neonpro.db import context


class RoleBackend(ModelBackend):
    """Signs in by e-mail and password; answers permissions from the role, not from groups."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Whether the user's role in the current clinic grants a permission such as `patients.change_patient`."""
        role = current_role(user_obj)
        return role is not None and role in _roles_by_permission().get(perm, ())

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the user's role grants anything in an app."""
        role = current_role(user_obj)
        return role is not None and any(
            role in roles for perm, roles in _roles_by_permission().items() if perm.startswith(f"{app_label}.")
        )

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Every permission of the user's role; none on single objects, which is guardian's to say."""
        role = current_role(user_obj)
        if role is None or obj is not None:
            return set()
        return {perm for perm, roles in _roles_by_permission().items() if role in roles}

    get_user_permissions = get_all_permissions

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """None: there are no groups, only roles."""
        return set()


def current_role(user: Any) -> str | None:
    """The role that PostgreSQL gave this user for the open context; None for anyone else."""
    open_context = context.current()
    if open_context is None or open_context.clinic is None:
        return None
    # Nobody who has not signed in has a role, whatever context is open.
    return open_context.role if user.pk is not None and getattr(open_context.actor, "pk", None) == user.pk else None


def has_perm(user: Any, perm: str, obj: Any = None) -> bool:
    """Ask every backend, as Django does, without its shortcut for superusers."""
    return any(backend.has_perm(user, perm, obj) for backend in get_backends() if hasattr(backend, "has_perm"))


def has_module_perms(user: Any, app_label: str) -> bool:
    """Ask every backend, as Django does, without its shortcut for superusers."""
    return any(
        backend.has_module_perms(user, app_label) for backend in get_backends() if hasattr(backend, "has_module_perms")
    )


@cache
def _roles_by_permission() -> dict[str, frozenset[str]]:
    return {
        f"{model._meta.app_label}.{permission}_{model._meta.model_name}": frozenset(roles)
        for model in apps.get_models()
        for permission, roles in ACCESS.get(model._meta.db_table, {}).items()
    }
