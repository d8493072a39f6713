"""What pages and downloads share: bound prose, links between lessons, drawings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from course.draw import svg
from course.figures import Figure
from course.pipeline.base.cache import Cache
from course.pipeline.base.errors import Fail
from course.pipeline.base.hashes import digest
from course.pipeline.lesson.model import Cell, Lesson
from course.pipeline.page import fragments
from course.pipeline.text.bind import Bound
from course.pipeline.text.expressions import keys
from course.pipeline.text.spans import inside

LESSON_LINK = re.compile(r"\]\(lesson:([^)#\s]*)(#[^)\s]*)?\)")


def noting(used: set[str]) -> Callable[[Bound], str]:
    """:func:`course.pipeline.page.fragments.as_data`, which also adds to ``used`` the keys that a number was made from."""

    def show(bound: Bound) -> str:
        used.update(keys(bound.expression))
        return fragments.as_data(bound)

    return show


def link_lessons(text: str, lessons: Mapping[int, str], lesson: Lesson, line: int, target: Callable[[str], str]) -> str:
    """Resolve ``lesson:07#anchor`` links; ``target`` turns a slug into an address.

    Raises:
        CourseError: a link to a lesson that does not exist.
    """

    if not LESSON_LINK.search(text):
        return text
    is_code = inside(text, "code")

    def resolve(match: re.Match[str]) -> str:
        if is_code(match.start()):
            return match[0]
        number = int(match[1]) if re.fullmatch(r"[0-9]{2}", match[1]) else 0
        if number not in lessons:
            hint = f"Lessons: {', '.join(f'{n:02}' for n in sorted(lessons))}."
            at = line + text.count("\n", 0, match.start())
            raise lesson.error(f"There is no lesson {match[1]} to link to.", at, hint)
        return f"]({target(lessons[number])}{match[2] or ''})"

    return LESSON_LINK.sub(resolve, text)


def fails(lesson: Lesson, cell: Cell) -> Fail:
    """Makes an error at a line of ``cell``."""
    return lambda message, line, hint: lesson.error(message, cell.line + line, hint)


def drawing(figure: Figure, cache: Cache | None) -> str:
    """The figure as SVG, drawn once: matplotlib takes longer to import than a page to render."""
    return cache.recall("svg", digest(figure), lambda: svg(figure), str) if cache else svg(figure)
