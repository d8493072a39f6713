"""The search is told of ideas, not of code, results and answers."""

from __future__ import annotations

import pytest

from course.pipeline.site.search_text import searched

PROSE = '<h2 id="a">Rank</h2><p>It is <code>r</code>.</p><aside class="claim claim--holds"><p>Claimed.</p></aside>'


@pytest.mark.parametrize("is_lesson", [True, False])
def test_prose_headings_and_claims_stay(is_lesson: bool) -> None:
    assert searched(PROSE, is_lesson) == PROSE


@pytest.mark.parametrize(
    "html",
    [
        '<div class="output"><pre tabindex="0">&gt;&gt;&gt; 1</pre></div>',
        '<div class="data-table" id="t"><div class="table-scroll"><table></table></div><p>CSV</p></div>',
        '<section class="quiz" data-aim="4"><div class="question">The answer</div></section>',
        '<section class="widget"><section>More</section></section>',
        "<svg><text>0.1</text></svg>",
        '<script type="application/json">{"a": "<p>"}</script>',
    ],
)
@pytest.mark.parametrize("is_lesson", [True, False])
def test_results_answers_and_controls_are_left_out(html: str, is_lesson: bool) -> None:
    assert searched(PROSE + html + PROSE, is_lesson) == PROSE + PROSE


def test_code_and_solutions_are_left_out_of_lessons_only() -> None:
    for html in (
        '<div class="language-python highlight"><pre><code>x = 1</code></pre></div>',
        '<details class="success"><summary>Solution</summary><p>42</p></details>',
        '<details class="reveal"><summary>Reveal the result</summary><p>42</p></details>',
    ):
        assert searched(PROSE + html, is_lesson=True) == PROSE
        assert searched(PROSE + html, is_lesson=False) == PROSE + html


def test_nothing_stands_before_the_title() -> None:
    assert searched('<p class="lesson-kicker">Lesson 07</p>\n<h1 id="a">LoRA</h1>', is_lesson=True).startswith("<h1")
