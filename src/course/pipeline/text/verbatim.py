"""HTML that stands in Markdown as it is: what is between two marker lines reaches the page letter by letter.

Python-Markdown reads HTML in a page to tell where it ends, which takes long for a lesson's outputs and goes wrong in
indented blocks. Lines between ``<!-- html -->`` and ``<!-- /html -->`` are kept aside before anything reads them.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor

BEGIN, END = "<!-- html -->", "<!-- /html -->"
_BLOCK = re.compile(rf"^(?P<indent>[ ]*){re.escape(BEGIN)}\n(?P<html>.*?)^[ ]*{re.escape(END)}$", re.S | re.M)
_TOKEN = re.compile(r"<p>\x02html:(\d+)\x03</p>|\x02html:(\d+)\x03")


def block(html: str) -> str:
    """``html`` as it is written in Markdown."""
    return f"{BEGIN}\n{html}\n{END}"


class _Aside(Preprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def run(self, lines: list[str]) -> list[str]:
        kept: list[str] = []
        self.md.verbatim = kept

        def keep(match: re.Match[str]) -> str:
            kept.append(textwrap.dedent(match["html"]).removesuffix("\n") if match["indent"] else match["html"][:-1])
            return f"{match['indent']}\x02html:{len(kept) - 1}\x03"

        return _BLOCK.sub(keep, "\n".join(lines)).split("\n")


class _Back(Postprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def run(self, text: str) -> str:
        return _TOKEN.sub(lambda match: self.md.verbatim[int(match[1] or match[2])], text)


class VerbatimExtension(Extension):  # type: ignore[misc]  # Markdown publishes no types
    def extendMarkdown(self, md: Markdown) -> None:
        md.preprocessors.register(_Aside(md), "verbatim", 29)  # after line ends are made one, before code is found
        md.postprocessors.register(_Back(md), "verbatim", 8)  # after all that works on what was Markdown


def makeExtension(**settings: Any) -> VerbatimExtension:
    return VerbatimExtension(**settings)
