"""How long a lesson takes to read, against what its header says."""

from __future__ import annotations

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson import visible_code
from course.pipeline.lesson.model import Lesson

WORDS = 200
"""A minute, of technical prose and code."""
TOLERANCE = 0.3
"""A relative difference from the count that goes without saying: readers differ by more."""


def minutes(lesson: Lesson) -> float:
    """Reading time of what stands open on the page: prose and code, without solutions and folded code."""
    prose = (cell.source for cell in lesson.cells if not cell.is_code and "solution" not in cell.tags)
    return sum(len(text.split()) for text in (*prose, *visible_code.shown(lesson))) / WORDS


def doubt(lesson: Lesson) -> CourseError | None:
    """What is odd about the reading time in the header, if it is far from the count."""
    said, counted = lesson.header.read_minutes, minutes(lesson)
    least = max(1, counted)  # nobody writes a fraction of a minute
    if lesson.is_plain or abs(said - least) <= TOLERANCE * least:
        return None
    hint = f"Write about {round(least)}: the page has {counted * WORDS:.0f} words, read at {WORDS} a minute."
    return lesson.error(f"The header says {said} minutes of reading.", 1, hint)
