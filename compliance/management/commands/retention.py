"""`manage.py retention --dry-run|--execute`: what is due; erases contacts, proposes records to the committee."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.erasure import ErasureError, erase_by_rule
from compliance.models import DisposalItem
from compliance.retention import due
from neonpro.db import context
from neonpro.db.context import Job
from neonpro.db.everywhere import clinic_ids

RETENTION = Job("retention")


class Command(BaseCommand):
    help = str(gettext_lazy("List what is due by the rules of retention; with --execute, erase what they allow."))

    def add_arguments(self, parser: CommandParser) -> None:
        act = parser.add_mutually_exclusive_group(required=True)
        act.add_argument("--dry-run", action="store_true", help=_("only list"))
        act.add_argument("--execute", action="store_true", help=_("erase contacts whose time is over"))
        parser.add_argument("--clinic", type=UUID, metavar="ID", help=_("only this clinic, by its id"))

    def handle(self, *args: Any, clinic: UUID | None, execute: bool, **options: Any) -> None:
        failed = 0
        for place in [clinic] if clinic else clinic_ids(RETENTION):
            with context.enter(RETENTION, place):
                found = list(due(on=timezone.localdate()))
                listed = dict(DisposalItem.objects.order_by("created_at").values_list("patient_id", "act__number"))
            for one in found:
                what = (
                    _("legal hold: stays")
                    if one.held
                    else _("contact: is erased")
                    if one.whole
                    else _("record: the committee decides")
                )
                if not one.whole and one.patient_id in listed:
                    what += "; " + _("listed by act %(number)s") % {"number": listed[one.patient_id]}
                self.stdout.write(f"{place} {one.pseudonym} {one.since} {what} ({one.ground})")
                if execute and one.whole and not one.held:
                    try:
                        with context.enter(RETENTION, place):
                            erase_by_rule(one.patient_id)
                    except ErasureError as error:
                        failed += 1
                        self.stderr.write(f"{one.pseudonym}: {error}")
        if failed:
            raise CommandError(_("Not erased: %(count)s") % {"count": failed})
