"""Plain lessons: percent files with no header, quiz or parameters of ours, as any editor or jupytext writes them.

A folder is a *plain course* when no file in it has our header. Each Python file with a cell marker is then a lesson; the
others are modules that lessons may import. A plain lesson runs as ``python lesson.py`` would: in its own folder, with the
modules beside it, and what jupytext keeps as comments (``# %time``, ``# !pip``) stays a comment.
"""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from course.pipeline.base import syntax
from course.pipeline.base.errors import CourseError
from course.pipeline.base.status import OUTPUT
from course.pipeline.lesson import percent
from course.pipeline.lesson.course_format import has_header
from course.pipeline.lesson.model import DATA, TAGS, Cell, Header, Lesson, check_code, check_inside, slug_of

# As in jupytext's reader of percent files, markers in the middle of a line excluded.
MARKER = re.compile(r"#\s*(?:%%(?:%*\s.*)?|<codecell>|In\[[0-9 ]*\]:?)\s*")
TITLE = re.compile(r"(?:#{1,6}[ \t]+(?P<atx>.+?)[ \t#]*|(?P<setext>\S.*)\n[ \t]*(?:=+|-{2,})[ \t]*)(?:\n|\Z)")
SKIPPED = frozenset({OUTPUT, "__pycache__", "node_modules", "site-packages"})


def is_plain(folder: Path) -> bool:
    """Whether ``folder`` holds lessons, and none of them has our header."""
    read = (path.read_bytes().decode("utf-8-sig", "replace") for path in _python_files(folder))
    files = (text.replace("\r\n", "\n") for text in read)  # what is wrong with a lesson of ours is told later
    texts = [text for text in files if _is_percent(text)]
    return bool(texts) and not any(map(has_header, texts))


def find(folder: Path) -> list[Path]:
    """The lessons below ``folder``, by path, the numbers in names compared as numbers.

    Raises:
        CourseError: two lessons whose pages would have one address, or a lesson that is elsewhere.
    """
    paths = sorted((path for path in _python_files(folder) if _is_percent(_text(path))), key=_order)
    seen: dict[str, Path] = {}
    for path in paths:
        check_inside(path, folder)
        first = seen.setdefault(slug_of(path, folder).casefold(), path)
        if first != path:
            message = f"This lesson and {first.relative_to(folder)} would have the same address."
            raise CourseError(message, path, hint="Rename one of them.")
    return paths


def is_lesson(path: Path, folder: Path) -> bool:
    """Whether ``path`` is one of the lessons that :func:`find` finds."""
    inside = path.suffix == ".py" and path.is_file() and path.is_relative_to(folder)
    return inside and not any(map(_is_skipped, path.relative_to(folder).parts)) and _is_percent(_text(path))


