"""A worksheet: what a lesson asks of its reader, without answers, hints and results, to be printed and written on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from course.pipeline.page.document import Document, Prediction, Prose, Quiz
from course.pipeline.page.portable import portable
from course.pipeline.text import verbatim
from course.pipeline.text.bind import bind

EXERCISES = "## Exercises"
"""The heading of the section whose prose asks for exercises; their solutions are cells of their own."""
_LINK = re.compile(r"(?<!!)\[([^\]\n]*)\]\([^)\n]*\)")
_SECTION = re.compile(r"^(?=## )", re.M)
_NAME = verbatim.block('<p class="worksheet-name">Name <span></span> Date <span></span></p>')
_NEW_SHEET = verbatim.block('<div class="worksheet-break"></div>')
_ROOM = verbatim.block('<div class="worksheet-room"></div>')


def worksheet(document: Document) -> str:
    """The worksheet as Markdown of the site.

    Raises:
        CourseError: a binding that cannot be resolved.
    """
    header = document.bundle.lesson.header
    parts = [
        f"# Worksheet: {_on_paper(header.title)}",
        _NAME,
        "\n".join(f"- {_on_paper(goal)}" for goal in header.objectives),
        *_section("## Before you see the results", _predictions(document)),
        _NEW_SHEET,  # questions may quote results
        *_section("## Questions", _questions(document)),
        *_section(EXERCISES, _exercises(document)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(heading: str, parts: Iterator[str]) -> list[str]:
    """A section, or nothing if it would be empty."""
    found = list(parts)
    return [heading, *found] if found else []


def _predictions(document: Document) -> Iterator[str]:
    asked = (block.asked for block in document.flat() if isinstance(block, Prediction))
    for number, each in enumerate(asked, 1):
        line = (
            each.sketch and f"Sketch the line *{each.sketch.name}*: {each.sketch.y_label} over {each.sketch.x_label}."
        )
        yield _asked(f"Prediction {number}", f"{each.ask.strip()}\n\n{line or ''}", each.choices, each.unit)


def _questions(document: Document) -> Iterator[str]:
    asked = (question for block in document.flat() if isinstance(block, Quiz) for question in block.asked)
    for number, each in enumerate(asked, 1):
        yield _asked(f"Question {number}", each.ask, [option.text for option in each.options], each.unit)


def _asked(title: str, ask: str, choices: Sequence[str], unit: str) -> str:
    """What is asked, with the answers to choose from, one a paragraph, or room for another."""
    boxes = [f"□ **{letter}** {_on_paper(text.strip())}" for letter, text in zip("ABCDEF", choices, strict=False)]
    answer = boxes or [*([f"In {unit}:"] if unit else []), _ROOM]
    return "\n\n".join([f"### {title}", _on_paper(ask.strip()), *answer])


def _exercises(document: Document) -> Iterator[str]:
    """The prose of the section of exercises outside of solutions, with room below each exercise."""
    is_inside = False
    for block in document.blocks:
        if not isinstance(block, Prose):
            continue
        for section in _SECTION.split(block.text):
            heading, _, below = section.partition("\n")
            if heading.startswith("## "):
                is_inside = heading.strip() == EXERCISES
            text = below if heading.startswith("## ") else section
            if is_inside and text.strip():
                yield f"{_on_paper(portable(bind(text.strip(), document.bundle.captured.values)))}\n\n{_ROOM}"


def _on_paper(text: str) -> str:
    """``text`` without links, which paper cannot follow."""
    return _LINK.sub(r"\1", verbatim.without_marks(text))
