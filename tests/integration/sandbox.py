"""A folder with lessons and captures of its own, and the real command line to run them with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SLUG = "01_tiny"

LESSON = """\
# ---
# title: Tiny
# module: 1
# summary: A lesson that needs no model.
# objectives:
#   - run it
# prerequisites: []
# ---

# %% tags=["parameters"]
profile = "laptop"
seed = 0
"""


def lesson(*cells: str) -> str:
    """A lesson of a header, parameters and these code cells."""
    return LESSON + "".join(f"\n# %%\n{cell}\n" for cell in cells)


def quiz(prefix: str = "tiny", section: str = "tiny") -> str:
    """A quiz of five questions whose ids begin with ``prefix``, answered by a ``section`` of the page."""
    question = (
        "  - id: {}-{}\n    ask: Which?\n    options:\n"
        "      - text: This.\n        right: true\n        why: It is.\n      - text: That.\n        why: See [why](#{}).\n"
    )
    return "questions:\n" + "".join(question.format(prefix, n, section) for n in range(1, 6))


@dataclass(frozen=True)
class Done:
    """What a command printed and returned."""

    code: int
    out: str
    err: str


@dataclass
class Sandbox:
    """Lessons and captures below ``root``; ``temporary`` is where the commands put temporary files."""

    root: Path
    temporary: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    extra: Mapping[str, str] = field(default_factory=dict)
    """Further variables of the commands' environment."""

    @property
    def lessons(self) -> Path:
        return self.root / "lessons"

    @property
    def captures(self) -> Path:
        return self.root / "captures"

    @property
    def source(self) -> Path:
        return self.lessons / f"{SLUG}.py"

    @property
    def quiz(self) -> Path:
        return self.source.with_suffix(".quiz.yml")

    @property
    def capture(self) -> Path:
        return self.captures / SLUG / "laptop" / "capture.json"

    def write(self, text: str) -> None:
        """Make ``text`` the lesson, with a quiz that is in order."""
        self.lessons.mkdir(parents=True, exist_ok=True)
        self.source.write_text(text, encoding="utf-8")
        self.quiz.write_text(quiz(), encoding="utf-8")

    def line(self, text: str) -> int:
        """The 1-based line of the lesson that contains ``text``."""
        (found,) = [n for n, line in enumerate(self.source.read_text().split("\n"), 1) if text in line]
        return found

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TMPDIR": str(self.temporary), "COURSE_TEST_MARK": self.mark, **self.extra}

    @property
    def folders(self) -> list[str]:
        return ["--lessons", str(self.lessons), "--captures", str(self.captures)]

    def command(self, name: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "course.pipeline.cli", name, *arguments, *self.folders]

    def course(self, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        """``course NAME …`` on this sandbox's lessons and captures."""
        return execute(self.command(name, *arguments), {**self.environment, **(env or {})}, ROOT)

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        return self.course("run", "1", *arguments, env=env)

    def living(self) -> dict[int, str]:
        """Processes that a command of this sandbox started and that live (on Linux; elsewhere none): id → command line."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                marked = f"COURSE_TEST_MARK={self.mark}".encode() in (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_bytes()
            except OSError:  # it ended meanwhile, or is not ours to look at
                continue
            if marked and command:
                found[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def processes(self) -> list[str]:
        return list(self.living().values())

    def survivors(self, patience: float = 10) -> list[str]:
        """Command lines of processes that still live after ``patience`` seconds."""
        until = time.monotonic() + patience
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.05)
        return left

    def leftovers(self) -> list[str]:
        """Processes and temporary files that stay behind."""
        return self.survivors() + [path.name for path in self.temporary.iterdir()]


def edit(path: Path, old: str, new: str) -> None:
    """Replace ``old``, which must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def execute(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Done:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    return Done(done.returncode, done.stdout, done.stderr)
