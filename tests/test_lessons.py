"""Every lesson, for real: real papermill, real weights, smoke profile; and the files a learner downloads, each run alone."""

from __future__ import annotations

import json
import re
import subprocess
import venv
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager as KernelManager
from nbclient import NotebookClient

from course.pipeline import capture, downloads, wheel
from course.pipeline.execute import execute
from course.pipeline.lesson import find, read
from course.pipeline.store import LESSONS, Bundle, load

ROOT = Path(__file__).parents[1]
SOURCES = find(ROOT / LESSONS)
SECTIONS = (
    "Warm-up", "Break it", "At 7B and 70B", "Exercises", "Knowledge check", "Checklist", "Interview questions",
    "Pitfalls", "Further reading", "For your readiness packet",
)  # fmt: skip


@pytest.fixture(scope="session")
def bundles() -> dict[str, Bundle]:
    return {bundle.lesson.slug: bundle for bundle in load(ROOT / LESSONS, ROOT / capture.ROOT)}


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


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_runs_in_the_smoke_profile_and_records_what_the_page_needs(source: Path, bundles: dict[str, Bundle]) -> None:
    found = execute(read(source), "smoke")
    committed = bundles[source.stem].captured
    needed = set(committed.items)
    missing = {key for key in needed - found.items.keys() if _is_used(key, source)}
    assert not missing, f"the smoke profile does not record {sorted(missing)}"


def _is_used(key: str, source: Path) -> bool:
    """Whether the page names this key; keys made in loops over more runs than smoke makes need not exist."""
    return re.search(rf"\b{re.escape(key)}\b", source.read_text(encoding="utf-8")) is not None


class Learner:
    """A fresh environment: the locked libraries that a lesson needs, and the course's wheel. Nothing of the repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "env", with_pip=True)
        self.python = folder / "env" / "bin" / "python"
        (folder / wheel.NAME).write_bytes(wheel.build(ROOT))
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        lock = ROOT / "requirements"
        self.run([*pip, "--no-compile", "--require-hashes", "-r", str(lock / "learner.txt")])
        if subprocess.run([str(self.python), "-c", "import torch"], check=False, capture_output=True).returncode:
            self.run([*pip, "--no-compile", "--require-hashes", "-r", str(lock / "torch-cuda.txt")])
        # The wheel's own requirements are met exactly by what the lock installed.
        self.run([*pip[:-1], str(folder / wheel.NAME)])

    def run_notebook(self, path: Path) -> None:
        """Execute a notebook with a kernel of this environment."""
        spec = {
            "argv": [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "fresh",
        }
        kernel = self.folder / "kernels" / "fresh"
        kernel.mkdir(parents=True, exist_ok=True)
        (kernel / "kernel.json").write_text(json.dumps({**spec, "language": "python"}))
        manager = KernelManager(kernel_name="fresh", transport="ipc")
        manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(kernel.parent)], ensure_native_kernel=False)
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, km=manager, timeout=600, resources={"metadata": {"path": str(self.folder)}}).execute()

    def run(self, command: list[str]) -> str:
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="session")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    return Learner(tmp_path_factory.mktemp("learner"))


def as_smoke(code: str) -> str:
    """What a learner in a hurry does: change the profile in the parameters cell."""
    changed, count = re.subn(r'^profile = "laptop"', 'profile = "smoke"', code, flags=re.M)
    assert count == 1
    return changed


def as_smoke_notebook(content: str) -> str:
    document = json.loads(content)
    cell = next(c for c in document["cells"] if "parameters" in c["metadata"].get("tags", []))
    cell["source"] = as_smoke(cell["source"])
    return json.dumps(document)


def code_of(name: str, content: str) -> str:
    """The Python code of a download, in order."""
    if name.endswith(".ipynb"):
        cells = nbformat.reads(content, as_version=4).cells
        return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")
    if name.endswith(".md"):
        return "\n\n".join(re.findall(r"^```python\n(.*?)^```$", content, re.M | re.S))
    return content


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_downloads_hold_the_same_code_and_script_and_notebook_run_alone(
    source: Path, bundles: dict[str, Bundle], learner: Learner
) -> None:
    """The four downloads hold the same cells, so running two of them runs all; there is nothing but the locked libraries
    and the wheel."""
    lessons = {bundle.lesson.number: slug for slug, bundle in bundles.items()}
    files = downloads.files(bundles[source.stem], lessons, wheel.NAME, "")
    codes = {name: code_of(name, content) for name, content in files.items()}
    cells = [cell.source for cell in read(source).cells if cell.is_code]
    for name, code in codes.items():
        place = 0
        for cell in cells:
            assert cell in code[place:], f"{name} lacks a cell"
            place = code.index(cell, place) + len(cell)
    script = learner.folder / f"{source.stem}.py"
    script.write_text(as_smoke(files[script.name]), encoding="utf-8")
    learner.run([str(learner.python), script.name])
    notebook = learner.folder / f"{source.stem}.ipynb"
    notebook.write_text(as_smoke_notebook(files[notebook.name]), encoding="utf-8")
    learner.run_notebook(notebook)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_downloads_have_no_open_bindings(source: Path, bundles: dict[str, Bundle]) -> None:
    lessons = {bundle.lesson.number: slug for slug, bundle in bundles.items()}
    for name, content in downloads.files(bundles[source.stem], lessons, wheel.NAME, "").items():
        text = content
        if name.endswith(".ipynb"):
            text = "\n".join(c["source"] for c in json.loads(content)["cells"] if c["cell_type"] == "markdown")
        assert not re.search(r"\{\{[^{}]*\|[^{}]*\}\}", re.sub(r"```.*?```", "", text, flags=re.S)) or name.endswith(
            ".py"
        )
