"""The check of the site's scripts: it passes, and finds a planted fault of each kind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="module")
def programs(root: Path) -> None:
    """What checks scripts, installed once: copies below link to it."""
    install = "import sys; sys.path.insert(0, 'build'); import javascript; sys.exit(javascript.install())"
    subprocess.run([sys.executable, "-c", install], cwd=root, check=True)


def check(root: Path) -> tuple[int, str]:
    command = [sys.executable, "build/javascript.py"]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def test_the_scripts_are_sound(root: Path) -> None:
    code, output = check(root)
    assert code == 0, output


@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        ("assets/learn/store.js", "export const late = store.raed('x');", "Property 'raed' does not exist"),
        (
            "assets/learn/numbers.js",
            "export function twice(value) { return 2 * value; }",
            "implicitly has an 'any' type",
        ),
        ("sw.js", "document.title = KEPT;", "Cannot find name 'document'"),
        ("assets/portable.js", "debugger;", "noDebugger"),
    ],
)
def test_a_fault_is_found(root: Path, tmp_path: Path, file: str, line: str, told: str) -> None:
    ignored = shutil.ignore_patterns("node_modules", "captures", "cache", "bench", "site*")
    shutil.copytree(root / "build", tmp_path / "build", ignore=ignored)
    (tmp_path / "build/npm/node_modules").symlink_to(root / "build/npm/node_modules")
    shutil.copytree(root / "docs", tmp_path / "docs")
    with (tmp_path / "docs" / file).open("a", encoding="utf-8") as script:
        script.write(f"{line}\n")
    code, output = check(tmp_path)
    assert code != 0
    assert told in output
    assert file.rpartition("/")[2] in output
