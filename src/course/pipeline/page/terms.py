"""The glossary's terms are marked in a page whose Markdown asks for it: a Markdown extension.

It begins with a line ``<!-- terms: ../../glossary/ -->``, which has the address of the glossary's page. Only what was
written as prose is marked: blocks of HTML (:mod:`course.pipeline.text.verbatim`) are put back later.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor

from course.pipeline.page import glossary
from course.pipeline.page.glossary import Glossary

NAME = "course.pipeline.page.terms"
"""What a configuration calls the extension."""
_LINE = re.compile(r"<!-- terms: (\S+) -->")


def asked(address: str) -> str:
    """The line by which a page asks for marks that lead to the glossary at ``address``, which is relative to it."""
    return f"<!-- terms: {address} -->"


class TermsExtension(Extension):  # type: ignore[misc]  # Markdown publishes no types
    """``glossary`` is the path of the file of definitions; where there is none, nothing is marked."""

    def __init__(self, **config: Any) -> None:
        self.config = {"glossary": ["", "path of the file of definitions"]}
        super().__init__(**config)

    def extendMarkdown(self, md: Markdown) -> None:
        marks = _Marks(Path(self.getConfig("glossary")))
        md.preprocessors.register(_Asked(marks), "terms", 900)
        md.postprocessors.register(marks, "terms", -900)


class _Marks(Postprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.address = path, ""

    def run(self, text: str) -> str:
        if not self.address or not self.path.is_file():
            return text
        return _read(self.path, self.path.stat().st_mtime_ns).mark(text, self.address)


class _Asked(Preprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def __init__(self, marks: _Marks) -> None:
        super().__init__()
        self.marks = marks

    def run(self, lines: list[str]) -> list[str]:
        first = next((place for place, line in enumerate(lines) if line.strip()), 0)
        found = _LINE.fullmatch(lines[first])
        self.marks.address = found[1] if found else ""
        return lines[first + 1 :] if found else lines


@functools.lru_cache(maxsize=1)
def _read(path: Path, _changed: int) -> Glossary:
    return glossary.read(path)


def makeExtension(**config: Any) -> TermsExtension:
    """What Markdown calls for an extension that is named by its module."""
    return TermsExtension(**config)
