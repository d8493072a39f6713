"""Prose divided at the lines that ask for an interactive piece or a diagram."""

from __future__ import annotations

from collections.abc import Iterator

from course.pipeline import diagrams, widgets
from course.pipeline.base.errors import CourseError, Fail
from course.pipeline.diagrams.diagram import Diagram
from course.pipeline.widgets import Placed


def pieces(text: str, fail: Fail, seen: set[str]) -> Iterator[tuple[int, str | Placed | Diagram]]:
    """What stands in ``text``, and what it asks for, each with its 0-based line.

    Args:
        seen: names of the interactive pieces that the page has already; those of ``text`` are added.

    Raises:
        CourseError: made by ``fail``; a marker that asks for nothing that there is.
    """
    for begins, part in widgets.pieces(text, fail, seen):
        if isinstance(part, Placed):
            yield begins, part
        else:
            yield from ((begins + line, piece) for line, piece in diagrams.pieces(part, _further(fail, begins)))


def _further(fail: Fail, lines: int) -> Fail:
    """``fail`` for what begins ``lines`` further down."""

    def failed(message: str, line: int, hint: str) -> CourseError:
        return fail(message, lines + line, hint)

    return failed
