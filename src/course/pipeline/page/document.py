"""A lesson as a document: blocks in the order of reading, each with all that it shows. It is built once; pages and files
are written from it.

Here is decided which cell shows what, which outputs wait for a prediction, where the quiz and the interactive pieces
stand, what the claims come to, and which cells are one solution or one section that is folded. How a block looks is the
writers' matter: ``write_page`` has a function for every kind of block, ``portable`` for those that are text in every
download, ``write_notebook``, ``write_script`` and ``write_markdown`` for the others. A new kind of block is a class here and
such functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from course.figures import Figure
from course.pipeline import widgets
from course.pipeline.diagrams.diagram import Diagram as Drawn
from course.pipeline.lesson import boxes, reading_time, sections, visible_code
from course.pipeline.lesson.model import Cell, Lesson
from course.pipeline.lesson.visible_code import Piece
from course.pipeline.page import placed
from course.pipeline.page.parts import drawing, fails
from course.pipeline.results import claims, placing, predict, quiz
from course.pipeline.results.bundle import Bundle
from course.pipeline.results.capture import (
    Chart,
    Html,
    ImageShown,
    ItemShown,
    Output,
    Provenance,
    Stderr,
    Table,
    Text,
)

# What a code cell shows, beside the text, HTML and tables of the capture.


@dataclass(frozen=True)
class Image:
    """An image: SVG, or base64 of another format."""

    name: str
    content: str


@dataclass(frozen=True)
class Drawing:
    """A recorded figure and its drawing."""

    key: str
    figure: Figure
    svg: str


@dataclass(frozen=True)
class AnswerTable:
    """A recorded table whose first column was asked, and whose others say what each model answered."""

    table: Table


Shown = Text | Stderr | Html | Image | Table | AnswerTable | Drawing

# What a lesson consists of. ``name`` is that of the lesson's cell; pieces of one cell share it.


@dataclass(frozen=True)
class Opening:
    """The title, what the lesson is about, and what to know before."""

    name: str
    lesson: Lesson


@dataclass(frozen=True)
class PlainOpening:
    """The title of a plain lesson."""

    name: str
    lesson: Lesson


@dataclass(frozen=True)
class Prose:
    """Markdown that begins at ``line`` of the lesson; its bindings and links to lessons are not filled in."""

    name: str
    text: str
    line: int
    folds: bool = False
    """Whether it is a heading whose section is depth: folded, where a format can do that."""


@dataclass(frozen=True)
class PlainProse:
    """Markdown of a plain lesson, in the dialect of notebooks."""

    name: str
    text: str
    line: int


@dataclass(frozen=True)
class Widget:
    """An interactive piece."""

    name: str
    placed: widgets.Placed


@dataclass(frozen=True)
class Diagram:
    """A drawing that explains."""

    name: str
    drawn: Drawn


@dataclass(frozen=True)
class Quiz:
    """Questions of the knowledge check: as written, and with their numbers.

    Attributes:
        first: the number of the first of them on the page, from 1.
        all: those of the whole page, in its order.
    """

    name: str
    questions: tuple[quiz.Question, ...]
    asked: tuple[quiz.Asked, ...]
    first: int
    all: tuple[quiz.Asked, ...]

    @property
    def is_last(self) -> bool:
        """Whether no questions of the page stand below."""
        return self.first + len(self.asked) > len(self.all)


@dataclass(frozen=True)
class Claims:
    """Claims and what became of them."""

    name: str
    decided: tuple[claims.Decided, ...]


@dataclass(frozen=True)
class Box:
    """A box with given parts: what an experiment cost, or how far to trust it. ``kind`` is its cell's tag."""

    name: str
    kind: str
    parts: tuple[boxes.Part, ...]


@dataclass(frozen=True)
class Prediction:
    """What a reader is asked to guess: as written, and with its numbers and what the run gave."""

    name: str
    written: predict.Prediction
    asked: predict.Asked


@dataclass(frozen=True)
class Code:
    """A code cell, the ``index``-th, and what it shows.

    Attributes:
        pieces: what a page shows of the source.
        answers: predictions whose results stand above the outputs.
        is_awaited: whether the outputs wait for any prediction.
    """

    name: str
    index: int
    source: str
    pieces: tuple[Piece, ...]
    title: str
    tags: frozenset[str]
    outputs: tuple[Shown, ...]
    answers: tuple[Prediction, ...]
    is_awaited: bool


@dataclass(frozen=True)
class Solution:
    """Consecutive cells that answer an exercise."""

    name: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Section:
    """A section that is folded, being depth, or set apart: its heading, and what stands below. ``minutes`` to read it."""

    name: str
    kind: sections.Kind
    heading: Prose
    blocks: tuple[Block, ...]
    minutes: int


@dataclass(frozen=True)
class Closing:
    """Where the numbers come from, as ``run`` tells it but for the entries ``left_out`` of a page's list."""

    name: str
    run: Provenance
    left_out: frozenset[str]


