"""A reading time in a header is doubted where it is far from the page's words."""

from __future__ import annotations

import pytest

from course.pipeline.lesson import reading_time

from ..samples import HEADER, lesson

PROSE = "# %% [markdown]\n# " + "word " * 999


@pytest.mark.parametrize(("said", "doubted"), [(5, False), (4, False), (6, False), (3, True), (7, True)])
def test_thirty_percent_go_without_saying(said: int, doubted: bool) -> None:
    made = lesson(PROSE, header=HEADER.replace("read_minutes: 5", f"read_minutes: {said}"))
    assert bool(reading_time.doubt(made)) == doubted


def test_solutions_and_folded_code_are_not_counted() -> None:
    folded = ['# %% tags=["hide-code"]\nx = 1', PROSE.replace("[markdown]", '[markdown] tags=["solution"]')]
    assert reading_time.minutes(lesson(PROSE, *folded)) == reading_time.minutes(lesson(PROSE))


def test_the_hint_names_the_count() -> None:
    doubt = reading_time.doubt(lesson(PROSE, header=HEADER.replace("read_minutes: 5", "read_minutes: 60")))
    assert doubt is not None
    assert "about 5:" in doubt.hint
