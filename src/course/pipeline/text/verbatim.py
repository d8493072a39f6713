"""HTML that stands in a page's Markdown and comes out exactly as it is: a Markdown extension.

A block of it stands between two marks, each alone on its line; :func:`block` writes one::

    <!-- html 5891b5b522d5 -->
    <figure>…</figure>
    <!-- /html 5891b5b522d5 -->

The word in both marks is made from the HTML between them, so that nothing in it is taken for its end. A block may stand in
a list, a box or a fold: its lines are then indented like their surroundings.

HTML of an author's, ``<!-- prose … -->``, is put back before the page is cleaned (:mod:`course.pipeline.text.cleaned`): a
block may begin an element that another ends. What an author writes goes through :func:`without_marks` first.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor

_FENCE = r"^(?P<before>[ >]*)(?P<fence>`{3,}|~{3,})(?![`~])[^\n`]*\n(?:.*\n)*?(?P=before)(?P=fence)[ \t]*$"
_BLOCK = (
    r"^(?P<indent> *)<!-- (?P<kind>html|prose) (?P<name>[0-9a-f]{12}) -->\n(?P<lines>(?:.*\n)*?)"
    r"(?P=indent)<!-- /(?P=kind) (?P=name) -->$"
)
_WORDS = {"html": "verbatim", "prose": "written"}
"""How the word begins that keeps a block's place, by the block's kind."""
_FENCE_OR_BLOCK = re.compile(f"{_FENCE}|{_BLOCK}", re.M)


def block(html: str, of_author: bool = False) -> str:
    """``html`` between its marks, as lines of Markdown."""
    name, kind = hashlib.sha256(html.encode()).hexdigest()[:12], "prose" if of_author else "html"
    return f"<!-- {kind} {name} -->\n{html}\n<!-- /{kind} {name} -->"


def without_marks(text: str) -> str:
    """``text`` in which nothing is a mark: who could write one would put any HTML into the page."""
    return re.sub(r"<!-- (?=/?(?:html|prose)\b)", "<!--  ", text)


def indented(markdown: str) -> str:
    """Lines of Markdown one level deeper, as the content of a box, with blocks of HTML among them."""
    return "\n".join(f"    {line}" if line else "" for line in markdown.split("\n"))


class _Away(Preprocessor):  # type: ignore[misc]  # Markdown publishes no types
    """Puts the blocks aside. A paragraph of one word, which no other extension changes, keeps the place of each."""

    def __init__(self, md: Markdown, kept: dict[str, str]) -> None:
        super().__init__(md)
        self.kept = kept

    def run(self, lines: list[str]) -> list[str]:
        def put(match: re.Match[str]) -> str:
            if match["fence"]:  # code that shows such marks
                return match[0]
            word = f"{_WORDS[match['kind']]}{match['name']}"
            indent = len(match["indent"])
            self.kept[word] = "\n".join(line[indent:] for line in match["lines"].removesuffix("\n").split("\n"))
            return f"\n{match['indent']}{word}\n"

        self.kept.clear()
        return _FENCE_OR_BLOCK.sub(put, "\n".join(lines)).split("\n")


class _Back(Postprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def __init__(self, md: Markdown, kept: dict[str, str], word: str) -> None:
        super().__init__(md)
        self.kept, self.word = kept, word

    def run(self, text: str) -> str:
        word = f"{self.word}[0-9a-f]{{12}}"
        return re.sub(rf"<p>({word})</p>|({word})", lambda m: self.kept.get(m[1] or m[2], m[0]), text)


class VerbatimExtension(Extension):  # type: ignore[misc]  # Markdown publishes no types
    """Before any other extension reads the text, and after all others have read the result; an author's HTML is cleaned."""

    def extendMarkdown(self, md: Markdown) -> None:
        kept: dict[str, str] = {}  # of the page that is being converted
        md.preprocessors.register(_Away(md, kept), "verbatim", 1000)
        md.postprocessors.register(_Back(md, kept, _WORDS["html"]), "verbatim", -1000)
        md.postprocessors.register(_Back(md, kept, _WORDS["prose"]), "verbatim-prose", -700)


def makeExtension(**config: Any) -> VerbatimExtension:
    """What Markdown calls for an extension that is named by its module."""
    return VerbatimExtension(**config)
