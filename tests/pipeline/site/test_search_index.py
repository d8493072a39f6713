"""The search is told of ideas, not of code, results and answers, section by section."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from course.pipeline.lesson.model import Lesson
from course.pipeline.page.glossary import Glossary, Term
from course.pipeline.site.search_index import PATH, also, read, write

TITLE = '<p class="lesson-kicker">Lesson</p>\n<h1 id=top>Rank<a class=headerlink href="#top">¶</a></h1>'
PROSE = ' <p>It is <code>r</code>.</p><aside class="claim"><p>Claimed.</p></aside> '
LESSON = '<div class="lesson-meta"></div>'


def entries(content: str) -> list[tuple[str, str, str]]:
    page = f"<nav><h2 id=nav>Menu</h2></nav><article class=md-content__inner>{content}</article><p>Foot</p>"
    return [(entry["location"], entry["title"], entry["text"]) for entry in read(page, "a/")]


@pytest.mark.parametrize("kind", ["", LESSON])
def test_prose_headings_and_claims_stay(kind: str) -> None:
    found = entries(kind + TITLE.replace("Lesson", "") + PROSE)
    assert found == [("a/", "Rank", "It is r. Claimed.")]


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
        "<h1 id=a>T</h1><table><tr><th>one</th><td>two</td></tr><tr><td>three</td><td></td></tr></table>"
        "<dl><dt>four<dd>five</dl><ul><li>six</li><li>seven</li></ul>"
    )
    assert text == "one · two; three; four five six seven"


def test_choices_of_a_control_are_left_out() -> None:
    assert entries("<h1 id=a>T</h1><p>Card <select><option>8 GB<option>16 GB</select> here</p>")[0][2] == "Card here"


def test_a_symptom_is_an_entry_of_its_own() -> None:
    table = (
        "<table><tr><th>Symptom<th>Cause<th>Fix</tr><tr><td>nan in <code>fp16</code><td>overflow<td>bf16</tr></table>"
    )
    found = entries(f"<h1 id=a>T</h1><p>Text</p><h2 id=pitfalls>Pitfalls</h2>{table}<p>After</p><h2 id=next>Next</h2>")
    assert found == [
        ("a/", "T", "Text"),
        ("a/#pitfalls", "Pitfalls", "nan in fp16; After"),
        ("a/#next", "Next", ""),
        ("a/#pitfalls", "nan in fp16", "overflow · bf16"),
    ]


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<mfrac><mn>1</mn><mn>2</mn></mfrac>", "1/2"),
        ("<mfrac><mi>α</mi><mi>r</mi></mfrac><mi>B</mi><mi>A</mi>", "α/r BA"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><msqrt><mi>r</mi></msqrt></mfrac>", "(a + 1)/(√r)"),
        ("<msup><mi>x</mi><mn>2</mn></msup><mo>=</mo><msub><mi>y</mi><mi>i</mi></msub>", "x^2 = y_i"),
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>", "∑_(i = 1)^n"),
        ("<mi>log</mi><mo>\u2061</mo><mi>p</mi><mo>&lt;</mo><mn>0</mn>", "log p &lt; 0"),
    ],
)
def test_mathematics_is_text(formula: str, text: str) -> None:
    assert entries(f"<h1 id=a>T</h1><p>So <math><mrow>{formula}</mrow></math>.</p>") == [("a/", "T", f"So {text}.")]
    heading = f"<h1 id=a>The <math>{formula}</math></h1><p>x</p>"
    assert entries(heading)[0][1] == f"The {text}"


def test_signs_of_html_stay_text() -> None:
    assert entries("<h1 id=a>T</h1><p>a &lt; b &amp; c</p>") == [("a/", "T", "a &lt; b &amp; c")]


def test_the_index_keeps_the_theme_s_settings_and_the_worker_gets_the_script(tmp_path: Path) -> None:
    worker = tmp_path / "assets/javascripts/workers/search.1.min.js"
    for path, text in (
        (tmp_path / PATH, json.dumps({"config": {"lang": ["en"]}, "docs": [{"location": "old"}]})),
        (worker, "theme"),
        (tmp_path / "ours.js", "ours;\n"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    docs = [{"location": "a/#b"}, {"location": "a/#c"}, {"location": "a/#b"}]
    write(tmp_path, docs, {"a/#b": "words"}, tmp_path / "ours.js")
    found = json.loads((tmp_path / PATH).read_bytes())
    assert found["config"] == {"lang": ["en"]}
    assert [entry["also"] for entry in found["docs"]] == ["words", "", ""]
    assert worker.read_text() == "ours;\ntheme"


def test_a_site_without_search_has_no_index(tmp_path: Path) -> None:
    write(tmp_path, [], {}, tmp_path / "ours.js")
    assert list(tmp_path.iterdir()) == []


def test_a_section_is_found_by_the_other_words_of_what_it_teaches() -> None:
    lesson = SimpleNamespace(number=7, slug="07_lora", header=SimpleNamespace(tags=["Rank", "unknown"]))
    terms = Glossary((
        Term("Rank", "rank", "A", ("rank",), "…", 7, "thin", ("r",)),
        Term("Scale", "scale", "A", ("scale",), "…", 7, "thin"),
        Term("Later", "later", "A", ("later",), "…", 9, "x"),
    ))  # fmt: skip
    assert also(terms, cast(list[Lesson], [lesson])) == {
        "lessons/07_lora/": "rank",
        "lessons/07_lora/#thin": "rank r scale",
        "glossary/#rank": "rank r",
        "glossary/#scale": "scale",
        "glossary/#later": "later",
    }
