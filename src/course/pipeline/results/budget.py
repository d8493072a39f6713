"""Two rules of the standard: a lesson that trains says what it spent, and no learning rate comes from off the page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from course.pipeline.base import syntax
from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.boxes import PARTS, kind, parts
from course.pipeline.lesson.model import Cell, Lesson
from course.pipeline.results.capture import Table
from course.pipeline.results.material import Material
from course.pipeline.text.bind import BINDING
from course.pipeline.text.expressions import ExpressionError, keys

_TRAINS = re.compile(r"backward|tune|train|halving|contrast|bridge|\w*Trainer")
_RATE = re.compile(r"(?:\w+_)?(?:lrs?|rates?|learning_rates?)", re.IGNORECASE)
_REASON = re.compile(r"#.*(?:https?://|by hand)")


def budget(material: Material) -> Iterator[CourseError]:
    """A lesson that trains has one budget box, which binds what was spent and what chose the learning rate."""
    lesson = material.lesson
    cells = [cell for cell in lesson.cells if kind(cell) == "budget"]
    if not cells and _trains(lesson):
        hint = (
            'Say in a Markdown cell with tags=["budget"] what the experiments cost, and what chose the learning rate.'
        )
        yield lesson.error("The lesson trains, and has no budget line.", 1, hint)
    for extra in cells[1:]:
        yield lesson.error("The lesson has a second budget line.", extra.line, "Say it once.")
    for part in (part for cell in cells[:1] for part in parts(cell, lesson)):
        bound = bound_keys(part.text)
        if part.name != PARTS["budget"]["learning rate"]:
            if not bound:
                yield lesson.error(
                    f"{part.name!r} of the budget is typed.", part.line, "Bind what the lesson recorded."
                )
        elif not any(_searched(key, material) for key in bound) and "](http" not in part.text:
            hint = "Bind the data of a recorded search (course.evidence.rate), or link the published default."
            yield lesson.error("The budget does not say what chose the learning rate.", part.line, hint)


def _searched(key: str, material: Material) -> bool:
    """Whether ``key`` names the data of a recorded search."""
    return key.endswith(".data") and f"{key.removesuffix('data')}rate" in material.capture.values


def rates(material: Material) -> Iterator[CourseError]:
    """Every learning rate that is typed in code was tried in a recorded search, or says in a comment where it is from."""
    tried = {
        float(row[0])
        for table in material.capture.of_type(Table)
        if table.key.endswith(".trials") and f"{table.key.removesuffix('trials')}data" in material.capture.values
        for row in table.rows
    }
    for cell in material.lesson.code_cells:
        for typed, line in _typed_rates(cell):
            reason = _REASON.search(cell.source.split("\n")[line])
            if not reason and not any(abs(typed - rate) <= 0.005 * rate for rate in tried):
                hint = (
                    "Search it on tuning data (course.bench.halving) and record the search (course.evidence.rate); or link "
                    "the published default in a comment on this line; or say there that it is of an example 'by hand'."
                )
                message = f"The learning rate {typed:g} comes from nowhere on this page."
                yield material.lesson.error(message, cell.line + line, hint)


def bound_keys(text: str) -> set[str]:
    """The keys that the bindings in ``text`` read."""
    found: set[str] = set()
    for match in BINDING.finditer(text):
        try:
            found |= keys(match[1].rpartition("|")[0])
        except ExpressionError:  # whoever binds the text says so
            continue
    return found


def _trains(lesson: Lesson) -> bool:
    nodes = (node for cell in lesson.code_cells for node in ast.walk(syntax.parse(cell.source)))
    for node in nodes:
        match node:
            case ast.Call(ast.Name(name)) if _TRAINS.fullmatch(name):
                return True
            case ast.Call(ast.Attribute(attr=name)) if _TRAINS.fullmatch(name) and name != "train":  # which sets a mode
                return True
            case _:
                pass
    return False


def _typed_rates(cell: Cell) -> Iterator[tuple[float, int]]:
    """The numbers in code that are given to something called a rate, each with its line in the cell, from 0."""
    for node in ast.walk(syntax.parse(cell.source)):
        match node:
            case ast.keyword(arg=str(name), value=given) if _RATE.fullmatch(name):
                yield from _numbers(given)
            case ast.Assign(targets=[ast.Name(name)], value=given) if _RATE.fullmatch(name):
                yield from _numbers(given)
            case ast.Dict(names, given_all):
                for key, given in zip(names, given_all, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str) and _RATE.fullmatch(key.value):
                        yield from _numbers(given)
            case ast.Call(ast.Name("halving"), [given, *_]):
                yield from _numbers(given)
            case _:
                pass


def _numbers(given: ast.expr) -> Iterator[tuple[float, int]]:
    for node in ast.walk(given):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.value, node.lineno - 1
