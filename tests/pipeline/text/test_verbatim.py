"""HTML in Markdown that comes out byte for byte, wherever it stands."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown import Markdown

from course.pipeline.text.verbatim import block, indented

CONVERTER = Markdown(
    extensions=[
        "abbr", "admonition", "attr_list", "def_list", "footnotes", "md_in_html", "tables", "toc", "pymdownx.details",
        "pymdownx.highlight", "pymdownx.inlinehilite", "pymdownx.superfences", "pymdownx.tasklist",
        "course.pipeline.text.quotes", "course.pipeline.text.verbatim",
    ]
)  # fmt: skip
PIECES = [
    "<", ">", "</div>", "<p>", "<!--", "-->", "&amp;", "&", "\n", "\r", "\t", " ", "    ", "```", "~~~", "`", "*", "_",
    '"', "'", "$", "\\", "[a](b)", "# ", "- ", "| a |", "\x02", "\x03", "wzxhzdk:0", "a", "é", "{ #x }", "!!! note",
    "[TOC]", "\x0c", "\u2028",
]  # fmt: skip
HTML = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join) | st.text(max_size=40)
AROUND = {
    "alone": ("{}", "<p>before</p>\n{}\n<p>after</p>"),
    "in a box": ('!!! note "Title"\n\n{}', "{}\n</div>"),
    "in a fold": ('??? note "Title"\n\n{}', "{}\n</details>"),
    "in a list": ("1.  item\n\n{}", "<p>item</p>\n{}\n</li>"),
}


def convert(text: str) -> str:
    return str(CONVERTER.reset().convert(text))


@pytest.mark.parametrize("place", AROUND)
@given(html=HTML)
def test_any_html_comes_out_as_it_is(place: str, html: str) -> None:
    text, expected = AROUND[place]
    written = text.format(block(html) if place == "alone" else indented(block(html)))
    assert expected.format(html) in convert(f"before\n\n{written}\n\nafter")


@pytest.mark.parametrize(
    "html", ["<span>x</span>", "text", "", "<!-- c -->", "<p>a</p>\n\n\n<p>b</p>", "<b>```</b>\n```"]
)
def test_no_paragraph_is_put_around(html: str) -> None:
    assert convert(f"before\n{block(html)}\nafter") == f"<p>before</p>\n{html}\n<p>after</p>"


def test_blocks_in_one_another_and_twice() -> None:
    inner = block("<b>in</b>")
    assert convert(f"a\n\n{block(inner)}\n\n{inner}\n\n{inner}") == f"<p>a</p>\n{inner}\n<b>in</b>\n<b>in</b>"


def test_a_block_in_html_with_markdown_in_it() -> None:
    made = convert(f'<div class="a" markdown>\n\nb\n\n{block("<i>*c*</i>")}\n\n</div>')
    assert made == '<div class="a">\n<p>b</p>\n<i>*c*</i>\n</div>'


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_marks_in_code_are_code(fence: str) -> None:
    made = convert(f"{fence}text\n{block('<b>x</b>')}\n{fence}\n\n{block('<i>y</i>')}")
    assert "&lt;b&gt;x&lt;/b&gt;" in made
    assert "<b>" not in made
    assert made.endswith("\n<i>y</i>")


def test_a_fence_that_is_never_closed_hides_no_block() -> None:
    assert "\n<i>y</i>" in convert(f"```python\n\n{block('<i>y</i>')}")


def test_marks_that_do_not_belong_together_are_a_comment() -> None:
    first, second = block("<b>x</b>"), block("<b>y</b>")
    mixed = "\n".join([*first.split("\n")[:2], second.split("\n")[2]])
    assert re.search(r"<!-- html \w+ -->\s*<.*<b>x</b>", convert(f"a\n\n{mixed}"), re.S)


def test_one_page_does_not_know_the_blocks_of_another() -> None:
    word = re.sub(r"<!-- html (\w+) -->.*", r"verbatim\1", block("<b>x</b>"), flags=re.S)
    assert convert(block("<b>x</b>")) == "<b>x</b>"
    assert convert(word) == f"<p>{word}</p>"
