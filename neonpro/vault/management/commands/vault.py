"""`manage.py vault`: the keys of personal data, from outside: made, rotated, proved; and the search built anew."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from tqdm import tqdm

from neonpro.db import context
from neonpro.db.context import Job
from neonpro.db.everywhere import clinic_ids
from neonpro.vault import masters
from neonpro.vault.keys import master_keys, new_key
from neonpro.vault.models import VaultModel

REINDEX = Job("vault_reindex")
PATIENTS = 200
"""Patients in one transaction: who saves one of them meanwhile waits for it."""


class Command(BaseCommand):
    help = str(gettext_lazy("The keys of personal data: make a master key, rotate, verify; rebuild the search."))

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, action, said in (
            # manage.py answers this one by itself where nothing is configured yet.
            ("new-key", self.new_key, _("print a new master key; needs no settings")),
            ("rotate", self.rotate, _("put every key under the newest master key; may be interrupted and run again")),
            ("verify", self.verify, _("prove that every key opens; exit status 1 if one does not")),
            ("reindex", self.reindex, _("rebuild what the search finds patients by, after a restore")),
        ):
            described = actions.add_parser(name, help=said, description=said)
            described.set_defaults(run=action)
            if name == "reindex":
                described.add_argument("--clinic", type=UUID, metavar="ID", help=_("only this clinic, by its id"))

    def handle(self, *args: Any, run: Callable[..., None], **options: Any) -> None:
        try:
            run(**options)
        except KeyboardInterrupt as error:
            raise CommandError(
                _("Interrupted. Nothing is lost: run it again, and it goes on from here."), returncode=130
            ) from error

    def new_key(self, **_options: Any) -> None:
        """Print a new master key."""
        self.stdout.write(new_key())

    def rotate(self, *, verbosity: int, **_options: Any) -> None:
        """Rewrap, clear the old keys out of the table's file, and say what is to be done with the old master key."""
        _need_owner()
        total = masters.count_keys(masters.ROTATE, to_rotate=True)
        with _progress(total, _("Rewrapping keys"), verbosity) as update:
            done = masters.rotate(update)
        rewritten = masters.rewrite_table()
        self._say(verbosity, _("Rewrapped keys: %(count)s") % {"count": done.rewrapped})
        problems = []
        if done.unopened:
            problems.append(
                _("Keys that no configured master key opens, left as they are: %(count)s. See “vault verify”.")
                % {"count": done.unopened.total()}
            )
        if done.busy:
            problems.append(
                _("Keys still under an older master key: %(count)s. They are in use, or a process that was not "
                  "restarted still makes such keys: restart it, and run this again.")
                % {"count": done.busy.total()}
            )  # fmt: skip
        if not rewritten:
            problems.append(
                _("The table of keys is in use: its file still holds replaced keys. Run this again at a calmer hour.")
            )
        if problems:
            raise CommandError("\n".join([*problems, _("Keep the older master keys until this is settled.")]))
        if len(master_keys()) == 1:
            self._say(verbosity, _("There is no older master key. To rotate, put a new one in front of it first."))
            return
        self._say(
            verbosity,
            _("No key is under an older master key any more. Now leave only the first key in NEONPRO_MASTER_KEYS, "
              "restart every process, run “vault verify”, and destroy the older master keys wherever they are kept: "
              "from then on no older copy of the keys opens, in a backup, a replica or a log of writes."),
        )  # fmt: skip

    def verify(self, *, verbosity: int, **_options: Any) -> None:
        """Count the keys that open, and name where those are that do not."""
        _need_owner()
        with _progress(masters.count_keys(masters.VERIFY), _("Opening keys"), verbosity) as update:
            survey = masters.verify(update)
        for position, master in enumerate(master_keys(), start=1):
            self._say(
                verbosity,
                _("Master key %(position)s (id %(kid)s): %(count)s keys open")
                % {"position": position, "kid": master.kid, "count": survey.opened[master.kid]},
            )
        self._say(verbosity, _("Destroyed for good: %(count)s") % {"count": survey.destroyed})
        if not survey.is_sound:
            raise CommandError("\n".join(_complaints(survey)))

    def reindex(self, *, verbosity: int, clinic: UUID | None, **_options: Any) -> None:
        """Write the search tokens of every patient whom a job may read."""
        clinics = [clinic] if clinic else clinic_ids(REINDEX)
        models: list[Any] = [
            model for model in apps.get_models() if issubclass(model, VaultModel) and model.search is not None
        ]
        total = 0
        for place in clinics:
            with context.enter(REINDEX, place):
                total += sum(model.objects.count() for model in models)
        if clinic and not total:
            raise CommandError(_("There is no such clinic, or it has no patients."))
        with _progress(total, _("Indexing patients"), verbosity) as update:
            for place in clinics:
                for model in models:
                    for number in _reindex(model, place):
                        update(number)
        self._say(verbosity, _("Patients indexed: %(count)s") % {"count": total})

    def _say(self, verbosity: int, text: str) -> None:
        if verbosity:
            self.stdout.write(text)


def _reindex(model: Any, clinic: UUID) -> Iterator[int]:
    """Index a clinic's records page by page; each page's size."""
    after = UUID(int=0)
    while True:
        with context.enter(REINDEX, clinic):
            # Locked, or what somebody saves meanwhile would be indexed as it was before.
            page = list(model.objects.filter(pk__gt=after).order_by("pk").select_for_update(no_key=True)[:PATIENTS])
            if not page:
                return
            model.search.write(page)
        after = page[-1].pk
        yield len(page)


def _complaints(survey: masters.Survey) -> Iterator[str]:
    for (clinic, category, kid), count in sorted(survey.foreign.items()):
        yield _(
            "%(clinic)s, %(category)s: %(count)s keys are under the master key of id %(kid)s, which is not configured."
        ) % {"clinic": clinic, "category": category, "count": count, "kid": kid}
    for (clinic, category), count in sorted(survey.damaged.items()):
        yield _(
            "%(clinic)s, %(category)s: %(count)s keys do not open: altered, or another patient's."
        ) % {"clinic": clinic, "category": category, "count": count}  # fmt: skip


def _need_owner() -> None:
    if masters.OWNER not in settings.DATABASES:
        raise CommandError(
            _("DATABASE_OWNER_URL is not set. Only neonpro_owner sees the keys of all patients; the application's role "
              "does not.")
        )  # fmt: skip


@contextmanager
def _progress(total: int, said: str, verbosity: int) -> Iterator[Callable[[int], object]]:
    """A bar on the standard error output; only in a terminal, or with -v 2."""
    with tqdm(
        total=total, desc=said, unit="", leave=False, disable={0: True, 1: None}.get(verbosity, False)
    ) as bar:  # fmt: skip
        yield bar.update
