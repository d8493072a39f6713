"""Every lesson on real weights in the smoke profile: built here, and as a learner runs what the page offers.

The two runs share nothing: forked kernels of this checkout, and a fresh environment that knows only the locked libraries
and the course's wheel. So that they record the same is what says that a lesson is determined by its code and its seed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from once import Once

from course.pipeline.base import paths
from course.pipeline.base.paths import LESSONS
from course.pipeline.lesson.course_format import find
from course.pipeline.page import wheel
from course.pipeline.results import capture
from course.pipeline.results.bundle import Bundle, load_all
from course.pipeline.results.capture import Capture, Value
from course.pipeline.run import collect

from .courses import contents, copy_unrendered
from .runs import texts
from .sandbox import ROOT
from .synthetic import sources

SLUGS = [path.stem for path in find(ROOT / LESSONS)]
# The fixtures install an environment and run every lesson, on a machine with other work.
pytestmark = pytest.mark.timeout(3600)


def build(root: Path) -> str:
    """What a build with the profile smoke, as of one moment, says in the copy of the repository at ``root``."""
    command = [sys.executable, "-m", "course.pipeline.cli", "build", "--profile", "smoke"]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "SOURCE_DATE_EPOCH": "1800000000"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="session")
def smoke(once: Once, models: None) -> Path:
    """A copy of the repository in which every lesson ran with the profile smoke."""

    def make(root: Path) -> None:
        for name in sources():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        build(root)

    return once("smoke", make)


@dataclass(frozen=True)
class Learner:
    """A fresh environment in ``folder``: the locked libraries that a lesson needs, and the course's wheel."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "env" / "bin" / "python")

    @property
    def environment(self) -> dict[str, str]:
        """As many threads as a lesson has in a build of all; no word about a bar that Jupyter could draw better."""
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return {
            **os.environ,
            **threads,
            "JUPYTER_PATH": str(self.folder),
            "PYTHONWARNINGS": "ignore:IProgress not found",
        }

    def install(self) -> None:
        venv.create(self.folder / "env", with_pip=True)
        (self.folder / wheel.NAME).write_bytes(wheel.build(ROOT))
        pip = [
            self.python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-compile",
        ]
        locked, lock = [*pip, "--require-hashes", "-r"], ROOT / "requirements"
        subprocess.run([*locked, str(lock / "torch-cpu.txt")], capture_output=True)  # where the index has one
        self.run([*locked, str(lock / "learner.txt")])
        if subprocess.run([self.python, "-c", "import torch"], check=False, capture_output=True).returncode:
            self.run([*locked, str(lock / "torch-cuda.txt")])
        self.run(
            [*pip, str(self.folder / wheel.NAME)]
        )  # its own requirements are met exactly by what the lock installed
        argv = [self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel = self.folder / "kernels" / "fresh"
        kernel.mkdir(parents=True)
        (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "fresh", "language": "python"}))

    def run(self, command: Sequence[str], folder: Path | None = None) -> str:
        """What a command prints in its folder; fails if the command does, or warns."""
        done = subprocess.run(command, cwd=folder or self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "Warning" not in done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def learner(once: Once, models: None) -> Learner:
    return Learner(once("learner", lambda folder: Learner(folder).install()))


@pytest.fixture(scope="session")
def bundles(smoke: Path) -> dict[str, Bundle]:
    """The lessons with what the build in the profile smoke recorded."""
    found = load_all(smoke / LESSONS, smoke / paths.ROOT, "smoke")
    return {bundle.lesson.slug: bundle for bundle in found}


def offered(smoke: Path, name: str) -> str:
    """A file that the page of a lesson offers."""
    return (smoke / "site" / "lessons" / Path(name).stem / name).read_text(encoding="utf-8")


def recorded(path: Path, bundle: Bundle) -> Capture:
    """What the executed notebook at ``path`` recorded and printed, as a capture of the lesson."""
    wanted = [cell.source for cell in bundle.lesson.code_cells]
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    own = [cell for cell in cells if cell.source in wanted]
    assert [cell.source for cell in own] == wanted
    return collect.from_notebook(bundle.lesson, own, bundle.captured.provenance)


def steady(items: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What was recorded under each key; of what may differ between two runs, items of kind band, the keys alone."""
    return {
        key: {} if data["kind"] == "band" else {name: value for name, value in data.items() if name != "cell"}
        for key, data in items.items()
    }


def items_of(made: Capture) -> dict[str, dict[str, Any]]:
    """The items of a capture as data, as :mod:`course.record` gave them and with the cell that did."""
    found: dict[str, dict[str, Any]] = json.loads(capture.dumps(made))["items"]
    return found


# Runs each script in a process of its own, two at a time, and writes down what it prints and the values
# that it prints by name. What they import is imported once, which would take longer than most of what they do.
RECORDING = """\
import builtins, json, os, runpy, sys, traceback
from collections.abc import Mapping
import matplotlib.pyplot, peft, trl
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, Trainer
from course import record

def run(script):
    for end, stream in ((".out", 1), (".err", 2)):
        os.dup2(os.open(script + end, os.O_WRONLY | os.O_CREAT), stream)
    shown, show = {}, print

    def noted(*given, **options):
        if len(given) == 2 and isinstance(given[0], str) and record.KEY.fullmatch(given[0]):
            name, value = given
            found = {f"{name}.{part}": v for part, v in value.items()} if isinstance(value, Mapping) else {name: value}
            shown.update({key: record._plain(v, key) for key, v in found.items()})
        show(*given, **options)

    builtins.print, sys.argv = noted, [script, "--profile", "smoke"]
    runpy.run_path(script, run_name="__main__")
    with open(script + ".json", "w") as stream:
        json.dump(shown, stream)

for place, script in enumerate(sys.argv[1:]):
    if place > 1:
        os.wait()
    if not os.fork():
        try:
            run(script)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
"""


@pytest.fixture(scope="session")
def scripts(once: Once, smoke: Path, learner: Learner) -> Path:
    """A folder in which the script of each lesson ran, with the profile smoke."""

    def make(folder: Path) -> None:
        for slug in SLUGS:
            (folder / f"{slug}.py").write_text(offered(smoke, f"{slug}.py"), encoding="utf-8")
        learner.run([learner.python, "-c", RECORDING, *(f"{slug}.py" for slug in SLUGS)], folder)

    return once("scripts", make)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_script_runs_alone_and_prints_what_the_build_recorded(
    slug: str, bundles: dict[str, Bundle], scripts: Path
) -> None:
    out, errors = ((scripts / f"{slug}.py{end}").read_text(encoding="utf-8") for end in (".out", ".err"))
    assert "Traceback" not in errors, errors[-3000:]
    assert "Warning" not in errors
    named, told = json.loads((scripts / f"{slug}.py.json").read_text()), collect.normalise(out)
    found = bundles[slug].captured
    steadily = [item for item in found.items.values() if item.kind != "band"]
    values = {item.key: item.value for item in steadily if isinstance(item, Value)}
    both = named.keys() & values.keys()
    assert len(both) > len(values) / 2  # the others have a name in the script
    assert {key: named[key] for key in both} == {key: values[key] for key in both}
    lines = [set(text.split("\n")) <= set(told.split("\n")) for text in texts(found)]
    assert sum(lines) > len(lines) / 2 > 1  # all but what tells times


@pytest.mark.parametrize(
    "slug", [pytest.param(slug, marks=[] if slug == SLUGS[1] else pytest.mark.soak) for slug in SLUGS]
)
def test_the_notebook_runs_alone_and_gives_the_capture_of_the_build(
    slug: str, smoke: Path, bundles: dict[str, Bundle], learner: Learner
) -> None:
    """It has the script's cells, as tests/test_lessons.py shows of each; so one tells of the others what Jupyter needs."""
    bundle = bundles[slug]
    notebook, done = (learner.folder / f"{slug}{end}" for end in (".ipynb", ".done.ipynb"))
    notebook.write_text(offered(smoke, notebook.name), encoding="utf-8")
    options = ["-k", "fresh", "-p", "profile", "smoke", "--no-progress-bar"]
    learner.run([sys.executable, "-m", "papermill", notebook.name, done.name, *options])
    made, found = recorded(done, bundle), bundle.captured
    assert made.outputs == found.outputs
    assert steady(items_of(made)) == steady(items_of(found))


def test_the_smoke_profile_records_all_that_a_page_names(bundles: dict[str, Bundle]) -> None:
    """Keys that are made in loops over more runs than smoke makes are named nowhere."""
    for bundle in load_all(ROOT / LESSONS, ROOT / paths.ROOT):
        text = bundle.lesson.path.read_text(encoding="utf-8")
        named = {key for key in bundle.captured.items if re.search(rf"[\"{{ ]{re.escape(key)}[\" |]", text)}
        assert named
        assert named <= bundles[bundle.lesson.slug].captured.items.keys()


def test_pages_made_while_lessons_run_are_those_made_from_nothing(smoke: Path, tmp_path: Path) -> None:
    """The same captures give the same site to the byte, in another folder and without a cache."""
    again = copy_unrendered(smoke, tmp_path / "again")
    assert "Running" not in build(again)
    made = contents(again / "site")
    assert made
    assert made == contents(smoke / "site")
