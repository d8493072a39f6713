"""The rule that a prediction is a guess: what answers it stands nowhere above its result on the page.

Above it stand the lesson's header, prose, claims and other questions, code with its comments, printed lines, tables,
figures and captions, and the code that makes the result itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.model import Cell
from course.pipeline.results import placing
from course.pipeline.results.capture import Capture, Chart, ItemShown, Table, Text
from course.pipeline.results.material import Material
from course.pipeline.results.predict import Prediction
from course.pipeline.results.quiz import Question
from course.pipeline.text.bind import BINDING, bind
from course.pipeline.text.expressions import Scalar, evaluate, keys

ENOUGH = 3
"""Digits that make an equal number no coincidence; with the answer's unit behind it, one is enough."""
_NUMBER = re.compile(r"(?<![\w.,^])[-−]?[0-9]+(?:,[0-9]{3}(?![0-9]))*(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?(?![\w^]|\.[0-9])")
_ADDRESS = re.compile(r"\]\([^)\s]*\)|https?://\S+")


@dataclass(frozen=True)
class _Passage:
    """Something on the page: ``text`` as readers read it, ``source`` with its bindings, ``line`` of the lesson.

    Attributes:
        above: the first code cell whose result it stands above.
        says: what it is, as the beginning of a sentence that the finding ends.
        follows: whether its lines are those of the file.
        of: the prediction or the figure that it is part of.
    """

    above: int
    text: str
    source: str
    line: int
    says: str
    follows: bool = False
    of: str = ""

    def leak(self, found: str, text: str, offset: int) -> _Leak:
        """What was ``found`` at ``offset`` of ``text``, which is one of the passage's two."""
        return _Leak(found, self.says, self.line + text.count("\n", 0, offset) * self.follows)


@dataclass(frozen=True)
class _Leak:
    """What was found: it stands at ``line``, in what ``says`` it."""

    found: str
    says: str
    line: int


def problems(material: Material) -> Iterator[CourseError]:
    """A problem for each prediction that is answered above its result. All bindings of the lesson are in order."""
    lesson, capture = material.lesson, material.capture
    if capture.provenance.profile == "smoke" or not material.predictions:  # that profile's numbers are no results
        return
    page = list(_passages(material))
    for prediction in material.predictions.values():
        above = [each for each in page if each.above <= prediction.cells[0] and each.of != prediction.id]
        if leak := _leak(prediction, above, capture.values):
            message = f"The prediction {prediction.id!r} is answered above its result: {leak.says} {leak.found}."
            hint = f"Say it below the result, or ask for something else (the question is at line {prediction.line})."
            yield lesson.error(message, leak.line, hint)


def _passages(material: Material) -> Iterator[_Passage]:
    """All that the page says, in the order of reading."""
    lesson, capture, predictions = material.lesson, material.capture, material.predictions
    values, index = capture.values, 0
    groups = iter(placing.place(lesson, material.questions))
    for line, text in lesson.header.prose:
        yield _written(0, text, line, "the header says", values)
    for place, cell in enumerate(lesson.cells):
        if cell.is_code:
            yield _Passage(index, cell.source, "", cell.line, "the code says", follows=True)
            index += 1
            yield from _shown(cell, index, capture)
        elif place in predictions:
            asked = predictions[place]
            text = "\n".join([asked.ask, *(choice.text for choice in asked.choices)])
            yield _written(index, text, asked.line, "another question says", values, of=asked.id)
        elif place in material.registered:
            for claim in material.registered[place]:
                text = "\n".join([claim.text, claim.value, claim.note])
                yield _written(index, text, claim.line, "a claim says", values)
        else:
            yield _written(index, cell.source, cell.line, "the prose says", values, follows=True)
            for marker in placing.markers(cell.source):
                for question in next(groups):
                    says = f"the question {question.id!r} of the quiz says"
                    yield _written(index, _all_of(question), cell.line + marker.line, says, values)


def _all_of(question: Question) -> str:
    options = (part for option in question.options for part in (option.text, option.why))
    answer = f"{{{{ {question.answer} | {question.format} }}}}" if question.answer else ""
    return "\n".join([question.ask, *options, answer, question.why, question.hint])


