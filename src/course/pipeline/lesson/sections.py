"""Sections of a lesson that are more than a heading, told by how their title begins.

``## Deeper: a proof that …`` is depth: folded on the page, and counted apart in the reading time. ``## Monday: …`` is what a
reader takes to work: set apart, and printable alone. Such a section ends where the next heading of its level stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from course.pipeline.lesson.model import DATA, Cell, Lesson
from course.pipeline.text.spans import inside

Kind = Literal["deeper", "monday"]
KINDS: dict[str, Kind] = {"Deeper": "deeper", "Monday": "monday"}
"""By the word before the colon."""
_HEADING = re.compile(r"^(#{1,6}) +(?:(Deeper|Monday): *)?.*$", re.M)


@dataclass(frozen=True)
class Section:
    """The cells from ``first`` up to ``end``, by their index."""

    kind: Kind
    first: int
    end: int


@dataclass(frozen=True)
class _Heading:
    """A heading in the cell with the index ``cell``; ``starts`` whether that begins with it."""

    level: int
    kind: Kind | Literal[""]
    cell: int
    line: int
    starts: bool


def sections(lesson: Lesson) -> tuple[Section, ...]:
    """The lesson's special sections, in the order of reading. A plain lesson has none.

    Raises:
        CourseError: one that does not begin with a cell or does not end before one, or stands in another.
    """
    if lesson.is_plain:
        return ()
    found: list[Section] = []
    within: _Heading | None = None  # the heading of the special section that is open
    for heading in _headings(lesson.cells):
        ends = within is not None and heading.level <= within.level
        if (heading.kind or ends) and not heading.starts:
            what = "begins" if heading.kind else "ends"
            hint = "Write '# %% [markdown]' in the line above it."
            raise lesson.error(
                f"This heading {what} a section of its own kind and is not the first line of a cell.",
                heading.line,
                hint,
            )
        if within and within.kind and ends:
            found.append(Section(within.kind, within.cell, heading.cell))
            within = None
        if heading.kind and within:
            hint = f"The section begins at line {within.line}: give this one the same level, or another title."
            raise lesson.error("This section stands in another that is folded or set apart.", heading.line, hint)
        if heading.kind:
            within = heading
    if within and within.kind:
        found.append(Section(within.kind, within.cell, len(lesson.cells)))
    return tuple(found)


def depth(lesson: Lesson) -> frozenset[int]:
    """The indices of the cells that are in sections of depth."""
    return frozenset(at for found in sections(lesson) if found.kind == "deeper" for at in range(found.first, found.end))


def _headings(cells: tuple[Cell, ...]) -> Iterator[_Heading]:
    for place, cell in enumerate(cells):
        if cell.is_code or cell.tags & DATA:
            continue
        is_code = inside(cell.source, "code")
        for found in _HEADING.finditer(cell.source):
            if not is_code(found.start()):
                line = cell.line + cell.source.count("\n", 0, found.start())
                yield _Heading(
                    len(found[1]), KINDS.get(found[2] or "", ""), place, line, found.start() == 0 and not cell.tags
                )
