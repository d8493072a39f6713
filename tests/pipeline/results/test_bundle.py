"""Everything wrong with a lesson and its capture is found at once, each with its file and line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from course.pipeline.base.cache import opened
from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.course_format import parse
from course.pipeline.results import predict, quiz
from course.pipeline.results.bundle import Bundle, Results, load_all
from course.pipeline.results.capture import Text, path_of, save

from ..samples import (
    HEADER,
    PATH,
    PROVENANCE,
    bundle,
    capture,
    claim,
    claims_cell,
    figure,
    lesson,
    line_of,
    source,
    table,
    value,
)

LORA = value("lora.trainable", 9216)


def test_problems_are_all_found_with_their_lines() -> None:
    text = source(
        "# %% [markdown]\n# One.\n#\n# Two: {{ zebra | int }}.",
        "# %% [markdown]\n# Typed:\n# 9,216.",
        "# %%\nfirst = 1",
        "# %%\nsecond = 2",
        claims_cell(claim(1, **{"for": "zebra"})),
    )
    question = quiz.Question("q", "{{ zebra | int }}", Path("07_sample.quiz.yml"), 3)
    items = [
        LORA,
        table("t", caption="{{ zebra | f1 }}"),
        figure("f", cell=2, caption="{{ x"),
    ]
    found = bundle(parse(text, PATH), capture(*items, cells=3), (question,)).problems()
    places = {(error.path, error.line) for error in found}
    assert places == {
        (PATH, line_of(text, "Two:")),
        (PATH, line_of(text, "9,216")),
        (PATH, line_of(text, "first = 1")),
        (PATH, line_of(text, "second = 2")),
        (PATH, line_of(text, "number: 1")),
        (Path("07_sample.quiz.yml"), 3),
    }
    assert len(found) == 6
    (typed,) = (error for error in found if "9,216 is typed" in error.message)
    assert "{{ lora.trainable | … }}" in typed.hint


def test_formulas_that_cannot_be_shown_are_found_with_their_lines_wherever_they_stand() -> None:
    text = source(
        "# %% [markdown]\n# One $x$.\n#\n# Of $ {{ lora.trainable | int }} $: $\\prose_{ {{ lora.trainable | int }} }$.",
        "# %%\nfirst = 1",
        claims_cell(claim(1, note="So $\\claimed$.")),
        '# %% [markdown] tags=["predict"]\n# id: guess\n# ask: Is $\\asked$ more?\n# number: lora.trainable\n# format: int',
        '# %% tags=["reveal"]\nlast = 1',
        header=HEADER.replace("$r$", "$\\aim$"),
    )
    options = (quiz.Option("$x$", "Yes: $\\why$.", True), quiz.Option("$y$", "[no](#one)", False))
    question = quiz.Question("q", "Which?", Path("07_sample.quiz.yml"), 3, options)
    items = [LORA, table("t", caption="Of $\\shown$.")]
    made = parse(text, PATH)
    asking = replace(bundle(made, capture(*items, cells=3), (question,)), predictions=predict.read(made))
    found = asking.problems()
    assert {(error.path, error.line, error.message.split("$")[1]) for error in found} == {
        (PATH, 1, "\\aim"),
        (PATH, line_of(text, "prose"), "\\prose_{ 9,216 }"),
        (PATH, line_of(text, "first = 1"), "\\shown"),
        (PATH, line_of(text, "number: 1"), "\\claimed"),
        (PATH, line_of(text, "id: guess"), "\\asked"),
        (Path("07_sample.quiz.yml"), 3, "\\why"),
    }
    assert len(found) == 6
    assert all(error.hint for error in found)


def test_a_lesson_in_order_has_no_problems() -> None:
    made = lesson(
        "# %% [markdown]\n# It trains {{ lora.trainable | int }}, not one.", "# %%\nx = 1", claims_cell(claim(1))
    )
    assert bundle(made, capture(LORA, table("t"), figure("f"))).problems() == []


def test_a_capture_of_other_cells_is_one_problem() -> None:
    made = lesson(
        "# %% [markdown]\n# {{ zebra | int }}", "# %%\nx = 1", "# %%\ny = 2", claims_cell(claim(1, **{"for": "zebra"}))
    )
    (problem,) = bundle(made, capture(LORA, cells=9)).problems()
    assert "other code cells" in problem.message
    assert "course run 07" in problem.hint


def test_a_lesson_that_has_not_run() -> None:
    made = Bundle(lesson("# %%\nx = 1"), (), {}, {}, None)
    assert made.problems() == []
    assert not made.is_current
    with pytest.raises(CourseError, match="no captured results") as caught:
        _ = made.captured
    assert "course run 07" in caught.value.hint


def test_edited_results_are_one_problem_and_never_current() -> None:
    made = bundle(lesson("# %% [markdown]\n# {{ zebra | int }}", "# %%\nx = 1"), capture(LORA))
    run = replace(made.run, fingerprint=made.fingerprint)
    made = replace(made, results=Results.of(replace(capture(LORA), provenance=run)))
    assert made.is_current
    made = replace(made, results=Results.of(replace(capture(LORA), provenance=run, edited=True)))
    assert not made.is_current
    (problem,) = made.problems()
    assert problem.message == "The captured results were edited: they are not what its run recorded."
    assert "course run 07" in problem.hint
    assert problem.path == PATH


def test_only_the_provenance_of_stored_results_is_read_until_more_is_asked_for(tmp_path: Path) -> None:
    """Most builds need the results of few lessons only."""
    source = tmp_path / "lessons" / "one.py"
    source.parent.mkdir()
    source.write_text("# %%\nprint(1)\n")
    path = path_of(tmp_path / "captures", "one", "laptop")
    save(capture(outputs=[[Text("1")]]), path)
    opened.cache_clear()
    for _ in range(2):
        (found,) = load_all(source.parent, tmp_path / "captures", "laptop", tmp_path)
        assert found.run == PROVENANCE
    path.unlink()
    repr(found)
    assert found == found
    assert not found.is_current
    with pytest.raises(CourseError, match="removed or damaged meanwhile"):
        _ = found.captured
