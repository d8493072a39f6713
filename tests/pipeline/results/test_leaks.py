"""Predictions are guesses: what answers them is found above their result, in prose, code, outputs and captions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from course.pipeline.results import claims, leaks, predict
from course.pipeline.results.capture import Capture, Item, ItemShown, Output, Text
from course.pipeline.results.material import Material
from course.pipeline.results.quiz import Option, Question

from ..samples import HEADER, capture, claim, claims_cell, figure, lesson, line_of, source, table, value

ASK = """\
# %% [markdown] tags=["predict"]
# id: it
# ask: How many?
# number: x.count
# format: f1
# unit: MB"""
CHOOSE = """\
# %% [markdown] tags=["predict"]
# id: which
# ask: Which is more?
# choices:
#   - text: The first.
#     right: x.count > y.count
#   - text: The second.
#     right: x.count <= y.count"""
DRAW = """\
# %% [markdown] tags=["predict"]
# id: line
# ask: How does it fall?
# curve: f
# series: q only"""
RESULT = '# %% tags=["reveal"]\nx = 1'
BEFORE = "# %%\nbefore = 1"
VALUES = (value("x.count", 12.34), value("y.count", 7.125), value("x.share", 0.4321))
FOUND = capture(*VALUES, cells=3)


def found(
    *cells: str, run: Capture = FOUND, header: str = HEADER, questions: tuple[Question, ...] = ()
) -> list[tuple[int | None, str]]:
    made = lesson(*cells, header=header)
    problems = leaks.problems(Material(made, questions, claims.read(made), predict.read(made), run))
    return [(problem.line, problem.message) for problem in problems]


@pytest.mark.parametrize("told", ["It is {{ x.count | f0 }}.", "It is 12.34 in all.", "It takes 12.3 MB."])
def test_prose_above_the_result_answers(told: str) -> None:
    cell = f"# %% [markdown]\n# Before.\n#\n# {told}"
    ((line, message),) = found(cell, ASK, RESULT)
    assert line == line_of(source(cell, ASK, RESULT), told)
    assert "'it' is answered above its result: the prose says" in message
    assert found(ASK, cell, RESULT)  # between question and result
    assert found(ASK, RESULT, cell) == []


@pytest.mark.parametrize("told", ["There are 12.4 of them.", "It takes 12 MB.", "See 100 or 12.35."])
def test_other_numbers_and_coarser_ones_do_not(told: str) -> None:
    assert found(f"# %% [markdown]\n# {told}", ASK, RESULT) == []


def test_what_the_answer_can_be_computed_from_may_be_told() -> None:
    asks = ASK.replace("x.count", "x.count * 8").replace("MB", "bits")
    assert found("# %% [markdown]\n# One has {{ x.count | f1 }} bytes.", asks, RESULT) == []
    share = ASK.replace("number: x.count", "number: 100 * x.share").replace("MB", '"%"')
    ((_, message),) = found("# %% [markdown]\n# A share of {{ x.share | pct0 }}.", share, RESULT)
    assert "the prose says {{ x.share | pct0 }}" in message


def test_a_choice_is_answered_by_all_that_it_compares() -> None:
    one, other = "# %% [markdown]\n# One: {{ x.count | f1 }}.", "# %% [markdown]\n# Two: {{ y.count | f1 }}."
    assert found(one, CHOOSE, RESULT) == []
    ((line, message),) = found(one, other, CHOOSE, RESULT)
    assert line == line_of(source(one, other, CHOOSE, RESULT), "Two:")
    assert "'which' is answered" in message


def test_code_of_the_result_itself_answers() -> None:
    ((_, message),) = found(ASK, '# %% tags=["reveal"]\nx = 1  # 12.34')
    assert "the code says 12.34" in message


def test_a_header_claims_and_other_questions_answer() -> None:
    assert "the header says" in found(ASK, RESULT, header=HEADER.replace("$r$", "12.34"))[0][1]
    assert "a claim says" in found(claims_cell(claim(1, value="12.34")), ASK, RESULT)[0][1]
    other = CHOOSE.replace("The second.", "The second, of 12.34.")
    assert [message.partition(":")[2] for _, message in found(other, ASK, RESULT)] == [" another question says 12.34."]


def test_a_question_of_the_quiz_in_a_section_answers() -> None:
    options = (Option("Few.", "There are {{ x.count | f1 }}.", right=True), Option("Many.", "No.", right=False))
    asked = (Question("q", "How many?", Path("07_sample.quiz.yml"), 1, options),)
    place = "# %% [markdown]\n# Read.\n#\n# <!-- quiz: q -->"
    ((line, message),) = found(place, ASK, RESULT, questions=asked)
    assert line == line_of(source(place, ASK, RESULT), "<!-- quiz")
    assert "the question 'q' of the quiz says" in message
    assert found(ASK, RESULT, place, questions=asked) == []


SHOWN: dict[str, tuple[Output, tuple[Item, ...]]] = {
    "this cell prints 12.34": (Text("It has 12.34 of them"), ()),
    "the table 't' of this cell has 12.34": (ItemShown("t"), (table("t", columns=["n"], rows=[[12.34]]),)),
    "the caption of 't' says": (ItemShown("t"), (table("t", caption="Of {{ x.count | f0 }}."),)),
    "the caption of 'f' says": (ItemShown("f"), (figure("f", caption="It ends at 12.34."),)),
    "the description of 'f' says": (ItemShown("f"), (figure("f", alt="It ends at 12.34."),)),
}


@pytest.mark.parametrize("message", SHOWN)
def test_outputs_and_captions_above_answer(message: str) -> None:
    shown, items = SHOWN[message]
    run = capture(*VALUES, *items, outputs=[[], [shown], [], [shown]])
    cells = (BEFORE, ASK, RESULT.replace("x = 1", "y = 1"), RESULT)
    ((line, told),) = found(*cells, run=run)
    assert line == line_of(source(*cells), "before = 1")
    assert message in told
    assert found(*cells, run=capture(*VALUES, *items, outputs=[[], [], [shown], [shown]])) == []


def test_a_line_is_answered_by_its_figure() -> None:
    shown = ItemShown("f")
    assert found(BEFORE, DRAW, RESULT, run=capture(figure("f"), outputs=[[], [], [shown]])) == []
    ((_, message),) = found(BEFORE, DRAW, RESULT, run=capture(figure("f"), outputs=[[], [shown], []]))
    assert "the figure 'f' of this cell shows its line" in message


def test_a_rehearsal_has_no_results() -> None:
    told = "# %% [markdown]\n# It is 12.34."
    smoke = replace(FOUND, provenance=replace(FOUND.provenance, profile="smoke"))
    assert found(told, ASK, RESULT)
    assert found(told, ASK, RESULT, run=smoke) == []
