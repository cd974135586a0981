"""`manage.py seal_audit`: seals the audit log as far as it can be; for the clock, every few minutes."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from tqdm import tqdm

from compliance.anchors import AnchorError
from compliance.certificates import NoCertificateKey
from compliance.seals import seal_log


class Command(BaseCommand):
    help = str(
        gettext_lazy("Seal the audit log of every clinic, and anchor the seals in the file outside the database.")
    )

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        with tqdm(desc=_("Sealing"), unit="", disable=verbosity < 1) as bar:

            def told(clinic: UUID, rows: int) -> None:
                bar.update(rows)

            try:
                rows = seal_log(told=told)
            except NoCertificateKey as error:
                raise CommandError(
                    _("NEONPRO_CERTIFICATE_KEY is not set: without it nothing can be sealed.")
                ) from error
            except AnchorError as error:
                raise CommandError(str(error)) from error
        if verbosity >= 1:
            self.stdout.write(_("Rows sealed: %(count)s") % {"count": rows})
