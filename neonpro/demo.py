"""`make demo`: everything from an empty clone to a served back-office, on an embedded PostgreSQL.

With DATABASE_URL in the environment nothing embedded starts: the demonstration goes into that database.
"""

from __future__ import annotations

import argparse
import base64
import errno
import os
import secrets
import signal
import socket
import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from neonpro.db.embedded import DEMO_DATABASE, EmbeddedError, EmbeddedServer, demo_environment, erase, prepare_database
from neonpro.pades import demonstration

BASE_DIR = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


class DemoError(Exception):
    """What stops the demonstration, in Portuguese, for the person at the terminal."""


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration until Ctrl-C. The exit status: 0 when it was ended, 1 when something was wrong."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    embedded: EmbeddedServer | None = None
    try:
        if options.erase:
            erase(BASE_DIR / ".postgres" / "data")
            (BASE_DIR / ".postgres" / "secrets.env").unlink(missing_ok=True)
            return 0
        if options.data is not None and not options.data.is_file():
            raise DemoError(f"O arquivo {options.data} não existe. Confira o caminho em DATA=…")
        if not options.port.isdecimal() or not 0 < int(options.port) < 65536:
            raise DemoError(f"“{options.port}” não é uma porta. Use um número de 1 a 65535: make demo PORT=8001")
        listener = _listen(int(options.port))
        if not os.environ.get("DATABASE_URL"):
            _say("Iniciando o PostgreSQL da demonstração…")
            embedded = start_database(BASE_DIR)
            # All of it, over whatever is set: these keys and this database belong together.
            os.environ.update(demo_environment(BASE_DIR))
        os.environ["NEONPRO_DEMO"] = "1"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neonpro.settings")
        _serve(listener, options.data)
    except KeyboardInterrupt:
        pass  # how a demonstration ends
    except (DemoError, EmbeddedError) as error:
        print(f"\nErro: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        message = _explain(error, embedded)
        if message is None:
            raise
        print(f"\nErro: {message}", file=sys.stderr)
        return 1
    finally:
        # A second Ctrl-C must not leave the server behind; stopping takes a moment only.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if embedded is not None:
            _say("\nEncerrando o PostgreSQL…")
            embedded.stop()
            _say("Pronto. Os dados ficam em .postgres/ para a próxima vez.")
    return 0


def start_database(base_dir: Path) -> EmbeddedServer:
    """Start the demonstration's database in `base_dir`/.postgres, with its secrets made. Raises `EmbeddedError`."""
    directory = base_dir / ".postgres"
    try:
        # As root the server runs as another account, which must pass through here, but not list.
        directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
        _make_secrets(directory)
        demonstration.make(directory / "certificates")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise DemoError(
            f"Não é possível gravar em {directory}: {error.strerror}. Use uma cópia sua do projeto."
        ) from error
    server = EmbeddedServer.start(directory / "data")
    try:
        prepare_database(server, DEMO_DATABASE)
    except BaseException:
        server.stop()
        raise
    return server


def _make_secrets(directory: Path) -> None:
    """Write `secrets.env` once. Losing it is losing every encrypted field, so it is never made anew for old data."""
    file = directory / "secrets.env"
    if file.exists():
        return
    if (directory / "data" / "PG_VERSION").exists():
        raise DemoError(
            f"Falta {file}, sem o qual os dados da demonstração não podem ser lidos.\n"
            "Recupere esse arquivo, ou apague a demonstração com “make clean” e comece de novo."
        )
    values = {
        "NEONPRO_SECRET_KEY": secrets.token_urlsafe(50),
        "NEONPRO_CONTEXT_KEYS": _key(),
        "NEONPRO_MASTER_KEYS": _key(),
        "NEONPRO_CERTIFICATE_KEY": _key(),
    }
    # Whole or not at all, and never readable by others, not even for a moment: mkstemp gives mode 0600.
    descriptor, unfinished = tempfile.mkstemp(prefix="secrets.", dir=directory)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.writelines(f"{name}={value}\n" for name, value in values.items())
        with suppress(FileExistsError):  # another process was first: its secrets count
            os.link(unfinished, file)
    finally:
        os.unlink(unfinished)


def _key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _listen(port: int) -> socket.socket:
    """Take the port before anything else, so that a taken one costs no waiting."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # So that the port is free again right after Ctrl-C; it does not let two programs listen.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise DemoError(
                f"A porta {port} já está em uso. Se a demonstração já está aberta, vá a http://{HOST}:{port}/.\n"
                f"Senão, feche o outro programa ou escolha outra porta: make demo PORT={port + 1}"
            ) from error
        if error.errno == errno.EACCES:
            raise DemoError(
                f"Esta conta não pode usar a porta {port}. Escolha uma acima de 1023: make demo PORT=8000"
            ) from error
        raise DemoError(f"Não é possível abrir a porta {port}: {error.strerror}.") from error
    return listener


def _serve(listener: socket.socket, data: Path | None) -> None:
    import django
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler, get_internal_wsgi_application
    from django.db import connections

    class QuietHandler(WSGIRequestHandler):
        """Keeps addresses of pages out of the terminal; Django still reports errors there."""

        def log_message(self, format: str, *args: Any) -> None:
            pass

    django.setup()
    _say("Preparando as tabelas…")
    call_command("migrate", verbosity=0, interactive=False)
    call_command("load_demo", *(["--data", str(data)] if data is not None else []))
    # A server does so by the clock; here it shows what a sealed log looks like.
    call_command("seal_audit", verbosity=0)

    port = listener.getsockname()[1]
    server = ThreadedWSGIServer((HOST, port), QuietHandler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = HOST, port
    server.setup_environ()
    # Static files straight from the apps: a demonstration needs no collectstatic, and no warning that it lacks.
    warnings.filterwarnings("ignore", message="No directory at: .*staticfiles", category=UserWarning)
    server.set_app(StaticFilesHandler(get_internal_wsgi_application()))
    _say(f"\nNeonPro está em http://{HOST}:{port}/ — Ctrl-C encerra.")
    try:
        server.serve_forever()
    finally:
        server.server_close()
        # Before the database goes: a pool whose connections break says so in the terminal and tries again.
        for connection in connections.all(initialized_only=True):
            connection.close()
            if hasattr(connection, "close_pool"):
                connection.close_pool()


def _explain(error: Exception, embedded: EmbeddedServer | None) -> str | None:
    """What to tell the person about an error of Django's or of the database's; None where only a traceback helps."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    # Any statement or file on the way may be the one that finds no room.
    if any(getattr(e, "sqlstate", None) == "53100" or getattr(e, "errno", None) == errno.ENOSPC for e in chain):
        return "Disco cheio. Libere pelo menos 500 MB e rode “make demo” de novo; o que já estava gravado não se perde."
    if isinstance(error, ImproperlyConfigured):
        return f"A configuração está incompleta. {error}"
    if isinstance(error, CommandError):  # a command says itself what a person must know
        return str(error)
    if any(isinstance(e, psycopg.OperationalError) and e.sqlstate is None for e in chain):
        if embedded is not None:
            return str(embedded.explain(error))
        return f"O banco de dados não responde. Confira DATABASE_URL e DATABASE_OWNER_URL.\n{chain[-1]}"
    return None


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    # The terminal may have gone (SIGHUP), and stopping the server matters more than saying so.
    with suppress(OSError):
        print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description="Demonstração do NeonPro.")
    parser.add_argument("--port", default="8000", help="porta em 127.0.0.1 (padrão: 8000)")
    parser.add_argument("--data", type=Path, default=None, help="exportação de uma agenda real (CSV) a carregar")
    parser.add_argument("--erase", action="store_true", help="apagar o banco da demonstração e sair")
    return parser


if __name__ == "__main__":
    sys.exit(main())
