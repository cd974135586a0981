"""`manage.py import_substances`: bring the platform's table of substances up to date from a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from neonpro.db import context
from neonpro.db.context import Job
from patients import substances


class Command(BaseCommand):
    help = str(
        gettext_lazy("Import substances with their lists from a CSV file (the columns: patients/substances.py).")
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file", type=Path, nargs="?", default=substances.SHIPPED, metavar="FILE",
            help=_("the CSV file (default: the shipped table)"),
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        today = timezone.localdate()
        try:
            entries, rejected = substances.read(options["file"], on=today)
        except substances.SubstancesError as error:
            raise CommandError(f"{error}\n{_('Nothing was imported.')}") from error
        with context.enter(Job("substances"), None):
            report = substances.bring_up_to_date(entries)
        self.stdout.write(
            _("%(added)d new, %(changed)d put right, %(ended)d ended, %(unchanged)d as they were.")
            % {
                "added": report.added,
                "changed": report.changed,
                "ended": report.ended,
                "unchanged": report.unchanged,
            }
        )
        for line, reason in rejected:
            self.stderr.write(_("Line %(line)d rejected: %(reason)s.") % {"line": line, "reason": reason})
