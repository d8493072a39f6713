"""Where a lesson's questions stand: some in the sections that they test, the others together.

A line ``<!-- quiz: lora-count -->`` in the prose shows that one question there, ``<!-- quiz -->`` those that no other line
shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from course.pipeline.lesson.model import DATA, Lesson
from course.pipeline.results.quiz import Question
from course.pipeline.text.spans import inside

_MARKER = re.compile(r"^<!-- quiz(?:: *(?P<id>\S+))? -->[ \t]*$", re.M)


@dataclass(frozen=True)
class Marker:
    """A marker from ``start`` to ``end`` of a text, at a 0-based line; ``id`` of its question, "" for the rest."""

    id: str
    start: int
    end: int
    line: int


def markers(text: str) -> Iterator[Marker]:
    """The markers in a Markdown text, but for those that it shows as code."""
    if "<!-- quiz" not in text:
        return
    is_code = inside(text, "code")
    for match in _MARKER.finditer(text):
        if not is_code(match.start()):
            yield Marker(match["id"] or "", match.start(), match.end(), text.count("\n", 0, match.start()))


def place(lesson: Lesson, questions: Sequence[Question]) -> tuple[tuple[Question, ...], ...]:
    """The questions of each of the lesson's markers, in the order of reading.

    Raises:
        CourseError: a marker of a question that there is not or that stands elsewhere, or one that shows none.
    """
    left = {question.id: question for question in questions}
    found: list[tuple[Marker, int]] = []
    for cell in lesson.cells:
        if cell.is_code or cell.tags & DATA:
            continue
        for marker in markers(cell.source):
            line = cell.line + marker.line
            if any(marker.id == other.id for other, _ in found):
                what = f"The question {marker.id!r}" if marker.id else "The knowledge check"
                raise lesson.error(f"{what} stands twice on this page.", line, "Remove one of the two markers.")
            if marker.id and marker.id not in left:
                known = ", ".join(question.id for question in questions)
                raise lesson.error(f"The quiz has no question {marker.id!r}.", line, f"Its questions: {known}.")
            found.append((marker, line))
    named = {marker.id for marker, _ in found}
    rest = tuple(question for question in questions if question.id not in named)
    if questions and not rest and "" in named:
        line = next(line for marker, line in found if not marker.id)
        raise lesson.error(
            "No question is left for this place.", line, "The others stand in sections: remove one marker."
        )
    return tuple((left[marker.id],) if marker.id else rest for marker, _ in found)
