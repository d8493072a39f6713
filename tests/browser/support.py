"""What the browser tests share: a served site, a browser, a watched page, two window sizes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Error, Page, ViewportSize

PHONE: ViewportSize = {"width": 360, "height": 780}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}


SHIFTS = """window.shifts = []; new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push([entry.value,
        ...entry.sources.map(({ node }) => (node?.outerHTML ?? node?.nodeName ?? "?").slice(0, 100))])
}).observe({ type: "layout-shift", buffered: true })"""
"""Run before a page's own scripts: notes how much moves without the reader's doing, and what."""


def moved(page: Page) -> float:
    """How much of the window moved since the page, which :data:`SHIFTS` watches, was opened."""
    page.wait_for_timeout(300)  # until the observer was told
    return float(page.evaluate("window.shifts.reduce((sum, [value]) => sum + value, 0)"))


@dataclass(frozen=True)
class Site:
    """A built site: its files and the address they are served from."""

    root: Path
    url: str

    @property
    def lessons(self) -> list[str]:
        """Slugs of the lessons that were built; never none, so that a test of each is a test."""
        found = sorted(page.parent.name for page in self.root.glob("lessons/*/index.html"))
        assert found, f"there is no lesson in {self.root}"
        return found

    @property
    def pages(self) -> list[str]:
        """Addresses of all pages, relative to the site; more than there are lessons."""
        found = (page.parent.relative_to(self.root).as_posix() for page in self.root.rglob("index.html"))
        pages = sorted("" if path == "." else f"{path}/" for path in found)
        assert len(pages) > len(self.lessons)
        return pages


@dataclass
class Watched:
    """A page, with what it complained about and which foreign hosts it asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


Open = Callable[..., Watched]
NewPage = Callable[..., Page]


class Chromium:
    """A headless Chromium that is killed and started anew when it no longer answers.

    Once in some thousand times it never says that a page is open or a profile closed, and Playwright has no limit for
    either: a test that had passed would wait for ever.
    """

    def __init__(self, start: Callable[[], Browser], patience: float = 30.0) -> None:
        self._start, self._patience = start, patience
        self._run()

    def new_page(self, **options: Any) -> Page:
        """A page of a fresh profile; keyword arguments are those of Playwright's ``new_context``."""
        if self._running.is_connected():
            with self._limit():
                return self._running.new_context(**options).new_page()
        self._run()
        return self._running.new_context(**options).new_page()

    def close_profile(self, page: Page) -> None:
        """Close a page and all others of its profile, if need be with the whole browser."""
        if page.context.browser is not None and page.context.browser.is_connected():
            with self._limit():
                page.context.close()

    def close(self) -> None:
        with self._limit():
            self._running.close()

    def _run(self) -> None:
        before = set(psutil.Process().children(recursive=True))
        self._running = self._start()
        self.processes = set(psutil.Process().children(recursive=True)) - before

    @contextmanager
    def _limit(self) -> Iterator[None]:
        """Kill the browser if what is done takes too long; its end makes Playwright give up, which is no error then."""
        gave_up = threading.Event()

        def kill() -> None:
            gave_up.set()
            for process in self.processes:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

        clock = threading.Timer(self._patience, kill)
        clock.start()
        try:
            yield
        except Error:
            if not gave_up.is_set():
                raise
        finally:
            clock.cancel()
