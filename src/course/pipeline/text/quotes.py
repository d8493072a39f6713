"""Quotation marks and apostrophes are curved, in pages and in fragments alike: a Markdown extension.

Python-Markdown's own sees a placeholder where a bound number, a link or emphasized text ends, and takes the mark behind it
for an opening one. A mark that follows the end of an element directly closes.
"""

from __future__ import annotations

import re
from typing import Any

from markdown import Markdown
from markdown.extensions.smarty import SmartyExtension
from markdown.postprocessors import Postprocessor

_CLOSES = {"“": "”", "‘": "’"}
_MARKS = {"left-double-quote": "“", "right-double-quote": "”", "left-single-quote": "‘", "right-single-quote": "’"}


class _Closing(Postprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def run(self, text: str) -> str:
        return re.sub(r"(?<=</)(\w+>)([“‘])", lambda m: m[1] + _CLOSES[m[2]], text)


class QuotesExtension(SmartyExtension):  # type: ignore[misc]  # Markdown publishes no types
    """Curved marks as characters, not entities; dashes and dots stay as they were typed."""

    def __init__(self, **config: Any) -> None:
        super().__init__(smart_dashes=False, smart_ellipses=False, substitutions=_MARKS, **config)

    def extendMarkdown(self, md: Markdown) -> None:
        super().extendMarkdown(md)
        md.postprocessors.register(_Closing(md), "closing-quotes", 5)  # after raw HTML is back in its place


def makeExtension(**config: Any) -> QuotesExtension:
    """What Markdown calls for an extension that is named by its module."""
    return QuotesExtension(**config)
