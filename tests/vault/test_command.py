"""`manage.py vault`: master keys are made, rotated beside people at work, and proved; without one nothing starts."""

import base64
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections
from django.utils import translation

from neonpro.db import context
from neonpro.db.everywhere import clinic_ids
from neonpro.vault import masters
from neonpro.vault.fields import Withheld
from neonpro.vault.keys import MasterKey, Status, keyring, master_keys
from patients.models import Appointment, Patient
from tests.conftest import superuser
from tests.erasing import destroy_keys
from tests.factories import JOB, World, make_world
from tests.settings import DATABASE, SERVER

OLD, NEW, OTHER = b"m" * 32, b"n" * 32, b"o" * 32
NAME = "Zilda Camargo"

Key = tuple[UUID, UUID, str, int, Any]
"""A clinic, a patient, a category, the id of a master key, and the wrapped key; None when it was destroyed."""


def text_of(*secrets: bytes) -> str:
    """Master keys as the environment has them."""
    return ",".join(base64.urlsafe_b64encode(secret).decode() for secret in secrets)


def environment(**changes: str) -> dict[str, str]:
    """Of a process that works in the database under test, as production does."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "neonpro.settings",
        "DATABASE_OWNER_URL": SERVER.url("neonpro_owner", DATABASE),
        **changes,
    }


def manage(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """manage.py in a process of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=project.BASE_DIR, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def vault(*arguments: str, **options: Any) -> str:
    """The command in this process; what it says, untranslated."""
    said = StringIO()
    with translation.override("en"):
        call_command("vault", *arguments, stdout=said, **options)
    return said.getvalue()


def stored_keys(where: str = "wrapped IS NOT NULL") -> list[Key]:
    """The table of keys, whole, as only a superuser sees it."""
    with superuser(DATABASE) as behind:
        return behind.execute(  # type: ignore[return-value]
            f"SELECT clinic_id, patient_id, category, kid, wrapped FROM neonpro.data_keys WHERE {where}"
            " ORDER BY clinic_id, patient_id, category".encode()
        ).fetchall()


def kids() -> set[int]:
    """The master keys that any key is under."""
    return {key[3] for key in stored_keys()}


def kid(secret: bytes) -> int:
    """A master key's id."""
    return MasterKey.of(secret).kid


def opens(secret: bytes, key: Key) -> bool:
    """Whether a master key opens a stored key, whatever its kid says."""
    try:
        MasterKey.of(secret).unwrap(key[4], key[1], key[2])
    except InvalidTag:
        return False
    return True


def readable(world: World) -> bool:
    """Whether every value of a clinic opens, those of a search key included."""
    with world.enter():
        values = [value for patient in Patient.objects.all() for value in (patient.name, patient.phone, patient.email)]
        values += [visit.note for visit in Appointment.objects.all()]
        assert len(values) >= 12
        try:
            assert len(keyring().search_key()) == 32
        except InvalidTag:
            return False
        return not any(isinstance(value, Withheld) for value in values)


@pytest.fixture
def worlds(committed: None) -> list[World]:
    """Two clinics; everything is under OLD."""
    assert [*project.NEONPRO_MASTER_KEYS] == [OLD]
    return [make_world("CAMOMILA"), make_world("DAMIANA")]


@pytest.fixture
def world(worlds: list[World]) -> World:
    return worlds[0]


# --- A new key, and no key ----------------------------------------------------------------------------------------


def test_a_new_key_needs_no_settings() -> None:
    first, second = (manage("vault", "new-key", env={}) for _ in range(2))
    assert (first.returncode, first.stderr) == (0, "")
    key = base64.b64decode(first.stdout.strip(), altchars=b"-_", validate=True)
    assert len(key) == 64
    assert first.stdout != second.stdout
    # What it prints is what the settings take.
    assert manage("check", env=environment(NEONPRO_MASTER_KEYS=first.stdout.strip())).returncode == 0


