"""The search is told of ideas, not of code, results and answers, section by section."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course.pipeline.site.search_index import PATH, read, write

TITLE = '<p class="lesson-kicker">Lesson</p>\n<h1 id=top>Rank<a class=headerlink href="#top">¶</a></h1>'
PROSE = ' <p>It is <code>r</code>.</p><aside class="claim"><p>Claimed.</p></aside> '
LESSON = '<div class="lesson-meta"></div>'


def entries(content: str) -> list[tuple[str, str, str]]:
    page = f"<nav><h2 id=nav>Menu</h2></nav><article class=md-content__inner>{content}</article><p>Foot</p>"
    return [(entry["location"], entry["title"], entry["text"]) for entry in read(page, "a/")]


@pytest.mark.parametrize("kind", ["", LESSON])
def test_prose_headings_and_claims_stay(kind: str) -> None:
    found = entries(kind + TITLE.replace("Lesson", "") + PROSE)
    assert found == [("a/", "Rank", "<p>It is <code>r</code>.</p><p>Claimed.</p>")]


def test_a_section_has_the_address_of_its_heading() -> None:
    found = entries(f"<h1 id=top>Title</h1><p>One</p><h2 id='b c'>Second <code>x</code></h2>{PROSE}<h3>No place</h3>")
    assert [place for place, *_ in found] == ["a/", "a/#b c"]
    assert found[1][1] == "Second x"
    assert "No place" in found[1][2]


@pytest.mark.parametrize(
    "html",
    [
        '<div class="output"><pre tabindex="0">&gt;&gt;&gt; 1</pre></div>',
        '<div class="data-table" id="t"><div class="table-scroll"><table></table></div><p>CSV</p></div>',
        '<section class="quiz" data-aim="4"><div class="question">The answer</div></section>',
        '<section class="widget"><section>More</section>And more</section>',
        "<svg><text>0.1</text></svg>",
        '<script type="application/json">{"a": "<p>"}</script>',
        "<div data-search-exclude><div>Inner</div><br><p>Left open</div>",
    ],
)
@pytest.mark.parametrize("kind", ["", LESSON])
def test_results_answers_and_controls_are_left_out(html: str, kind: str) -> None:
    before, after = (entries(kind + TITLE + PROSE + between + PROSE) for between in ("", html))
    assert [text.split() for entry in after for text in entry] == [text.split() for entry in before for text in entry]


def test_code_and_solutions_are_left_out_of_lessons_only() -> None:
    for html in (
        '<div class="language-python highlight"><pre><code>x = 1</code></pre></div>',
        '<details class="success"><summary>Solution</summary><p>42</p></details>',
        '<details class="reveal"><summary>Reveal the result</summary><p>42</p></details>',
    ):
        assert entries(LESSON + TITLE + PROSE + html) == entries(LESSON + TITLE + PROSE)
        assert entries(TITLE + PROSE + html) != entries(TITLE + PROSE)


def test_cells_are_not_glued_together() -> None:
    ((_, _, text),) = entries(
        "<h1 id=a>T</h1><table><tr><th>one</th><td>two</td></tr></table><dl><dt>three<dd>four</dl>"
    )
    assert text.split() == ["one", "two", "three", "four"]


def test_signs_of_html_stay_text() -> None:
    assert entries("<h1 id=a>T</h1><p>a &lt; b &amp; c</p>") == [("a/", "T", "<p>a &lt; b &amp; c</p>")]


def test_the_index_keeps_the_theme_s_settings(tmp_path: Path) -> None:
    (tmp_path / PATH).parent.mkdir()
    (tmp_path / PATH).write_text(json.dumps({"config": {"lang": ["en"]}, "docs": [{"location": "old"}]}))
    write(tmp_path, [{"location": "a/"}])
    assert json.loads((tmp_path / PATH).read_bytes()) == {"config": {"lang": ["en"]}, "docs": [{"location": "a/"}]}


def test_a_site_without_search_has_no_index(tmp_path: Path) -> None:
    write(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
