"""The notebook view: what an executed notebook holds, cell by cell with its prompts, as a page of the site."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from course.pipeline.page import printed
from course.pipeline.text import clean, commonmark, markup, verbatim
from course.pipeline.text.displayed import IMAGES

_BACK = '<p class="lesson-kicker"><a href="../">← Back to the lesson</a></p>'
_PICTURE = re.compile(r"^!\[[^\]]*\]\(data:image/svg\+xml;base64,([\w+/=]+)\)$", re.M)
_SIBLING = re.compile(r"(\d\d_\w+)\.ipynb(?:#(.*))?")


@dataclass(frozen=True)
class View:
    """The notebook as a page: its title, and its Markdown."""

    title: str
    markdown: str


def view(notebook: str) -> View:
    """Convert the text of a notebook of this course for the page ``lessons/SLUG/notebook/``."""
    parts = [part for cell in json.loads(notebook)["cells"] for part in _cell(cell)]
    title = next((part.removeprefix("# ") for part in parts if part.startswith("# ")), "Notebook")
    return View(clean.plain(html.unescape(markup.inline_html(title))), "\n\n".join([verbatim.block(_BACK), *parts]))


def _cell(cell: Mapping[str, Any]) -> Iterator[str]:
    """A cell as blocks of Markdown."""
    if cell["cell_type"] == "markdown":
        yield from _prose(cell["source"])
        return
    count = cell["execution_count"] or " "
    code = markup.fence(cell["source"], "python")
    if cell["metadata"].get("jupyter", {}).get("source_hidden"):
        yield verbatim.block(f"<details><summary>{_prompt('In', count)} Hidden code</summary>")
        yield code
        yield verbatim.block("</details>")
    else:
        yield verbatim.block(f"<p>{_prompt('In', count)}</p>")
        yield code
    if cell["outputs"]:
        outputs = "".join(_output(output) for output in cell["outputs"])
        yield verbatim.block(f"<p>{_prompt('Out', count)}</p>{outputs}")


def _prose(source: str) -> Iterator[str]:
    for place, part in enumerate(_PICTURE.split(source)):
        if place % 2:  # a drawing in the page follows its theme, which an image cannot
            yield verbatim.block(_figure(base64.b64decode(part).decode("utf-8", "replace")))
            continue
        for block in commonmark.blocks(part, _address):
            # What is wider than a phone scrolls, by keyboard too.
            yield verbatim.block(_scrolling(clean.prose(block.text))) if block.is_html else block.text


def _figure(svg: str) -> str:
    return f'<figure class="data-figure">{clean.svg(svg)}</figure>'


def _prompt(name: str, count: int | str) -> str:
    return f'<span class="notebook-prompt">{name} [{count}]:</span>'


def _address(address: str, line: int) -> str:
    """A downloaded notebook links to its sibling files; here those lessons have pages."""
    sibling = _SIBLING.fullmatch(address)
    if not sibling:
        return address
    return f"../../{sibling[1]}/" + (f"#{commonmark.anchor(sibling[2])}" if sibling[2] else "")


def _output(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "stream":
        if output["name"] == "stdout":
            return printed.block(output["text"])
        return f'<div class="output output--stderr"><pre tabindex="0">{html.escape(output["text"])}</pre></div>'
    data = output["data"]
    if "text/html" in data:
        shown = _scrolling(clean.prose(data["text/html"]))
        return f'<div class="output output--html" tabindex="0" role="group" aria-label="Output">{shown}</div>'
    if "image/svg+xml" in data:  # figures bring their descriptions and follow the theme
        return _figure(data["image/svg+xml"])
    kind = next(kind for kind in IMAGES if kind in data)
    address = f"data:{kind};base64,{html.escape(data[kind])}"
    return f'<p class="output output--image"><img src="{address}" alt="Figure drawn by the code above"></p>'


def _scrolling(text: str) -> str:
    return re.sub(r"<table\b.*?</table>", lambda table: markup.scrolling(table[0]), text, flags=re.S)