def test_the_help_lists_every_action() -> None:
    told = manage("vault", "--help", env=environment())
    assert told.returncode == 0
    for action in ("new-key", "rotate", "verify", "reindex"):
        assert action in told.stdout
    assert len(vault("new-key").strip()) == 88


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "Falta NEONPRO_MASTER_KEYS"),
        ("", "Falta NEONPRO_MASTER_KEYS"),
        (" , ", "Falta NEONPRO_MASTER_KEYS"),
        ("segredo!" * 8, "a chave 1 de 1 não está em base64url"),
        (text_of(OLD)[:-3], "a chave 1 de 1 não está em base64url"),
        (text_of(OLD[:31]), "a chave 1 de 1 tem 31 bytes"),
        (f"{text_of(OLD)},{text_of(NEW[:16])}", "a chave 2 de 2 tem 16 bytes"),
        (text_of(OLD, NEW, OLD), "a chave 3 de 3 repete"),
    ],
)
def test_without_a_sound_master_key_nothing_starts(given: str | None, told: str) -> None:
    env = environment(NEONPRO_MASTER_KEYS=given or "")
    if given is None:
        del env["NEONPRO_MASTER_KEYS"]
    for command in (["-c", "import neonpro.wsgi"], ["manage.py", "check"]):
        ended = subprocess.run(
            [sys.executable, *command], cwd=project.BASE_DIR, env=env, capture_output=True, text=True, check=False
        )
        assert ended.returncode != 0
        last = ended.stderr.strip().splitlines()[-1]
        assert told in last
        assert ("vault new-key" in last) != ("repete" in last)
        for secret in (given or "").split(","):
            assert len(secret) < 8 or secret not in ended.stderr


def same_id() -> tuple[bytes, bytes]:
    """Two different secrets whose ids are the same: among some sixty thousand there are two."""
    seen: dict[int, bytes] = {}
    for number in count():
        secret = number.to_bytes(32)
        short = int.from_bytes(hashlib.sha256(b"neonpro master key" + secret).digest()[:4]) >> 1
        if short in seen:
            return seen[short], secret
        seen[short] = secret
    raise AssertionError


def test_two_master_keys_of_one_id_are_refused(settings: Any) -> None:
    pair = same_id()
    assert kid(pair[0]) == kid(pair[1])
    settings.NEONPRO_MASTER_KEYS = list(pair)
    with pytest.raises(ValueError, match="same id"):
        master_keys()
    ended = manage("check", env=environment(NEONPRO_MASTER_KEYS=text_of(*pair)))
    assert ended.returncode != 0
    assert "same id" in ended.stderr.splitlines()[-1]


# --- Rotation -----------------------------------------------------------------------------------------------------


def test_a_rotation_puts_every_key_under_the_newest(worlds: list[World], settings: Any) -> None:
    gone = worlds[1].patients[0]
    with context.enter(JOB, worlds[1].clinic.pk):
        destroy_keys(gone.pk, ["contact", "clinical"])
    before = stored_keys("true")
    assert kids() == {kid(OLD)}
    assert {key[2] for key in before} >= {"identification", "contact", "search"}

    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    alive = len(stored_keys())
    told = vault("rotate")
    assert f"Rewrapped keys: {alive}\n" in told
    assert "destroy the older master keys" in told
    after = stored_keys("true")
    assert [key[:3] for key in after] == [key[:3] for key in before]
    assert kids() == {kid(NEW)}
    assert [key[3:] for key in after if key[4] is None] == [(0, None)] * 2

    keys = stored_keys()
    assert all(opens(NEW, key) for key in keys)
    assert not any(opens(OLD, key) for key in keys)
    settings.NEONPRO_MASTER_KEYS = [NEW]
    assert readable(worlds[0])
    assert "keys open" in vault("verify")
    settings.NEONPRO_MASTER_KEYS = [OLD]
    assert not readable(worlds[0])
    with worlds[0].enter():
        assert {patient.name.status for patient in Patient.objects.all()} == {Status.UNREADABLE}
    with pytest.raises(CommandError, match="not configured"):
        vault("verify")

    with superuser(DATABASE) as behind:
        logged = behind.execute(
            "SELECT clinic_id, actor, changes FROM audit_logs WHERE action = 'KEYS_ROTATED' ORDER BY clinic_id"
        ).fetchall()
    assert logged == [
        (clinic, "vault_rotate", {"kid": kid(NEW), "keys": sum(key[0] == clinic for key in keys)})
        for clinic in sorted(world.clinic.pk for world in worlds)
    ]


