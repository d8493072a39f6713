"""How long a lesson takes to read, counted."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from course.pipeline.lesson import visible_code
from course.pipeline.lesson.model import Lesson
from course.pipeline.lesson.sections import depth

WORDS = 200
"""A minute, of technical prose and code."""


@dataclass(frozen=True)
class Reading:
    """Minutes for the ``spine`` of a lesson, which everybody reads, and for its sections of depth; 0 if it has none."""

    spine: int
    deeper: int

    def __str__(self) -> str:
        return f"{self.spine} min" + (f" + {self.deeper} min deeper" if self.deeper else "")


def reading(lesson: Lesson) -> Reading:
    """The reading time of a lesson."""
    deep = depth(lesson)
    return Reading(minutes(lesson, set(range(len(lesson.cells))) - deep), minutes(lesson, deep) if deep else 0)


def minutes(lesson: Lesson, cells: Container[int]) -> int:
    """Whole minutes, one at least, for the ``cells`` of these indices: prose and open code, without solutions."""
    words = sum(len(text.split()) for at, text in enumerate(_texts(lesson)) if at in cells)
    return max(1, round(words / WORDS))


def _texts(lesson: Lesson) -> Iterator[str]:
    """What there is to read of each cell."""
    code = iter(visible_code.pieces(lesson))
    for cell in lesson.cells:
        parts = next(code) if cell.is_code else ()
        text = "\n".join(part.source for part in parts if not part.is_folded) if cell.is_code else cell.source
        yield "" if "solution" in cell.tags else text
