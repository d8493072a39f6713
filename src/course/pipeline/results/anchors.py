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
    return frozenset(token["id"] for token in _headings(lesson))


def sections(lesson: Lesson) -> list[tuple[str, str]]:
    """``(name, title as HTML)`` of the sections of the lesson's page, in order."""
    return [(token["id"], token["name"]) for token in _headings(lesson) if token["level"] == 2]


def _headings(lesson: Lesson) -> Iterator[dict[str, Any]]:
    headings = [f"# {lesson.header.title}"]
    for text in (cell.source for cell in lesson.cells if not cell.is_code):
        is_code = inside(text, "code")
        headings += [heading[0] for heading in _HEADING.finditer(text) if not is_code(heading.start())]
    converter = _converter()
    converter.reset().convert("\n\n".join(headings))
    yield from _all(getattr(converter, "toc_tokens"))  # noqa: B009  # set by the extension


def _all(tokens: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for token in tokens:
        yield token
        yield from _all(token["children"])


@functools.cache
def _converter() -> markdown.Markdown:
    return markdown.Markdown(extensions=["attr_list", "toc", MathematicsExtension()])
