"""The claims ledger: widely repeated figures, decided by what the lessons captured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from course.pipeline.bind import BindingProblem, bind
from course.pipeline.expressions import ExpressionError, Scalar, evaluate
from course.pipeline.lesson import Lesson

VERDICTS = {
    "holds": "holds",
    "conditions": "holds with conditions",
    "wrong": "wrong",
    "untestable": "not testable here",
}


@dataclass(frozen=True)
class Claim:
    """A claim with its verdict. ``cell`` is the index of the code cell that registered it."""

    number: int
    text: str
    source: str
    found: str
    verdict: str
    note: str
    expression: str
    cell: int


def decide(record: Mapping[str, Any], cell: int, values: Mapping[str, Scalar], lesson: Lesson) -> Claim:
    """The claim registered by ``record`` with its verdict computed from ``values``.

    Raises:
        CourseError: an expression or binding that cannot be computed.
    """
    try:
        if not record["holds"]:
            verdict = "untestable"
        elif evaluate(record["holds"], values):
            verdict = "holds"
        else:
            verdict = "conditions" if record["partly"] and evaluate(record["partly"], values) else "wrong"
        return Claim(
            number=record["number"],
            text=record["text"],
            source=record["source"],
            found=bind(record["value"], values),
            verdict=verdict,
            note=bind(record["note"], values),
            expression=record["holds"],
            cell=cell,
        )
    except (ExpressionError, BindingProblem) as error:
        message = error.message if isinstance(error, BindingProblem) else str(error)
        line = lesson.code_cells[cell].line
        raise lesson.error(f"Claim {record['number']}: {message}.", line) from error
