"""Sections of depth and for Monday: which cells they are, and errors that name the heading."""

from __future__ import annotations

import re

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson import visible_code
from course.pipeline.lesson.sections import Section, sections

from ..samples import lesson, line_of, source

DEEPER = "# %% [markdown]\n# ## Deeper: a proof\n#\n# It is."
CODE = "# %%\nx = 1"
NEXT = "# %% [markdown]\n# ## Next\n#\n# More."
MONDAY = "# %% [markdown]\n# ## Monday: a new task"


def test_a_section_is_its_cells_up_to_the_next_heading_of_its_level() -> None:
    inner = NEXT.replace("## Next", "### Inner")
    assert sections(lesson(DEEPER, CODE, inner, NEXT, CODE, MONDAY, CODE)) == (
        Section("deeper", 1, 4),
        Section("monday", 6, 8),
    )
    assert sections(lesson(DEEPER.replace("## ", "### "), inner, DEEPER)) == (
        Section("deeper", 1, 2),
        Section("deeper", 3, 4),
    )


def test_other_headings_and_code_are_no_such_sections() -> None:
    shown = "# %% [markdown]\n# Write:\n#\n#     ## Deeper: like this\n#\n# ## Deeper than that"
    assert sections(lesson(shown, CODE.replace("x = 1", "# ## Deeper: code"))) == ()


@pytest.mark.parametrize(
    ("cells", "heading", "message"),
    [
        ((DEEPER.replace("# ##", "# Before.\n#\n# ##"),), "Deeper", "begins a section"),
        ((DEEPER, NEXT.replace("# ##", "# Before.\n#\n# ##")), "## Next", "ends a section"),
        ((DEEPER, MONDAY.replace("##", "###")), "Monday", "stands in another"),
        ((DEEPER.replace("[markdown]", '[markdown] tags=["solution"]'),), "Deeper", "begins a section"),
    ],
)
def test_a_heading_at_a_wrong_place_is_named(cells: tuple[str, ...], heading: str, message: str) -> None:
    with pytest.raises(CourseError, match=re.escape(message)) as caught:
        lesson(*cells)
    assert caught.value.line == line_of(source(*cells), heading)


def test_code_in_depth_does_not_stand_open() -> None:
    shown = list(visible_code.shown(lesson(CODE, DEEPER, CODE.replace("x", "y"), NEXT)))
    assert shown[-1] == "x = 1"
