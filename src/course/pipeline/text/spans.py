"""Which parts of a Markdown text are not running text, as markdown-it reads the dialect of the site.

A binding in code is shown as it is; one in mathematics, a title or a tag becomes plain text, since no element fits there.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, autolink, backtick, html_inline, image, link
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.dollarmath.index import math_inline_dollar

from course.pipeline.text import html_pieces

Kind = Literal["code", "math", "title", "markup"]
"""``code``: spans and blocks; ``math``: formulas; ``title``: the line of an admonition's title; ``markup``: HTML tags and
comments, addresses of links and images."""
_Rule = Callable[[StateInline, bool], bool]
_POSSIBLE = re.compile(r"[`~$<\[\t]| {4}|[!?]{3}")
"""Without any of these a text has nothing but running text."""
_MASKED = re.compile(r"\\\||\{\{[^{}`]*\}\}")
"""Pipes that divide no cells, and bindings, which are filled in before the site reads the text."""


@dataclass(frozen=True)
class Span:
    """``text[start:end]`` is of this kind. One span may lie in another, such as code in a title."""

    start: int
    end: int
    kind: Kind


@functools.lru_cache(maxsize=1024)
def spans(text: str) -> tuple[Span, ...]:
    """All parts of ``text`` that are not running text, in order."""
    if not _POSSIBLE.search(text):
        return ()
    text = text.replace("\r\n", " \n").replace("\r", "\n")
    same_length = _MASKED.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), text)
    return tuple(sorted(_found(same_length), key=lambda span: (span.start, -span.end)))


def inside(text: str, *kinds: Kind) -> Callable[[int], bool]:
    """Tells of a position in ``text`` whether it is in a span of one of ``kinds``."""
    chosen = [span for span in spans(text) if span.kind in kinds]
    return lambda at: any(span.start <= at < span.end for span in chosen)


def blank(text: str, *kinds: Kind) -> str:
    """``text`` with its spans of ``kinds`` as spaces; lines and positions stay."""
    for span in spans(text):
        if span.kind in kinds:
            text = text[: span.start] + re.sub(r"[^\n]", " ", text[span.start : span.end]) + text[span.end :]
    return text


def _found(text: str) -> Iterator[Span]:
    starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text) + 1]
    environment: dict[str, dict[str, dict[str, list[int]]]] = {}
    cell = -1  # the end of the table cell before, in a row of several
    for token in parser().parse(text, environment):
        if token.map is None:
            continue
        start, end = starts[token.map[0]], min(starts[token.map[1]] - 1, len(text))
        if token.type in ("fence", "code_block"):
            yield Span(start, end, "code")
        elif token.type == "math_block":
            yield Span(start, end, "math")
        elif token.type == "admonition_title_open":
            yield Span(start, end, "title")
        elif token.type == "html_block":
            at = start
            for before, tag, _ in html_pieces.pieces(text[start:end], lambda *_: False):
                at += len(before) + len(tag)
                if tag:
                    yield Span(at - len(tag), at, "markup")
        elif token.type == "tr_open":
            cell = start
        elif token.type == "inline":
            places = _places(token, text, starts, cell)
            cell = max(cell, places[-1])
            for child in token.children or ():
                if "span" in child.meta:
                    first, last, kind = child.meta["span"]
                    if first < last:
                        yield Span(places[first], places[last - 1] + 1, kind)
    for reference in environment.get("references", {}).values():
        first, last = reference["map"]
        yield Span(starts[first], min(starts[last] - 1, len(text)), "markup")


def _places(token: Token, text: str, starts: Sequence[int], cell: int) -> list[int]:
    """The position in ``text`` of each character of the token's content, and of its end.

    The content is the text of some lines without what stands around it: indentation, marks of lists and quotations.
    """
    line, last = token.map or (0, 0)
    places: list[int] = []
    for row in token.content.split("\n"):
        piece, at = row.strip(), -1
        while at < 0 and line < last:
            start, end = starts[line], starts[line + 1] - 1
            at = text.find(piece, cell, end) if start <= cell < end else text.rfind(piece, start, end)
            line += at < 0
        begin = at - (len(row) - len(row.lstrip()))
        places += range(begin, begin + len(row) + 1)
        line += 1
    return places


def _recorded(rule: _Rule, place: Callable[[StateInline, int], int], kind: Kind) -> _Rule:
    """``rule``, whose token also says which part of the content it was made from: from ``place`` to the end."""

    def recorded(state: StateInline, silent: bool) -> bool:
        start, before = state.pos, len(state.tokens)
        if not rule(state, silent):
            return False
        if not silent and len(state.tokens) > before and state.tokens[-1].type != "text":
            state.tokens[-1].meta["span"] = (place(state, start), state.pos, kind)
        return True

    return recorded


def _whole(_: StateInline, start: int) -> int:
    return start


def _behind_label(state: StateInline, start: int) -> int:
    """Where the label of a link or an image at ``start`` ends."""
    is_image = state.src[start] == "!"
    return int(state.md.helpers.parseLinkLabel(state, start + is_image, not is_image)) + 1


@functools.cache
def parser() -> MarkdownIt:
    """markdown-it for the dialect of the site: with tables, admonitions and mathematics."""
    made = MarkdownIt("commonmark").enable("table")
    made.use(admon_plugin).use(dollarmath_plugin, allow_labels=False, allow_blank_lines=False)
    rules: dict[str, tuple[_Rule, Callable[[StateInline, int], int], Kind]] = {
        "backticks": (backtick, _whole, "code"),
        "math_inline": (math_inline_dollar(allow_space=False, allow_double=True), _whole, "math"),
        "html_inline": (html_inline, _whole, "markup"),
        "autolink": (autolink, _whole, "markup"),
        "link": (link, _behind_label, "markup"),
        "image": (image, _behind_label, "markup"),
    }
    for name, (rule, place, kind) in rules.items():
        made.inline.ruler.at(name, _recorded(rule, place, kind))
    return made
