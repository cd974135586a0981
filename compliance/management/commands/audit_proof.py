"""`manage.py audit_proof`: that a row stands in the sealed log, for somebody who has only the public key."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.seals import proof_of
from neonpro.db import context
from neonpro.db.context import Job

PROVING = Job("audit_proof")


class Command(BaseCommand):
    help = str(
        gettext_lazy("Write the proof that a row of the audit log was sealed; deploy/check_audit_proof.py checks it.")
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("row", type=UUID, help=_("the row's id"))
        parser.add_argument(
            "--at", type=datetime.fromisoformat, required=True, help=_("when it was written, with zone")
        )
        parser.add_argument("--clinic", type=UUID, metavar="ID", help=_("its clinic; without one, the platform"))

    def handle(self, *args: Any, row: UUID, at: datetime, clinic: UUID | None, **options: Any) -> None:
        with context.enter(PROVING, clinic):
            proof = proof_of(row, at)
        if proof is None:
            raise CommandError(_("There is no such row in this log, or no seal holds it yet."))
        self.stdout.write(json.dumps(proof, ensure_ascii=False, indent=1))
