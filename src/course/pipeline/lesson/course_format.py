"""A lesson's source: a percent-format script, parsed into a header and cells that know their lines."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath

from course.pipeline.base import syntax, yamlfile
from course.pipeline.base.errors import CourseError
from course.pipeline.base.status import OUTPUT
from course.pipeline.lesson import boxes, percent, sections
from course.pipeline.lesson.model import (
    BOXES,
    DATA,
    MODULES,
    TAGS,
    Cell,
    Header,
    Lesson,
    PlainNumber,
    check_code,
    check_inside,
)
from course.pipeline.text.literals import is_literal, plain

FILE_NAME = re.compile(r"(\d\d)_[a-z][a-z0-9_]*\.py")
"""Where the captures and the site of another folder's lessons are put, inside that folder."""


def has_header(text: str) -> bool:
    """Whether ``text`` begins with a lesson's header: a YAML block that says what only lessons of the course say."""
    block = re.match(r"# ---\n((?:#.*\n)*?)# ---\n", text)
    return bool(block and re.search(r"^# (?:module|objectives):", block[1], re.M))


def find(folder: Path) -> list[Path]:
    """The lesson sources below ``folder``, in lesson order.

    Raises:
        CourseError: two lessons with one number, or a lesson that is elsewhere.
    """
    paths = sorted((path for path in _files(folder) if FILE_NAME.fullmatch(path.name)), key=lambda path: path.name)
    for path in paths:
        check_inside(path, folder)
    for first, second in pairwise(paths):
        if first.name[:2] == second.name[:2]:
            message = f"Two lessons have the number {first.name[:2]}: this one and {first.name}."
            raise CourseError(message, second, hint="Give one of them another number.")
    return paths


def misnamed(folder: Path) -> list[CourseError]:
    """A problem for each file below ``folder`` that has cells like a lesson but no lesson's name."""
    others = sorted(path for path in _files(folder) if not FILE_NAME.fullmatch(path.name))
    hint = "Name it by two digits and lower-case words: 07_lora_from_scratch.py."
    return [
        CourseError("The file has cells, but its name is not that of a lesson.", path, hint=hint)
        for path in others
        if re.search(rb"^# %%(\s|$)", path.read_bytes(), re.M)
    ]


def _files(folder: Path) -> list[Path]:
    """The Python files below ``folder``, without those of its output."""
    found = (path for path in folder.rglob("*.py") if OUTPUT not in path.relative_to(folder).parts)
    return [path for path in found if path.is_file()]


def read(path: Path) -> Lesson:
    """Parse and validate the lesson in the file ``path``.

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
        syntax.parse(text)
    except SyntaxError as error:
        raise CourseError(f"Invalid Python: {error.msg}.", path, error.lineno, "Fix the syntax error.") from error
    body, header_text = _split_header(text, path)
    markers = list(_marker_lines(text))
    for marker in markers:
        _check_tags(text.split("\n")[marker - 1], path, marker)
    notebook = percent.read(body)
    if len(markers) != len(notebook.cells):
        hint = "Start every cell with a line '# %%' or '# %% [markdown]', and write no other comment that way."
        raise CourseError("There is content outside the cells.", path, _stray_line(text, markers), hint)
    cells = []
    ends = [*markers[1:], len(text.split("\n")) + 1]
    for marker, end, node in zip(markers, ends, notebook.cells, strict=True):
        tags = frozenset(node.metadata.get("tags", ()))
        if node.cell_type == "raw":
            raise CourseError("Raw cells are not shown anywhere.", path, marker, "Use '# %%' or '# %% [markdown]'.")
        if node.cell_type == "markdown":
            _check_prose(text, path, marker, end)
        elif found := tags & (DATA | BOXES):
            (tag, *_) = sorted(found)
            hint = f'Write: # %% [markdown] tags=["{tag}"], and what it holds in comments.'
            raise CourseError(f"A cell tagged {tag!r} is not code.", path, marker, hint)
        source = re.sub(r"\A(?:[ \t]*\n)+", "", node.source)
        line = _first_line(text, marker, node.cell_type) if source.strip() else marker
        cells.append(Cell(node.cell_type, source, tags, line))
        check_code(cells[-1], path)
    lesson = Lesson(path, _header(header_text, path), tuple(cells))
    _check_parameters(lesson)
    sections.sections(lesson)
    for cell in lesson.cells:
        if boxes.kind(cell):
            boxes.parts(cell, lesson)
    return lesson


def _check_tags(text: str, path: Path, marker: int) -> None:
    """jupytext takes tags that it cannot read for the cell's title: then they would be lost without a word."""
    if not re.search(r"\btags\s*=", text):
        return
    written = re.search(r"\stags=\[((?:\"[^\"]*\"(?:, *(?=\"))?)*)\]$", text.rstrip())
    if not written:
        raise CourseError("The cell's tags cannot be read.", path, marker, 'Write: # %% [markdown] tags=["solution"]')
    if unknown := set(re.findall(r"\"([^\"]*)\"", written[1])) - TAGS:
        hint = f"Known tags: {', '.join(sorted(TAGS))}."
        raise CourseError(f"Unknown cell tag {sorted(unknown)[0]!r}.", path, marker, hint)


