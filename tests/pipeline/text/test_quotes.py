"""Quotation marks: curved around words, elements and numbers, straight in code."""

from __future__ import annotations

import pytest

from course.pipeline.text.markup import inline_html, to_html

DATA = "<data>2</data>"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ('"low rank" is', "“low rank” is"),
        ("the model's 'Holds'", "the model’s ‘Holds’"),
        (f'say "{DATA}".', f"say “{DATA}”."),
        (f"say '{DATA}'", f"say ‘{DATA}’"),
        ('"*rank*", "`r`"', "“<em>rank</em>”, “<code>r</code>”"),
        ('see "[it](#a)"', 'see “<a href="#a">it</a>”'),
        ('*a* "b"', "<em>a</em> “b”"),
        ("`'a'` -- ...", "<code>'a'</code> -- ..."),
    ],
)
def test_marks(typed: str, shown: str) -> None:
    assert inline_html(typed) == shown


def test_code_blocks_stay_as_typed() -> None:
    assert '"a"' in to_html('```\nx = "a"\n```')
