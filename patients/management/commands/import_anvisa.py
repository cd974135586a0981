"""`manage.py import_anvisa`: the agency's open data into the register that all clinics read."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients.anvisa_import import import_register, layout, summary
from patients.import_files import ImportRefused
from patients.management.commands.import_appointments import default_rejects, progress_bar


class Command(BaseCommand):
    help = str(gettext_lazy("Import one of Anvisa's open-data files (CSV) into the register: all of it or nothing."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help=_("the CSV file"))
        parser.add_argument(
            "--kind", required=True, choices=["devices", "medicines"],
            help=_("which file it is: TA_PRODUTO_SAUDE_SITE.csv or DADOS_ABERTOS_MEDICAMENTOS.csv"),
        )  # fmt: skip
        parser.add_argument(
            "--rejects", type=Path, help=_("where rejected rows go (default: FILE.rejects.csv, in this directory)")
        )
        parser.add_argument("--dry-run", action="store_true", help=_("say what would be imported, and import nothing"))

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        rejects: Path = options["rejects"] or default_rejects(file)
        try:
            with progress_bar(file, verbosity=options["verbosity"]) as bar:
                report = import_register(
                    file, layout(options["kind"]), rejects=rejects, today=timezone.localdate(),
                    dry_run=options["dry_run"], progress=bar.update,
                )  # fmt: skip
        except ImportRefused as error:
            raise CommandError(f"{error}\n{_('Nothing was imported.')}") from error
        except KeyboardInterrupt as error:
            raise CommandError(_("Interrupted. Nothing was imported."), returncode=130) from error
        if options["verbosity"]:
            self.stdout.write("\n".join(summary(report, rejects)))
            if not report.kept:
                self.stdout.write(_("This was a trial: nothing was imported."))
