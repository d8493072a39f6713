"""HTML between markers reaches the page as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown import Markdown

from course.pipeline.text import verbatim

EXTENSIONS = ["attr_list", "tables", "pymdownx.superfences", "admonition", "course.pipeline.text.verbatim"]
HTML = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x02\x03", exclude_categories=["Cs", "Cc"]) | st.just("\n")
)


def convert(text: str) -> str:
    made: str = Markdown(extensions=EXTENSIONS).convert(text)
    return made


@given(HTML)
def test_any_html_stays(html: str) -> None:
    found = convert(f"Before\n\n{verbatim.block(html)}\n\nAfter")
    assert found == f"<p>Before</p>\n{html}\n<p>After</p>"


@pytest.mark.parametrize("html", ["<b>*a*</b>", "<pre>\n\n    x\n</pre>", "<svg><p></svg>", "&lt;$x$ `y`", "```\n"])
def test_in_an_indented_block(html: str) -> None:
    inner = "\n".join(f"    {line}" if line else "" for line in verbatim.block(html).split("\n"))
    found = convert(f'!!! note "Title"\n\n    Text\n\n{inner}\n\n    More')
    assert html in found
    assert f"<p>{html}" not in found
    assert found.endswith("<p>More</p>\n</div>")


def test_code_that_shows_the_markers_is_code() -> None:
    found = convert(f"    {verbatim.BEGIN} is a marker\n\n`{verbatim.BEGIN}`")
    assert found.count("&lt;!-- html --&gt;") == 2
