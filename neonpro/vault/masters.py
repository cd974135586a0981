"""Every data key there is: rewrapped under the newest master key, or proved to open. The work of `manage.py vault`.

Both go through the clinics one at a time, in a job's context, as the tables' owner: the application's role sees no
wrapped key but those that `neonpro.open_keys` hands it. What is wrapped is bound by the server, and so in no log.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django.db import OperationalError, connections
from psycopg.types.json import Jsonb

from neonpro.db import context
from neonpro.db.bound import execute
from neonpro.db.context import Job
from neonpro.db.everywhere import clinic_ids
from neonpro.vault.keys import master_keys, unwrap

OWNER: Final = "owner"
"""The database alias of DATABASE_OWNER_URL."""

ROTATE, VERIFY = Job("vault_rotate"), Job("vault_verify")

BATCH: Final = 500
"""Keys in one transaction: a writer who needs one of them waits for some tens of milliseconds."""

PATIENCE: Final = 30.0
"""Seconds without any progress after which a rotation leaves keys that others hold for another run."""

LOCK_SECONDS: Final = 10

Progress = Callable[[int], object]
"""Is told how many keys were dealt with, after each batch."""

_START = (UUID(int=0), "")

_WANTED = """
    FROM neonpro.data_keys
    WHERE clinic_id = %s::uuid AND (%s::int IS NULL OR (kid <> %s::int AND wrapped IS NOT NULL))
"""
_NEXT = f"""
    SELECT patient_id, category, kid, wrapped {_WANTED} AND (patient_id, category) > (%s::uuid, %s::text)
    ORDER BY patient_id, category
    LIMIT %s::int