def test_a_rotation_again_finds_nothing_to_do(world: World, settings: Any) -> None:
    assert "no older master key" in vault("rotate")
    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    vault("rotate")
    before = stored_keys()
    assert "Rewrapped keys: 0\n" in vault("rotate")
    assert stored_keys() == before
    # Silent where nobody wants to hear it.
    assert vault("rotate", verbosity=0) == ""


DYING = """
import os, signal, sys
import django
django.setup()
from neonpro.vault import masters
masters.BATCH = 2
at, moment, calls = int(sys.argv[1]), sys.argv[2], 0
execute = masters.execute
def dying(statement, *arguments, **options):
    global calls
    if "UPDATE neonpro.data_keys" in statement:
        calls += 1
        if calls == at and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
    answer = execute(statement, *arguments, **options)
    if "UPDATE neonpro.data_keys" in statement and calls == at and moment == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
def committed(number):
    if calls == at and moment == "committed":
        os.kill(os.getpid(), signal.SIGKILL)
masters.execute = dying
masters.rotate(committed)
"""


@pytest.mark.slow
def test_a_killed_rotation_leaves_everything_readable_and_is_resumed(worlds: list[World], settings: Any) -> None:
    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    env = environment(NEONPRO_MASTER_KEYS=text_of(NEW, OLD))
    total = len(stored_keys())
    assert total == 16
    moved = []
    for at, moment in ((1, "before"), (1, "after"), (2, "before"), (1, "committed"), (2, "after"), (2, "committed")):
        ended = subprocess.run(
            [sys.executable, "-c", DYING, str(at), moment], cwd=project.BASE_DIR, env=env, timeout=60, check=False
        )
        assert ended.returncode == -9
        moved.append(sum(key[3] == kid(NEW) for key in stored_keys()))
        assert all(opens(NEW if key[3] == kid(NEW) else OLD, key) for key in stored_keys())
        for world in worlds:
            assert readable(world)
    # Whole batches of two, and one of the first clinic's seventh key.
    assert moved == [0, 0, 2, 4, 6, 10]
    ended_well = manage("vault", "rotate", env=env)
    assert (ended_well.returncode, ended_well.stderr) == (0, "")
    assert str(total - 10) in ended_well.stdout
    assert kids() == {kid(NEW)}
    settings.NEONPRO_MASTER_KEYS = [NEW]
    assert all(readable(world) for world in worlds)


