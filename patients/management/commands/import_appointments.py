"""`manage.py import_appointments`: another system's appointments, from a CSV file, into one clinic."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from tqdm import tqdm

from clinics.models import User
from neonpro.db import context
from neonpro.db.context import SignIn
from patients import import_mapping
from patients.import_files import ImportRefused
from patients.import_mapping import MappingError
from patients.imports import Report, import_appointments


class Command(BaseCommand):
    help = str(gettext_lazy("Import another system's appointments from a CSV file: all of it or nothing."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help=_("the CSV file"))
        parser.add_argument("--clinic", required=True, help=_("the clinic's trade name, exactly, or its id"))
        parser.add_argument("--user", required=True, metavar="EMAIL", help=_("who imports: a member of the clinic"))
        parser.add_argument(
            "--mapping",
            default="noshow",
            help=_("a mapping's name, or a .toml file (see patients/mappings/example.toml)"),
        )
        parser.add_argument(
            "--rejects", type=Path, help=_("where rejected rows go (default: FILE.rejects.csv, in this directory)")
        )
        parser.add_argument("--strict", action="store_true", help=_("import nothing if a row is rejected"))
        parser.add_argument("--dry-run", action="store_true", help=_("say what would be imported, and import nothing"))

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        rejects: Path = options["rejects"] or default_rejects(file)
        try:
            mapping = import_mapping.load(options["mapping"])
            user, clinic = _find(options["user"], options["clinic"])
            with progress_bar(file, verbosity=options["verbosity"]) as bar:
                report = import_appointments(
                    file, mapping, actor=user, clinic=clinic, rejects=rejects,
                    strict=options["strict"], dry_run=options["dry_run"], progress=bar.update,
                )  # fmt: skip
        except (ImportRefused, MappingError) as error:
            raise CommandError(f"{error}\n{_('Nothing was imported.')}") from error
        except context.NotAMember as error:
            raise CommandError(_("This person is no longer a member of the clinic. Nothing was imported.")) from error
        except KeyboardInterrupt as error:
            raise CommandError(_("Interrupted. Nothing was imported."), returncode=130) from error
        if not report.kept and report.rejected and options["strict"]:
            raise CommandError(f"{summary(report, rejects)}\n{_('Rows were rejected: nothing was imported.')}")
        if options["verbosity"]:
            self.stdout.write(summary(report, rejects))
            if not report.kept:
                self.stdout.write(_("This was a trial: nothing was imported."))


def default_rejects(file: Path) -> Path:
    """Where rejected rows go when nobody says: the directory one is in, not the imported file's."""
    return Path(f"{file.stem}.rejects.csv")


def progress_bar(file: Path, *, verbosity: int = 1) -> "tqdm[Any]":
    """A bar over the bytes of a file, on the standard error output; only in a terminal, or with -v 2."""
    size = file.stat().st_size if file.is_file() else None
    return tqdm(
        total=size, unit="B", unit_scale=True, desc=_("Importing"), leave=False,
        disable={0: True, 1: None}.get(verbosity, False),
    )  # fmt: skip


def summary(report: Report, rejects: Path) -> str:
    """What an import did, for the person at the terminal."""
    lines = [
        _("Rows read: %(count)s") % {"count": report.rows},
        _("New patients: %(count)s") % {"count": report.patients},
        _("New appointments: %(count)s") % {"count": report.appointments},
        _("Already there: %(count)s") % {"count": report.already},
        _("Rejected: %(count)s") % {"count": report.rejected.total()},
        *(f"  {count} × {reason.label}" for reason, count in report.rejected.most_common()),
    ]
    if report.rejected:
        lines.append(
            _("The rejected rows are in %(file)s. It holds personal data: only this account can read it; correct the "
              "rows, import it, and delete it.") % {"file": rejects}
        )  # fmt: skip
    return "\n".join(lines)


def _find(email: str, clinic: str) -> tuple[User, UUID]:
    """An account by its e-mail, and one of its clinics by id or trade name. Raises `ImportRefused`."""
    with context.enter(SignIn(), None):
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            raise ImportRefused(_("No account has this e-mail address."))
        with connection.cursor() as cursor:
            cursor.execute("SELECT clinic_id, clinic_name FROM neonpro.clinics_of(%s)", [user.pk])
            places: list[tuple[UUID, str]] = cursor.fetchall()
    found = [place for place, name in places if clinic in {str(place), name}]
    if len(found) > 1:
        listed = ", ".join(map(str, found))
        raise ImportRefused(_("This person has several clinics of this name. Give an id: %(ids)s.") % {"ids": listed})
    if not found:
        listed = ", ".join(name for _place, name in places) or _("none")
        raise ImportRefused(
            _("This person is not a member of that clinic. Their clinics: %(names)s.") % {"names": listed}
        )
    return user, found[0]
