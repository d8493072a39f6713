"""A build that is given again when nothing changed is answered at once, and never when something did."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from course.pipeline import entry
from course.pipeline.base import status
from course.pipeline.results.bundle import load_all
from course.pipeline.site.build import TICK, Look, Site, inputs

from .courses import Course
from .synthetic import LESSONS, write_capture, write_lesson

COMMAND = ["build", "--profile", "laptop"]
MESSAGE = "Nothing to do: 3 lessons and the site are current."
FOLDERS = [LESSONS, "build/captures", *inputs(Path(), None)]
LESSON = f"{LESSONS}/2_part/01_synthetic.py"


@pytest.fixture
def root(course: Course, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(course.root)
    monkeypatch.setattr(sys, "argv", ["course", *COMMAND])
    remember()
    return course.root


def remember() -> None:
    time.sleep(TICK)
    look = Look(Path(), FOLDERS)
    assert Site(Path(), load_all()).is_current()
    look.remember(MESSAGE)


def add(path: str) -> None:
    with Path(path).open("a", encoding="utf-8") as stream:
        stream.write("\n")


def rewrite(path: str) -> None:
    """Change one byte; size and time of change stay."""
    status = os.stat(path)
    data = bytearray(Path(path).read_bytes())
    data[-2] ^= 1
    Path(path).write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[], object]] = {
    "source": lambda: add(LESSON),
    "source of the same size and time": lambda: rewrite(LESSON),
    "quiz": lambda: add(LESSON.replace(".py", ".quiz.yml")),
    "capture": lambda: write_capture(Path(), Path(LESSON), 7),
    "new lesson": lambda: write_lesson(Path(), 4),
    "removed lesson": lambda: Path(LESSON).unlink(),
    "page": lambda: add("docs/index.md"),
    "styles": lambda: add("docs/assets/site.css"),
    "theme": lambda: add("docs/overrides/main.html"),
    "configuration": lambda: add("mkdocs.yml"),
    "lock": lambda: add("requirements/lock.txt"),
    "what the wheel describes": lambda: add("README.md"),
    "deleted page of the site": lambda: Path("site/claims/index.html").unlink(),
    "damaged download": lambda: add("site/lessons/01_synthetic/rows.csv"),
    "foreign file in the site": lambda: Path("site/foreign.txt").touch(),
    "no site": lambda: shutil.rmtree("site"),
}


def test_nothing_changed(root: Path) -> None:
    assert entry.unchanged(COMMAND) == MESSAGE


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_change_is_seen(root: Path, change: Callable[[], object]) -> None:
    change()
    assert entry.unchanged(COMMAND) is None
    bundles = load_all()
    assert not (all(bundle.is_current for bundle in bundles) and Site(Path(), bundles).is_current())


@pytest.mark.parametrize("name", status.VARIABLES)
def test_variables_of_the_environment_count(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    assert entry.unchanged(COMMAND) is None
    assert not Site(Path(), load_all()).is_current()


def test_another_command_is_another_question(root: Path) -> None:
    assert entry.unchanged(["build"]) is None
    assert entry.unchanged([*COMMAND, "--all"]) is None


def test_a_touch_is_no_change(root: Path) -> None:
    Path(LESSON).touch()
    assert entry.unchanged(COMMAND) is None  # not without a look at the content
    remember()
    assert entry.unchanged(COMMAND) == MESSAGE


@pytest.mark.parametrize("path", ["docs/index.md", LESSON])
def test_a_change_after_the_look_is_not_remembered_as_rendered(root: Path, path: str) -> None:
    time.sleep(TICK)
    look = Look(Path(), FOLDERS)
    rewrite(path)
    Path(status.DONE).unlink()
    look.remember(MESSAGE)
    assert not Path(status.DONE).exists()


def test_a_change_in_the_tick_of_the_look_is_not_remembered_as_rendered(root: Path) -> None:
    Path(status.DONE).unlink()
    look = Look(Path(), FOLDERS)
    look.now = Path(LESSON).stat().st_ctime_ns  # a change that followed could have the same time
    look.remember(MESSAGE)
    assert not Path(status.DONE).exists()


@pytest.mark.parametrize("content", ["", "garbage", "a\nb\nc"])
def test_an_unreadable_note_is_none(root: Path, content: str) -> None:
    Path(status.DONE).write_text(content)
    assert entry.unchanged(COMMAND) is None


def test_nothing_heavy_is_imported(root: Path) -> None:
    script = (
        "import sys; before = set(sys.modules); from course.pipeline import entry; print(entry.unchanged(sys.argv[1:]));"
        "print(*sorted(name for name in set(sys.modules) - before if not name.startswith('course')))"
    )
    done = subprocess.run([sys.executable, "-c", script, *COMMAND], capture_output=True, text=True, check=True)
    message, *modules = done.stdout.splitlines()
    assert (message, modules) == (MESSAGE, [""])
