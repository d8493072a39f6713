"""Lessons of a few cells, run in this process or in one that can be killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from course.pipeline.lesson.course_format import parse
from course.pipeline.lesson.model import Lesson
from course.pipeline.results import capture
from course.pipeline.results.capture import Capture, Text

from .sandbox import ROOT, Sandbox, lesson


def parsed(folder: Path, *cells: str, header: str = "") -> Lesson:
    """A lesson of these code cells in ``folder``, with ``header`` as further lines of its header."""
    text = lesson(*cells).replace("# prerequisites: []\n", "# prerequisites: []\n" + header)
    path = folder / "01_tiny.py"
    path.write_text(text, encoding="utf-8")
    return parse(text, path)


def line_of(made: Lesson, text: str) -> int:
    """The 1-based line of the lesson that contains ``text``."""
    (found,) = [n for n, line in enumerate(made.path.read_text().split("\n"), 1) if text in line]
    return found


def steady(made: Capture) -> str:
    """The capture as text, without what may differ between two runs."""
    items = {key: item for key, item in made.items.items() if item.kind != "band"}
    provenance = replace(made.provenance, seconds=0.0, peak_mib=0, date="")
    return capture.dumps(replace(made, items=items, provenance=provenance))


def texts(made: Capture) -> list[str]:
    """What the cells printed."""
    return [output.text for shown in made.outputs for output in shown if isinstance(output, Text)]


BUILD = """\
import sys
from pathlib import Path

from course.pipeline.run.execute import execute
from course.pipeline.lesson.read import read
from course.pipeline.run.provisioner import ForkServer

with ForkServer(sys.argv[2:] or None, 1) as server:
    execute(read(Path(sys.argv[1])), "smoke", progress=lambda cell, *_: print(cell.line, flush=True), server=server)
"""


def build(sandbox: Sandbox, modules: Sequence[str] = ()) -> subprocess.Popen[str]:
    """A process that runs the sandbox's lesson and prints the line of each cell it begins.

    The kernel is forked from a server with ``modules``; without any it starts afresh.
    """
    command = [sys.executable, "-c", BUILD, str(sandbox.source), *modules]
    return subprocess.Popen(
        command, cwd=ROOT, env=sandbox.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def is_fork(command: str) -> bool:
    """Whether a process of this command line was forked from a fork server, or is one."""
    return "course.pipeline.run.forkserver" in command
