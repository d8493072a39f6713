"""Every lesson, for real: real papermill, real weights, smoke profile; and the files a learner downloads, each run alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from course.pipeline.base import paths
from course.pipeline.base.paths import LESSONS
from course.pipeline.lesson.course_format import find
from course.pipeline.lesson.read import read
from course.pipeline.page import downloads, wheel
from course.pipeline.results import capture
from course.pipeline.results.bundle import Bundle, load_all
from course.pipeline.results.capture import Capture
from course.record import MIME

ROOT = Path(__file__).parents[1]
SOURCES = find(ROOT / LESSONS)
SECTIONS = (
    "Warm-up", "Break it", "At 7B and 70B", "Exercises", "Knowledge check", "Checklist", "Interview questions",
    "Pitfalls", "Further reading", "For your readiness packet",
)  # fmt: skip


@pytest.fixture(scope="session")
def bundles() -> dict[str, Bundle]:
    return {bundle.lesson.slug: bundle for bundle in load_all(ROOT / LESSONS, ROOT / paths.ROOT)}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_captures_are_current_and_every_number_is_bound(source: Path, bundles: dict[str, Bundle]) -> None:
    bundle = bundles[source.stem]
    assert bundle.is_current, "the committed capture was made from other inputs: run `course build`"
    assert bundle.problems() == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_has_every_section_in_order(source: Path) -> None:
    prose = "\n".join(cell.source for cell in read(source).cells if not cell.is_code)
    found = re.findall(r"^## (.+)$", prose, re.M)
    assert [name for name in found if name in SECTIONS] == list(SECTIONS)


def build(root: Path) -> None:
    """Build everything with the profile smoke, as of one moment, in the copy of the repository at ``root``."""
    command = [sys.executable, "-m", "course.pipeline.cli", "build", "--profile", "smoke"]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "SOURCE_DATE_EPOCH": "1800000000"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def steady(made: Capture, like: Capture) -> Capture:
    """``made`` with what may differ between two runs (values of kind band, the run's own costs) as in ``like``."""
    items = {k: like.items[k] if item.data.get("kind") == "band" else item for k, item in made.items.items()}
    run, other = made.provenance, like.provenance
    costs = replace(run, seconds=other.seconds, peak_mib=other.peak_mib, date=other.date)
    return replace(made, items=items, provenance=costs)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_builds_differ_in_band_values_only(tmp_path: Path) -> None:
    """Two builds of all lessons on real weights, each from nothing: the same captures, and the same site to the byte."""
    first, second = tmp_path / "first", tmp_path / "second"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for root in (first, second):
        for name in (name for name in names if (ROOT / name).is_file() and not name.startswith("tests/")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        build(root)
    for source in SOURCES:
        paths = [capture.path_of(root / paths.ROOT, source.stem, "smoke") for root in (first, second)]
        made, again = (capture.load(path) for path in paths)
        assert made is not None
        assert again is not None
        again = steady(again, made)
        assert capture.dumps(again) == capture.dumps(made), source.stem
        capture.save(again, paths[1])
    build(second)
    assert contents(first / "site") == contents(second / "site")


class Learner:
    """A fresh environment: the locked libraries that a lesson needs, and the course's wheel. Nothing of the repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "env", with_pip=True)
        self.python = folder / "env" / "bin" / "python"
        (folder / wheel.NAME).write_bytes(wheel.build(ROOT))
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        lock = ROOT / "requirements"
        # As the Makefile does: a CPU build of torch where the index has one.
        subprocess.run(
            [*pip, "--no-compile", "--require-hashes", "-r", str(lock / "torch-cpu.txt")], capture_output=True
        )
        self.run([*pip, "--no-compile", "--require-hashes", "-r", str(lock / "learner.txt")])
        if subprocess.run([str(self.python), "-c", "import torch"], check=False, capture_output=True).returncode:
            self.run([*pip, "--no-compile", "--require-hashes", "-r", str(lock / "torch-cuda.txt")])
        # The wheel's own requirements are met exactly by what the lock installed.
        self.run([*pip[:-1], str(folder / wheel.NAME)])

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, cwd=self.folder, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    @property
    def env(self) -> dict[str, str]:
        """One thread a process: two run side by side."""
        return {**os.environ, "OMP_NUM_THREADS": "1", "JUPYTER_PATH": str(self.folder)}

    def add_kernel(self) -> None:
        """Announce this environment's Python as the Jupyter kernel "fresh"."""
        argv = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel = self.folder / "kernels" / "fresh"
        kernel.mkdir(parents=True)
        (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "fresh", "language": "python"}))

    def run(self, command: list[str]) -> str:
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="session")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    made = Learner(tmp_path_factory.mktemp("learner"))
    made.add_kernel()
    return made


