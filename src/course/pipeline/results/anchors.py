"""The anchors that a lesson's prose makes, without converting the page."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import markdown

from course.pipeline.lesson.model import Lesson
from course.pipeline.text.mathematics import MathematicsExtension
from course.pipeline.text.spans import inside

_HEADING = re.compile(r"^#{1,6} .*$", re.M)


def anchors(lesson: Lesson) -> frozenset[str]:
    """The names of all headings of the lesson's page, as the site's Markdown makes them."""
    headings = [f"# {lesson.header.title}"]
    for text in (cell.source for cell in lesson.cells if not cell.is_code):
        is_code = inside(text, "code")
        headings += [heading[0] for heading in _HEADING.finditer(text) if not is_code(heading.start())]
    converter = _converter()
    converter.reset().convert("\n\n".join(headings))
    tokens: list[dict[str, Any]] = getattr(converter, "toc_tokens")  # noqa: B009  # set by the extension
    return frozenset(_names(tokens))


def _names(tokens: list[dict[str, Any]]) -> Iterator[str]:
    for token in tokens:
        yield token["id"]
        yield from _names(token["children"])


@functools.cache
def _converter() -> markdown.Markdown:
    return markdown.Markdown(extensions=["attr_list", "toc", MathematicsExtension()])