Block = (
    Opening | PlainOpening | Prose | PlainProse | Widget | Diagram | Quiz | Claims | Box | Prediction | Code
    | Solution | Section | Closing
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """The blocks of a lesson, and what they were made from."""

    bundle: Bundle
    blocks: tuple[Block, ...]

    def flat(self) -> Iterator[Block]:
        """The blocks, those of solutions and sections among the others."""
        yield from _flat(self.blocks)


def _flat(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Section):
            yield block.heading
        if isinstance(block, (Section, Solution)):
            yield from _flat(block.blocks)
        else:
            yield block


def document(bundle: Bundle) -> Document:
    """The document of a lesson that has run.

    Raises:
        CourseError: the lesson has not run; an interactive piece, a claim, a question or a prediction that has no sense.
    """
    lesson = bundle.lesson
    opening = PlainOpening("title", lesson) if lesson.is_plain else Opening("title", lesson)
    cells = list(_cells(bundle))
    body: list[Block] = []
    at = 0
    for section in sections.sections(lesson):
        body += _solutions(cells[at : section.first])
        body.append(_section(section, cells[section.first : section.end], lesson))
        at = section.end
    return Document(bundle, (opening, *body, *_solutions(cells[at:]), _closing(bundle)))


def _solutions(cells: Iterable[tuple[Cell, list[Block]]]) -> Iterator[Block]:
    """The blocks of cells, of which those that answer an exercise are one."""
    for solves, group in groupby(cells, key=lambda found: "solution" in found[0].tags):
        blocks = [block for _, made in group for block in made]
        yield from [Solution(blocks[0].name, tuple(blocks))] if solves else blocks


def _section(section: sections.Section, cells: Sequence[tuple[Cell, list[Block]]], lesson: Lesson) -> Section:
    opening, *others = _solutions(cells)
    assert isinstance(opening, Prose)  # which begins with the heading
    title, _, rest = opening.text.partition("\n")
    heading = Prose(f"{opening.name}-title", title, opening.line, folds=section.kind == "deeper")
    below = _text(rest, opening.name, opening.line + 1)
    minutes = reading_time.minutes(lesson, range(section.first, section.end))
    return Section(opening.name, section.kind, heading, (*below, *others), minutes)


def _cells(bundle: Bundle) -> Iterator[tuple[Cell, list[Block]]]:
    """Each cell of the lesson with its blocks."""
    index, widgets_seen, quizzes = 0, set[str](), _quizzes(bundle)
    pieces = visible_code.pieces(bundle.lesson)
    predictions = {
        place: Prediction(f"predict-{place}", written, bundle.predicted[place])
        for place, written in bundle.predictions.items()
    }
    for place, cell in enumerate(bundle.lesson.cells):
        if cell.is_code:
            yield cell, [_code(cell, index, pieces[index], bundle, list(predictions.values()))]
            index += 1
        elif "claims" in cell.tags:
            yield cell, [Claims(f"claims-{place}", bundle.claims[place])]
        elif kind := boxes.kind(cell):
            yield cell, [Box(f"{kind}-{place}", kind, boxes.parts(cell, bundle.lesson))]
        elif "predict" in cell.tags:
            yield cell, [predictions[place]]
        elif bundle.lesson.is_plain:
            yield cell, [PlainProse(f"prose-{place}", cell.source, cell.line)]
        else:
            yield cell, list(_prose(cell, f"prose-{place}", bundle, widgets_seen, quizzes))


def _quizzes(bundle: Bundle) -> Iterator[Quiz]:
    """What stands at each marker of the lesson, in the order of reading."""
    asked = {question.id: question for question in bundle.asked}
    groups = [] if bundle.lesson.is_plain else placing.place(bundle.lesson, bundle.questions)
    shown = tuple(asked[question.id] for group in groups for question in group)
    first = 1
    for group in groups:
        part = shown[first - 1 : first - 1 + len(group)]
        yield Quiz("", group, part, first, shown)
        first += len(group)


def _prose(cell: Cell, name: str, bundle: Bundle, seen: set[str], quizzes: Iterator[Quiz]) -> Iterator[Block]:
    """The prose of a cell, with the questions, the diagrams and the interactive pieces that stand in it."""
    for line, piece in placed.pieces(cell.source, fails(bundle.lesson, cell), seen):
        if isinstance(piece, widgets.Placed):
            yield Widget(name, piece)
            continue
        if isinstance(piece, Drawn):
            yield Diagram(name, piece)
            continue
        at = 0
        for marker in placing.markers(piece):
            yield from _text(piece[at : marker.start], name, cell.line + line + piece.count("\n", 0, at))
            yield replace(next(quizzes), name=name)
            at = marker.end
        yield from _text(piece[at:], name, cell.line + line + piece.count("\n", 0, at))


def _text(text: str, name: str, line: int) -> Iterator[Prose]:
    begins = text.lstrip("\n")
    if begins.strip():
        yield Prose(name, begins.rstrip(), line + len(text) - len(begins))


def _code(cell: Cell, index: int, pieces: tuple[Piece, ...], bundle: Bundle, predictions: list[Prediction]) -> Code:
    return Code(
        f"cell-{index}", index, cell.source, pieces, cell.title, cell.tags,
        outputs=tuple(_shown(output, bundle, cell) for output in bundle.captured.outputs[index]),
        answers=tuple(asked for asked in predictions if asked.written.cells[0] == index),
        is_awaited=any(index in asked.written.cells for asked in predictions),
    )  # fmt: skip


def _shown(output: Output, bundle: Bundle, cell: Cell) -> Shown:
    """``output`` of ``cell`` with what it names."""
    match output:
        case ImageShown(name):
            return Image(name, bundle.captured.images[name])
        case ItemShown(key):
            item = bundle.captured.items[key]
            assert isinstance(item, (Table, Chart))
            if isinstance(item, Table):
                return AnswerTable(item) if "answers" in cell.tags else item
            return Drawing(key, item.figure, drawing(item.figure, bundle.cache))
        case _:
            return output


def _closing(bundle: Bundle) -> Closing:
    lesson = bundle.lesson
    absent = {name for name in ("Profile", "Seed") if name.lower() not in lesson.parameters}
    left_out = {*absent, "Number type"} if lesson.is_plain else set[str]()
    return Closing("provenance", bundle.captured.provenance, frozenset(left_out))
