"""A Markdown extension that marks the glossary's terms in a page which asks for it.

A page asks by a line ``<!-- terms: ../../glossary/ -->`` with the address of the glossary from there.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor

from course.pipeline.page.glossary import Glossary, read

NAME = "course.pipeline.page.terms"
"""What a configuration calls the extension."""
_LINE = re.compile(r"^<!-- terms: (?P<address>\S+) -->$")


def asked(address: str) -> str:
    """The line by which a page asks for marks that lead to the glossary at ``address``."""
    return f"<!-- terms: {address} -->"


class _Asked(Preprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def run(self, lines: list[str]) -> list[str]:
        found = next((match for line in lines if (match := _LINE.match(line))), None)
        self.md.terms = found["address"] if found else ""
        return [line for line in lines if not _LINE.match(line)]


class _Marked(Postprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def __init__(self, md: Markdown, glossary: Glossary) -> None:
        super().__init__(md)
        self.glossary = glossary

    def run(self, text: str) -> str:
        return self.glossary.mark(text, self.md.terms) if self.md.terms else text


class TermsExtension(Extension):  # type: ignore[misc]  # Markdown publishes no types
    def __init__(self, **settings: Any) -> None:
        self.config = {"glossary": ["", "The file of the glossary's terms."]}
        super().__init__(**settings)

    def extendMarkdown(self, md: Markdown) -> None:
        md.preprocessors.register(_Asked(md), "terms", 28)
        # Before HTML that was kept aside is back: it holds code, outputs and questions, which have no marks.
        md.postprocessors.register(_Marked(md, _glossary(self.getConfig("glossary"))), "terms", 35)


@cache
def _glossary(path: str) -> Glossary:
    return read(Path(path))


def makeExtension(**settings: Any) -> TermsExtension:
    """What Markdown calls for an extension that is named by its module."""
    return TermsExtension(**settings)
