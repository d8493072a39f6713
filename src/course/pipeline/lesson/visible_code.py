"""What of a lesson's code stands open on its page: what it teaches, without what only records, plots or sets budgets.

A statement is plumbing if it records, or if it only arranges what is recorded: lists and tables of values that nothing
else reads. Plumbing is left out of a cell that does more; a cell that does nothing else is folded, as the tag
``hide-code`` folds any cell. Budgets are folded where they stand, since the code after them reads them.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from course.pipeline.base import syntax, yamlfile
from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.model import Cell, Lesson
from course.pipeline.lesson.sections import depth

LINES = 60
"""Visible lines that a lesson should not exceed."""
WIDTH = 84
"""Characters that a visible line should not exceed."""
OVER = "over_the_bar.yml"
"""The list of lessons that exceed them, in the folder of lessons: slug → how far. It only shrinks."""

_ADDS = frozenset({"append", "extend", "insert"})
_ARRANGING = frozenset({
    "append", "dict", "enumerate", "extend", "float", "format", "insert", "int", "items", "join", "keys", "len", "list",
    "map", "max", "mean", "min", "pstdev", "range", "removeprefix", "replace", "round", "set", "sorted", "str", "sum",
    "tolist", "tuple", "values", "zip",
})  # fmt: skip
"""Functions and methods that a statement may call that only arranges values."""


@dataclass(frozen=True)
class Piece:
    """Lines of a code cell that follow each other on the page."""

    source: str
    is_folded: bool


@dataclass(frozen=True)
class Size:
    """How much code of a lesson is visible: lines that are not blank, and the characters of the widest."""

    lines: int
    width: int

    def exceeds(self, bar: Size) -> bool:
        return self.lines > bar.lines or self.width > bar.width


BAR = Size(LINES, WIDTH)


def pieces(lesson: Lesson) -> list[tuple[Piece, ...]]:
    """What the page shows of each code cell, in order. A cell of a solution is shown whole: the page folds it."""
    cells = lesson.code_cells
    if lesson.is_plain:
        return [(Piece(cell.source, "hide-code" in cell.tags),) for cell in cells]
    trees = [syntax.parse(cell.source) for cell in cells]
    statements = [(cell, node) for cell, tree in zip(cells, trees, strict=True) for node in tree.body]
    flow = _Flow()
    for _, node in statements:
        flow.follow(node)
    plumbing = {node for cell, node in statements if _is_open(cell) and _may_be_plumbing(node)}
    while back := plumbing & flow.feeding(n for c, n in statements if "hide-code" not in c.tags and n not in plumbing):
        plumbing -= back
    return [_pieces(cell, tree, plumbing) for cell, tree in zip(cells, trees, strict=True)]


def shown(lesson: Lesson) -> Iterator[str]:
    """The pieces of code that stand open on the page, neither in a solution nor in a section of depth."""
    deep = depth(lesson)
    code = [(at, cell) for at, cell in enumerate(lesson.cells) if cell.is_code]
    for (at, cell), parts in zip(code, pieces(lesson), strict=True):
        if "solution" not in cell.tags and at not in deep:
            yield from (part.source for part in parts if not part.is_folded)


def size(lesson: Lesson) -> Size:
    """How much code stands open on the page."""
    lines = [line for source in shown(lesson) for line in source.split("\n") if line.strip()]
    return Size(len(lines), max(map(len, lines), default=0))


def allowed(folder: Path) -> dict[str, Size]:
    """The list of lessons in ``folder`` that may exceed the bar, and how far; empty without its file.

    Raises:
        CourseError: the list cannot be read.
    """
    path = folder / OVER
    if not path.is_file():
        return {}
    found: dict[str, Size] = {}
    for name, node in yamlfile.parse(path.read_text(encoding="utf-8"), path).pairs("The list"):
        slug, fields = name.scalar(str, "A lesson"), node.fields("An entry", {"lines", "width"})
        if not any(folder.rglob(f"{slug}.py")):
            raise name.error(f"There is no lesson {slug!r}.", "Take it off the list.")
        found[slug] = Size(fields.get("lines", int), fields.get("width", int))
    return found


def problem(lesson: Lesson, listed: Size | None) -> CourseError | None:
    """What is wrong with the size of a lesson's visible code, whose entry in the list is ``listed``."""
    if lesson.is_plain:
        return None
    found, bar = size(lesson), listed or BAR
    told = f"{found.lines} lines of code stand open, up to {found.width} characters wide"
    if found.exceeds(Size(max(bar.lines, LINES), max(bar.width, WIDTH))):
        hint = f"At most {bar.lines} and {bar.width}: fold what does not teach (hide-code), break long lines."
        return lesson.error(f"{told}.", 1, hint)
    if listed and found != listed:
        entry = f"lines: {found.lines}, width: {found.width}" if found.exceeds(BAR) else "no entry at all"
        return lesson.error(f"{told}, fewer than {OVER} says.", 1, f"The list only shrinks; write: {entry}.")
    return None


def _is_open(cell: Cell) -> bool:
    return not cell.tags & {"hide-code", "solution"}


def _may_be_plumbing(node: ast.stmt) -> bool:
    """Whether a statement records, or could only arrange what is recorded."""
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name)) as call):
            return _is_record(call.func) or (name in _ADDS and _only_arranges(call))
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            listing = isinstance(value, (ast.List, ast.ListComp, ast.Dict, ast.DictComp))
            return _only_arranges(value) and (listing or _records(value) or _is_pair_of_lists(value))
        case ast.AugAssign(value=value):
            return isinstance(value, (ast.List, ast.ListComp)) and _only_arranges(value)
        case ast.For(body=body, orelse=[]) | ast.If(body=body, orelse=[]):
            return all(map(_may_be_plumbing, body))
        case ast.FunctionDef():
            return _records(node)
    return False


