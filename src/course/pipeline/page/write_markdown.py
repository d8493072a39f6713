"""A lesson with its results as plain Markdown."""

from __future__ import annotations

from functools import singledispatch

from course.pipeline.page import portable
from course.pipeline.page.document import AnswerTable, Block, Code, Drawing, Quiz, Shown
from course.pipeline.page.portable import File, Install
from course.pipeline.results import quiz
from course.pipeline.results.capture import Table, Text
from course.pipeline.text import markup
from course.pipeline.text.bind import bind


def markdown(file: File) -> str:
    """The Markdown.

    Raises:
        CourseError: a binding or link that cannot be resolved.
    """
    return "\n\n".join(_text(block, file) for block in file.blocks()) + "\n"


@singledispatch
def _text(block: Block | Install, file: File) -> str:
    return portable.text(block, file)


@_text.register
def _install(block: Install, file: File) -> str:
    return markup.fence(block.source, "python")


@_text.register
def _code(block: Code, file: File) -> str:
    return "\n\n".join([markup.fence(block.source, "python"), *(_output(shown, file) for shown in block.outputs)])


@_text.register
def _quiz(block: Quiz, file: File) -> str:
    return "\n\n".join(_question(place, asked) for place, asked in enumerate(block.asked, block.first))


def _question(place: int, asked: quiz.Asked) -> str:
    lettered = list(zip("ABCDEF", asked.options, strict=False))
    options = "\n".join(f"   - **{letter}** {option.text.strip()}" for letter, option in lettered)
    answer = "\n".join(
        f"- **{letter}** {'Right. ' if option.right else 'Not this. '}{option.why.strip()}"
        for letter, option in lettered
    )
    answer = answer or f"**{asked.number_text}.** {asked.why}"
    return f"{place}. {asked.ask.strip()}\n\n{options}\n\n<details><summary>Answer</summary>\n\n{answer}\n\n</details>"


@singledispatch
def _output(shown: Shown, file: File) -> str:
    raise TypeError(f"A Markdown file cannot show a {type(shown).__name__}.")  # which only plain lessons have


@_output.register
def _printed(shown: Text, file: File) -> str:
    return markup.fence(shown.text, "text")


@_output.register
def _table(shown: Table, file: File) -> str:
    rows = [shown.columns, ["---"] * len(shown.columns), *[[markup.number(cell) for cell in row] for row in shown.rows]]
    lines = ("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)
    return f"**Table.** {bind(shown.caption, file.document.bundle.captured.values)}\n\n" + "\n".join(lines)


@_output.register
def _answers(shown: AnswerTable, file: File) -> str:
    return _table(shown.table, file)


@_output.register
def _drawing(shown: Drawing, file: File) -> str:
    return f"**Figure.** {bind(shown.figure.caption, file.document.bundle.captured.values)} *{shown.figure.alt}*"
