"""`manage.py create_clinic "Clínica Sol" --manager ana@example.org`: a new clinic, and the first person in it."""

from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from clinics import team
from clinics.identifiers import TIME_ZONES, clean_cnpj
from clinics.models import Clinic
from clinics.roles import Role
from neonpro.db import context


class Command(BaseCommand):
    """Makes the clinic and its manager, who then invites everybody else in the admin."""

    help = "Create a clinic with its first manager, and print the page on which the manager sets a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the clinic's trade name")
        parser.add_argument("--manager", required=True, metavar="EMAIL", help="the first manager's e-mail address")
        parser.add_argument("--manager-name", default="", help="how the team calls the manager (default: the address)")
        parser.add_argument("--legal-name", default="", help="the legal name (default: the trade name)")
        parser.add_argument("--cnpj", default="", help="the clinic's CNPJ, punctuated or not")
        parser.add_argument("--time-zone", default=TIME_ZONES[0][0], choices=[zone for zone, _name in TIME_ZONES])

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["manager"])
            cnpj = clean_cnpj(options["cnpj"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        clinic_id = uuid4()
        with context.enter(context.Job("create_clinic"), clinic_id):
            Clinic.objects.create(
                id=clinic_id,
                trade_name=options["name"],
                legal_name=options["legal_name"] or options["name"],
                cnpj=cnpj,
                time_zone=options["time_zone"],
            )
            invitation = team.invite(
                name=options["manager_name"] or options["manager"], email=options["manager"], role=Role.MANAGER
            )
        self.stdout.write(f"{options['name']}: {clinic_id}")
        self.stdout.write(
            _("%(email)s sets a password, once and within three days, on this page of the site:")
            % {"email": options["manager"]}
        )
        self.stdout.write(invitation.password_path)