def test_a_rotation_beside_people_at_work(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NEONPRO_MASTER_KEYS = [OLD]
    with context.enter(JOB, world.clinic.pk):
        Patient.objects.bulk_create([Patient(name=f"{NAME} {number}", phone="11987654321") for number in range(150)])
    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    monkeypatch.setattr(masters, "BATCH", 5)
    over = threading.Event()
    written: dict[UUID, str] = {}
    meanwhile: list[bool] = []
    failures: list[BaseException] = []

    def work(role: str, turn: Any) -> None:
        try:
            for number in count():
                if over.is_set() and number > 3:
                    break
                with world.enter(role):
                    patient = turn(number)
                written[patient.pk] = patient.name
                meanwhile.append(not over.is_set())
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    def create(number: int) -> Patient:
        return Patient.objects.create(name=f"Novo {number}", email=f"n{number}@example.org")

    def change(number: int) -> Patient:
        patient = Patient.objects.order_by("pk")[number % 100]
        patient.name = f"Mudou {number}"
        patient.save()
        return patient

    def begin(role: str, turn: Any) -> None:
        started.wait()
        work(role, turn)

    started = threading.Barrier(3)
    threads = [threading.Thread(target=begin, args=given) for given in (("reception", create), ("manager", change))]
    for thread in threads:
        thread.start()
    started.wait()
    try:
        told = vault("rotate")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert "No key is under an older master key" in told
    assert sum(meanwhile) > 4
    assert kids() == {kid(NEW)}
    settings.NEONPRO_MASTER_KEYS = [NEW]
    with world.enter():
        names = {patient.pk: patient.name for patient in Patient.objects.all()}
    assert names.items() >= written.items()
    assert not any(isinstance(name, Withheld) for name in names.values())


def test_an_erasure_waits_for_a_rotation_and_wins(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = world.patients[0].pk
    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    rewrapped = masters._rewrapped
    threads: list[threading.Thread] = []
    ends: list[str] = []

    def erase() -> None:
        try:
            with context.enter(JOB, world.clinic.pk):
                destroy_keys(patient, ["identification", "contact"])
            ends.append("erased")
        finally:
            connections.close_all()

    def while_it_is_held(rows: Any) -> Any:
        if any(row[0] == patient for row in rows) and not threads:
            threads.append(threading.Thread(target=erase))
            threads[0].start()
            # Were nothing held, it would be over by now, and the rotation would put the key back.
            threads[0].join(1)
            ends.append("rewrapped")
        return rewrapped(rows)

    monkeypatch.setattr(masters, "_rewrapped", while_it_is_held)
    done = masters.rotate()
    threads[0].join()
    assert ends == ["rewrapped", "erased"]
    assert (done.busy.total(), done.unopened.total()) == (0, 0)
    assert [key[3:] for key in stored_keys(f"patient_id = '{patient}'")] == [(0, None)] * 2
    assert kids() == {kid(NEW)}


@contextmanager
def holding(statement: str) -> Iterator[None]:
    """Somebody else in the middle of a transaction."""
    with psycopg.connect(SERVER.superuser_url(DATABASE)) as other:
        other.execute(statement.encode())
        yield
        other.rollback()


def test_a_key_in_use_is_left_for_the_next_run(world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    monkeypatch.setattr(masters, "PATIENCE", 0.5)
    monkeypatch.setattr(masters, "LOCK_SECONDS", 1)
    one = f"patient_id = '{world.patients[0].pk}'"
    with holding(f"SELECT FROM neonpro.data_keys WHERE {one} FOR SHARE"):
        with pytest.raises(CommandError) as refused:
            vault("rotate")
        # The rest is done, nobody waited, and the old master key is not called superfluous.
        assert {key[3] for key in stored_keys(one)} == {kid(OLD)}
        assert {key[3] for key in stored_keys(f"NOT {one}")} == {kid(NEW)}
    for told in ("still under an older master key: 2", "table of keys is in use", "Keep the older"):
        assert told in str(refused.value)
    assert "Rewrapped keys: 2\n" in vault("rotate")


def test_a_rotation_leaves_what_does_not_open(world: World, settings: Any) -> None:
    damage(world.patients[0].pk, "contact", stored(world.patients[1].pk, "contact"), kid(OLD))
    damage(world.patients[2].pk, "contact", stored(world.patients[2].pk, "contact"), kid(OTHER))
    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    before = stored_keys(f"patient_id = '{world.patients[0].pk}' AND category = 'contact'")
    with pytest.raises(CommandError, match="left as they are: 2"):
        vault("rotate")
    assert stored_keys(f"patient_id = '{world.patients[0].pk}' AND category = 'contact'") == before
    assert kids() == {kid(NEW), kid(OLD), kid(OTHER)}


def test_the_owner_is_needed() -> None:
    env = environment()
    del env["DATABASE_OWNER_URL"]
    ended = manage("vault", "verify", env=env)
    assert ended.returncode == 1
    assert "DATABASE_OWNER_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


# --- Proof --------------------------------------------------------------------------------------------------------


def stored(patient: UUID, category: str) -> bytes:
    """A wrapped key as it lies there."""
    (key,) = stored_keys(f"patient_id = '{patient}' AND category = '{category}'")
    return bytes(key[4])


def damage(patient: UUID, category: str, wrapped: bytes, master: int) -> None:
    """Put something else in the place of a key, as a superuser or a disk could."""
    with superuser(DATABASE) as behind:
        changed = behind.execute(
            "UPDATE neonpro.data_keys SET wrapped = %s, kid = %s WHERE patient_id = %s AND category = %s",
            [wrapped, master, patient, category],
        )
        assert changed.rowcount == 1


def test_sound_keys_are_counted(world: World, settings: Any) -> None:
    with context.enter(JOB, world.clinic.pk):
        destroy_keys(world.patients[0].pk, ["contact"])
    total = len(stored_keys())
    settings.NEONPRO_MASTER_KEYS = [NEW, OLD]
    told = vault("verify")
    assert f"Master key 1 (id {kid(NEW)}): 0 keys open" in told
    assert f"Master key 2 (id {kid(OLD)}): {total} keys open" in told
    assert "Destroyed for good: 1" in told


def test_what_does_not_open_is_named(worlds: list[World]) -> None:
    world, other = worlds
    altered = stored(world.patients[0].pk, "identification")
    damage(world.patients[0].pk, "identification", altered[:-1] + bytes([altered[-1] ^ 1]), kid(OLD))
    # Swapped among two patients, and among two categories of one.
    first, second = stored(world.patients[1].pk, "contact"), stored(world.patients[2].pk, "contact")
    damage(world.patients[1].pk, "contact", second, kid(OLD))
    damage(world.patients[2].pk, "contact", first, kid(OLD))
    foreign = other.patients[0].pk
    damage(foreign, "contact", MasterKey.of(OTHER).wrap(os.urandom(64), foreign, "contact"), kid(OTHER))
    # One that claims a master key it is not under.
    damage(other.clinic.pk, "search", MasterKey.of(OTHER).wrap(os.urandom(64), other.clinic.pk, "search"), kid(OLD))

    with pytest.raises(CommandError) as found:
        vault("verify")
    assert sorted(str(found.value).splitlines()) == sorted([
        f"{world.clinic.pk}, identification: 1 keys do not open: altered, or another patient's.",
        f"{world.clinic.pk}, contact: 2 keys do not open: altered, or another patient's.",
        f"{other.clinic.pk}, search: 1 keys do not open: altered, or another patient's.",
        f"{other.clinic.pk}, contact: 1 keys are under the master key of id {kid(OTHER)}, which is not configured.",
    ])  # fmt: skip
    ended = manage("vault", "verify", env=environment())
    assert ended.returncode == 1
    for secret in ("CAMOMILA", "DAMIANA", altered.hex(), str(world.patients[0].pk)):
        assert secret not in ended.stdout + ended.stderr


# --- The search anew, and which clinics there are -----------------------------------------------------------------


def tokens() -> list[tuple[Any, ...]]:
    """What the search holds."""
    with superuser(DATABASE) as behind:
        return behind.execute(
            "SELECT clinic_id, patient_id, ARRAY(SELECT unnest(tokens) ORDER BY 1), cpf, last_day"
            " FROM neonpro.search_tokens ORDER BY patient_id"
        ).fetchall()


def test_the_search_is_built_anew(worlds: list[World], settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from neonpro.vault.management.commands import vault as command

    monkeypatch.setattr(command, "PATIENTS", 2)
    before = tokens()
    assert len(before) == 6
    with superuser(DATABASE) as behind:
        behind.execute("DELETE FROM neonpro.search_tokens")
    assert "Patients indexed: 3" in vault("reindex", "--clinic", str(worlds[0].clinic.pk))
    assert {row[0] for row in tokens()} == {worlds[0].clinic.pk}
    assert "Patients indexed: 6" in vault("reindex")
    assert tokens() == before
    with pytest.raises(CommandError, match="no such clinic"):
        vault("reindex", "--clinic", str(UUID(int=5)))
    with superuser(DATABASE) as behind:
        readings = behind.execute(
            "SELECT DISTINCT action, changes ->> 'purpose' FROM audit_logs WHERE actor = 'vault_reindex'"
        ).fetchall()
    assert ("LIST", "job:vault_reindex") in readings


def test_only_a_job_outside_of_clinics_learns_which_there_are(worlds: list[World]) -> None:
    everywhere = sorted(world.clinic.pk for world in worlds)
    assert clinic_ids(JOB) == clinic_ids(JOB, using="owner") == everywhere
    asks = "SELECT clinic_id FROM neonpro.clinic_ids()"
    for opening in (
        context.enter(JOB, everywhere[0]), worlds[0].enter("manager"), context.enter(context.SignIn(), None)
    ):  # fmt: skip
        with pytest.raises(DatabaseError, match="only a job"), opening, connection.cursor() as cursor:
            cursor.execute(asks)
    with pytest.raises(DatabaseError, match="only a job"), connection.cursor() as cursor:
        cursor.execute(asks)
