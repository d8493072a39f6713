"""A lesson as a plain script in percent format: prose as comments, its numbers filled in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from course.pipeline.page import portable
from course.pipeline.page.document import Block, Closing, Code, Opening, Quiz
from course.pipeline.page.portable import File, Install

QUIZ = "The quiz is on the page and in the notebook."


def script(file: File) -> str:
    """The script.

    Raises:
        CourseError: a binding or link that cannot be resolved.
    """
    cells = (list(blocks) for _, blocks in groupby(file.blocks(), attrgetter("name")))
    return "\n\n".join(_cell(blocks, file) for blocks in cells) + "\n"


def _cell(blocks: Sequence[Block | Install], file: File) -> str:
    """The blocks of one cell of the lesson."""
    match blocks[0]:
        case Code(source=source) | Install(source=source):
            return f"# %%\n{source}"
        case Opening() | Closing():
            return _comment(portable.text(blocks[0], file))
        case _:
            texts = (QUIZ if isinstance(block, Quiz) else portable.text(block, file) for block in blocks)
            return "# %% [markdown]\n" + _comment("\n\n".join(texts))


def _comment(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.split("\n"))
