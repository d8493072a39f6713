"""The list of lessons that need not keep the standard yet."""

from __future__ import annotations

from pathlib import Path

from course.pipeline.lesson.course_format import find
from course.pipeline.lesson.old_standard import OLD_STANDARD

AT_FIRST = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 13})
"""The lessons that existed when the standard was made. No other is ever excused."""


def test_the_list_only_shrinks(root: Path) -> None:
    assert {int(slug[:2]) for slug in OLD_STANDARD} <= AT_FIRST


def test_the_list_names_lessons_that_exist(root: Path) -> None:
    assert {path.stem for path in find(root / "src/course/lessons")} >= OLD_STANDARD
