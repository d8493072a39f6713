"""The rule that no number is typed: what a lesson's readers read binds its numbers, or the header says why not."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from course.pipeline.base import syntax
from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.model import DATA, Lesson
from course.pipeline.results.capture import Capture, Chart, Table
from course.pipeline.results.claims import Claim
from course.pipeline.results.predict import Prediction
from course.pipeline.results.quiz import Question
from course.pipeline.text.expressions import Scalar
from course.pipeline.text.literals import literals


@dataclass(frozen=True)
class Passage:
    """A text that readers read, and where it begins. ``as_in_file``: its lines are those of the file."""

    text: str
    path: Path
    line: int
    as_in_file: bool = False


def problems(
    lesson: Lesson,
    questions: Sequence[Question],
    registered: Mapping[int, Sequence[Claim]],
    predictions: Mapping[int, Prediction],
    capture: Capture,
) -> Iterator[CourseError]:
    """A problem for each typed number that the header does not list, and for each listed one that nobody typed."""
    listed = {number.number for number in lesson.header.plain_numbers}
    used: set[str] = set()
    passages = (
        _of_cells(lesson), _of_yaml(lesson, registered, predictions), _of_quiz(questions), _of_captions(lesson, capture),
    )  # fmt: skip
    for passage in chain.from_iterable(passages):
        for literal in literals(passage.text):
            used.add(literal.number)
            if literal.number not in listed:
                message = f"The number {literal.written} is typed: it would stay as it is when the results change."
                hint = (
                    f"Bind it: {{{{ {_key(literal.number, capture.values)} | … }}}}. If no run decides it, give the reason "
                    f"in the header, under plain_numbers: 'the reason: [{literal.number}]'."
                )
                yield CourseError(message, passage.path, passage.line + literal.line * passage.as_in_file, hint)
    for number in lesson.header.plain_numbers:
        if number.number not in used:
            message = f"plain_numbers lists {number.number}, which nothing in the lesson types."
            yield lesson.error(message, number.line, "Remove it.")


def _key(number: str, values: Mapping[str, Scalar]) -> str:
    """The expression to bind: a captured value that is printed so, by itself or in percent, or "key" if there is none."""
    digits = len(number.partition(".")[2]) if number.replace(".", "").isdecimal() else 0
    for key, value in values.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if f"{value:.{digits}f}" == number:
                return key
            if f"{100 * value:.{digits}f}" == number:
                return f"100 * {key}"
    return "key"


def _of_cells(lesson: Lesson) -> Iterator[Passage]:
    yield from (Passage(text, lesson.path, line) for line, text in lesson.header.prose)
    for cell in lesson.cells:
        if not cell.is_code and not cell.tags & DATA:
            yield Passage(cell.source, lesson.path, cell.line, as_in_file=True)


def _of_yaml(
    lesson: Lesson, registered: Mapping[int, Sequence[Claim]], predictions: Mapping[int, Prediction]
) -> Iterator[Passage]:
    for claim in (claim for cell in registered.values() for claim in cell):
        for text in (claim.text, claim.source, claim.value, claim.condition, claim.note):
            yield Passage(text, lesson.path, claim.line)
    for prediction in predictions.values():
        for text in (prediction.ask, *(choice.text for choice in prediction.choices)):
            yield Passage(text, lesson.path, prediction.line)


def _of_quiz(questions: Sequence[Question]) -> Iterator[Passage]:
    for question in questions:
        of_options = [text for option in question.options for text in (option.text, option.why)]
        for text in (question.ask, question.why, question.hint, *of_options):
            yield Passage(text, question.path, question.line)


def _of_captions(lesson: Lesson, capture: Capture) -> Iterator[Passage]:
    """What the captions of figures and tables have in common with the texts in the code that recorded them.

    The rest of a caption was computed when the lesson ran.
    """
    captioned: list[Chart | Table] = [*capture.of_type(Chart), *capture.of_type(Table)]
    for item in captioned:
        cell = lesson.code_cells[item.cell]
        for node in ast.walk(syntax.parse(cell.source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip() in item.caption:
                yield Passage(node.value, lesson.path, cell.line + node.lineno - 1)
