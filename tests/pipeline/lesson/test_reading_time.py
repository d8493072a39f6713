"""Reading time is counted, that of depth apart."""

from __future__ import annotations

from course.pipeline.lesson.reading_time import WORDS, Reading, reading

from ..samples import lesson


def prose(minutes: int, tag: str = "", heading: str = "") -> str:
    tags = f' tags=["{tag}"]' if tag else ""
    return f"# %% [markdown]{tags}\n" + (f"# {heading}\n#\n" if heading else "") + "# " + "word " * (WORDS * minutes)


def test_solutions_and_folded_code_are_not_counted() -> None:
    folded = ['# %% tags=["hide-code"]\nx = "' + "word " * WORDS + '"', prose(2, "solution")]
    assert reading(lesson(prose(5), *folded)) == reading(lesson(prose(5))) == Reading(5, 0)


def test_depth_is_counted_apart() -> None:
    cells = (prose(5), prose(2, heading="## Deeper: why"), prose(1), prose(3, heading="## More"))
    assert reading(lesson(*cells)) == Reading(8, 3)
    assert str(reading(lesson(*cells))) == "8 min + 3 min deeper"


def test_nobody_reads_in_no_time() -> None:
    assert str(reading(lesson())) == "1 min"
