"""Boxes of a lesson whose parts are given, so that none is forgotten: what an experiment cost, and how far to trust it.

A Markdown cell tagged ``budget`` or ``trust`` is a list of these parts, in their order: ``- spread: 0.02 over three seeds``.
What stands behind the colon is prose like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from course.pipeline.lesson.model import BOXES, Cell, Lesson

TITLES: Mapping[str, str] = {"budget": "Budget", "trust": "How far to trust this"}
PARTS: Mapping[str, Mapping[str, str]] = {
    "budget": {
        "steps": "Steps × batch",
        "examples": "Distinct examples",
        "held out": "Held out, per reported cell",
        "seeds": "Seeds",
        "learning rate": "Learning rate",
    },
    "trust": {"n": "n", "spread": "Spread", "control": "Control", "not shown": "Does not show"},
}
"""The parts of each kind of box, and what a page calls them."""
_ITEM = re.compile(r"^- (?P<part>[^:\n]+):(?P<text>.*(?:\n +.*)*)", re.M)


@dataclass(frozen=True)
class Part:
    """One part: what a page calls it, and its Markdown with bindings, at ``line`` of the lesson."""

    name: str
    text: str
    line: int


def kind(cell: Cell) -> str:
    """``budget`` or ``trust`` if the cell is such a box, else nothing."""
    return next(iter(cell.tags & BOXES), "")


def parts(cell: Cell, lesson: Lesson) -> tuple[Part, ...]:
    """The parts of the box in ``cell``.

    Raises:
        CourseError: a part is missing, empty or unknown, stands elsewhere, or the cell holds something else.
    """
    expected = PARTS[kind(cell)]
    found = list(_ITEM.finditer(cell.source))
    lines = [cell.line + cell.source.count("\n", 0, item.start()) for item in found]
    hint = f"It is a list of these, in this order: {', '.join(f'- {name}: …' for name in expected)}"
    if rest := _ITEM.sub("", cell.source).strip():
        at = cell.line + cell.source.count("\n", 0, cell.source.index(rest.split("\n")[0]))
        raise lesson.error(f"A {kind(cell)} box holds its parts and nothing else.", at, hint)
    for name, item, line in zip(expected, found, lines, strict=False):
        if item["part"].strip() != name or not item["text"].strip():
            raise lesson.error(f"Here the {kind(cell)} box has to say something about {name!r}.", line, hint)
    if len(found) != len(expected):
        names = list(expected)
        what = f"lacks {names[len(found)]!r}" if len(found) < len(names) else "has a part too many"
        raise lesson.error(f"The {kind(cell)} box {what}.", lines[-1] if lines else cell.line, hint)
    texts = (" ".join(item["text"].split()) for item in found)
    return tuple(Part(name, text, line) for name, text, line in zip(expected.values(), texts, lines, strict=True))
