"""A real browser against a real server: every page under the strict content security policy that is to come."""

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright

from tests.factories import PASSWORD

POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No inline script, no inline style. Alpine evaluates the expressions of Unfold's templates, hence 'unsafe-eval'."""

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: pytest shows what went wrong."""


def _under_policy(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, ("Content-Security-Policy", POLICY)], *rest)

        return application(environ, start)

    return answer


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[str]:
    """The project's WSGI application on a port of its own, with all its middleware: its address."""
    httpd = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet)
    httpd.set_app(_under_policy(get_wsgi_application()))
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all browser tests."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.fail("Browser tests need Chromium. On Debian or Ubuntu: apt-get install chromium", pytrace=False)
    # Playwright runs an event loop in this thread, and Django would refuse the test's own queries because of it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(committed: None, server: str, chromium: Browser) -> Iterator[Page]:
    """A fresh browser window on the server, in Portuguese.

    Afterwards the test fails for whatever the browser complained of: a violated policy, an exception in a script, a
    static file that is not there.
    """
    context = chromium.new_context(base_url=server, locale="pt-BR", viewport={"width": 1400, "height": 900})
    context.set_default_timeout(10_000)
    window = context.new_page()
    complaints: list[str] = []

    def said(message: ConsoleMessage) -> None:
        # That an answer is a 403, 404 or 409 is the test's own business, whether the browser says it or htmx.
        expected = ("Failed to load resource", "Response Status Error")
        if message.type == "error" and not message.text.startswith(expected):
            complaints.append(f"console: {message.text}")

    def answered(response: Response) -> None:
        if "/static/" in response.url and response.status >= 400:
            complaints.append(f"{response.status} {response.url}")

    window.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    window.on("console", said)
    window.on("response", answered)
    yield window
    context.close()
    assert complaints == []


def sign_in(page: Page, email: str) -> None:
    """Sign in through the form, as people do; ends on the dashboard."""
    page.goto("/admin/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Senha").fill(PASSWORD)
    page.locator("#login-form [type=submit]").click()
    page.wait_for_url("**/admin/")
