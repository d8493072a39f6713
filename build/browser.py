"""Make sure there is what the browser tests need: a Chromium, and the programs that measure pages.

The browser is an installed one, else Playwright's own, else the package manager's. The programs are those of
``build/npm/package-lock.json``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import javascript  # its neighbor here

NAMES = ("chromium", "chromium-browser", "google-chrome")


def installed() -> str | None:
    """The path of a usable Chromium, if there is one."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main() -> int:
    return max(browser(), javascript.install())


def browser() -> int:
    if installed():
        return 0
    print("No Chromium found. Installing one for the browser tests …")
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        attempts += [[*sudo, "apt-get", "update", "-qq"], [*sudo, "apt-get", "install", "-y", "-qq", "chromium"]]
    for command in attempts:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode == 0 and installed():
            return 0
    print(
        "There is no browser for the tests, and none could be installed. Install Chromium with your package manager "
        "(on Debian: apt-get install chromium) and run the tests again.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
