"""A lesson's source: a percent-format script, parsed into a header and cells that know their lines."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext

from course.pipeline import yamlfile
from course.pipeline.errors import CourseError

TAGS = frozenset({"parameters", "reveal", "hide-code", "solution", "claims"})
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
FILE_NAME = re.compile(r"(\d\d)_[a-z][a-z0-9_]*\.py")


@dataclass(frozen=True)
class Header:
    """What the YAML block at the top of a lesson says."""

    title: str
    module: int
    summary: str
    objectives: tuple[str, ...]
    prerequisites: tuple[int, ...]
    read_minutes: int
    weights: tuple[str, ...]
    plain_numbers: frozenset[str]


@dataclass(frozen=True)
class Cell:
    """One cell. ``line`` is the 1-based line of the source file that holds its first line of content."""

    kind: str
    source: str
    tags: frozenset[str]
    line: int

    @property
    def is_code(self) -> bool:
        return self.kind == "code"


@dataclass(frozen=True)
class Lesson:
    """A parsed lesson."""

    path: Path
    header: Header
    cells: tuple[Cell, ...]

    @property
    def slug(self) -> str:
        return self.path.stem

    @property
    def number(self) -> int:
        return int(self.slug[:2])

    @property
    def quiz_path(self) -> Path:
        return self.path.with_suffix(".quiz.yml")

    @property
    def code_cells(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.is_code]

    def error(self, message: str, line: int | None = None, hint: str = "") -> CourseError:
        return CourseError(message, self.path, line, hint)


def find(folder: Path) -> list[Path]:
    """The lesson sources below ``folder``, in lesson order.

    Raises:
        CourseError: two lessons with one number.
    """
    paths = sorted((p for p in folder.rglob("*.py") if FILE_NAME.fullmatch(p.name)), key=lambda p: p.name)
    for first, second in zip(paths, paths[1:], strict=False):
        if first.name[:2] == second.name[:2]:
            raise CourseError(f"Two lessons have the number {first.name[:2]}: this one and {first.name}.", second)
    return paths


def read(path: Path) -> Lesson:
    """Parse and validate one lesson.

    Raises:
        CourseError: with file and line, for anything that is not a well-formed lesson.
    """
    return parse(_text(path), path)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CourseError(f"Cannot read the lesson: {error.strerror}.", path) from error
    if data.startswith(b"\xef\xbb\xbf"):
        raise CourseError("The file starts with a byte-order mark (BOM).", path, 1, "Save it as UTF-8 without BOM.")
    if b"\r" in data:
        line = data[: data.index(b"\r")].count(b"\n") + 1
        raise CourseError("The file has Windows line endings (CRLF).", path, line, "Save it with LF line endings.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise CourseError("The file is not UTF-8.", path, line, "Save it as UTF-8.") from error


def parse(text: str, path: Path) -> Lesson:
    """Parse the text of a lesson; see :func:`read`."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise CourseError(f"Invalid Python: {error.msg}.", path, error.lineno) from error
    body, header_text = _split_header(text, path)
    markers = list(_marker_lines(text))
    notebook = jupytext.reads(body, fmt="py:percent")
    if len(markers) != len(notebook.cells):
        raise CourseError(
            "There is content outside the cells.", path, 1, "Start every cell with '# %%' or '# %% [markdown]'."
        )
    cells = []
    for marker, node in zip(markers, notebook.cells, strict=True):
        tags = frozenset(node.metadata.get("tags", ()))
        if unknown := tags - TAGS:
            hint = f"Known tags: {', '.join(sorted(TAGS))}."
            raise CourseError(f"Unknown cell tag {sorted(unknown)[0]!r}.", path, marker, hint)
        cells.append(Cell(node.cell_type, node.source, tags, _first_line(text, marker)))
    lesson = Lesson(path, _header(header_text, path), tuple(cells))
    _check_parameters(lesson)
    return lesson


def _split_header(text: str, path: Path) -> tuple[str, str]:
    """``(body, yaml)``: the text with the header's lines blanked, and the header's YAML."""
    lines = text.split("\n")
    if lines[0] != "# ---" or "# ---" not in lines[1:]:
        hint = "Begin the file with a YAML block between two lines '# ---'; see docs/contribute/lesson-format.md."
        raise CourseError("The lesson has no header.", path, 1, hint)
    end = lines.index("# ---", 1)
    return "\n".join(lines[end + 1 :]).lstrip("\n"), "\n".join(line[2:] for line in lines[1:end])


def _marker_lines(text: str) -> Iterator[int]:
    """Lines (1-based) of cell markers: ``# %%`` comments in the first column, not those inside strings."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.start[1] == 0 and re.match(r"# %%(\s|$)", token.string):
            yield token.start[0]


def _first_line(text: str, marker: int) -> int:
    """The first non-blank line after a cell marker."""
    lines = text.split("\n")
    line = marker + 1
    while line <= len(lines) and lines[line - 1].strip() in ("", "#"):
        line += 1
    return line


def _header(text: str, path: Path) -> Header:
    allowed = {field for field in Header.__dataclass_fields__}
    fields = yamlfile.parse(text, path, offset=1).fields("The header", allowed)
    module = fields.get("module", int)
    if module not in MODULES:
        raise fields.need("module").error(f"There is no module {module}.", f"Modules are 1 to {max(MODULES)}.")
    objectives = fields.list("objectives", lambda node: node.scalar(str, "An objective"))
    if not objectives:
        raise fields.node.error("The header lacks 'objectives'.", "List what the reader can do afterwards.")
    from course.weights import SOURCES

    def weight(node: yamlfile.Node) -> str:
        name = node.scalar(str, "A weights entry")
        if name not in SOURCES:
            raise node.error(f"Unknown weights {name!r}.", f"Known: {', '.join(SOURCES)}.")
        return name

    return Header(
        title=fields.get("title", str),
        module=module,
        summary=fields.get("summary", str),
        objectives=objectives,
        prerequisites=fields.list("prerequisites", lambda node: node.scalar(int, "A prerequisite")),
        read_minutes=fields.get("read_minutes", int),
        weights=fields.list("weights", weight),
        plain_numbers=frozenset(fields.list("plain_numbers", lambda node: node.scalar(str, "A plain number"))),
    )


def _check_parameters(lesson: Lesson) -> None:
    tagged = [cell for cell in lesson.cells if "parameters" in cell.tags]
    hint = 'Tag the first code cell with tags=["parameters"] and assign profile and seed in it.'
    if not tagged:
        raise lesson.error("The lesson has no parameters cell.", 1, hint)
    if len(tagged) > 1:
        raise lesson.error("The lesson has two parameters cells.", tagged[1].line, hint)
    if tagged[0] is not lesson.code_cells[0]:
        raise lesson.error("The parameters cell is not the first code cell.", tagged[0].line, hint)
    names = {
        target.id
        for node in ast.parse(tagged[0].source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    if missing := {"profile", "seed"} - names:
        raise lesson.error(f"The parameters cell does not assign {sorted(missing)[0]!r}.", tagged[0].line, hint)