def as_smoke(code: str) -> str:
    """What a learner in a hurry does: change the profile in the parameters cell."""
    changed, count = re.subn(r'^profile = "laptop"', 'profile = "smoke"', code, flags=re.M)
    assert count == 1
    return changed


def code_of(name: str, content: str) -> str:
    """The Python code of a download, in order."""
    if name.endswith(".ipynb"):
        cells = nbformat.reads(content, as_version=4).cells
        return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")
    if name.endswith(".md"):
        return "\n\n".join(re.findall(r"^```python\n(.*?)^```$", content, re.M | re.S))
    return content


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_download_holds_the_same_cells(source: Path, bundles: dict[str, Bundle]) -> None:
    """So running one of the notebooks and the script, as the next test does, runs them all."""
    cells = [cell.source for cell in read(source).cells if cell.is_code]
    for name, content in downloads_of(source, bundles).items():
        code, place = code_of(name, content), 0
        for cell in cells:
            assert cell in code[place:], f"{name} lacks a cell"
            place = code.index(cell, place) + len(cell)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebook_and_script_run_alone(source: Path, bundles: dict[str, Bundle], learner: Learner) -> None:
    """Real weights, real papermill, smoke profile, where only the locked libraries and the course's wheel are."""
    files = downloads_of(source, bundles)
    script, notebook = learner.folder / f"{source.stem}.py", learner.folder / f"{source.stem}.ipynb"
    script.write_text(as_smoke(files[script.name]), encoding="utf-8")
    notebook.write_text(files[notebook.name], encoding="utf-8")
    running = learner.start([str(learner.python), script.name])
    done = learner.folder / f"{source.stem}.done.ipynb"
    papermill = [sys.executable, "-m", "papermill", notebook.name, done.name, "-k", "fresh", "-p", "profile", "smoke"]
    executed = subprocess.run(papermill, cwd=learner.folder, env=learner.env, capture_output=True, text=True)
    _, errors = running.communicate()
    assert running.returncode == 0, errors[-3000:]
    assert executed.returncode == 0, executed.stderr[-3000:]

    recorded = {
        output["data"][MIME]["key"]
        for cell in nbformat.read(done, as_version=4).cells
        for output in cell.get("outputs", [])
        if MIME in output.get("data", {})
    }
    needed = {key for key in bundles[source.stem].captured.items if _is_named(key, source)}
    assert needed <= recorded, "the smoke profile does not record what the page names"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_script_needs_nothing_that_only_notebooks_have(source: Path, bundles: dict[str, Bundle]) -> None:
    """No magic, no name such as ``display`` that Jupyter brings, also where the smoke profile does not come by."""
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E9,F821", "-"]
    script = downloads_of(source, bundles)[f"{source.stem}.py"]
    done = subprocess.run(ruff, input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def _is_named(key: str, source: Path) -> bool:
    """Whether the source names this key; those made in loops over more runs than smoke makes need not exist."""
    return re.search(rf"[\"{{ ]{re.escape(key)}[\" |]", source.read_text(encoding="utf-8")) is not None


def downloads_of(source: Path, bundles: dict[str, Bundle]) -> dict[str, str]:
    lessons = {bundle.lesson.number: slug for slug, bundle in bundles.items()}
    return downloads.files(bundles[source.stem], lessons, wheel.NAME, "")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_downloads_have_no_open_bindings(source: Path, bundles: dict[str, Bundle]) -> None:
    for name, content in downloads_of(source, bundles).items():
        text = content
        if name.endswith(".ipynb"):
            text = "\n".join(c["source"] for c in json.loads(content)["cells"] if c["cell_type"] == "markdown")
        assert not re.search(r"\{\{[^{}]*\|[^{}]*\}\}", re.sub(r"```.*?```", "", text, flags=re.S)) or name.endswith(
            ".py"
        )
