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
    "open": "not settled",
    "untested": "not tested here",
}


_OPTIONAL = ("against", "partly", "condition", "note")


@dataclass(frozen=True)
class Claim:
    """A claim as registered, at ``line`` of its lesson.

    ``value`` (what was found), ``condition`` and ``note`` are texts with bindings. ``in_favor`` (written ``for``),
    ``against`` and ``partly`` are expressions over captured values. True ``in_favor`` means *holds*, true ``against``
    *wrong*; where neither is true, true ``partly`` means *holds with conditions*, which ``condition`` names, and all else
    *not settled*. A claim with no expression is *not tested here*.
    """

    number: int
    text: str
    source: str
    value: str
    in_favor: str
    against: str
    partly: str
    condition: str
    note: str
    line: int


@dataclass(frozen=True)
class Decided:
    """A claim with its verdict (a key of :data:`VERDICTS`), and its texts with numbers filled in.

    ``condition`` is empty unless the verdict is that the claim holds with it.
    """

    claim: Claim
    verdict: str
    found: str
    condition: str
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
    fields = node.fields("A claim", {"number", "text", "source", "value", "for", *_OPTIONAL})
    number = fields.get("number", int)
    texts = {name: fields.get(name, str) for name in ("text", "source", "value")}
    in_favor = fields.get("for", str, "")
    rest = {name: fields.get(name, str, "") for name in _OPTIONAL}
    if not in_favor and (rest["against"] or rest["partly"] or not rest["note"]):
        hint = "Write for and against, or say in note why it is not tested."
        raise node.error(f"Claim {number} has no expression for it.", hint)
    return Claim(number, **texts, in_favor=in_favor, **rest, line=node.line)


def decide(claim: Claim, values: Mapping[str, Scalar], lesson: Lesson) -> Decided:
    """The claim with its verdict computed from ``values``.

    Raises:
        CourseError: an expression or binding that cannot be computed; a claim that is both right and wrong.
    """
    try:
        holds, wrong, partly = (
            bool(test) and bool(evaluate(test, values)) for test in (claim.in_favor, claim.against, claim.partly)
        )
        if wrong and (holds or partly):
            message = f"Claim {claim.number} comes out both ways: what is for it and what is against it are true."
            raise lesson.error(message, claim.line, "Make the expressions exclude each other.")
        if not claim.in_favor:
            verdict = "untested"
        else:
            verdict = "holds" if holds else "wrong" if wrong else "conditions" if partly else "open"
        condition = bind(claim.condition, values) if verdict == "conditions" else ""
        return Decided(claim, verdict, bind(claim.value, values), condition, bind(claim.note, values))
    except (ExpressionError, BindingProblem) as error:
        message = error.message if isinstance(error, BindingProblem) else str(error)
        raise lesson.error(f"Claim {claim.number}: {message}.", claim.line) from error
