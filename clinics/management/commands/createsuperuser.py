"""`manage.py createsuperuser ana@example.org`: a platform account, in place of Django's command.

Django's asks for a password in the terminal and writes outside any context, which PostgreSQL refuses here. A platform
account opens no clinic: only a membership does.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import IntegrityError
from django.utils.translation import gettext as _

from clinics import team
from clinics.models import User
from neonpro.db import context


class Command(BaseCommand):
    """Makes the account; its owner sets the password."""

    help = "Create a platform account, and print the page on which its owner sets a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the address to sign in with")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"]
        try:
            validate_email(email)
            with context.enter(context.Job("createsuperuser"), None):
                user = User.objects.create_superuser(email)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except IntegrityError as error:
            raise CommandError(
                _("There is an account with the address %(email)s already.") % {"email": email}
            ) from error
        self.stdout.write(_("The owner sets a password, once and within three days, on this page of the site:"))
        self.stdout.write(team.password_path(user.pk))
