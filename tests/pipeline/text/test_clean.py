"""Nothing that could run, load or restyle comes through; what an author means does, also when many clean at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.text import clean

PIECES = st.sampled_from([
    "<script>", "</script>", "<SCRIPT src=x>", "<img src=x onerror=f()>", "<a href='javascript:f()'>", "</a>", "<b", ">",
    " onclick=f() ", "<style>", "</style>", "*{}", "<iframe src=x>", "<svg onload=f()>", "</svg>", "<form action=x>", "text",
    "<math>", "<mtext>", "<table>", "<mglyph>", "<title>", "<noscript>", "<template>", "<base href=x>", "<link rel=x>",
    "<meta http-equiv=refresh>", "<a href='data:text/html,x'>", "<input type=image src=x>", "<details open ontoggle=f()>",
    "<p style='background:url(x);position:fixed'>", "<a href='java&#115;cript:f()'>", "&lt;script>", "<!--", "-->", "--!>",
    "<![CDATA[", "]]>", "<td>", "'", '"', "`", "&lt;", "\0",
])  # fmt: skip


class Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def harmful(text: str, *, images: bool) -> list[tuple[str, dict[str, str | None]]]:
    """Tags of ``text`` that could run, load or take over; other images than of the site itself count as such."""
    names = {"script", "style", "iframe", "svg", "form", "link", "meta", "base", "object", "embed", "template", "title"}
    names |= set() if images else {"img", "input"}
    return [
        (tag, attributes)
        for tag, attributes in Tags(text).found
        if tag in names
        or any(name.startswith("on") for name in attributes)
        or re.match(r"\s*(javascript|vbscript|data:text)", attributes.get("href") or "", re.I)
        or re.search(r"url|position", attributes.get("style") or "")
        or attributes.get("type") == "image"
    ]


@given(st.lists(PIECES, max_size=12).map("".join))
def test_nothing_that_could_run_gets_through(text: str) -> None:
    output, prose = clean.output(text), clean.prose(text)
    assert harmful(output, images=False) == []
    assert [tag for tag in harmful(prose, images=True) if tag[1].get("href") != "data:text/html,x"] == []
    assert clean.output(output) == output
    assert clean.prose(prose) == prose


@pytest.mark.parametrize(
    "text",
    [
        "<p>a &lt; b &amp; c</p>",
        '<h2 id="a" data-line="3">A<a class="headerlink" href="#a" title="Link">¶</a></h2>',
        '<div class="admonition note"><p class="admonition-title">N</p></div>',
        '<details class="success"><summary>Solution</summary><pre tabindex="0"><code>x</code></pre></details>',
        '<table><thead><tr><th style="text-align:right">a</th></tr></thead></table>',
        '<data value="3" title="a.b = 3">3</data>',
        '<img src="files/a.png" alt="A" width="3" height="2" loading="lazy">',
        '<li class="task"><label><input type="checkbox" disabled=""> done</label></li>',
        '<math display="block"><mrow><msup><mi>x</mi><mn>2</mn></msup><mo stretchy="false">)</mo></mrow></math>',
        '<sup id="fnref:1"><a class="footnote-ref" href="#fn:1">1</a></sup>',
        '<a href="mailto:a@b.org">a</a> <a href="../07_x/#y">b</a> <a href="https://x.org/?a=1&amp;b=2">c</a>',
    ],
)
def test_what_prose_is_made_of_stays_to_the_letter(text: str) -> None:
    assert clean.prose(text) == text


@pytest.mark.parametrize("cleaned", [clean.output, clean.prose])
def test_lessons_side_by_side_never_mix_a_row(cleaned: Callable[[str], str]) -> None:
    tables = [
        "<table><tbody>" + "".join(f"<tr><td>{n}-{row}</td></tr>" for row in range(300)) + "</tbody></table>"
        for n in range(16)
    ]
    with ThreadPoolExecutor(16) as pool:
        for _ in range(10):
            assert list(pool.map(cleaned, tables)) == tables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cities & numbers", "Cities &amp; numbers"),
        ("<b>A</b> < B", "A ‹ B"),
        ("</title><script>f()</script>", "f()"),
        ("&lt;script>", "&amp;lt;script›"),
        ('" onload="f()', "” onload=”f()"),
    ],
)
def test_a_title_is_plain(text: str, expected: str) -> None:
    assert clean.plain(text) == expected


SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{}</svg>'


@pytest.mark.parametrize(
    "inner",
    [
        '<style>*{stroke-linejoin: round}</style>',
        '<defs><clipPath id="c"><rect width="9" height="9" /></clipPath></defs>',
        '<g clip-path="url(#c)"><use xlink:href="#c" /></g>',
        '<image href="data:image/png;base64,aGk=" />',
        '<text x="1" aria-label="a@b">a &lt; b</text>',
    ],
)  # fmt: skip
def test_what_drawings_are_made_of_stays(inner: str) -> None:
    assert inner in clean.svg(SVG.format(inner))


DRAWN = st.sampled_from([
    "<script>f()</script>", '<g onload="f()"/>', '<a href="javascript:f()"><path/></a>', '<use href="http://x/y.svg#a"/>',
    '<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="x"/></foreignObject>', "<style>@import 'x';</style>",
    '<rect style="fill:url(http://x)"/>', '<rect fill="\\75rl(x)"/>', '<image href="data:image/svg+xml,x"/>', "<g>", "</g>",
    '<set attributeName="href" to="javascript:f()"/>', '<h:script xmlns:h="http://www.w3.org/1999/xhtml">f()</h:script>',
    '<animate attributeName="href" values="javascript:f()"/>', "text", "<style>*{fill:url(//x)}</style>", "<!-- x -->",
    "<?xml-stylesheet href='x'?>", "<style><g>@import 'x';</g></style>", "&#x3c;script>",
])  # fmt: skip


@given(st.lists(DRAWN, max_size=8).map("".join))
def test_a_drawing_runs_and_loads_nothing(inner: str) -> None:
    made = clean.svg(SVG.format(inner))
    names = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(made).iter()}
    assert not names & {"script", "a", "foreignObject", "iframe", "set", "animate"}
    assert not re.search(r"onload|javascript:|http://x|//x|@import|75rl|data:image/svg|<\?|<!", made)
    assert clean.svg(made) == made


@pytest.mark.parametrize(
    "text",
    [
        "", "no drawing", "<svg", "<html/>", '<!DOCTYPE svg SYSTEM "file:///etc/passwd"><b/>',
        '<!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>',
    ],
)  # fmt: skip
def test_what_is_no_drawing_is_an_empty_one(text: str) -> None:
    assert clean.svg(text) == '<svg xmlns="http://www.w3.org/2000/svg" />'
