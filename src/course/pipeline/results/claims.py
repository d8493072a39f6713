"""The claims ledger: widely repeated figures, decided by what the lessons captured.

A lesson registers claims as YAML in a Markdown cell tagged ``claims``: they are prose, so rewording one runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from course.pipeline.base import yamlfile
from course.pipeline.lesson.model import Cell, Lesson
from course.pipeline.text.bind import BindingProblem, bind
from course.pipeline.text.expressions import ExpressionError, Scalar, evaluate

VERDICTS = {
    "holds": "holds",
    "conditions": "holds with conditions",
    "wrong": "wrong",
    "untestable": "not testable here",
}


@dataclass(frozen=True)
class Claim:
    """A claim as registered, at ``line`` of its lesson.

    ``value`` (what was found) and ``note`` (the condition or the reason) are texts with bindings. ``holds`` and
    ``partly`` are expressions over captured values: true ``holds`` means the verdict *holds*; else, true ``partly``
    means *holds with conditions*; else it is *wrong*. An empty ``holds`` is *not testable here*.
    """

    number: int
    text: str
    source: str
    value: str
    holds: str
    partly: str
    note: str
    line: int


@dataclass(frozen=True)
class Decided:
    """A claim with its verdict (a key of :data:`VERDICTS`), and its texts with numbers filled in."""

    claim: Claim
    verdict: str
    found: str
    note: str

    @property
    def anchor(self) -> str:
        return f"claim-{self.claim.number}"


def read(lesson: Lesson) -> dict[int, tuple[Claim, ...]]:
    """Index of each Markdown cell tagged ``claims`` → the claims in it.

    Raises:
        CourseError: a cell that is not a list of claims.
    """
    return {place: _of_cell(cell, lesson) for place, cell in enumerate(lesson.cells) if "claims" in cell.tags}


def _of_cell(cell: Cell, lesson: Lesson) -> tuple[Claim, ...]:
    root = yamlfile.parse(cell.source, lesson.path, offset=cell.line - 1)
    return tuple(_claim(node) for node in root.items("A cell of claims"))


def _claim(node: yamlfile.Node) -> Claim:
    fields = node.fields("A claim", set(Claim.__dataclass_fields__) - {"line"})
    number = fields.get("number", int)
    texts = {name: fields.get(name, str) for name in ("text", "source", "value")}
    rest = {name: fields.get(name, str, "") for name in ("holds", "partly", "note")}
    if not rest["holds"] and not rest["note"]:
        raise node.error(f"Claim {number} has no expression that decides it.", "Write holds, or say in note why not.")
    return Claim(number, **texts, **rest, line=node.line)


def decide(claim: Claim, values: Mapping[str, Scalar], lesson: Lesson) -> Decided:
    """The claim with its verdict computed from ``values``.

    Raises:
        CourseError: an expression or binding that cannot be computed.
    """
    try:
        if not claim.holds:
            verdict = "untestable"
        elif evaluate(claim.holds, values):
            verdict = "holds"
        else:
            verdict = "conditions" if claim.partly and evaluate(claim.partly, values) else "wrong"
        return Decided(claim, verdict, bind(claim.value, values), bind(claim.note, values))
    except (ExpressionError, BindingProblem) as error:
        message = error.message if isinstance(error, BindingProblem) else str(error)
        raise lesson.error(f"Claim {claim.number}: {message}.", claim.line) from error
