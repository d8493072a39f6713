"""What the browser tests share: a served site, a watched page, two window sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, ViewportSize

PHONE: ViewportSize = {"width": 360, "height": 780}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Site:
    """A built site: its files and the address they are served from."""

    root: Path
    url: str

    @property
    def lessons(self) -> list[str]:
        """Slugs of the lessons that were built."""
        return sorted(page.parent.name for page in self.root.glob("lessons/*/index.html"))

    @property
    def pages(self) -> list[str]:
        """Addresses of all pages, relative to the site."""
        found = (page.parent.relative_to(self.root).as_posix() for page in self.root.rglob("index.html"))
        return sorted("" if path == "." else f"{path}/" for path in found)


@dataclass
class Watched:
    """A page, with what it complained about and which foreign hosts it asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


Open = Callable[..., Watched]
