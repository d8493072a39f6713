"""A recorded table of what was asked and what models answered, as cards that a reader leafs through.

The first column is what was asked; each other column is named after who answered. All of it stands on the page, one
after the other, so that it can be read without a script and on paper; ``docs/assets/learn/answers.js`` lets a reader
choose what was asked, and shows the answers to that alone.
"""

from __future__ import annotations

from course.pipeline.page import printed
from course.pipeline.page.printed import Answers, Said
from course.pipeline.results.capture import Table
from course.pipeline.text import markup


def block(table: Table, caption: str, foot: str = "") -> str:
    """``table`` as HTML.

    Args:
        caption: HTML of what stands above the answers.
        foot: HTML of what stands below them.
    """
    shown = "".join(f'<div class="answered">{printed.cards([answers])}</div>' for answers in _answers(table))
    return (
        f'<section class="output output--answers answer-browser" id="{table.key}" aria-labelledby="{table.key}-caption">'
        f'<p class="answer-browser-caption" id="{table.key}-caption">{caption}</p>{shown}{foot}</section>'
    )


def _answers(table: Table) -> list[Answers]:
    asks, *answerers = table.columns
    return [
        Answers(
            Said(asks, markup.number(asked)),
            tuple(Said(name, markup.number(text) or "(nothing)") for name, text in zip(answerers, given, strict=True)),
        )
        for asked, *given in table.rows
    ]
