"""Predictions: what a reader guesses before a result is shown, and what the run gave.

A lesson asks for one as YAML in a Markdown cell tagged ``predict``: it is prose, so rewording one runs nothing. The
outputs of the next code cell tagged ``reveal`` (and of those right after it) wait for the guess.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from course.pipeline.base import yamlfile
from course.pipeline.lesson.model import Cell, Lesson
from course.pipeline.results.capture import Capture, Chart
from course.pipeline.results.quiz import ID, TYPED
from course.pipeline.text.bind import BindingProblem, bind
from course.pipeline.text.expressions import ExpressionError, evaluate, form

KINDS = ("number", "choices", "curve")
FEWEST = 3
"""Points that a line needs to be worth sketching."""


@dataclass(frozen=True)
class Choice:
    """One answer to choose. ``right`` is an expression over captured values."""

    text: str
    right: str


@dataclass(frozen=True)
class Prediction:
    """A prediction as authored, at ``line`` of its lesson: of a number, a choice, or a line of a recorded figure.

    ``cells`` are the indices, among code cells, of those whose outputs wait for it. ``number`` is an expression over
    captured values; ``curve`` the key of a figure and ``series`` the name of one of its lines.
    """

    id: str
    ask: str
    line: int
    cells: tuple[int, ...]
    number: str = ""
    format: str = ""
    unit: str = ""
    choices: tuple[Choice, ...] = ()
    curve: str = ""
    series: str = ""


@dataclass(frozen=True)
class Sketch:
    """A line to be sketched. ``span`` holds the lowest and highest value of all lines of its figure."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    x_label: str
    y_label: str
    x_log: bool
    y_log: bool
    span: tuple[float, float]


