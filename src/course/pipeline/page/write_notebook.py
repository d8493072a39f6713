"""A lesson as a notebook."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import singledispatch
from itertools import groupby
from operator import attrgetter
from typing import Any

import nbformat

from course.pipeline.page import portable
from course.pipeline.page.document import AnswerTable, Block, Code, Diagram, Drawing, Image, Prose, Quiz, Shown
from course.pipeline.page.portable import File, Install
from course.pipeline.results.capture import Html, Stderr, Table, Text
from course.pipeline.text import markup
from course.pipeline.text.bind import bind
from course.pipeline.text.displayed import IMAGES
from course.quiz import Quiz as Asked

HOW = 'Answer with `quiz.answer(1, "B")` or, for a number, `quiz.answer(4, 1536)`; then `quiz.score()`.'


def notebooks(file: File) -> tuple[str, str]:
    """The texts of two notebooks: one that has not run, and one with the outputs of the lesson's run.

    Raises:
        CourseError: a binding or link that cannot be resolved.
    """
    cells: list[dict[str, Any]] = []
    for name, blocks in groupby(file.blocks(), attrgetter("name")):
        cells += _cells(name, (part for block in blocks for part in _parts(block, file)))
    fresh = [{**cell, "execution_count": None, "outputs": []} if "outputs" in cell else cell for cell in cells]
    return _file(fresh, file), _file(cells, file)


def _file(cells: list[dict[str, Any]], file: File) -> str:
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
        "course": asdict(file.document.bundle.captured.provenance),
    }
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    nbformat.validate(document)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cells(name: str, parts: Iterable[str | dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The parts of one cell of the lesson as cells: texts that follow each other are one."""
    for is_text, group in groupby(parts, lambda part: isinstance(part, str)):
        if is_text:
            yield _text_cell(name, "\n\n".join(map(str, group)))
            name += "-after"
        else:
            yield from group  # type: ignore[misc]  # these are no texts


@singledispatch
def _parts(block: Block | Install, file: File) -> list[str | dict[str, Any]]:
    """Cells, and texts to be joined with those beside them."""
    return [portable.text(block, file)]


@_parts.register
def _install(block: Install, file: File) -> list[str | dict[str, Any]]:
    return [_code_cell(block.name, block.source, {"tags": [], "jupyter": {"source_hidden": True}})]


@_parts.register
def _code(block: Code, file: File) -> list[str | dict[str, Any]]:
    folded = {}
    # A learner changes the parameters.
    is_plumbing = bool(block.pieces) and all(p.is_folded for p in block.pieces) and "parameters" not in block.tags
    if is_plumbing or "solution" in block.tags:
        folded["source_hidden"] = True
    if "reveal" in block.tags:
        folded["outputs_hidden"] = True
    made = _code_cell(block.name, block.source, {"tags": sorted(block.tags), **({"jupyter": folded} if folded else {})})
    return [{**made, "execution_count": block.index + 1, "outputs": [_output(shown, file) for shown in block.outputs]}]


@_parts.register
def _prose(block: Prose, file: File) -> list[str | dict[str, Any]]:
    """JupyterLab folds what a heading with this mark begins; it has to be alone in its cell."""
    text = portable.text(block, file)
    folded = {"jp-MarkdownHeadingCollapsed": True}
    return [{**_text_cell(block.name, text), "metadata": folded} if block.folds else text]


@_parts.register
def _diagram(block: Diagram, file: File) -> list[str | dict[str, Any]]:
    drawn = base64.b64encode(block.drawn.svg().encode()).decode()
    return [f"![{block.drawn.title}](data:image/svg+xml;base64,{drawn})\n\n{block.drawn.markdown()}"]


@_parts.register
def _quiz(block: Quiz, file: File) -> list[str | dict[str, Any]]:
    """The first questions bring the quiz; the last ones the score."""
    cells: list[str | dict[str, Any]] = []
    numbers = range(block.first, block.first + len(block.asked))
    ask = "quiz.ask()" if len(numbers) == len(block.all) else "\n".join(f"quiz.ask({number})" for number in numbers)
    if block.first == 1:
        questions = [{**asdict(asked), "options": [asdict(option) for option in asked.options]} for asked in block.all]
        ask = f'from course.quiz import Quiz\n\nquiz = Quiz.decode("{Asked(questions).encode()}")\n{ask}'
        cells.append(HOW)
    cells.append(_code_cell(f"quiz-{block.first}", ask, {}))
    if block.is_last:
        cells.append(_code_cell("quiz-score", "quiz.score()", {}))
    return cells


@singledispatch
def _output(shown: Shown, file: File) -> dict[str, Any]:
    raise TypeError(f"A notebook cannot show a {type(shown).__name__}.")


@_output.register
def _text(shown: Text, file: File) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": shown.text + "\n"}


@_output.register
def _stderr(shown: Stderr, file: File) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stderr", "text": shown.text + "\n"}


@_output.register
def _html(shown: Html, file: File) -> dict[str, Any]:
    return _display({"text/html": shown.html})


@_output.register
def _image(shown: Image, file: File) -> dict[str, Any]:
    kind = next(kind for kind, suffix in IMAGES.items() if shown.name.endswith(suffix))
    return _display({kind: shown.content})


@_output.register
def _table(shown: Table, file: File) -> dict[str, Any]:
    caption = markup.inline_html(bind(shown.caption, file.document.bundle.captured.values))
    return _display({"text/html": markup.table(shown.columns, shown.rows, caption)})


@_output.register
def _answers(shown: AnswerTable, file: File) -> dict[str, Any]:
    return _table(shown.table, file)


@_output.register
def _drawing(shown: Drawing, file: File) -> dict[str, Any]:
    caption = bind(shown.figure.caption, file.document.bundle.captured.values)
    return _display({"image/svg+xml": shown.svg, "text/plain": caption})


# Cells and outputs as a notebook's file has them. nbformat would check each, and then all of them again as a notebook.


def _text_cell(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def _code_cell(name: str, source: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
    return {**empty, "id": name, "metadata": metadata, "source": source}


def _display(data: Mapping[str, str]) -> dict[str, Any]:
    return {"data": data, "metadata": {}, "output_type": "display_data"}
