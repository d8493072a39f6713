"""Small pieces of HTML: Markdown fragments, tables and numbers."""

from __future__ import annotations

import functools
import html
import json
import re
from collections.abc import Sequence

import markdown

from course.pipeline.text import clean
from course.pipeline.text.expressions import form
from course.pipeline.text.mathematics import MathematicsExtension
from course.pipeline.text.quotes import QuotesExtension


@functools.cache
def _converter() -> markdown.Markdown:
    return markdown.Markdown(
        extensions=[
            *("attr_list", "tables", "pymdownx.superfences", "pymdownx.inlinehilite"),
            MathematicsExtension(),
            QuotesExtension(),
        ]
    )


def to_html(text: str) -> str:
    """A fragment of Markdown (a quiz text, a caption) as clean HTML, mathematics included.

    Raises:
        CourseError: a formula that cannot be shown.
    """
    return clean.prose(_converter().reset().convert(text))


def inline_html(text: str) -> str:
    """:func:`to_html` of one paragraph, without the ``<p>`` around it."""
    made = to_html(text)
    return re.sub(r"^<p>(.*)</p>$", r"\1", made, flags=re.S) if made.count("<p>") == 1 else made


def data(value: object, name: str = "") -> str:
    """A block of data for the page's scripts, of the class ``name``; nothing in it can end the block."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c").replace("&", "\\u0026")
    kind = f' class="{name}"' if name else ""
    return f'<script type="application/json"{kind}>{text}</script>'


def number(value: object) -> str:
    """A table cell: whole numbers with separators, others to four significant digits, text as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, float):
        value += 0.0  # no negative zero
        if value.is_integer() and abs(value) < 1e15:
            return f"{value:,.0f}".replace("-", "−")
        if abs(value) >= 1000:
            return f"{value:,.0f}".replace("-", "−")
        if 0 < abs(value) < 1e-3:
            return form(value, "sci2")
        return f"{value:.4g}".replace("-", "−")
    return str(value)


def fence(source: str, language: str) -> str:
    """``source`` as a fenced block, with a fence longer than any in it."""
    marks = "`" * max(3, 1 + max(map(len, re.findall(r"`+", source)), default=0))
    return f"{marks}{language}\n{source}\n{marks}"


def scrolling(table: str) -> str:
    """``table``, an element, in a box that scrolls where it is narrower, by keyboard too."""
    return f'<div class="table-scroll" tabindex="0" role="group" aria-label="Table">{table}</div>'


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], caption: str) -> str:
    """A data table; columns of numbers are aligned right."""
    numeric = [bool(rows) and all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(columns))]
    kinds = [' class="number"' if n else "" for n in numeric]
    head = "".join(f'<th scope="col"{k}>{html.escape(c)}</th>' for c, k in zip(columns, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{k}>{html.escape(number(c))}</td>" for c, k in zip(row, kinds, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
