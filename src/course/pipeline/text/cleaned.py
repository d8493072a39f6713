"""What a lesson's author wrote is cleaned in a page whose Markdown asks for it: a Markdown extension.

Such a page begins with the line :data:`ASKED`. Cleaned is what was Markdown, with raw HTML in it; the build's own blocks of
HTML (:mod:`course.pipeline.text.verbatim`) are put back later.
"""

from __future__ import annotations

from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor

from course.pipeline.text import clean

NAME = "course.pipeline.text.cleaned"
"""What a configuration calls the extension."""
ASKED = "<!-- cleaned -->"


class CleanedExtension(Extension):  # type: ignore[misc]  # Markdown publishes no types
    def extendMarkdown(self, md: Markdown) -> None:
        cleaned = _Cleaned()
        md.preprocessors.register(
            _Asked(cleaned), "cleaned", 950
        )  # the line of :mod:`course.pipeline.page.terms` is next
        md.postprocessors.register(cleaned, "cleaned", -800)  # an author's HTML is back, marks of terms are yet to come


class _Cleaned(Postprocessor):  # type: ignore[misc]  # Markdown publishes no types
    asked = False

    def run(self, text: str) -> str:
        return clean.prose(text) if self.asked else text


class _Asked(Preprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def __init__(self, cleaned: _Cleaned) -> None:
        super().__init__()
        self.cleaned = cleaned

    def run(self, lines: list[str]) -> list[str]:
        first = next((place for place, line in enumerate(lines) if line.strip()), 0)
        self.cleaned.asked = lines[first] == ASKED
        return lines[first + 1 :] if self.cleaned.asked else lines


def makeExtension(**config: Any) -> CleanedExtension:
    """What Markdown calls for an extension that is named by its module."""
    return CleanedExtension(**config)
