"""`manage.py verify_certificate FILE`: whether a certificate is as it was signed. Needs no database."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance import certificates


class Command(BaseCommand):
    help = str(
        gettext_lazy("Check a certificate of erasure, without a database; print the public key with --print-key.")
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
        parser.add_argument("--public-key", default="", help=_("the clinic system's public key"))
        parser.add_argument("--print-key", action="store_true", help=_("print the public key of this installation"))

    def handle(self, *args: Any, file: Path | None, public_key: str, print_key: bool, **options: Any) -> None:
        if not public_key:
            try:
                key = certificates.private_key(getattr(settings, "NEONPRO_CERTIFICATE_KEY", ""))
            except certificates.NoCertificateKey as error:
                raise CommandError(_("Give the public key with --public-key.")) from error
            public_key = certificates.public_text(key)
        if print_key:
            self.stdout.write(public_key)
            return
        if file is None:
            raise CommandError(_("Which file?"))
        try:
            said = certificates.verify(file.read_bytes(), public_key)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except certificates.CertificateInvalid as error:
            raise CommandError(
                _("Not valid: the file was altered, or was not signed with this key.")
                if str(error) == "signature"
                else _("Not valid: this is no certificate.")
            ) from error
        self.stdout.write(
            _("Valid: erasure %(id)s, carried out at %(at)s.") % {"id": said.get("id"), "at": said.get("executed_at")}
        )
