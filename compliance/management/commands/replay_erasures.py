"""`manage.py replay_erasures`: after a restore, erase again what the ledger says was erased."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance import ledger
from compliance.erasure import ErasureError, replay_erasure
from neonpro.db import context
from neonpro.db.context import Job

REPLAY = Job("replay_erasures")


class Command(BaseCommand):
    help = str(gettext_lazy("Erase again, after a restore, what the ledger outside the database says was erased."))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ledger.settle()
            entries = ledger.missing()
        except ledger.LedgerError as error:
            raise CommandError(str(error)) from error
        for entry in entries:
            try:
                with context.enter(REPLAY, UUID(entry.facts["clinic"])):
                    replay_erasure(entry)
            except ErasureError as error:
                raise CommandError(f"{entry.erasure}: {error}") from error
        self.stdout.write(_("Erasures done again: %(count)s") % {"count": len(entries)})
