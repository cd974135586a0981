"""The project's settings on an embedded PostgreSQL of the test run's own.

Importing this module starts the server; it stops with the process. Tests connect as the application's role, to a
database that the real migrations made (`tests/conftest.py`).
"""

import atexit
import base64
import os
import tempfile
from pathlib import Path

from neonpro.db.embedded import EmbeddedServer, erase, prepare_database

DIRECTORY = Path(tempfile.mkdtemp(prefix="neonpro-test-"))
DIRECTORY.chmod(0o711)
# The server's log is read by a test: nothing secret may be in it whatever is logged.
SERVER = EmbeddedServer.start(
    DIRECTORY / "data", settings={"log_statement": "all", "max_connections": "120"}, fast=True
)


@atexit.register
def _stop() -> None:
    SERVER.stop()
    erase(DIRECTORY / "data")


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
    "NEONPRO_DEMO": "1",
    "NEONPRO_POOL": "0",
    "NEONPRO_ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
}

from neonpro.settings import *  # noqa: E402, F403

# What it costs to guess a password is measured elsewhere; here each test would pay it.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
