"""Every lesson as it is written: its captures, its sections, and what its downloads hold. Nothing is run."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import markdown
import nbformat
import pytest

from course.pipeline.base import paths
from course.pipeline.base.paths import LESSONS
from course.pipeline.lesson import visible_code
from course.pipeline.lesson.course_format import find
from course.pipeline.lesson.read import read
from course.pipeline.page import downloads, wheel
from course.pipeline.page.document import document
from course.pipeline.page.write_page import page
from course.pipeline.results.bundle import Bundle, load_all
from course.pipeline.site import default_site

ROOT = Path(__file__).parents[1]
SOURCES = find(ROOT / LESSONS)
SECTIONS = (
    "Warm-up", "Break it", "At 7B and 70B", "Exercises", "Knowledge check", "Checklist", "Interview questions",
    "Pitfalls", "Further reading", "For your readiness packet",
)  # fmt: skip


@functools.cache
def bundles() -> dict[str, Bundle]:
    return {bundle.lesson.slug: bundle for bundle in load_all(ROOT / LESSONS, ROOT / paths.ROOT)}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_captures_are_current_and_every_number_is_bound(source: Path) -> None:
    bundle = bundles()[source.stem]
    assert bundle.is_current, "the committed capture was made from other inputs: run `course build`"
    assert bundle.problems() == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_formula_shows_tex(source: Path) -> None:
    made = page(document(bundles()[source.stem]), {n: f"{n:02}" for n in range(1, 20)}, [])
    extensions = [name if isinstance(name, str) else next(iter(name)) for name in default_site.EXTENSIONS]
    shown = markdown.markdown(made.markdown, extensions=extensions)
    formulas = re.findall(r"<math\b.*?</math>", shown, re.S)
    assert len(formulas) > 10
    for formula in formulas:
        text = "".join(ElementTree.fromstring(formula).itertext())
        assert not re.search(r"[\\&${}]|arithmatex", text), formula
    assert not re.search(
        r"arithmatex|\$[^$\n<]*\\[a-z]+", re.sub(r"<(pre|code|script)\b.*?</\1>", "", shown, flags=re.S)
    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_has_every_section_in_order(source: Path) -> None:
    prose = "\n".join(cell.source for cell in read(source).cells if not cell.is_code)
    found = re.findall(r"^## (.+)$", prose, re.M)
    assert [name for name in found if name in SECTIONS] == list(SECTIONS)


@functools.cache
def downloads_of(source: Path) -> dict[str, str]:
    """Notebook, notebook with outputs, script and Markdown: file name → content."""
    lessons = {bundle.lesson.number: slug for slug, bundle in bundles().items()}
    found = downloads.files(document(bundles()[source.stem]), lessons, wheel.NAME, "")
    assert sorted(Path(name).suffix for name in found) == [".ipynb", ".ipynb", ".md", ".py"]
    return found


def code_of(name: str, content: str) -> str:
    """The Python code of a download, in order."""
    if name.endswith(".ipynb"):
        cells = nbformat.reads(content, as_version=4).cells
        return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")
    if name.endswith(".md"):
        return "\n\n".join(re.findall(r"^```python\n(.*?)^```$", content, re.M | re.S))
    return content


def prose_of(name: str, content: str) -> str:
    """What a download says between its cells of code."""
    if name.endswith(".ipynb"):
        return "\n\n".join(cell["source"] for cell in json.loads(content)["cells"] if cell["cell_type"] == "markdown")
    if name.endswith(".md"):
        return re.sub(r"^```.*?^```$", "", content, flags=re.M | re.S)
    return content


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_download_holds_the_same_cells(source: Path) -> None:
    """But for the script, whose code does not record."""
    cells = [cell.source for cell in read(source).cells if cell.is_code]
    assert len(cells) > 10
    for name, content in downloads_of(source).items():
        if name.endswith(".py"):
            continue
        code, place = code_of(name, content), 0
        for cell in cells:
            assert cell in code[place:], f"{name} lacks a cell"
            place = code.index(cell, place) + len(cell)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_script_is_code_under_the_titles_of_sections(source: Path) -> None:
    script = downloads_of(source)[f"{source.stem}.py"]
    names = {node.id for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Name)}
    assert "record" not in names
    assert "caption=" not in script
    titles = re.findall(r"^# %% (.+)$", script, re.M)
    assert len(titles) > 5
    assert all(len(title) < 84 for title in titles)
    code = [line for line in script.split("\n") if line and not line.startswith("#")]
    assert len(code) > 10 * (script.count("\n# ") - script.count("\n# %%"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_more_code_stands_open_than_is_said(source: Path) -> None:
    """At most what the bar says, or exactly what the list of those beyond it does."""
    assert visible_code.problem(read(source), visible_code.allowed(ROOT / LESSONS).get(source.stem)) is None


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_script_needs_nothing_that_only_notebooks_have(source: Path) -> None:
    """No magic, no name such as ``display`` that Jupyter brings, also where the smoke profile does not come by."""
    script = downloads_of(source)[f"{source.stem}.py"]
    compile(script, source.name, "exec")  # no await outside a function
    assert undefined(script) == ""
    assert "display" in undefined(f"{script}\ndisplay(1)\n")


def undefined(script: str) -> str:
    """What ruff says of names that nothing defines."""
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E9,F821",
        "--output-format",
        "concise",
        "-",
    ]
    done = subprocess.run(ruff, input=script, capture_output=True, text=True)
    assert done.returncode == bool(done.stdout.strip("\n").removesuffix("All checks passed!")), done.stderr
    return done.stdout.removesuffix("All checks passed!\n")


BINDING = re.compile(r"\{\{[^{}]*\|[^{}]*\}\}")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_downloads_have_no_open_bindings(source: Path) -> None:
    assert len(BINDING.findall(source.read_text(encoding="utf-8"))) > 10  # what is looked for is found where it is
    for name, content in downloads_of(source).items():
        said = prose_of(name, content)
        assert len(said) > 5_000, name
        assert BINDING.findall(said) == [], name
