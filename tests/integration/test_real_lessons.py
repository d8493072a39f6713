"""Every lesson on real weights in the smoke profile: built here, and as a learner runs what the page offers.

The two runs share nothing: forked kernels of this checkout, and a fresh environment that knows only the locked libraries
and the course's wheel. So that they record the same is what says that a lesson is determined by its code and its seed.
"""

from __future__ import annotations

import contextlib
import io
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
from course.pipeline.page import shown_code, wheel
from course.pipeline.results import capture
from course.pipeline.results.bundle import Bundle, load_all
from course.pipeline.results.capture import Capture, Chart, Item, Table, Value
from course.pipeline.run import collect

from .courses import contents, copy_unrendered
from .runs import texts
from .sandbox import ROOT
from .synthetic import sources

SLUGS = [path.stem for path in find(ROOT / LESSONS)]
# The fixtures install an environment and run every lesson, on a machine with other work.
pytestmark = pytest.mark.timeout(1800)


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
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
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
        """What a command prints in ``folder``, or this one; fails if the command does, or warns."""
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


# Runs a script as a command line does, and writes down besides the values that it prints by name, to the last digit.
NAMED = """\
import builtins, json, runpy, sys
from collections.abc import Mapping
from course import record

script, values, *arguments = sys.argv[1:]
named, show = {}, print

def noted(*given, **options):
    if len(given) == 2 and isinstance(given[0], str) and record.KEY.fullmatch(given[0]):
        key, value = given
        found = {f"{key}.{name}": v for name, v in value.items()} if isinstance(value, Mapping) else {key: value}
        named.update({name: record._plain(v, name) for name, v in found.items()})
    show(*given, **options)

builtins.print, sys.argv = noted, [script, *arguments]
runpy.run_path(script, run_name="__main__")
with open(values, "w") as stream:
    json.dump(named, stream)
"""


@pytest.mark.parametrize("slug", SLUGS)
def test_the_script_runs_alone_and_prints_what_the_build_recorded(
    slug: str, smoke: Path, bundles: dict[str, Bundle], learner: Learner, tmp_path: Path
) -> None:
    """All values, tables and figures, though it does not record, and the lines that the lesson printed."""
    (tmp_path / f"{slug}.py").write_text(offered(smoke, f"{slug}.py"), encoding="utf-8")
    command = [learner.python, "-c", NAMED, f"{slug}.py", "values.json", "--profile", "smoke"]
    told, found = learner.run(command, tmp_path), bundles[slug].captured
    steady = [item for item in found.items.values() if item.kind != "band"]
    named, values = json.loads((tmp_path / "values.json").read_text()), found.values
    assert named.keys() >= values.keys()  # a line that the lesson prints itself may look like one of these
    assert {item.key: named[item.key] for item in steady if isinstance(item, Value)} == {
        item.key: item.value for item in steady if isinstance(item, Value)
    }
    for item in steady:
        assert as_printed(item) in told
    printed = [in_order(text, collect.normalise(told)) for text in texts(found)]
    assert sum(printed) > len(printed) / 2 > 1  # all but what tells times


def as_printed(item: Item) -> str:
    """What a script prints of a table or figure; empty for others."""
    scope: dict[str, Any] = {}
    exec("\n".join(shown_code.FUNCTIONS.values()), scope)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if isinstance(item, Table):
            scope["show_table"](item.rows, item.columns)
        elif isinstance(item, Chart):
            figure = item.figure
            scope["show_figure"](figure.series, figure.x_label, figure.y_label)
    return out.getvalue()


def in_order(text: str, told: str) -> bool:
    """Whether the lines of ``text`` stand in ``told`` in their order; a script prints values between them."""
    lines = iter(told.split("\n"))
    return all(line in lines for line in text.split("\n"))


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
