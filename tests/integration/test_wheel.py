"""The learner's wheel alone: its command says what it needs, and a download finds the library whatever lies beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from course.pipeline.page import wheel
from course.pipeline.page.downloads import INSTALL

from .sandbox import ROOT

LESSON = (
    INSTALL.format(wheel=wheel.NAME, site="") + "\n\nfrom course import cards, record\nprint(record.value('a', 5))\n"
)
COMMANDS = [
    [], ["--help"], ["build"], ["build", "--all", "--lessons", "nowhere"], ["list", "--json"], ["check"], ["run", "7"],
    ["why", "7"], ["new", "7", "x", "--module", "4"], ["shard", "2"], ["merge", "a"], ["nonsense"],
    ["--nonsense"], ["--lessons"],
]  # fmt: skip


@pytest.fixture(scope="session")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wheel") / wheel.NAME
    path.write_bytes(wheel.build(ROOT))
    return path


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, wheel_file: Path) -> Path:
    """A fresh environment with the wheel and nothing else, not even what the wheel depends on."""
    folder = tmp_path_factory.mktemp("learner") / "env"
    venv.create(folder)
    made = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(made), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel_file)], check=True)
    return made


def run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, env=environment | more, capture_output=True, text=True)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_command_says_what_it_needs(python: Path, tmp_path: Path, arguments: list[str]) -> None:
    for command in ([str(python.with_name("course"))], [str(python), "-m", "course.pipeline.entry"]):
        done = run([*command, *arguments], tmp_path)
        assert done.returncode == (0 if arguments in ([], ["--help"]) else 1)
        assert "Traceback" not in done.stderr
        assert "open a lesson's notebook, or run its script" in done.stderr
        assert f'pip install "{wheel.NAME}[build,site]"' in done.stderr
        assert list(tmp_path.iterdir()) == []


def test_the_extras_that_it_names_exist(wheel_file: Path) -> None:
    with ZipFile(wheel_file) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        described = Parser().parsestr(packed.read(name).decode())
    assert {"build", "site"} <= set(described.get_all("Provides-Extra") or [])


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    (tmp_path / "lesson.py").write_text(LESSON, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("files", [[], ["course/"], ["course/lesson.ipynb"], ["course/numbers.py"]], ids=str)
def test_a_folder_of_the_library_s_name_does_not_hide_it(python: Path, beside: Path, files: list[str]) -> None:
    for name in files:
        (beside / name).parent.mkdir(exist_ok=True)
        (beside / name).mkdir() if name.endswith("/") else (beside / name).touch()
    done = run([str(python), "lesson.py"], beside)
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr


@pytest.mark.parametrize("name", ["course.py", "course/__init__.py"])
def test_a_module_of_the_library_s_name_is_told(python: Path, beside: Path, name: str) -> None:
    (beside / name).parent.mkdir(exist_ok=True)
    (beside / name).write_text("raise RuntimeError('must not be run')")
    done = run([str(python), "lesson.py"], beside)
    assert done.returncode == 1
    assert done.stderr == f"{beside / name} has the name of the course's library. Rename it, and run again.\n"


def test_without_the_library_a_folder_of_its_name_is_not_taken_for_it(beside: Path, wheel_file: Path) -> None:
    env = beside / "env"
    venv.create(env, with_pip=True)
    (beside / "course").mkdir()
    command = [str(env / "bin" / "python"), "lesson.py"]
    done = run(command, beside)
    assert (done.returncode, done.stderr.startswith(f"Download {wheel.NAME} from the lesson's page")) == (1, True)
    (beside / wheel.NAME).write_bytes(wheel_file.read_bytes())
    done = run(command, beside, PIP_NO_DEPS="1", PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr
