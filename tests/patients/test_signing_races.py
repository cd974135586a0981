"""Two clicks make one signature, and a process that dies in the middle leaves none."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.conf import settings

from clinics.roles import Role
from neonpro import pades
from patients import signing
from patients.models import MedicalRecord, RecordSignature
from tests import pki
from tests.conftest import superuser
from tests.db.test_races import together
from tests.factories import World, make_world
from tests.patients.test_signing import entry, identity, ready, roots
from tests.settings import DATABASE

__all__ = ["roots"]


@pytest.fixture
def world(committed: None, roots: pades.Roots) -> World:
    """A clinic, committed, in which nothing is signed yet."""
    return ready(make_world("ALFAZEMA"))


def test_two_clicks_make_one_signature(world: World) -> None:
    record = entry(world)
    opened = identity()

    def click() -> str:
        try:
            with world.enter(Role.PROFESSIONAL):
                signing.sign_record(record, identity=opened)
        except signing.SigningError as error:
            return str(error)
        return "signed"

    results = together([click] * 4)
    assert sorted(results) == ["Este registro já está assinado."] * 3 + ["signed"]
    with world.enter(Role.PROFESSIONAL):
        assert RecordSignature.objects.count() == 1


def test_no_role_changes_a_signature(world: World) -> None:
    """Not the owner, and not a superuser's slip: triggers that nothing silences refuse it."""
    record = entry(world)
    with world.enter(Role.PROFESSIONAL):
        signing.sign_record(record, identity=identity())
    for role in ("neonpro_owner", None):
        with superuser(DATABASE) as root:
            if role:
                root.execute("ALTER TABLE record_signatures NO FORCE ROW LEVEL SECURITY")
                root.execute("SET ROLE neonpro_owner")
            else:
                root.execute("SET session_replication_role = replica")
            for statement in (
                "UPDATE record_signatures SET level = 'ADVANCED'", "DELETE FROM record_signatures",
                "TRUNCATE record_signatures",
            ):  # fmt: skip
                with pytest.raises(psycopg.Error, match="only ever added"):
                    root.execute(statement)


CHILD = """
import os, signal, sys
from pathlib import Path
import django
django.setup()
from clinics.models import User
from neonpro import pades
from neonpro.db import context
from patients import signing
clinic, user, record, directory, when = sys.argv[1:]
stop = lambda *args, **options: os.kill(os.getpid(), signal.SIGKILL)
if when == "signed":
    signing._keep = stop
trusted = pades.load_roots(icp=[directory + "/root.pem"])
identity = pades.open_pfx(Path(directory + "/person.pfx").read_bytes(), sys.stdin.read())
with context.enter(User(pk=user), clinic):
    signing.sign_record(record, identity=identity, roots=trusted)
    stop()
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["signed", "stored"])
def test_a_process_that_is_killed_leaves_nothing(world: World, tmp_path: Path, when: str) -> None:
    """Killed between signing and storing, and between storing and the end of the transaction."""
    record: UUID = entry(world)
    (tmp_path / "root.pem").write_bytes(pki.pem(pki.root()))
    (tmp_path / "person.pfx").write_bytes(pki.pfx())
    command = [
        sys.executable, "-c", CHILD, str(world.clinic.pk), str(world.user(Role.PROFESSIONAL).pk), str(record),
        str(tmp_path), when,
    ]  # fmt: skip
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "neonpro.settings"}
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, input=pki.PASSWORD.encode(), capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    with world.enter(Role.PROFESSIONAL):
        assert not RecordSignature.objects.exists()
        assert MedicalRecord.objects.get(pk=record).status == "finalised"
        # And nothing stands in the way of the next attempt.
        assert signing.verify(signing.sign_record(record, identity=identity())).ok
