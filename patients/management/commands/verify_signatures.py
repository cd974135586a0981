"""`manage.py verify_signatures`: every signature verified again, without reading what was signed."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from tqdm import tqdm

from neonpro import pades
from neonpro.db import context
from neonpro.db.context import Job
from neonpro.db.everywhere import clinic_ids
from neonpro.pades import Weight
from neonpro.vault.keys import Act
from patients import signatures
from patients.models.signature import SignatureBase

JOB = Job("verify_signatures")
PAGE = 50
"""Signatures in one transaction, whose keys are opened in one call."""


@dataclass(slots=True)
class Tally:
    """What became of the signatures."""

    good: int = 0
    closed: int = 0
    bad: list[str] = field(default_factory=list)


class Command(BaseCommand):
    help = str(
        gettext_lazy(
            "Verify every signature again: who signed, with what chain, and that the stored file is unchanged. No"
            " file is read. Exit status 1 if one does not verify."
        )
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clinic", type=UUID, metavar="ID", help=_("only this clinic, by its id"))

    def handle(self, *args: Any, clinic: UUID | None, verbosity: int, **options: Any) -> None:
        try:
            roots = pades.configured_roots()
        except pades.RootsInvalid as error:
            raise CommandError(str(error)) from error
        clinics = [clinic] if clinic else clinic_ids(JOB)
        totals = {(place, model): _count(place, model) for place in clinics for model in signatures.MODELS}
        tally = Tally()
        with tqdm(total=sum(totals.values()), desc=_("Verifying signatures"), unit="", disable=verbosity < 1) as bar:
            for place, model in totals:
                after: UUID | None = None
                while (after := _page(place, model, after, roots, tally, bar)) is not None:
                    pass
        if verbosity >= 1:
            self.stdout.write(_("Signatures that verify: %(count)s") % {"count": tally.good})
            if tally.closed:
                self.stdout.write(
                    _("Not verified, because the patient's data are restricted or erased: %(count)s")
                    % {"count": tally.closed}
                )
        if tally.bad:
            raise CommandError("\n".join([_("These signatures do not verify:"), *tally.bad]))


def _count(clinic: UUID, model: type[SignatureBase]) -> int:
    with context.enter(JOB, clinic):
        return int(model.objects.count())


def _page(
    clinic: UUID, model: type[SignatureBase], after: UUID | None, roots: pades.Roots, tally: Tally, bar: Any
) -> UUID | None:
    """Verify the next signatures of a table and a clinic; the last one's id, None where there are no more."""
    with context.enter(JOB, clinic):
        rows = model.objects.order_by("pk").opening("identification", act=Act.LIST)
        # All but the files themselves, which a job could not open.
        rows = rows.defer(None).defer("document", "chain")
        page = list((rows.filter(pk__gt=after) if after else rows)[:PAGE])
        same = signatures.unchanged_files([row.pk for row in page], model)
        for row in page:
            report = signatures.verify_unread(row, same_file=row.pk in same, roots=roots)
            if report is None:
                tally.closed += 1
            elif report.ok:
                tally.good += 1
            else:
                words = " ".join(one.words for one in report.findings if one.weight is Weight.FAILURE)
                tally.bad.append(f"{row.pk} ({_('clinic')} {clinic}): {words}")
            bar.update()
        return page[-1].pk if page else None
