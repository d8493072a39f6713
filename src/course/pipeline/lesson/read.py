"""Read a lesson, in the course's own format or as any percent-format script."""

from __future__ import annotations

from pathlib import Path

from course.pipeline.lesson import course_format, plain_format
from course.pipeline.lesson.model import Lesson


def read(path: Path, root: Path | None = None) -> Lesson:
    """Parse and validate one lesson; one of the plain course in ``root`` if that is given.

    Raises:
        CourseError: with file and line, for anything that is not a well-formed lesson.
    """
    return course_format.read(path) if root is None else plain_format.read(path, root)
