"""`manage.py erase --request ID --plan|--execute --user EMAIL`: an erasure from the shell, as a named person."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinics.middleware import places_of
from clinics.models import User
from compliance.erasure import ErasureError, execute_erasure, plan_erasure, propose_erasure
from compliance.models import DataRequest, Erasure
from neonpro.db import context


class Command(BaseCommand):
    help = str(gettext_lazy("Plan or carry out an erasure, as a named data protection officer."))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--request", required=True, type=UUID, metavar="ID")
        parser.add_argument("--user", required=True, metavar="EMAIL")
        act = parser.add_mutually_exclusive_group(required=True)
        act.add_argument("--plan", action="store_true", help=_("show the plan"))
        act.add_argument("--propose", action="store_true", help=_("put the plan before another person"))
        act.add_argument("--execute", action="store_true", help=_("carry out what was approved"))

    def handle(self, *args: Any, request: UUID, user: str, **options: Any) -> None:
        with context.enter(context.SignIn(), None):
            person = User.objects.filter(email__iexact=user, is_active=True).first()
            places = places_of(person.pk) if person else []
        for place in places:
            assert person is not None
            with context.enter(person, place.id):
                found = DataRequest.objects.filter(pk=request).first()
                if found is None:
                    continue
                try:
                    self._act(found, person, **options)
                except ErasureError as error:
                    raise CommandError(str(error)) from error
                return
        raise CommandError(_("There is no such request for this person."))

    def _act(self, request: DataRequest, person: User, **options: Any) -> None:
        if options["execute"]:
            erasure = Erasure.objects.filter(request=request).order_by("-created_at").first()
            if erasure is None:
                raise CommandError(_("Nobody has proposed this erasure yet."))
            self.stdout.write(execute_erasure(erasure, acting_user=person).certificate)
            return
        plan = plan_erasure(request.patient_id)
        for line in plan.lines:
            self.stdout.write(
                f"{line.outcome:10} {line.table:24} {line.part:16} {line.rows:6} {line.versions:6}"
                f" {line.kept_until or '-':10} {line.ground}"
            )
        if options["propose"]:
            self.stdout.write(str(propose_erasure(request, plan, acting_user=person).pk))