def _shown(cell: Cell, above: int, capture: Capture) -> Iterator[_Passage]:
    """The outputs of a code cell, which stand above the results of the cells from ``above`` on."""
    for output in capture.outputs[above - 1]:
        if isinstance(output, Text):
            yield _Passage(above, output.text, "", cell.line, "this cell prints")
        elif isinstance(output, ItemShown):
            item = capture.items[output.key]
            if isinstance(item, Table):
                text = "\n".join(" | ".join(map(str, row)) for row in item.rows)
                yield _Passage(above, text, "", cell.line, f"the table {item.key!r} of this cell has")
                yield _written(above, item.caption, cell.line, f"the caption of {item.key!r} says", capture.values)
            elif isinstance(item, Chart):
                # Its marks are no numbers that anyone reads; that equal ones stand among them is chance.
                yield _Passage(above, "", "", cell.line, f"the figure {item.key!r} of this cell shows", of=item.key)
                yield _written(above, item.caption, cell.line, f"the caption of {item.key!r} says", capture.values)
                yield _Passage(above, item.figure.alt, "", cell.line, f"the description of {item.key!r} says")


def _written(
    above: int, text: str, line: int, says: str, values: Mapping[str, Scalar], *, follows: bool = False, of: str = ""
) -> _Passage:
    """A passage of Markdown with bindings."""
    source = _ADDRESS.sub("", text)
    return _Passage(above, bind(source, values), source, line, says, follows, of)


def _leak(prediction: Prediction, above: Sequence[_Passage], values: Mapping[str, Scalar]) -> _Leak | None:
    """What answers the prediction, in the order of reading."""
    if prediction.curve:
        return next((each.leak("its line", "", 0) for each in above if each.of == prediction.curve), None)
    if prediction.number:
        number = float(evaluate(prediction.number, values))
        step = _step(number, prediction.format)
        found = (
            _number(each, number, step, prediction.unit) or _same(each, prediction.number, number, values)
            for each in above
        )
        return next(filter(None, found), None)
    right = next(choice.right for choice in prediction.choices if evaluate(choice.right, values))
    told = [next(filter(None, (_told(each, key, values) for each in above)), None) for key in sorted(keys(right))]
    complete = [leak for leak in told if leak]
    # What is compared with something that nobody has seen yet gives nothing away.
    return max(complete, key=lambda leak: leak.line) if told and len(complete) == len(told) else None


def _bindings(passage: _Passage) -> Iterator[tuple[str, re.Match[str]]]:
    """The expressions that a passage binds."""
    for binding in BINDING.finditer(passage.source):
        yield binding[0].strip("{} ").rpartition("|")[0].strip(), binding


def _same(passage: _Passage, expression: str, number: float, values: Mapping[str, Scalar]) -> _Leak | None:
    """Where a passage binds what the answer is made of, and it comes to the same, be it as a share or as a percentage."""
    for bound, binding in _bindings(passage):
        if keys(bound) == keys(expression):
            value = evaluate(bound, values)
            if not isinstance(value, str) and any(math.isclose(value * scale, number) for scale in (1, 100)):
                return passage.leak(binding[0], passage.source, binding.start())
    return None


def _told(passage: _Passage, key: str, values: Mapping[str, Scalar]) -> _Leak | None:
    """Where a passage binds ``key``, or has its value as a number that cannot be a coincidence."""
    for bound, binding in _bindings(passage):
        if key in keys(bound):
            return passage.leak(binding[0], passage.source, binding.start())
    value = values[key]
    if isinstance(value, (bool, str)) or not math.isfinite(value):
        return None
    return _number(passage, float(value), 0.0, "")


def _number(passage: _Passage, number: float, step: float, unit: str) -> _Leak | None:
    """Where a passage has ``number``: in enough digits, or with its unit and no coarser than ``step``."""
    for match in _NUMBER.finditer(passage.text):
        written = match[0].replace(",", "").replace("−", "-")
        after = passage.text[match.end() : match.end() + 12].lstrip()
        has_unit = bool(unit) and re.match(re.escape(unit) + r"(?!\w)", after) is not None
        scales = (1.0, 100.0) if unit == "%" else (0.01,) if after.startswith("%") else (1.0,)
        for scale in scales:
            last = scale * 10.0 ** -len(written.partition(".")[2].partition("e")[0])
            telling = _digits(written) >= ENOUGH or (has_unit and last <= step)
            if telling and abs(float(written) * scale - number) <= last / 2 * (1 + 1e-9):
                found = match[0] + (f" {unit}" if has_unit else "%" if after.startswith("%") else "")
                return passage.leak(found, passage.text, match.start())
    return None


def _digits(written: str) -> int:
    """How many digits say something: not the zeros at either end of 0.05 and 100."""
    shown = written.partition("e")[0]
    return len(re.sub(r"\D", "", shown if "." in shown else shown.rstrip("0")).lstrip("0"))


def _step(number: float, style: str) -> float:
    """What the last digit of ``number`` counts, shown in a format: 0.01 in ``f2``."""
    if style == "int" or number == 0:
        return 1.0
    places = int(style[-1])
    if style[0] == "f":
        return 10.0**-places
    return 10.0 ** (math.floor(math.log10(abs(number))) - places + (style[0] == "g"))
