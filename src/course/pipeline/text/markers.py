"""Comments on a line of their own that ask for something: ``<!-- widget: memory method=qlora -->``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from course.pipeline.base.errors import Fail
from course.pipeline.text.spans import inside


@dataclass(frozen=True)
class Marker:
    """A comment as it is written."""

    text: str


def divided(text: str, kind: str, fail: Fail) -> Iterator[tuple[int, str | Marker]]:
    """``text`` divided at its markers of a ``kind``: they and what stands between them, each with its 0-based line.

    Raises:
        CourseError: made by ``fail``; a marker that is not alone on its line.
    """
    found = re.compile(rf"^(?P<before>.*?)(?P<marker><!--\s*{kind}\b(?s:.*?)-->)(?P<after>.*)$", re.M)
    if not found.search(text):
        yield 0, text
        return
    at, is_code = 0, inside(text, "code")
    for match in found.finditer(text):
        if is_code(match.start("marker")):  # where it is written about
            continue
        line = text.count("\n", 0, match.start())
        yield text.count("\n", 0, at), text[at : match.start()]
        if match["before"] or match["after"].strip():
            hint = "Write it at the beginning of a line of its own, in no list or box."
            raise fail(f"The marker {match['marker']!r} is not alone on its line.", line, hint)
        yield line, Marker(match["marker"])
        at = match.end()
    yield text.count("\n", 0, at), text[at:]
