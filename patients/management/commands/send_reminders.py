"""`manage.py send_reminders`: e-mails to the patients of tomorrow's visits, one clinic at a time; run it once a day."""

from argparse import ArgumentParser
from datetime import date
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from neonpro.db.context import Job
from neonpro.db.everywhere import clinic_ids
from patients.reminders import send_reminders

JOB = Job("send_reminders")


class Command(BaseCommand):
    help = str(gettext_lazy("E-mail reminders of visits to patients; nobody gets the same one twice."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--clinic", type=UUID, help=_("only this clinic (its id)"))
        parser.add_argument("--day", type=date.fromisoformat, help=_("the day of the visits (YYYY-MM-DD); tomorrow"))

    def handle(self, *args: Any, **options: Any) -> None:
        clinics = [options["clinic"]] if options["clinic"] else clinic_ids(JOB)
        for clinic in clinics:
            done = send_reminders(JOB, clinic, day=options["day"])
            if options["verbosity"]:
                self.stdout.write(
                    _("%(clinic)s: %(sent)d sent, %(failed)d failed, %(without)d without an e-mail address")
                    % {"clinic": clinic, "sent": done.sent, "failed": done.failed, "without": done.without_email}
                )