@dataclass(frozen=True)
class Asked:
    """A prediction with its bindings filled in and what the run gave: a number, the index of a choice, or a line.

    ``hash`` changes when anything that a reader sees or is compared with changes.
    """

    id: str
    ask: str
    choices: tuple[str, ...]
    answer: float | None
    result: str
    unit: str
    sketch: Sketch | None

    @property
    def hash(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def kind(self) -> str:
        return "curve" if self.sketch else "choice" if self.choices else "number"


def read(lesson: Lesson) -> dict[int, Prediction]:
    """Index of each Markdown cell tagged ``predict`` → the prediction in it.

    Raises:
        CourseError: a cell that is not a prediction, an id used twice, or no result that waits for it.
    """
    found: dict[int, Prediction] = {}
    for place, cell in enumerate(lesson.cells):
        if "predict" in cell.tags:
            made = _of_cell(cell, lesson, tuple(_waiting(lesson.cells, place)))
            if any(made.id == other.id for other in found.values()):
                raise lesson.error(f"The prediction id {made.id!r} is used twice.", made.line, "Give it another one.")
            found[place] = made
    return found


def _waiting(cells: Sequence[Cell], place: int) -> Iterator[int]:
    """The code cells whose outputs wait for the prediction at ``place``: the next ones tagged, in its section."""
    index = sum(cell.is_code for cell in cells[:place])
    seen = False
    for cell in cells[place + 1 :]:
        waits = cell.is_code and "reveal" in cell.tags
        if (seen and not waits) or (not cell.is_code and cell.source.startswith("## ")):
            return
        if waits:
            seen = True
            yield index
        index += cell.is_code


def _of_cell(cell: Cell, lesson: Lesson, cells: tuple[int, ...]) -> Prediction:
    root = yamlfile.parse(cell.source, lesson.path, offset=cell.line - 1)
    fields = root.fields("A prediction", {"id", "ask", *KINDS, "format", "unit", "series"})
    name, ask = fields.get("id", str), fields.get("ask", str)
    if not ID.fullmatch(name):
        raise fields.need("id").error(f"{name!r} is not an id.", "Use lower-case words joined by hyphens.")
    kinds = [kind for kind in KINDS if kind in fields]
    if len(kinds) != 1:
        said = " and ".join(kinds) or "none of them"
        raise root.error(f"A prediction has one of number, choices and curve, not {said}.", "Ask one thing at a time.")
    of = {"number": {"format", "unit"}, "choices": set(), "curve": {"series"}}[kinds[0]]
    if extra := sorted({"format", "unit", "series"} & set(fields.found) - of):
        raise fields.need(extra[0]).error(f"A prediction of {kinds[0]} has no {extra[0]!r}.")
    if not cells:
        hint = 'Tag the code cell that shows the result with tags=["reveal"], before the next section begins.'
        raise root.error("No result waits for this prediction.", hint)
    made = Prediction(name, ask, root.line, cells)
    if kinds == ["number"]:
        style = fields.get("format", str)
        if not TYPED.fullmatch(style):
            hint = "Use int, f1, g3 or sci2. For a percentage: number: 100 * share, and unit: %."
            raise fields.need("format").error(f"A number in format {style!r} is not what a reader would type.", hint)
        return replace(made, number=fields.get("number", str), format=style, unit=fields.get("unit", str, ""))
    if kinds == ["choices"]:
        choices = tuple(map(_choice, fields.need("choices").items("choices")))
        if not 2 <= len(choices) <= 6:
            raise fields.need("choices").error(f"A prediction needs two to six choices, not {len(choices)}.")
        return replace(made, choices=choices)
    return replace(made, curve=fields.get("curve", str), series=fields.get("series", str))


def _choice(node: yamlfile.Node) -> Choice:
    fields = node.fields("A choice", {"text", "right"})
    if "right" not in fields:
        return Choice(fields.get("text", str), "False")
    right = fields.need("right")
    plain = right.yaml.tag.endswith(":bool")
    return Choice(fields.get("text", str), str(right.scalar(bool, "right") if plain else right.scalar(str, "right")))


def ask(prediction: Prediction, capture: Capture, lesson: Lesson) -> Asked:
    """Fill in bindings and look up what the run gave.

    Raises:
        CourseError: a binding or expression that cannot be computed, not exactly one right choice, no such line.
    """
    values = capture.values
    try:
        asked, unit = bind(prediction.ask, values), prediction.unit
        if prediction.number:
            number = float(evaluate(prediction.number, values))
            shown = form(number, prediction.format) + after_number(unit)
            return Asked(prediction.id, asked, (), number, shown, unit, None)
        if prediction.choices:
            right = [place for place, choice in enumerate(prediction.choices) if evaluate(choice.right, values)]
            if len(right) != 1:
                hint = "Its 'right' may be an expression; the results of the run must make one of them true."
                message = f"Prediction {prediction.id!r}: {len(right)} choices are right, not one."
                raise lesson.error(message, prediction.line, hint)
            choices = tuple(bind(choice.text, values) for choice in prediction.choices)
            return Asked(prediction.id, asked, choices, float(right[0]), "ABCDEF"[right[0]], "", None)
        sketch = _sketch(prediction, capture)
        return Asked(prediction.id, asked, (), None, "", "", sketch)
    except (ExpressionError, ValueError) as error:
        raise lesson.error(f"Prediction {prediction.id!r}: {error}.", prediction.line) from error
    except BindingProblem as problem:
        raise lesson.error(f"Prediction {prediction.id!r}: {problem.message}.", prediction.line) from problem


def _sketch(prediction: Prediction, capture: Capture) -> Sketch:
    """The line to be sketched.

    Raises:
        ValueError: there is no such figure or line, or it cannot be sketched.
    """
    figures = {item.key: item.figure for item in capture.of_type(Chart)}
    if prediction.curve not in figures:
        raise ValueError(f"no recorded figure has the key '{prediction.curve}' (figures: {', '.join(figures)})")
    figure = figures[prediction.curve]
    lines = {series.name: series for series in figure.series}
    if prediction.series not in lines:
        raise ValueError(
            f"the figure '{prediction.curve}' has no series '{prediction.series}' (it has {', '.join(lines)})"
        )
    line = lines[prediction.series]
    fewest = 1 if capture.provenance.profile == "smoke" else FEWEST  # that profile makes the shortest of lines
    numbers = tuple(x for x in line.x if not isinstance(x, str))
    if figure.kind != "line" or not fewest <= len(line.x) == len(numbers):
        raise ValueError(f"a sketch needs a line through {fewest} numbers or more, not the figure '{prediction.curve}'")
    heights = [y for series in figure.series for y in series.y]
    return Sketch(
        prediction.series, numbers, tuple(line.y), figure.x_label, figure.y_label, figure.x_log, figure.y_log,
        (min(heights), max(heights)),
    )  # fmt: skip


def after_number(unit: str) -> str:
    """A unit as it follows its number."""
    return unit if unit in "×" else f" {unit}"
