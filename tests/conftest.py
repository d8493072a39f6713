"""What all tests share: the settings of property tests, what is built once for all workers, and which tests are quick."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from once import Once

from course import weights

ROOT = Path(__file__).parents[1]
LONGEST = "test_real_lessons.py"
"""One worker begins with it, and the other takes from the end of what is left: neither waits for the other's environment."""

# What is slow on a busy machine is not wrong.
settings.register_profile("course", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
settings.register_profile("soak", settings.get_profile("course"), max_examples=2000)
settings.load_profile("course")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the folder they are in, and begin with the longest."""
    for item in items:
        if (folder := item.path.parent.name) in ("browser", "integration"):
            item.add_marker(folder)
    items.sort(key=lambda item: item.path.name != LONGEST)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Makes folders that all workers share."""
    own = tmp_path_factory.getbasetemp()
    return Once(own if worker_id == "master" else own.parent)


@pytest.fixture(scope="session")
def built_site(once: Once) -> Path:
    """The site rendered from the committed captures, as ``make build`` makes it."""

    def build(_: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "course.pipeline.cli", "build"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    once("built site", build)
    return ROOT / "site"


@pytest.fixture(scope="session")
def models() -> None:
    """The weights of all models, fetched before anything runs whose output is looked at: a first fetch tells of itself."""
    for name in weights.SOURCES:
        weights.resolve(name)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of an installed browser; ``make browser`` provides one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path
