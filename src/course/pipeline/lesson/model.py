"""What a lesson is once it is parsed: a header, and cells that know their lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course.pipeline.base import syntax
from course.pipeline.base.errors import CourseError

DATA = frozenset({"claims", "predict"})
"""Tags of Markdown cells that hold YAML."""


BOXES = frozenset({"budget", "trust"})
"""Tags of Markdown cells that are boxes with given parts (see :mod:`course.pipeline.lesson.boxes`)."""


TAGS = frozenset({"parameters", "reveal", "hide-code", "solution", "answers"}) | DATA | BOXES


MODULES = {
    1: "Foundations",
    2: "Transfer learning",
    3: "Supervised fine-tuning",
    4: "Parameter-efficient fine-tuning",
    5: "Few-shot and prompt tuning",
    6: "Alignment",
    7: "Data engineering",
    8: "Evaluation",
    9: "Production",
}


@dataclass(frozen=True)
class PlainNumber:
    """A number that prose may type, without separators of thousands; ``why`` no run decides it."""

    number: str
    why: str
    line: int


@dataclass(frozen=True)
class Header:
    """What the YAML block at the top of a lesson says."""

    title: str
    module: int
    summary: str
    objectives: tuple[str, ...]
    prerequisites: tuple[int, ...]
    weights: tuple[str, ...]
    plain_numbers: tuple[PlainNumber, ...] = ()
    data: tuple[str, ...] = ()
    """Files that the lesson reads, relative to its folder."""
    fork: bool = True
    """Whether its kernel may be forked from a process that has imported the libraries."""
    tags: tuple[str, ...] = ()
    """What it is about, by terms of the glossary."""
    prose: tuple[tuple[int, str], ...] = ()
    """Title, summary and objectives, each with its line in the file."""


@dataclass(frozen=True)
class Cell:
    """One cell. ``line`` is the 1-based line of the source file that holds its first line of content."""

    kind: str
    source: str
    tags: frozenset[str]
    line: int
    title: str = ""

    @property
    def is_code(self) -> bool:
        return self.kind == "code"


@dataclass(frozen=True)
class Lesson:
    """A parsed lesson.

    ``root`` is the course's folder if the lesson is plain (see :mod:`course.pipeline.lesson.plain_format`).
    """

    path: Path
    header: Header
    cells: tuple[Cell, ...]
    root: Path | None = None

    @property
    def is_plain(self) -> bool:
        return self.root is not None

    @property
    def slug(self) -> str:
        return self.path.stem if self.root is None else slug_of(self.path, self.root)

    @property
    def number(self) -> int:
        """The lesson's number; 0 for a plain lesson, which has none."""
        return 0 if self.is_plain else int(self.slug[:2])

    @property
    def label(self) -> str:
        """What commands and messages call the lesson: its number, else its slug."""
        return self.slug if self.is_plain else f"{self.number:02}"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where a plain lesson's own modules are looked for: its folder, then those above it up to the course's."""
        if self.root is None:
            return ()
        return tuple(folder for folder in self.path.parents if folder.is_relative_to(self.root))

    @property
    def parameters(self) -> frozenset[str]:
        """Names that the parameters cell assigns; none without one."""
        tagged = [cell for cell in self.code_cells if "parameters" in cell.tags]
        return frozenset(name for cell in tagged for name in _assigned(cell.source))

    @property
    def quiz_path(self) -> Path:
        return self.path.with_suffix(".quiz.yml")

    @property
    def code_cells(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.is_code]

    def error(self, message: str, line: int | None = None, hint: str = "") -> CourseError:
        return CourseError(message, self.path, line, hint)


def slug_of(path: Path, root: Path) -> str:
    """The name of a plain lesson's page and capture: its path below ``root``, in characters that any address can have."""
    return re.sub(r"[^\w.]+", "-", path.relative_to(root).with_suffix("").as_posix()).strip("-.") or "lesson"


def check_inside(path: Path, folder: Path) -> None:
    """A page shows what its folder holds, not another file of this machine that a link in the folder leads to."""
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        hint = "Copy the file that it leads to in its place."
        raise CourseError("This lesson is a link that leads out of the folder.", path, hint=hint)


def check_code(cell: Cell, path: Path) -> None:
    """A file can be valid Python while one of its cells is not: an ``if`` in one and its body in the next."""
    try:
        if cell.is_code:
            compile(cell.source, str(path), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        line = cell.line + (error.lineno or 1) - 1
        message = re.sub(r" on line \d+", "", error.msg)  # of the cell, which a reader of the file cannot count
        raise CourseError(f"Invalid Python: {message}.", path, line, "Make each cell complete by itself.") from error


def _assigned(source: str) -> Iterator[str]:
    for node in syntax.parse(source).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (target.id for target in targets if isinstance(target, ast.Name))
