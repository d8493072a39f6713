"""Boxes whose parts are given: what they say, and errors that name the line."""

from __future__ import annotations

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.boxes import Part, parts

from ..samples import lesson, line_of, source

TRUST = """\
# %% [markdown] tags=["trust"]
# - n: 3 paired seeds
# - spread: 0.02 nats,
#   at most
# - control: the untuned model
# - not shown: a larger model"""


def test_the_parts_are_named_as_on_the_page() -> None:
    made, text = lesson(TRUST), source(TRUST)
    assert parts(made.cells[1], made) == (
        Part("n", "3 paired seeds", line_of(text, "- n:")),
        Part("Spread", "0.02 nats, at most", line_of(text, "- spread")),
        Part("Control", "the untuned model", line_of(text, "- control")),
        Part("Does not show", "a larger model", line_of(text, "- not shown")),
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("# - control: the untuned model\n", "", "- not shown", "something about 'control'"),
        ("\n# - not shown: a larger model", "", "- control", "lacks 'not shown'"),
        ("the untuned model", "", "- control", "something about 'control'"),
        ("- spread: 0.02 nats,", "- spreads: 0.02 nats,", "- spreads", "something about 'spread'"),
        ("a larger model", "a larger model\n# - more: of it", "- more", "a part too many"),
        ("a larger model", "a larger model\n#\n# A word more.", "A word more", "and nothing else"),
        ('# %% [markdown] tags=["trust"]', '# %% tags=["trust"]', "tags=[\"trust\"]", "is not code"),
    ],
)  # fmt: skip
def test_a_box_without_its_parts_is_told(old: str, new: str, line: str, message: str) -> None:
    cell = TRUST.replace(old, new)
    with pytest.raises(CourseError, match=message) as caught:
        lesson(cell)
    assert caught.value.line == line_of(source(cell), line)