def _check_prose(text: str, path: Path, marker: int, end: int) -> None:
    """Every line of a Markdown cell is a comment: jupytext would show other lines, at another place than they are."""
    for at, line in enumerate(text.split("\n")[marker : end - 1], marker + 1):
        if line.strip() and not line.startswith("#"):
            raise CourseError("A line of a Markdown cell is not a comment.", path, at, "Begin it with '# '.")


def _split_header(text: str, path: Path) -> tuple[str, str]:
    """``(body, yaml)``: the text with the header's lines blanked, and the header's YAML."""
    lines = text.split("\n")
    if lines[0] != "# ---" or "# ---" not in lines[1:]:
        hint = "Begin the file with a YAML block between two lines '# ---'; see docs/contribute/lesson-format.md."
        raise CourseError("The lesson has no header.", path, 1, hint)
    end = lines.index("# ---", 1)
    for at, line in enumerate(lines[:end], 1):
        if line.rstrip() != "#" and not line.startswith("# "):
            raise CourseError("A line of the header is not a comment.", path, at, "Begin it with '# '.")
    return "\n".join(lines[end + 1 :]).lstrip("\n"), "\n".join(line[2:] for line in lines[1:end])


def _marker_lines(text: str) -> Iterator[int]:
    """Lines (1-based) of cell markers: ``# %%`` comments in the first column, not those inside strings."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.start[1] == 0 and re.match(r"# %%(\s|$)", token.string):
            yield token.start[0]


def _first_line(text: str, marker: int, kind: str) -> int:
    """The first line after a cell marker that holds something; in prose that is more than a comment sign."""
    blank = ("",) if kind == "code" else ("", "#")
    lines = text.split("\n")
    return next(at for at in range(marker + 1, len(lines) + 1) if lines[at - 1].strip() not in blank)


def _stray_line(text: str, markers: list[int]) -> int:
    """What keeps the cells from being told apart: a line that only looks like a marker, or content before the first."""
    lines = text.split("\n")
    for at, line in enumerate(lines, 1):
        if re.match(r"\s*#\s*(%%|In\[|<\w+cell>)", line) and at not in markers:
            return at
    end = lines.index("# ---", 1) + 1
    return next((at for at in range(end + 1, len(lines) + 1) if lines[at - 1].strip()), end)


def _header(text: str, path: Path) -> Header:
    allowed = set(Header.__dataclass_fields__) - {"prose"}
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

    def data(node: yamlfile.Node) -> str:
        name = node.scalar(str, "A data entry")
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or place.as_posix() != name:
            raise node.error(f"{name!r} is not in the lesson's folder.", "Name it relative to that: data/tickets.csv")
        if not (path.parent / name).is_file():
            raise node.error(f"There is no file {name} in the lesson's folder.", "Check its name.")
        return name

    prose = [fields.need("title"), fields.need("summary"), *fields.need("objectives").items("objectives")]
    return Header(
        title=fields.get("title", str),
        module=module,
        summary=fields.get("summary", str),
        objectives=objectives,
        prerequisites=fields.list("prerequisites", lambda node: node.scalar(int, "A prerequisite")),
        weights=fields.list("weights", weight),
        plain_numbers=_plain_numbers(fields.found["plain_numbers"]) if "plain_numbers" in fields else (),
        data=fields.list("data", data),
        fork=fields.get("fork", bool, True),
        tags=fields.list("tags", lambda node: node.scalar(str, "A tag")),
        prose=tuple((node.line, node.scalar(str, "Prose")) for node in prose),
    )


def _plain_numbers(node: yamlfile.Node) -> tuple[PlainNumber, ...]:
    found: dict[str, PlainNumber] = {}
    for reason, numbers in node.pairs("plain_numbers"):
        why = reason.scalar(str, "A reason in plain_numbers")
        if not why.strip():
            raise reason.error(
                "plain_numbers gives an empty reason.", "Say why no run of the lesson decides the numbers."
            )
        for entry in numbers.items(f"plain_numbers: {why}"):
            number = entry.scalar(str, "A plain number")
            if not is_literal(number) or plain(number) != number:
                hint = "Write 65,536 as 65536. Numbers of fewer digits need no entry."
                raise entry.error(f"{number!r} is not a number of three or more digits, without separators.", hint)
            if number in found:
                raise entry.error(f"plain_numbers lists {number} twice.", "Give it one reason.")
            found[number] = PlainNumber(number, why, entry.line)
    return tuple(found.values())


def _check_parameters(lesson: Lesson) -> None:
    tagged = [cell for cell in lesson.cells if "parameters" in cell.tags]
    hint = 'Tag the first code cell with tags=["parameters"] and assign profile and seed in it.'
    if not tagged:
        raise lesson.error("The lesson has no parameters cell.", 1, hint)
    if len(tagged) > 1:
        raise lesson.error("The lesson has two parameters cells.", tagged[1].line, hint)
    if not tagged[0].is_code or tagged[0] is not lesson.code_cells[0]:
        raise lesson.error("The parameters cell is not the first code cell.", tagged[0].line, hint)
    if missing := {"profile", "seed"} - lesson.parameters:
        raise lesson.error(f"The parameters cell does not assign {sorted(missing)[0]!r}.", tagged[0].line, hint)
