"""What foreign cells display becomes images, clean HTML and Markdown; nothing that could run gets through."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping

import pytest

from course.pipeline.text import clean, commonmark
from course.pipeline.text.displayed import Image, image_size, shown

FRAME = """<div><style scoped>.dataframe { color: red }</style>
<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>a</th></tr></thead>
<tbody><tr><th>0</th><td>1 &lt; 2</td></tr></tbody></table></div>"""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"text/plain": "3"}, None),
        ({"text/plain": "<Frame>", "text/html": "<script>draw()</script>"}, None),
        ({"text/html": "<b>3</b>", "text/plain": "3"}, "<b>3</b>"),
        ({"text/markdown": "*a*\n- b"}, "<p><em>a</em></p>\n<ul>\n<li>b</li>\n</ul>"),
        ({"text/html": ["<i>", "x</i>"]}, "<i>x</i>"),
        ({"application/json": {}}, None),
    ],
)
def test_the_richest_that_a_page_can_hold(data: Mapping[str, object], expected: str | None) -> None:
    assert shown(data) == expected


def test_latex_becomes_mathml() -> None:
    made = shown({"text/latex": "$\\displaystyle x^{2}$", "text/plain": "x**2"})
    assert isinstance(made, str)
    assert "<msup>" in made
    assert "$" not in made


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        ({"image/png": "aGk=\n", "text/html": "<b>x</b>"}, ".png"),
        ({"image/svg+xml": "<svg>3</svg>", "image/png": "aGk="}, ".svg"),
    ],
)
def test_an_image_is_named_by_its_content(data: Mapping[str, str], suffix: str) -> None:
    made, again, other = (
        shown(data),
        shown(data),
        shown({kind: text.replace("3", "4").replace("aGk", "aGl") for kind, text in data.items()}),
    )
    assert isinstance(made, Image)
    assert isinstance(other, Image)
    assert made == again
    assert re.fullmatch(rf"[0-9a-f]{{16}}\{suffix}", made.name)
    assert made.name != other.name


def test_a_data_frame_keeps_its_table_and_nothing_else() -> None:
    made = clean.output(FRAME)
    assert re.sub(r"\s", "", made) == (
        "<div><table><thead><tr><th></th><th>a</th></tr></thead><tbody><tr><th>0</th><td>1&lt;2</td></tr></tbody></table></div>"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Head *it*", [("# Head *it*", False)]),
        ("Head\n---", [("## Head", False)]),
        ("words\n- a\n- b", [("<p>words</p>", True), ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>", True)]),
        ("```python\nx = 1\n```", [("```python\nx = 1\n```", False)]),
        ("> # quoted", [("<blockquote>\n<h1>quoted</h1>\n</blockquote>", True)]),
        ("[a](x.py) ![b](y.png)", [('<p><a href="0:x.py">a</a> <img src="0:y.png" alt="b" /></p>', True)]),
        ("one\n\n[a](x.py)", [("<p>one</p>", True), ('<p><a href="2:x.py">a</a></p>', True)]),
        ('<img width=3 src="y.png">', [('<img width=3 src="0:y.png">', True)]),
        ("costs $5 and $6", [("<p>costs $5 and $6</p>", True)]),
        ("$\\undefined{$", [("<p><code>\\undefined{</code></p>", True)]),
    ],
)
def test_prose_as_notebooks_show_it(text: str, expected: list[tuple[str, bool]]) -> None:
    found = commonmark.blocks(text, lambda address, line: f"{line}:{address}")
    assert [(block.text, block.is_html) for block in found] == expected


def test_anchors_are_the_sites() -> None:
    assert commonmark.anchor("My-Long-Heading!") == "my-long-heading"


def test_the_size_of_an_image() -> None:
    png = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAC0lEQVR4nGNgwAQAABQAAX3+Hu4AAAAASUVORK5CYII=")
    assert image_size(png) == (3, 2)
    assert image_size(b'<?xml version="1.0"?>\n<svg width="72pt" height="36pt" viewBox="0 0 72 36"/>') == (96, 48)
    assert image_size(b'<svg stroke-width="2" width="30" height="20.4"><rect width="1" height="1"/></svg>') == (30, 20)
    assert image_size(b'<svg viewBox="0 0 1 1"><rect width="1" height="1"/></svg>') is None
    assert image_size(b"no image") is None
