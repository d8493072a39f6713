"""A lesson as a plain script: its code under the titles of its sections, which prints what the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import singledispatch

from course.pipeline.page import portable, shown_code
from course.pipeline.page.document import (
    Block,
    Box,
    Claims,
    Closing,
    Code,
    Diagram,
    Opening,
    Prediction,
    Prose,
    Quiz,
    Widget,
)
from course.pipeline.page.portable import File, Install
from course.pipeline.text.bind import bind
from course.pipeline.text.spans import inside

_HEADING = re.compile(r"^#{2,3} (?P<title>[^{\n]*[^{\s])", re.M)


def script(file: File) -> str:
    """The script.

    Raises:
        CourseError: a binding or link that cannot be resolved.
    """
    blocks = list(file.blocks())
    sources = shown_code.shown([block.source for block in blocks if isinstance(block, Code)])
    cells, title = iter(sources), ""
    parts: list[str] = []
    for block in blocks:
        if isinstance(block, Code):
            source = next(cells)
            if "parameters" in block.tags:
                source = shown_code.with_profile_argument(source, _about(file))
                functions = shown_code.functions(sources)
                source += f"\n\n\n{functions}\n" if functions else ""
            if source:
                parts.append(f"# %% {title}".rstrip() + f"\n{source}")
                title = ""
        elif isinstance(block, Prose):
            title = next(reversed(list(_headings(block, file))), title)
        elif text := _text(block, file):
            parts.append(text)
    return "\n\n".join(parts) + "\n"


@singledispatch
def _text(block: Block | Install, file: File) -> str:
    return "\n".join(f"# {line}".rstrip() for line in portable.text(block, file).split("\n"))


@_text.register(Quiz)
@_text.register(Claims)
@_text.register(Box)
@_text.register(Prediction)
@_text.register(Widget)
@_text.register(Closing)
@_text.register(Diagram)
def _left_out(block: Block, file: File) -> str:
    """These are the page's, and the notebook's."""
    return ""


@_text.register
def _opening(block: Opening, file: File) -> str:
    return f"# {_about(file)}\n#\n# python {block.lesson.slug}.py --profile smoke"


@_text.register
def _install(block: Install, file: File) -> str:
    return f"# %%\n{block.source}"


def _about(file: File) -> str:
    lesson = file.document.bundle.lesson
    return f"Lesson {lesson.label}: {lesson.header.title}"


def _headings(block: Prose, file: File) -> Iterator[str]:
    """The titles of the sections that begin in ``block``, as plain text."""
    is_code = inside(block.text, "code")
    for found in _HEADING.finditer(block.text):
        if not is_code(found.start()):
            yield bind(found["title"], file.document.bundle.captured.values)