def _is_pair_of_lists(value: ast.expr) -> bool:
    return isinstance(value, ast.Tuple) and all(isinstance(part, (ast.List, ast.Dict)) for part in value.elts)


def _records(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.expr) and _is_record(inner) for inner in ast.walk(node))


def _is_record(node: ast.expr) -> bool:
    """Whether ``node`` is ``record.x``."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "record"


def _only_arranges(node: ast.AST) -> bool:
    calls = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
    return all(
        (isinstance(func, ast.Name) and func.id in _ARRANGING)
        or (isinstance(func, ast.Attribute) and (func.attr in _ARRANGING or _is_record(func)))
        for func in calls
    )


def _is_budget(node: ast.stmt) -> bool:
    """Whether a statement chooses by the profile how much is computed."""
    match node:
        case ast.Assign(value=ast.Subscript(value=ast.Dict(), slice=ast.Name(id="profile"))):
            return True
    return False


class _Flow:
    """Which statements read what others bind. A name that is bound anew is another name from there on."""

    def __init__(self) -> None:
        self._version = Counter[str]()
        self._reads: dict[ast.stmt, set[str]] = {}
        self._binds: dict[ast.stmt, set[str]] = {}

    def follow(self, node: ast.stmt) -> None:
        """Take in the next statement of the lesson."""
        now, later = set(_read(node)), set[str]()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):  # it reads its globals when it is called
            now, later = set(), now
        self._reads[node] = {self._named(name) for name in now} | later
        bound = set(_bound(node))
        if not isinstance(node, ast.AugAssign | ast.Expr | ast.For | ast.If | ast.While | ast.With | ast.Try):
            self._version.update(bound)
        self._binds[node] = {self._named(name) for name in bound} | bound

    def feeding(self, readers: Iterable[ast.stmt]) -> set[ast.stmt]:
        """The statements that bind what ``readers`` read."""
        needed = set[str]().union(*(self._reads[node] for node in readers))
        return {node for node, bound in self._binds.items() if bound & needed}

    def _named(self, name: str) -> str:
        return f"{name} {self._version[name]}"


def _read(node: ast.AST) -> Iterator[str]:
    """Names that a statement reads where it does not record."""
    for inner in _outside_records(node):
        match inner:
            case ast.Name(id=name, ctx=ast.Load()) | ast.AugAssign(target=ast.Name(id=name)):
                yield name


def _outside_records(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not _is_recording(child):
            yield from _outside_records(child)


def _is_recording(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_record(node.value.func)


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that a statement binds, or whose value it changes."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.alias(name=name, asname=other):
            yield (other or name).partition(".")[0]
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
            yield name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in _ADDS:
            yield name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
            return
        case ast.For(body=body):  # its variables are the loop's own, as everybody reads it
            for inner in body:
                yield from _bound(inner)
            return
    if not isinstance(node, ast.comprehension | ast.Lambda):  # these have names of their own
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


def _pieces(cell: Cell, tree: ast.Module, plumbing: set[ast.stmt]) -> tuple[Piece, ...]:
    if "solution" in cell.tags:
        return (Piece(cell.source, is_folded=False),)
    shown = [node for node in tree.body if node not in plumbing and not _is_budget(node)]
    if "hide-code" in cell.tags or "parameters" in cell.tags or not shown:
        return (Piece(cell.source, is_folded=True),) if cell.source.strip() else ()
    lines = cell.source.split("\n")
    kept = _lines_of(shown, lines)
    folded = _lines_of(filter(_is_budget, tree.body), lines) - kept
    hidden = _lines_of((node for node in tree.body if node in plumbing), lines) - kept - folded
    hidden |= _lines_of((inner for node in shown for inner in _inner_recordings(node)), lines)
    left = [
        (at in folded, line) for at, line in enumerate(lines, 1) if at not in hidden and not _is_gap(at, lines, hidden)
    ]
    made = [
        Piece(_tidy("\n".join(line for _, line in group)), is_folded)
        for is_folded, group in groupby(left, key=lambda pair: pair[0])
    ]
    return tuple(piece for piece in made if piece.source)


def _inner_recordings(node: ast.AST) -> Iterator[ast.stmt]:
    """Statements that record within ``node``, where their block holds something else too."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, [])
        if not isinstance(block, list):
            continue
        if not all(map(_is_recording, block)):
            yield from filter(_is_recording, block)
        for inner in block:
            yield from _inner_recordings(inner)


def _lines_of(statements: Iterable[ast.stmt], lines: list[str]) -> set[int]:
    """The lines (1-based) on which the statements stand, with the comments right above each."""
    found = set[int]()
    for node in statements:
        first = min([node.lineno, *(inner.lineno for inner in getattr(node, "decorator_list", []))])
        while first > 1 and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        found |= set(range(first, (node.end_lineno or node.lineno) + 1))
    return found


def _is_gap(at: int, lines: list[str], hidden: set[int]) -> bool:
    """Whether line ``at`` is a blank one that stands below a hidden statement, above which is another blank one."""
    above = at - 1
    while above in hidden:
        above -= 1
    return above < at - 1 and not lines[at - 1].strip() and (above < 1 or not lines[above - 1].strip())


def _tidy(source: str) -> str:
    """``source`` without what only a formatter reads."""
    return re.sub(r"[ \t]*# fmt: (skip|off|on)$", "", source, flags=re.M).strip("\n")
