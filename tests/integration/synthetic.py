"""Courses of any number of small lessons with captures written by hand: everything to render and nothing to run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from course.figures import Figure, Series
from course.pipeline.base import paths
from course.pipeline.lesson.read import read
from course.pipeline.results import capture, fingerprint
from course.pipeline.results.capture import Capture, Chart, Item, ItemShown, Provenance, Table, Text, Value

from .sandbox import ROOT, quiz

LESSONS = "src/course/lessons"

SOURCE = """\
# ---
# title: Lesson {n}
# module: {module}
# summary: What lesson {n} finds.
# objectives:
#   - read number {n}
# prerequisites: []
# ---

# %% tags=["parameters"]
profile = "laptop"
seed = {n}

# %% [markdown]
# The question of lesson {n}, about $x^{n}$.
#
# ## The result
#
# It is {{{{ synthetic.answer | int }}}}, see [the next part](#the-figure).

# %%
from course import record

answer = record.value("synthetic.answer", {n})

# %% [markdown]
# ## The figure
#
# A table and a figure.

# %%
print("shown {n}")

# %% [markdown] tags=["claims"]
# - number: {n}
#   text: The number of lesson {n}.
#   source: its source
#   value: "{{{{ synthetic.answer | int }}}}"
#   for: synthetic.answer == {n}
#   against: synthetic.answer != {n}

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->
"""


def sources() -> list[str]:
    """The files of this repository but its tests."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in names if (ROOT / name).is_file() and not name.startswith("tests/")]


def copy_sources(target: Path) -> None:
    """Copy this repository without its lessons, captures and tests, and with short hand-written pages."""
    for name in sources():
        if name.startswith((LESSONS, "build/captures")):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    # The real pages link to the real lessons.
    for page in (target / "docs").rglob("*.md"):
        markers = [
            marker
            for marker in ("<!-- lessons -->", "<!-- outcomes -->", "<!-- ledger -->")
            if marker in page.read_text("utf-8")
        ]
        page.write_text("\n\n".join([f"# The {page.stem} page", *markers]) + "\n", encoding="utf-8")


def write_lesson(root: Path, n: int) -> Path:
    """Write lesson ``n`` with its quiz and capture below ``root`` and return its source."""
    module = 1 + n % 9
    path = root / LESSONS / f"{module}_part" / f"{n:02}_synthetic.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SOURCE.format(n=n, module=module), encoding="utf-8")
    path.with_suffix(".quiz.yml").write_text(quiz(f"synthetic-{n}", "the-figure"), encoding="utf-8")
    write_capture(root, path, n)
    return path


def write_capture(root: Path, path: Path, answer: int) -> None:
    """Write what the lesson at ``path`` would have recorded, had it found ``answer``."""
    inputs = fingerprint.inputs(read(path), "laptop", ROOT / paths.LOCK)
    provenance = Provenance(
        commit="0123456789ab", fingerprint=fingerprint.fingerprint(inputs), inputs=inputs, profile="laptop", seed=0,
        device="cpu", processor="A processor", threads=2, dtype="float32", python="3.11.9",
        libraries={"numpy": "2.0.0"}, seconds=1.0, peak_mib=64, date="2025-01-31",
    )  # fmt: skip
    line = Series("one", (1, 2, 3), (1.0, 2.0, float(answer)))
    drawn = Figure("line", (line,), "x", "y", "It is {{ synthetic.answer | int }}.", "A line.")
    items: list[Item] = [
        Value("synthetic.answer", 1, answer, "exact"),
        Table("rows", 2, ("n",), ((answer,),), "Rows.", "exact"),
        Chart("drawn", 2, "exact", drawn),
    ]
    outputs = ((), (), (Text(f"shown {answer}"), ItemShown("rows"), ItemShown("drawn")))
    made = Capture({item.key: item for item in items}, outputs, provenance)
    capture.save(made, capture.path_of(root / paths.ROOT, path.stem, "laptop"))
