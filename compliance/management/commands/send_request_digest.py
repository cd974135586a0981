"""`manage.py send_request_digest`: what holders asked and still waits, to each clinic's encarregado, once a week."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.requests import send_digest
from neonpro.db.context import Job
from neonpro.db.everywhere import clinic_ids

JOB = Job("send_request_digest")


class Command(BaseCommand):
    help = str(gettext_lazy("E-mail each clinic's data protection officer the open requests, once a week."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--clinic", type=UUID, help=_("only this clinic (its id)"))

    def handle(self, *args: Any, **options: Any) -> None:
        words = {
            "sent": _("digest sent"),
            "nothing": _("nothing is open"),
            "before": _("sent already this week"),
            "nobody": _("nobody to send it to: no active data protection officer with an address"),
        }
        for clinic in [options["clinic"]] if options["clinic"] else clinic_ids(JOB):
            done = send_digest(JOB, clinic)
            if options["verbosity"]:
                self.stdout.write(f"{clinic}: {words[done]}")