"""


@dataclass(slots=True)
class Rotation:
    """What a rotation did, and what it had to leave: how many keys of which clinic."""

    rewrapped: int = 0
    unopened: Counter[UUID] = field(default_factory=Counter)
    busy: Counter[UUID] = field(default_factory=Counter)


@dataclass(slots=True)
class Survey:
    """What the keys of all clinics are like.

    `opened` counts those that open by the id of their master key; `unopened` by clinic, category and what is wrong.
    """

    opened: Counter[int] = field(default_factory=Counter)
    destroyed: int = 0
    damaged: Counter[tuple[UUID, str]] = field(default_factory=Counter)
    foreign: Counter[tuple[UUID, str, int]] = field(default_factory=Counter)

    @property
    def is_sound(self) -> bool:
        """Whether every key that was not destroyed opens."""
        return not self.damaged and not self.foreign


def count_keys(job: Job, *, to_rotate: bool = False) -> int:
    """How many keys there are, destroyed ones among them; or how many are not under the newest master key."""
    return sum(_count(job, clinic, to_rotate=to_rotate) for clinic in clinic_ids(job, using=OWNER))


def rotate(progress: Progress = lambda _: None) -> Rotation:
    """Rewrap every data key that is not under the newest master key.

    Each batch is a transaction of its own: a rotation that was killed anywhere is resumed by the next one, and
    meanwhile every key opens, as long as both master keys are configured. Nobody who writes is in its way for long:
    a key that somebody holds is passed over, and taken when it is free.
    """
    done = Rotation()
    for clinic in clinic_ids(ROTATE, using=OWNER):
        before = done.rewrapped
        _rotate_clinic(clinic, done, progress)
        if done.rewrapped > before:
            with context.enter(ROTATE, clinic, using=OWNER):
                detail = {"kid": master_keys()[0].kid, "keys": done.rewrapped - before}
                execute("SELECT neonpro.record_event('KEYS_ROTATED', NULL, %s::jsonb)", [Jsonb(detail)], using=OWNER)
    return done


def _rotate_clinic(clinic: UUID, done: Rotation, progress: Progress) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        moved = unopened = 0
        after = _START
        while True:
            with context.enter(ROTATE, clinic, using=OWNER):
                rows = _keys(clinic, after, newest=master_keys()[0].kid)
                fresh = [(patient, category, key) for patient, category, key in _rewrapped(rows) if key is not None]
                _store(clinic, fresh)
            if not rows:
                break
            after = rows[-1][:2]
            moved += len(fresh)
            unopened += len(rows) - len(fresh)
            progress(len(fresh))
        done.rewrapped += moved
        left = _count(ROTATE, clinic, to_rotate=True)
        if moved:
            deadline = time.monotonic() + PATIENCE
        if left <= unopened or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    if unopened:
        done.unopened[clinic] = unopened
    if left > unopened:
        done.busy[clinic] = left - unopened


def _rewrapped(rows: list[tuple[UUID, str, int, bytes]]) -> Iterator[tuple[UUID, str, bytes | None]]:
    for patient, category, kid, wrapped in rows:
        try:
            yield patient, category, master_keys()[0].wrap(unwrap(kid, wrapped, patient, category), patient, category)
        except InvalidTag:
            # Left as it is: another master key may still turn up. `verify` names it.
            yield patient, category, None


def _store(clinic: UUID, fresh: list[tuple[UUID, str, bytes]]) -> None:
    if not fresh:
        return
    patients, categories, wrapped = zip(*fresh, strict=True)
    execute(
        "UPDATE neonpro.data_keys AS k SET kid = %s::int, wrapped = n.wrapped"
        " FROM unnest(%s::uuid[], %s::text[], %s::bytea[]) AS n (patient_id, category, wrapped)"
        " WHERE k.clinic_id = %s::uuid AND k.patient_id = n.patient_id AND k.category = n.category",
        [master_keys()[0].kid, list(patients), list(categories), list(wrapped), clinic],
        using=OWNER,
    )


def rewrite_table() -> bool:
    """Write the table of keys anew, so that its file no longer holds what was replaced or destroyed.

    A plain VACUUM frees the space of old rows and leaves their bytes in it. Whoever opens keys meanwhile waits: some
    seconds for millions of keys.

    Returns:
        Whether it was done; not when others used the table for LOCK_SECONDS without a pause.
    """
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_SECONDS}s"])
        try:
            cursor.execute("VACUUM (FULL) neonpro.data_keys")
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) != "55P03":
                raise
            return False
        finally:
            cursor.execute("RESET lock_timeout")
    return True


def verify(progress: Progress = lambda _: None) -> Survey:
    """Open every data key and forget it again."""
    survey = Survey()
    known = {master.kid for master in master_keys()}
    for clinic in clinic_ids(VERIFY, using=OWNER):
        after = _START
        while True:
            with context.enter(VERIFY, clinic, using=OWNER):
                rows = _keys(clinic, after)
            if not rows:
                break
            after = rows[-1][:2]
            for patient, category, kid, wrapped in rows:
                if wrapped is None:
                    survey.destroyed += 1
                elif kid not in known:
                    survey.foreign[clinic, category, kid] += 1
                else:
                    try:
                        unwrap(kid, wrapped, patient, category)
                        survey.opened[kid] += 1
                    except InvalidTag:
                        survey.damaged[clinic, category] += 1
            progress(len(rows))
    return survey


def _keys(clinic: UUID, after: tuple[UUID, str], *, newest: int | None = None) -> list[Any]:
    """The next keys of a clinic in the order of the primary key.

    With `newest`, the id of the newest master key: those under another one that nobody holds, and they are held.
    """
    return execute(
        _NEXT if newest is None else f"{_NEXT} FOR NO KEY UPDATE SKIP LOCKED",
        [clinic, newest, newest, *after, BATCH],
        using=OWNER,
    )


def _count(job: Job, clinic: UUID, *, to_rotate: bool) -> int:
    newest = master_keys()[0].kid if to_rotate else None
    with context.enter(job, clinic, using=OWNER):
        ((number,),) = execute(f"SELECT count(*) {_WANTED}", [clinic, newest, newest], using=OWNER)
        return int(number)
