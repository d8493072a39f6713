"""Fixtures that several test modules share."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def built_site(root: Path) -> Path:
    """The site rendered from the committed captures, as ``make build`` makes it."""
    done = subprocess.run(
        [sys.executable, "-m", "course.pipeline.cli", "build"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return root / "site"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of an installed browser; ``make browser`` provides one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path
