"""Imports go in the one direction that ARCHITECTURE.md draws: the contracts are in pyproject.toml."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# module, an import it must not have, the contract that says so
PLANTED = [
    ("base/errors.py", "from course.pipeline.text import bind", "packages import in one direction"),
    ("text/bind.py", "from course.pipeline.lesson import model", "packages import in one direction"),
    ("lesson/model.py", "from course.pipeline.results import capture", "packages import in one direction"),
    ("results/capture.py", "from course.pipeline.page import write_page", "packages import in one direction"),
    ("results/quiz.py", "from course.pipeline.widgets import view", "packages import in one direction"),
    ("widgets/view.py", "from course.pipeline.results import capture", "packages import in one direction"),
    ("run/runner.py", "from course.pipeline.page import write_page", "packages import in one direction"),
    (
        "page/write_page.py",
        "def late():\n    from course.pipeline.run import runner",
        "packages import in one direction",
    ),
    ("site/build.py", "from course.pipeline import cli", "packages import in one direction"),
    ("cli.py", "from course.pipeline import entry", "packages import in one direction"),
    ("elsewhere.py", "", "packages import in one direction"),
    ("base/files.py", "from course.pipeline.base import lock", "no modules import each other in a circle"),
    ("site/build.py", "from course.pipeline.run import limits", "the site is rendered without running anything"),
    ("widgets/view.py", "from course.pipeline.lesson import model", "interactive pieces know no lesson"),
    ("run/runner.py", "from course.pipeline.widgets import view", "a run knows no interactive piece"),
    ("../record.py", "from course.pipeline.base import files", "what lessons import knows nothing of the build step"),
    ("entry.py", "from course.pipeline.base import errors", "a command with nothing to do imports base.status alone"),
    (
        "base/status.py",
        "from course.pipeline.base import errors",
        "a command with nothing to do imports base.status alone",
    ),
]


def broken(sources: Path, root: Path) -> list[str]:
    """The contracts that the package ``course`` in the folder ``sources`` breaks."""
    linter = Path(sys.executable).with_name("lint-imports")
    command = [str(linter), "--no-cache", str(root / "pyproject.toml")]
    done = subprocess.run(command, cwd=sources, capture_output=True, text=True)
    found = re.findall(r"^(.+?) BROKEN", done.stdout, re.M)
    assert done.returncode == bool(found), done.stdout + done.stderr
    return found


def test_packages_keep_to_their_direction(root: Path) -> None:
    assert broken(root / "src", root) == []


@pytest.mark.parametrize(("module", "line", "contract"), PLANTED, ids=[f"{p[0]}: {p[1][-40:]}" for p in PLANTED])
def test_an_import_against_it_is_told(root: Path, tmp_path: Path, module: str, line: str, contract: str) -> None:
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("lessons", "__pycache__"))
    with (tmp_path / "src" / "course" / "pipeline" / module).open("a", encoding="utf-8") as stream:
        stream.write(f"\n{line}\n")
    assert contract in broken(tmp_path / "src", root)
