"""Two rules of the standard: a verdict has expressions for and against, and a headline number its n, spread and anchor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.model import BOXES, DATA, Lesson
from course.pipeline.results.budget import bound_keys
from course.pipeline.results.capture import Value
from course.pipeline.results.material import Material
from course.pipeline.text.bind import BINDING
from course.pipeline.text.expressions import ExpressionError, Scalar, keys

_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n(?=\s*(?:[-*#>]|\d+\.)\s)|\|")


def verdicts(material: Material) -> Iterator[CourseError]:
    """A claim that is tested has an expression for it, one against it, and a condition where it may hold with one."""
    for claim in (claim for cell in material.registered.values() for claim in cell):
        if claim.in_favor and not claim.against:
            hint = "Write against: what would have to be captured for the claim to be wrong. A null result is not that."
            yield material.lesson.error(f"Claim {claim.number} has no expression against it.", claim.line, hint)
        if claim.partly and not claim.condition:
            hint = "Name it in condition, or leave partly out."
            yield material.lesson.error(
                f"Claim {claim.number} may hold with a condition, and names none.", claim.line, hint
            )


@dataclass(frozen=True)
class _Sentence:
    """A sentence that carries a headline; ``reads`` are the keys that decide it beside those that it binds."""

    text: str
    path: Path
    line: int
    reads: frozenset[str] = frozenset()


def headlines(material: Material) -> Iterator[CourseError]:
    """A measured number in the opening, a claim or a quiz's answer is an estimate, with n, interval and anchor beside it.

    An estimate is what :func:`course.evidence.metric` and :func:`course.evidence.difference` record. Numbers recorded as
    exact were counted or computed, and need nothing.
    """
    values = material.capture.values
    measured = {
        item.key for item in material.capture.of_type(Value) if item.kind != "exact" and ".anchor." not in item.key
    }
    for sentence in _sentences(material):
        bound = bound_keys(sentence.text)
        for name in sorted({_estimate(key, values) for key in (bound | sentence.reads) & measured}):
            if wrong := _wrong(name, bound, values):
                yield CourseError(wrong[0], sentence.path, sentence.line, wrong[1])


def _estimate(key: str, values: Mapping[str, Scalar]) -> str:
    """The estimate that ``key`` is a part of, else ``key`` itself."""
    parent = key.rpartition(".")[0]
    return parent if f"{parent}.n" in values else key


def _wrong(name: str, bound: set[str], values: Mapping[str, Scalar]) -> tuple[str, str] | None:
    """What is wrong with the headline ``name`` in a sentence that binds ``bound``, and what to do about it."""
    if f"{name}.n" not in values:
        hint = "Record it with course.evidence.metric or difference; as kind 'exact' if no run decides it."
        return f"The headline number {name!r} has no n and no interval.", hint
    missing = [key for key in (f"{name}.n", f"{name}.low", f"{name}.high") if key not in bound]
    anchors = {key for key in values if key.startswith(f"{name}.anchor.") and not key.endswith(".none")}
    if anchors and not anchors & bound:
        missing.append(" or ".join(sorted(anchors)))
    if missing:
        hint = f"Bind in the same sentence: {', '.join(missing)}."
        return f"The headline number {name!r} stands without its n, interval or anchor.", hint
    if values.get(f"{name}.survives") is False:
        return (
            f"The headline {name!r} hangs on one seed.",
            "Leave it out of opening, claims and quiz, or run more seeds.",
        )
    return None


def _sentences(material: Material) -> Iterator[_Sentence]:
    lesson = material.lesson
    yield from _split(lesson.header.summary, lesson.path, 1)
    yield from _opening(lesson)
    for claim in (claim for cell in material.registered.values() for claim in cell):
        yield from _split(claim.value, lesson.path, claim.line)
    for question in material.questions:
        decides = frozenset(_keys(question.answer))
        yield _Sentence(question.why, question.path, question.line, decides)
        for option in question.options:
            if option.right:
                yield from _split(option.why, question.path, question.line)


def _opening(lesson: Lesson) -> Iterator[_Sentence]:
    """The prose up to the second section, without boxes, which say n and spread themselves."""
    sections = 0
    for cell in lesson.cells:
        if cell.is_code or cell.tags & (DATA | BOXES):
            continue
        parts = re.split(r"(?m)^(?=## )", cell.source)
        line = cell.line
        for part in parts:
            sections += part.startswith("## ")
            if sections > 1:
                return
            yield from _split(part, lesson.path, line)
            line += part.count("\n")


def _split(text: str, path: Path, line: int) -> Iterator[_Sentence]:
    """The sentences of ``text`` with their lines. What stands in a binding ends none."""
    hidden = BINDING.sub(lambda m: re.sub(r"[^\n]", "x", m[0]), text)
    start = 0
    for end, after in [*((m.start(), m.end()) for m in _END.finditer(hidden)), (len(text), len(text))]:
        if part := text[start:end].strip():
            lead = len(text[start:end]) - len(text[start:end].lstrip())
            yield _Sentence(part, path, line + text.count("\n", 0, start + lead))
        start = after


def _keys(expression: str) -> set[str]:
    try:
        return keys(expression) if expression else set()
    except ExpressionError:  # whoever asks the question says so
        return set()
