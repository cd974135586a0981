"""The project's settings on an embedded PostgreSQL of the test run's own.

Importing this module starts the server; it stops with the process. Tests connect as the application's role, to a
database that the real migrations made (`tests/conftest.py`). NEONPRO_TEST_SERVER names another server to use instead,
by a superuser's URL, and NEONPRO_TEST_SERVER_LOG its log: `.ci/postgres15` runs the suite on Debian's PostgreSQL so.
"""

import atexit
import base64
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from neonpro.db.embedded import EmbeddedServer, erase, prepare_database


class GivenServer(EmbeddedServer):
    """A server that somebody else started, and stops."""

    def __init__(self, superuser_url: str, log: str) -> None:
        self._given = urlsplit(superuser_url)
        self._log = Path(log)

    @property
    def log_path(self) -> Path:
        return self._log

    def url(self, role: str, database: str) -> str:
        place = self._given.netloc.rpartition("@")[2]
        return urlunsplit(self._given._replace(netloc=f"{role}@{place}", path=f"/{database}"))

    def superuser_url(self, database: str = "postgres") -> str:
        return urlunsplit(self._given._replace(path=f"/{database}"))


def _start() -> EmbeddedServer:
    if "NEONPRO_TEST_SERVER" in os.environ:
        return GivenServer(os.environ["NEONPRO_TEST_SERVER"], os.environ["NEONPRO_TEST_SERVER_LOG"])
    directory = Path(tempfile.mkdtemp(prefix="neonpro-test-"))
    directory.chmod(0o711)

    @atexit.register
    def _stop() -> None:
        server.stop()
        erase(directory / "data")
        shutil.rmtree(directory)

    # The server's log is read by a test: nothing secret may be in it whatever is logged.
    server = EmbeddedServer.start(
        directory / "data", settings={"log_statement": "all", "max_connections": "120"}, fast=True
    )
    return server


SERVER = _start()
TEMPLATE = "neonpro_template"
DATABASE = "neonpro_test"
prepare_database(SERVER, TEMPLATE)


def _key(letter: bytes) -> str:
    return base64.urlsafe_b64encode(letter * 32).decode()


os.environ |= {
    "DATABASE_URL": SERVER.url("neonpro_app", DATABASE),
    "DATABASE_OWNER_URL": SERVER.url("neonpro_owner", TEMPLATE),
    "NEONPRO_SECRET_KEY": "a secret of the tests",
    "NEONPRO_CONTEXT_KEYS": _key(b"c"),
    "NEONPRO_MASTER_KEYS": _key(b"m"),
    "NEONPRO_CERTIFICATE_KEY": _key(b"z"),
    "NEONPRO_ERASURE_LEDGER": tempfile.mkdtemp(prefix="neonpro-ledger-") + "/ledger",
    "NEONPRO_DEMO": "1",
    "NEONPRO_POOL": "0",
    "NEONPRO_ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
}

from neonpro.settings import *  # noqa: E402, F403

# What it costs to guess a password is measured elsewhere; here each test would pay it.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
