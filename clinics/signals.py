"""What happens at the door is written into the audit log: sign-in, failed sign-in, sign-out."""

import json
from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import connection
from django.dispatch import receiver

from clinics.models import User


def record_event(event: str, *, account: UUID | None = None, detail: dict[str, Any] | None = None) -> None:
    """Write an event that changed no row into the audit log (`neonpro/db/sql/record_event.sql`).

    Args:
        event: one of the events that the function knows, such as LOGIN or EXPORT.
        account: the account it is about, when that is not the actor.
        detail: what else is worth knowing; never personal data.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT neonpro.record_event(%s, %s, %s::jsonb)", [event, account, json.dumps(detail) if detail else None]
        )


@receiver(user_logged_in)
def _signed_in(sender: object, user: User, **_: Any) -> None:
    record_event("LOGIN", account=user.pk)


@receiver(user_logged_out)
def _signed_out(sender: object, user: User | None, **_: Any) -> None:
    if user is not None:
        record_event("LOGOUT", account=user.pk)


@receiver(user_login_failed)
def _sign_in_failed(sender: object, credentials: dict[str, Any], **_: Any) -> None:
    # Only accounts are named: what somebody typed may be a password in the wrong field.
    user = User.objects.filter(email__iexact=str(credentials.get("username", ""))).first()
    record_event("LOGIN_FAILED", account=user.pk if user else None)
