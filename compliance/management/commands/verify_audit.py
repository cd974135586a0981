"""`manage.py verify_audit [--clinic ID] [--anchor FILE]`: whether the sealed audit log is as it was written."""

from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from tqdm import tqdm

from compliance import certificates
from compliance.anchors import AnchorError
from compliance.seal_check import Checked, Fault, Finding, verify_log

SAID: Final = {
    Fault.CHANGED: gettext_lazy("row %(row)s was changed after it was sealed"),
    Fault.MISSING: gettext_lazy("row %(row)s is missing"),
    Fault.ADDED: gettext_lazy("row %(row)s was put in afterwards"),
    Fault.SIGNATURE: gettext_lazy("the signature does not hold"),
    Fault.CHAIN: gettext_lazy("it does not follow from the seal before"),
    Fault.ROOT: gettext_lazy("its list of rows was altered"),
    Fault.GAP: gettext_lazy("it is missing"),
    Fault.CUT: gettext_lazy("the anchor knows this seal, and the database ends before it"),
    Fault.REWRITTEN: gettext_lazy("the anchor knows another seal of this number: the chain was rewritten"),
}
SHOWN: Final = 100
"""Findings that are written out; of more only the number is told."""


class Command(BaseCommand):
    help = str(
        gettext_lazy(
            "Verify the sealed audit log and name what was changed, taken out, added or rewritten. Exit status 1 if"
            " anything was."
        )
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clinic", type=UUID, metavar="ID", help=_("only this clinic, by its id"))
        parser.add_argument(
            "--anchor", type=Path, metavar="FILE",
            help=_("the file outside the database (default: NEONPRO_AUDIT_ANCHOR)"),
        )  # fmt: skip
        parser.add_argument("--public-key", default="", help=_("the clinic system's public key"))

    def handle(
        self, *args: Any, clinic: UUID | None, anchor: Path | None, public_key: str, verbosity: int, **options: Any
    ) -> None:
        if not public_key:
            try:
                key = certificates.private_key(settings.NEONPRO_CERTIFICATE_KEY)
            except certificates.NoCertificateKey as error:
                raise CommandError(_("Give the public key with --public-key.")) from error
            public_key = certificates.public_text(key)
        if anchor is None and settings.NEONPRO_AUDIT_ANCHOR:
            anchor = Path(settings.NEONPRO_AUDIT_ANCHOR)
        found = rows = seals = 0
        with tqdm(desc=_("Verifying"), unit="", disable=verbosity < 1) as bar:

            def told(place: UUID, more: int) -> None:
                bar.update(more)

            try:
                for one in verify_log(public_key, clinic=clinic, anchor=anchor, told=told):
                    if isinstance(one, Checked):
                        rows, seals = rows + one.rows, seals + one.seals
                        continue
                    found += 1
                    if found <= SHOWN:
                        bar.clear()
                        self.stderr.write(self._told(one))
            except AnchorError as error:
                raise CommandError(str(error)) from error
        if anchor is None:
            self.stderr.write(
                _("No anchor was compared: a chain that was cut at its end or rewritten whole would not be found.")
            )
        if found:
            raise CommandError(_("Not as it was sealed: %(count)s finding(s).") % {"count": found})
        if verbosity >= 1:
            self.stdout.write(
                _("The audit log is as it was sealed: %(rows)s rows in %(seals)s seals.")
                % {"rows": rows, "seals": seals}
            )

    def _told(self, finding: Finding) -> str:
        what = SAID[finding.fault] % {"row": finding.row}
        when = f" ({finding.created_at.isoformat()})" if finding.created_at else ""
        return _("clinic %(clinic)s, seal %(seal)s: %(what)s") % {
            "clinic": finding.clinic, "seal": finding.seal, "what": f"{what}{when}",
        }  # fmt: skip
