"""Taking somebody into a clinic's team: the account, the membership, and the message with which they set a password."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from clinics.models import Membership, User
from clinics.roles import Role
from neonpro.db import context


@dataclass(frozen=True, slots=True)
class Invitation:
    """A new member of the team, and the page on which this person sets a password."""

    membership: Membership
    password_path: str


def invite(*, name: str, email: str, role: Role | str) -> Invitation:
    """Add a person to the current clinic's team, with an account made if there was none.

    Only a manager or a job may; PostgreSQL sees to it. Whether the account existed shows in nothing that this answers.

    Raises:
        IntegrityError: this person is in the team already (`clinic_memberships_one_per_user`).
    """
    email = email.strip().lower()
    with connection.cursor() as cursor:
        cursor.execute("SELECT neonpro.invite(%s)", [email])
        (account,) = cursor.fetchone()
    membership = Membership.objects.create(user_id=account, display_name=name, email=email, role=role)
    return Invitation(membership, password_path(account))


def password_path(account: UUID) -> str:
    """The page on which the owner of an account sets a password: valid once, and for PASSWORD_RESET_TIMEOUT."""
    # Accounts are shown to nobody but their owner and whoever is signing in; the token needs the account.
    with context.enter(context.SignIn(), None):
        user = User.objects.get(pk=account)
        return reverse(
            "password_reset_confirm",
            args=[urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)],
        )


def send_invitation(invitation: Invitation, *, clinic: str, absolute: Callable[[str], str]) -> None:
    """Write to the new member, once what was done is committed.

    Args:
        invitation: what `invite` answered.
        clinic: the clinic's name.
        absolute: makes an address of a path, as `request.build_absolute_uri` does.
    """
    membership = invitation.membership
    with context.enter(context.SignIn(), None):
        # The account's own address, whatever the team's list says: the link opens every clinic of the account.
        address = User.objects.get(pk=membership.user_id).email
    message = EmailMessage(
        _("Your access to %(clinic)s in NeonPro") % {"clinic": clinic},
        render_to_string(
            "registration/invitation_email.txt",
            {
                "name": membership.display_name,
                "role": membership.get_role_display(),
                "clinic": clinic,
                "email": membership.email,
                "password_url": absolute(invitation.password_path),
                "login_url": absolute(reverse("admin:index")),
            },
        ),
        to=[address],
    )
    transaction.on_commit(message.send)
