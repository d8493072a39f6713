r"""Mathematics in Markdown: ``$…$`` and ``$$…$$`` become MathML while a page is converted, so that no script is needed.

This module is an extension of Python-Markdown, which any site generator that is built on it can use::

    markdown_extensions:
      - course.pipeline.text.mathematics

It takes the place of ``pymdownx.arithmatex``, which marks the formulas for it. In a folder with the cache of the build,
results are kept there: a prose edit converts only formulas that are new.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.postprocessors import Postprocessor
from pymdownx.arithmatex import ArithmatexExtension

from course.pipeline.base import cache
from course.pipeline.base.cache import Cache
from course.pipeline.base.errors import CourseError, Fail
from course.pipeline.base.hashes import digest
from course.pipeline.base.paths import FOLDER
from course.pipeline.text import texmath
from course.pipeline.text.spans import blank
from course.pipeline.text.texmath import Formula, Refused

HINT = "Correct it, or write it with commands that pandoc's texmath knows."
_MARKED = re.compile(
    r'<(?P<tag>span|div)\b[^<>]*\bclass="arithmatex\b[^<>]*>\s*(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<block>.*?)\\\])\s*</(?P=tag)>',
    re.S,
)
_MAYBE = re.compile(r"\$|\\[(\[]|\\begin\b")
_known: dict[Formula, str] = {}


def mathml(formulas: Iterable[Formula], kept: Cache | None = None) -> dict[Formula, str | Refused]:
    """Each formula as HTML, or why it cannot be shown.

    Args:
        kept: holds results of other processes; if not given, the cache of the build in the current folder, if there is one.

    Raises:
        CourseError: pandoc is not there or does not work.
    """
    wanted = dict.fromkeys(formulas)
    if kept is None and FOLDER.is_dir():
        kept = cache.opened(Path().resolve())
    for formula in wanted:
        if kept and formula not in _known and (found := kept.get("formula", _key(formula), str)):
            _known[formula] = found
    new = [formula for formula in wanted if formula not in _known]
    refused: dict[Formula, Refused] = {}
    for formula, made in zip(new, texmath.convert(new), strict=True):
        if isinstance(made, Refused):
            refused[formula] = made
            continue
        # A row that is wider than a phone scrolls in its own box.
        _known[formula] = f'<div class="math" tabindex="0">{made}</div>' if formula.is_block else made
        if kept:
            kept.put("formula", _key(formula), _known[formula])
    if kept and new:
        kept.save()
    return {formula: refused.get(formula) or _known[formula] for formula in wanted}


def _key(formula: Formula) -> str:
    return digest(formula.tex, formula.is_block)


def problems(texts: Iterable[tuple[str, Fail]], kept: Cache | None = None) -> list[CourseError]:
    """An error for each formula in Markdown that cannot be shown, made by what comes with its text.

    Raises:
        CourseError: pandoc is not there or does not work.
    """
    found = [(formula, line, fail) for text, fail in texts for formula, line in find(text)]
    made = mathml((formula for formula, _, _ in found), kept)
    return [
        fail(_message(formula, result), line, HINT)
        for formula, line, fail in found
        if isinstance(result := made[formula], Refused)
    ]


def _message(formula: Formula, refused: Refused) -> str:
    return f"The formula ${' '.join(formula.tex.split())}$ cannot be shown: {refused.reason}."


def find(text: str) -> Iterator[tuple[Formula, int]]:
    """The formulas of a text in Markdown in order, each with the 0-based line on which it begins."""
    if not _MAYBE.search(text):
        return
    prose, place = blank(text, "code"), 0
    for match in _MARKED.finditer(_marker().reset().convert(text)):
        formula = _formula(match)
        written = _written(formula)
        if at := written.search(prose, place) or written.search(prose):  # a footnote stands elsewhere than it is shown
            place = at.end()
        yield formula, prose.count("\n", 0, at.start() if at else 0)


def _written(formula: Formula) -> re.Pattern[str]:
    """What a formula looks like in Markdown: between its dollars, its lines maybe indented or quoted."""
    space = r"[\s>]*" if formula.is_block else ""
    rows = r"\s*\n[\s>]*".join(re.escape(row.strip()) for row in formula.tex.splitlines())
    return re.compile(rf"(?:\$|\\[(\[]|(?=\\begin)){space}{rows}{space}(?:\$\$?|\\[)\]])?")


@functools.cache
def _marker() -> Markdown:
    """What tells formulas from code, prices and the like as the site's own Markdown does."""
    return Markdown(
        extensions=[
            *("admonition", "attr_list", "def_list", "footnotes", "md_in_html", "tables", "pymdownx.arithmatex"),
            *("pymdownx.details", "pymdownx.inlinehilite", "pymdownx.superfences", "pymdownx.highlight"),
        ],
        extension_configs={"pymdownx.arithmatex": {"generic": True}, "pymdownx.highlight": {"use_pygments": False}},
    )


def _formula(match: re.Match[str]) -> Formula:
    return Formula(html.unescape(match["inline"] or match["block"]).strip(), match["inline"] is None)


class _ToMathML(Postprocessor):  # type: ignore[misc]  # Markdown publishes no types
    def run(self, text: str) -> str:
        if "arithmatex" not in text:
            return text
        made = mathml(map(_formula, _MARKED.finditer(text)))
        for formula, result in made.items():
            if isinstance(result, Refused):
                raise CourseError(_message(formula, result), hint=HINT)
        return _MARKED.sub(lambda match: str(made[_formula(match)]), text)


class MathematicsExtension(ArithmatexExtension):  # type: ignore[misc]  # PyMdown publishes no types
    """Formulas as MathML, blocks in a box that scrolls."""

    def __init__(self, **config: Any) -> None:
        super().__init__(generic=True, **config)

    def extendMarkdown(self, md: Markdown) -> None:
        super().extendMarkdown(md)
        # Before raw HTML is back in its place: what it says of itself is left alone.
        md.postprocessors.register(_ToMathML(md), "mathematics", 40)


def makeExtension(**config: Any) -> MathematicsExtension:
    """What Markdown calls for an extension that is named by its module."""
    return MathematicsExtension(**config)