def _order(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", path.as_posix())]


def _python_files(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_skipped(name)]
        for name in names:
            path = Path(top, name)
            if name.endswith(".py") and not _is_skipped(name) and path.is_file():
                yield path


def _is_skipped(name: str) -> bool:
    return name in SKIPPED or name.startswith(".")


def _text(path: Path) -> str:
    """The file's text, with the encoding and line ends that Python would take it to have."""
    try:
        with tokenize.open(path) as stream:
            return stream.read()
    except (SyntaxError, UnicodeDecodeError) as error:
        raise CourseError("The file's encoding is unknown.", path, 1, "Save it as UTF-8.") from error
    except OSError as error:
        raise CourseError(f"Cannot read the file: {error.strerror}.", path) from error


def _is_percent(text: str) -> bool:
    return any(MARKER.fullmatch(line) for line in text.split("\n") if line.startswith("#"))


def read(path: Path, root: Path) -> Lesson:
    """Parse one lesson of the plain course in ``root``.

    Raises:
        CourseError: with file and line, for what is not valid Python or cannot be told apart into cells.
    """
    return parse(_text(path), path, root)


def parse(text: str, path: Path, root: Path) -> Lesson:
    """Parse the text of a plain lesson; see :func:`read`."""
    try:
        syntax.parse(text)
    except SyntaxError as error:
        hint = "Fix the syntax error. Commands of IPython are written as comments: '# %matplotlib inline'."
        raise CourseError(f"Invalid Python: {error.msg}.", path, error.lineno, hint) from error
    body = _without_header(text)
    lines = body.split("\n")
    nodes = percent.read(body.lstrip("\n")).cells
    starts = list(_marker_lines(body))
    if len(nodes) == len(starts) + 1:
        starts.insert(0, 0)  # what stands before the first marker is a cell too
    if len(nodes) != len(starts):
        raise CourseError("The cells cannot be told apart.", path, 1, "Write '# %%' only where a cell begins.")
    cells: list[Cell] = []
    for start, node in zip(starts, nodes, strict=True):
        if node.cell_type == "raw":  # meant for a converter, not for a reader
            continue
        source = re.sub(r"\A(?:[ \t]*\n)+", "", node.source)
        line = _line_of(source, lines, start)
        tags = frozenset(node.metadata.get("tags", ())) & TAGS - DATA
        title = "" if node.cell_type == "markdown" else str(node.metadata.get("title", ""))
        cell = Cell(node.cell_type, source, tags, line, title)
        check_code(cell, path)
        cells += _with_docstring_as_prose(cell) if not cells and cell.is_code else [cell]
    title, cells = _take_title(cells)
    header = Header(
        title=title or re.sub(r"[-_]+", " ", re.sub(r"^\d+[-_. ]*", "", path.stem)).strip().capitalize() or path.stem,
        module=0, summary="", objectives=(), prerequisites=(), weights=(),
    )  # fmt: skip
    return Lesson(path, header, tuple(cells), root)


def _without_header(text: str) -> str:
    """``text`` with the lines for other programs blanked, so that the rest keep their numbers."""
    block = re.match(r"(?:#!.*\n|#.*coding[:=].*\n)*(?:# ---\n(?:#.*\n)*?# ---\n)?", text)
    return "\n" * block[0].count("\n") + text[block.end() :] if block else text


def _marker_lines(text: str) -> Iterator[int]:
    """Lines (1-based) of cell markers, not those inside strings."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        alone = token.type == tokenize.COMMENT and token.line.strip() == token.string.strip()
        if alone and MARKER.fullmatch(token.string):
            yield token.start[0]


def _line_of(source: str, lines: list[str], start: int) -> int:
    """The 1-based line below the marker at ``start`` that holds the first line of ``source``."""
    first = source.split("\n")[0].strip()
    below = range(start + 1, len(lines) + 1)
    return next((at for at in below if first and first in lines[at - 1]), max(start, 1))


def _with_docstring_as_prose(cell: Cell) -> Iterator[Cell]:
    """The first code cell, its docstring split off: in a notebook it would be run and shown as a value."""
    module = syntax.parse(cell.source)
    raw, text = ast.get_docstring(module, clean=False), ast.get_docstring(module)
    if not raw or not text:
        yield cell
        return
    end = module.body[0].end_lineno or 1
    above = raw[: len(raw) - len(raw.lstrip())].count("\n")
    yield Cell("markdown", text, frozenset(), cell.line + module.body[0].lineno - 1 + above)
    rest = "\n".join(cell.source.split("\n")[end:])
    if rest.strip():
        blank = len(rest) - len(rest.lstrip("\n"))
        yield Cell("code", rest.strip("\n"), cell.tags, cell.line + end + blank, cell.title)


def _take_title(cells: list[Cell]) -> tuple[str, list[Cell]]:
    """The heading that the first prose begins with, and the cells without it; an empty title if there is none."""
    at = next((place for place, cell in enumerate(cells) if not cell.is_code), None)
    found = TITLE.match(cells[at].source) if at is not None else None
    if at is None or found is None:
        return "", cells
    cell, rest = cells[at], cells[at].source[found.end() :]
    line = cell.line + found[0].count("\n") + len(rest) - len(rest.lstrip("\n"))
    below = [Cell("markdown", rest.strip("\n"), cell.tags, line)] if rest.strip() else []
    return (found["atx"] or found["setext"]).strip(), [*cells[:at], *below, *cells[at + 1 :]]
