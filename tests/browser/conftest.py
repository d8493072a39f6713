"""The built site behind a local server, and a headless Chromium to look at it."""

from __future__ import annotations

import functools
import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from browser.support import DESKTOP, Chromium, NewPage, Open, Site, Watched


class _Quiet(SimpleHTTPRequestHandler):
    """Answers as hosts of static sites do: what is text goes compressed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if self.path.partition("?")[0].endswith("/") else path
        if path.suffix not in {".css", ".csv", ".html", ".js", ".json", ".svg", ".txt", ".xml"} or not path.is_file():
            super().do_GET()
            return
        body = _packed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", f"{self.guess_type(path)}; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@functools.cache
def _packed(path: Path, changed: int) -> bytes:
    """The file's content in gzip, as it is since it ``changed``."""
    return gzip.compress(path.read_bytes())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a browser that leaves a page hangs up in the middle of an answer


@pytest.fixture(scope="session")
def site(built_site: Path) -> Iterator[Site]:
    server = _Server(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(built_site)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Site(built_site, f"http://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="package")  # Playwright's event loop must not run in the tests that come after
def start_browser(chromium: str) -> Iterator[Callable[[], Browser]]:
    """Starts a Chromium without a window."""
    with sync_playwright() as playwright:
        launch = playwright.chromium.launch
        yield functools.partial(launch, executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture(scope="package")
def browser(start_browser: Callable[[], Browser]) -> Iterator[Chromium]:
    running = Chromium(start_browser)
    yield running
    running.close()


@pytest.fixture
def new_page(browser: Chromium) -> Iterator[NewPage]:
    """Makes pages, each of a fresh profile with Playwright's keyword arguments, and closes them after the test."""
    pages = []

    def new(**options: Any) -> Page:
        pages.append(browser.new_page(**options))
        return pages[-1]

    yield new
    for page in pages:
        browser.close_profile(page)


@pytest.fixture
def open_page(new_page: NewPage, site: Site) -> Open:
    """Opens an address of the site in a fresh profile; keyword arguments go to the browser context."""

    def open_(path: str, *, before: str = "", **options: Any) -> Watched:
        watched = Watched(new_page(**{"viewport": DESKTOP, **options}))
        context = watched.page.context
        context.set_default_timeout(5_000)
        context.set_default_navigation_timeout(30_000)  # other work on the machine is not the page's
        if before:
            context.add_init_script(before)
        host = urlsplit(site.url).netloc

        def asked(url: str) -> None:
            parts = urlsplit(url)
            if parts.scheme not in {"data", "blob"} and parts.netloc != host:
                watched.foreign.append(url)

        def complained(kind: str, text: str) -> None:
            if kind in {"error", "warning"}:
                watched.errors.append(text)

        context.on("request", lambda request: asked(request.url))
        watched.page.on("websocket", lambda socket: asked(socket.url))
        watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))
        watched.page.on("console", lambda message: complained(message.type, message.text))
        watched.page.on("response", lambda r: complained("error" if r.status >= 400 else "", f"{r.status} {r.url}"))
        watched.page.goto(site.url + path, wait_until="load")
        return watched

    return open_
