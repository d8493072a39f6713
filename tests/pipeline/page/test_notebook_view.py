"""The notebook view: cells in their order, formulas and links as pages have them, outputs that cannot run."""

from __future__ import annotations

import json
import re
from typing import Any

import markdown
import pytest

from course.pipeline.page.notebook_view import view
from course.pipeline.text import mathematics, verbatim

SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="run()"><title>Loss</title><path d="M0 0"/></svg>'


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *outputs: dict[str, Any], count: int | None = 1, hidden: bool = False) -> dict[str, Any]:
    metadata = {"jupyter": {"source_hidden": True}} if hidden else {}
    return {
        "cell_type": "code", "metadata": metadata, "source": source, "execution_count": count, "outputs": list(outputs),
    }  # fmt: skip


def displayed(**data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {kind.replace("_", "/"): text for kind, text in data.items()}}


def shown(*cells: dict[str, Any]) -> str:
    """The HTML of the page's content."""
    extensions = [
        verbatim.VerbatimExtension(), mathematics.MathematicsExtension(), "attr_list", "toc", "pymdownx.superfences",
    ]  # fmt: skip
    return str(markdown.Markdown(extensions=extensions).convert(view(json.dumps({"cells": cells})).markdown))


def test_cells_follow_each_other_with_their_prompts() -> None:
    printed = {"output_type": "stream", "name": "stdout", "text": "1 < 2\n"}
    made = shown(text("First."), code("x = 1", printed, count=3), text("Then."), code("y = 2", count=None))
    in_order = ["First.", "In [3]:", "Out [3]:", "1 &lt; 2", "Then.", "In [ ]:"]
    places = [made.index(part) for part in in_order]
    assert places == sorted(places)
    assert "x = 1" in re.sub(r"<[^>]*>", "", made)
    assert made.count("Out [") == 1


def test_formulas_are_mathematics_in_prose_and_in_headings() -> None:
    made = shown(text("# Rank $r$\n\nIt is $W = BA$.\n\n$$x^2$$"))
    assert "$" not in made
    assert made.count("<math") == 3
    assert not re.search(r'class="[^"]*\binline\b', made), "the theme lets this class float"


def test_what_is_printed_is_shown_as_on_the_lesson_s_page() -> None:
    answers = "TICKET: where is my tent\n" + "".join(
        f"  {who}: {'It is on its way. ' * 8}\n" for who in ("base", "tuned")
    )
    made = shown(
        *(code("x", {"output_type": "stream", "name": name, "text": answers}) for name in ("stdout", "stderr"))
    )
    assert made.count("<li>") == 2
    assert made.count('<div class="output output--stderr"><pre tabindex="0">TICKET: where') == 1


def test_a_title_is_text() -> None:
    made = view(json.dumps({"cells": [text("# The *rank* & $r$ of `W`")]}))
    assert made.title.startswith("The rank &amp; ")
    assert "<" not in made.title


def test_headings_are_those_of_markdown() -> None:
    assert '<h2 id="what-rank-measures">What rank measures</h2>' in shown(text("## What rank measures"))


def test_links_lead_to_pages_instead_of_files() -> None:
    made = shown(text("[a](02_memory.ipynb#Where-it-goes) [b](03_features.ipynb) [c](https://example.org/x.ipynb)"))
    assert re.findall(r'href="([^"]*)"', made)[1:] == [  # the first leads back to the lesson
        "../../02_memory/#where-it-goes", "../../03_features/", "https://example.org/x.ipynb",
    ]  # fmt: skip


def test_hidden_code_is_folded() -> None:
    made = shown(code("import course", hidden=True), code("visible()"))
    folded = re.findall(r"<details>(.*?)</details>", made, re.S)
    assert len(folded) == 1
    assert "course" in folded[0]
    assert "visible" not in folded[0]


@pytest.mark.parametrize("made", [
    shown(text('Prose <script>run()</script> <img src="x" onerror="run()">')),
    shown(code("x", displayed(text_html='<b onclick="run()">b</b><script>run()</script>'))),
    shown(code("x", {"output_type": "display_data", "data": {"image/svg+xml": SVG}})),
    shown(code("x", displayed(image_png='"><script>run()</script>'))),
])  # fmt: skip
def test_nothing_in_it_runs(made: str) -> None:
    assert not re.search(r"<script|<[^>]* on\w+=", made)


def test_what_is_displayed_is_shown() -> None:
    table = "<table><tr><td>1</td></tr></table>"
    made = shown(code("x", displayed(text_html=table), displayed(image_png="aGk=")))
    assert '<div class="table-scroll" tabindex="0"' in made
    assert '<img src="data:image/png;base64,aGk="' in made
    assert "<title>Loss</title>" in shown(code("x", {"output_type": "display_data", "data": {"image/svg+xml": SVG}}))
