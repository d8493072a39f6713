"""Prose of plain lessons, in the dialect that notebooks show: CommonMark with tables and mathematics.

The site's own Markdown differs in what authors rely on most (a list right below a paragraph, two spaces of indentation),
so each block becomes HTML here. Headings and fenced code stay Markdown: the site numbers, links and highlights these.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown.extensions.toc import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from course.pipeline.text import markup, mathematics
from course.pipeline.text.texmath import Formula, Refused

Resolve = Callable[[str, int], str]
"""What an address is on the page, given its 0-based line in the text."""
_MATHEMATICS = ("math_inline", "math_inline_double", "math_block", "math_block_label")
_SOURCE = re.compile(r"""(<(?:img|a|source|video|audio)\b[^>]*?\b(?:src|href)=)(["'])(.*?)\2""", re.S)


@dataclass(frozen=True)
class Block:
    """A piece of prose: Markdown of the site, or HTML that no Markdown processor may see."""

    text: str
    is_html: bool


def blocks(text: str, resolve: Resolve) -> Iterator[Block]:
    """``text`` as a page's blocks in order, its links and images put through ``resolve``."""
    parser, environment = _parser(), dict[str, Any]()
    tokens = parser.parse(text, environment)
    mathematics.mathml(_formulas(tokens))  # all at once: rendering, which meets them one by one, finds them known
    for part in _top_level(tokens):
        _resolve_links(part, resolve)
        if part[0].type == "heading_open":
            yield Block(f"{'#' * int(part[0].tag[1:])} {part[1].content}", False)
        elif part[0].type == "fence":
            yield Block(markup.fence(part[0].content.rstrip("\n"), part[0].info.strip().split(" ")[0]), False)
        else:
            yield Block(parser.renderer.render(part, parser.options, environment).strip(), True)


def to_html(text: str) -> str:
    """A displayed piece of Markdown as HTML."""
    return str(_parser().render(text)).strip()


def anchor(fragment: str) -> str:
    """The site's anchor for a heading that a notebook would call ``fragment``."""
    return str(slugify(fragment, "-"))


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    for kind in _MATHEMATICS:  # instead of the plugin's, around which is a class that the theme lets float
        parser.add_render_rule(kind, _formula)
    return parser


def _formula(renderer: object, tokens: Sequence[Token], at: int, options: object, environment: object) -> str:
    """A formula as MathML; one that cannot be converted stays as it was written."""
    content = tokens[at].content
    formula = Formula(content.strip(), tokens[at].type != "math_inline")
    made = mathematics.mathml([formula])[formula]
    return f"<code>{html.escape(content)}</code>" if isinstance(made, Refused) else made


def _formulas(tokens: Sequence[Token]) -> Iterator[Formula]:
    for token in tokens:
        if token.type.startswith("math_"):
            yield Formula(token.content.strip(), token.type != "math_inline")
        yield from _formulas(token.children or ())


def _top_level(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        part.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield part
            part = []


def _resolve_links(tokens: Sequence[Token], resolve: Resolve, line: int = 0) -> None:
    """Replace addresses in place, those in raw HTML included."""
    for token in tokens:
        line = token.map[0] if token.map else line
        for name in {"href", "src"} & token.attrs.keys():
            token.attrs[name] = resolve(str(token.attrs[name]), line)
        if token.type in ("html_block", "html_inline"):
            token.content = _in_html(token.content, resolve, line)
        _resolve_links(token.children or (), resolve, line)


def _in_html(text: str, resolve: Resolve, line: int) -> str:
    return _SOURCE.sub(lambda m: f"{m[1]}{m[2]}{resolve(m[3], line)}{m[2]}", text)
