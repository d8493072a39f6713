from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from once import Once

from course.pipeline.base import cache

from .courses import Course, Repository, make_course, make_repository
from .sandbox import Sandbox, lesson

RunOnSmallDisk = Callable[[Path, str, str, dict[str, str]], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    # The kernel's sockets lie in the temporary folder and their paths may have at most 107 bytes: pytest's are long.
    with tempfile.TemporaryDirectory(prefix="t") as temporary:
        yield Sandbox(tmp_path, Path(temporary))


@pytest.fixture(scope="session")
def good_capture(once: Once) -> str:
    """The capture of a good run."""

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="t") as temporary:
            made = Sandbox(folder, Path(temporary))
            made.write(lesson("from course import record\n\nrecord.value('answer', 42)"))
            done = made.run()
            assert done.code == 0, done.err

    return Sandbox(once("good", make), Path()).capture.read_text()


@pytest.fixture
def captured(sandbox: Sandbox, good_capture: str) -> Sandbox:
    """A sandbox that has a capture already."""
    sandbox.capture.parent.mkdir(parents=True)
    sandbox.capture.write_text(good_capture)
    return sandbox


@pytest.fixture(scope="session")
def rendered(once: Once) -> Course:
    """A course of three lessons with its site, which has no address. Tests leave it as it is."""
    return Course(once("rendered", make_course))


@pytest.fixture
def course(rendered: Course, tmp_path: Path) -> Iterator[Course]:
    """A copy of it."""
    yield from copied(rendered, tmp_path)


def copied(course: Course, folder: Path) -> Iterator[Course]:
    """A copy, and at the end none of its files is open."""
    shutil.copytree(course.root, folder / "course", symlinks=True)
    yield Course(folder / "course")
    cache.opened.cache_clear()


@pytest.fixture(scope="session")
def built(once: Once) -> Repository:
    """A repository with one lesson, which ran, and its site. Tests leave it as it is."""
    return Repository(once("built", make_repository))


@pytest.fixture
def repository(built: Repository, tmp_path: Path) -> Iterator[Repository]:
    """A copy of it, with times of change, so that a build that should do nothing can be caught doing something."""
    shutil.copytree(built.root, tmp_path / "repository", symlinks=True)
    yield Repository(tmp_path / "repository")
    shutil.rmtree(tmp_path / "repository")


@pytest.fixture(scope="session")
def on_small_disk() -> RunOnSmallDisk:
    """``run(folder, size, script, env)`` runs a shell script while a disk of ``size`` is mounted at ``folder``."""
    with tempfile.TemporaryDirectory() as folder:
        trials = ([], ["unshare", "-m"]) if os.geteuid() == 0 else ([],)
        for prefix in (["unshare", "-rm"], *reversed(trials)):
            mount = f"mount -t tmpfs -o size=64k tmpfs {folder} && df -P {folder} | grep -q tmpfs"
            clean = "" if prefix else f" && umount {folder}"
            try:
                tried = subprocess.run([*prefix, "sh", "-c", mount + clean], capture_output=True)
            except FileNotFoundError:
                continue
            if tried.returncode == 0:
                break
        else:
            pytest.skip("a small file system can be mounted neither in a user namespace nor as root here")

    def run(folder: Path, size: str, script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        clean = "" if prefix else 'trap "umount -l $DISK" EXIT\n'
        text = f'set -eu\nmount -t tmpfs -o size={size} tmpfs "$DISK"\n{clean}{script}'
        return subprocess.run(
            [*prefix, "sh", "-c", text], env={**env, "DISK": str(folder)}, capture_output=True, text=True, timeout=300
        )

    return run
