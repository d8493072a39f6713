"""Highlighted code with few elements."""

from __future__ import annotations

from course.pipeline.text.lean import lighten_code


def test_code_keeps_its_text_and_its_colored_tokens() -> None:
    code = '<span class="k">if</span><span class="w"> </span><span class="n">rank</span><span class="p">:</span>'
    assert lighten_code(code) == "<b>if</b> rank:"


def test_neighbors_of_one_color_share_an_element() -> None:
    code = (
        '<span class="sa">f</span><span class="s2">&quot;a </span><span class="si">{</span><span class="n">b</span>'
        '<span class="si">}</span><span class="s2">&quot;</span>\n<span class="ow">not</span> <span class="ow">in</span>'
    )
    made = "<u>f&quot;a {</u>b<u>}&quot;</u>\n<b>not in</b>"
    assert lighten_code(code) == made
