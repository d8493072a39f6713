"""Serve the site on this machine, and make it again when a source changes; open pages load themselves anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from course.pipeline.base import status

EVENTS, SCRIPT = "/_reload", "/_reload.js"
_POLL = 0.5
"""Seconds between two looks at the sources, and the longest that a page waits for its news."""
_RELOAD = f'new EventSource("{EVENTS}").onmessage = () => location.reload();\n'


class Server(ThreadingHTTPServer):
    """Serves the files below ``folder``. ``version`` grows with every site that is made."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(("127.0.0.1", port), partial(_Handler, directory=str(folder)))
        self.version = 0


def follow(build: Callable[[], None], sources: Callable[[], list[str]], server: Server, stop: threading.Event) -> None:
    """Serve until ``stop``, and call ``build`` after each change.

    Args:
        sources: files and folders that the site depends on.
    """
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        seen = status.statuses(sources())
        while not stop.wait(_POLL):
            if (now := status.statuses(sources())) != seen:
                seen = now
                build()
                server.version += 1
    finally:
        server.shutdown()
        server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == EVENTS:
            self._wait()
        elif self.path == SCRIPT:
            self._answer(_RELOAD.encode(), "text/javascript")
        elif (page := Path(self.translate_path(self.path))) and (html := _html(page)) is not None:
            script = f'<script src="{SCRIPT}"></script>'.encode()  # its policy lets a page load scripts of its own host
            self._answer(html + script, "text/html; charset=utf-8")
        else:
            super().do_GET()

    def _answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def _wait(self) -> None:
        """Tell the page when the site is another."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        shown = self.server.version
        try:
            while self.server.version == shown:
                self.wfile.write(b": waiting\n\n")  # fails when the page is gone
                self.wfile.flush()
                time.sleep(_POLL)
            self.wfile.write(b"data: new\n\n")
        except OSError:
            pass

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing of single requests."""


def _html(path: Path) -> bytes | None:
    """The page that an address shows; ``None`` for what is no page, or a folder's address without its slash."""
    page = path / "index.html" if path.is_dir() else path
    return page.read_bytes() if page.suffix == ".html" and page.is_file() else None
