"""Make sure there is what the browser tests need: a Chromium, a Firefox, and the programs that drive and measure them.

A browser is an installed one, else Playwright's own (Chromium), else the package manager's. The programs are those of
``build/npm/package-lock.json``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import javascript  # its neighbor here


def playwright_s() -> Path:
    """Where Playwright keeps the Chromium that it offers."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


@dataclass(frozen=True)
class Browser:
    """A browser, and where it comes from.

    Attributes:
        commands: what it is called where it is installed; the first names a package of Debian's.
        offered: the path of a copy that its ``download``, a command, would bring.
    """

    name: str
    commands: tuple[str, ...]
    download: tuple[str, ...] = ()
    offered: Callable[[], Path] | None = None

    def is_there(self) -> bool:
        return any(map(shutil.which, self.commands)) or (self.offered is not None and self.offered().exists())

    def install(self) -> int:
        """Install it, unless it is there; what to do is printed if that fails."""
        if self.is_there():
            return 0
        print(f"No {self.name} found. Installing one for the browser tests …")
        for command in self._attempts():
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode == 0 and self.is_there():
                return 0
        print(
            f"There is no {self.name} for the tests, and none could be installed. Install it with your package manager "
            f"(on Debian: apt-get install {self.commands[0]}) and run the tests again.",
            file=sys.stderr,
        )
        return 1

    def _attempts(self) -> list[list[str]]:
        attempts = [list(self.download)] if self.download else []
        if shutil.which("apt-get"):
            sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
            package = self.commands[0]
            attempts += [[*sudo, "apt-get", "update", "-qq"], [*sudo, "apt-get", "install", "-y", "-qq", package]]
        return attempts


BROWSERS = (
    Browser(
        "Chromium",
        ("chromium", "chromium-browser", "google-chrome"),
        (sys.executable, "-m", "playwright", "install", "chromium"),
        playwright_s,
    ),
    Browser("Firefox", ("firefox-esr", "firefox")),
)


def main() -> int:
    return max(*(browser.install() for browser in BROWSERS), javascript.install())


if __name__ == "__main__":
    sys.exit(main())
