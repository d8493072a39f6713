"""Copies of this repository with lessons of the tests in place of the real ones, built once and given to tests as copies."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from course.pipeline.results.bundle import Bundle, load_all
from course.pipeline.site.build import Site

from .sandbox import Done, execute
from .synthetic import LESSONS, copy_sources, write_lesson

SOURCE = f"{LESSONS}/1_foundations/01_tiny.py"
CHANGES = "# Changes\n\n## 2026-02-03: A new lesson\n\nIt is new.\n"


@dataclass(frozen=True)
class Course:
    """A copy with three lessons of which nothing has to run."""

    root: Path

    def lesson(self, n: int) -> Path:
        (path,) = (self.root / LESSONS).glob(f"*/{n:02}_synthetic.py")
        return path

    def bundles(self) -> list[Bundle]:
        found = load_all(self.root / LESSONS, self.root / "build/captures", "laptop", self.root)
        problems = [problem for bundle in found for problem in bundle.problems()]
        assert problems == []
        return found

    def render(self, address: str = "") -> None:
        """Render the site; ``address`` is where it will be served, if that is known."""
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("SITE_URL", raising=False)
            if address:
                patch.setenv("SITE_URL", address)
            Site(self.root, self.bundles()).render()

    def site(self) -> dict[str, bytes]:
        return contents(self.root / "site")

    def kept(self) -> dict[str, int]:
        """Every page and download with the inode of its file: the same as before if it was kept."""
        top = self.root / "site" / "lessons"
        return {path.relative_to(top).as_posix(): path.stat().st_ino for path in top.rglob("*") if path.is_file()}


def make_course(folder: Path) -> None:
    made = Course(folder)
    copy_sources(folder)
    for n in (1, 2, 3):
        write_lesson(folder, n)
    (folder / "docs/changes.md").write_text(CHANGES, encoding="utf-8")
    made.render()


@dataclass(frozen=True)
class Repository:
    """A copy with one lesson that runs, and the real command line in it."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.root / "src")}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "course.pipeline.cli", *arguments]

    def course(self, *arguments: str) -> Done:
        return execute(self.command(*arguments), self.environment, self.root)

    def files(self, folder: str) -> dict[str, tuple[int, bytes]]:
        """Every file below ``folder`` with its time of change and its content."""
        paths = sorted(path for path in (self.root / folder).rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}

    @property
    def page(self) -> str:
        return (self.root / "site" / "lessons" / "01_tiny" / "index.html").read_text(encoding="utf-8")


def make_repository(folder: Path) -> None:
    made = Repository(folder)
    copy_sources(folder)
    done = made.course("new", "1", "tiny", "--module", "1")
    assert (done.code, done.err) == (0, "")
    done = made.course("build")
    assert (done.code, done.err) == (0, "")
    assert "Running 01_tiny" in done.out


def copy_unrendered(root: Path, target: Path) -> Path:
    """A copy without what rendering made, which is given back."""

    def made(folder: str, names: list[str]) -> set[str]:
        return {"site"} if Path(folder) == root else {"cache", "tree"} if Path(folder) == root / "build" else set()

    return Path(shutil.copytree(root, target, ignore=made))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``, by its path there."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
