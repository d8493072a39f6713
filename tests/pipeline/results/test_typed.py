"""A typed number is found wherever readers read it, unless the header gives the reason; unused reasons are found too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.course_format import parse
from course.pipeline.results import predict, quiz

from ..samples import (
    CHOICE,
    HEADER,
    NUMBER,
    PATH,
    bundle,
    capture,
    claim,
    figure,
    line_of,
    quiz_text,
    source,
    table,
    value,
)

LISTED = HEADER.replace("# ---\n# title", "# ---\n# plain_numbers:\n#   by definition: [4096]\n# title")
FIGURE = '# %%\nn = 512\nrecord.figure("f", Figure(caption="At 512 labels. "\n    f"Of {n} tokens."))'
RUN = value("lora.trainable", 9216), value("lora.share", 0.0312)


def problems(*cells: str, header: str = HEADER, quiz_path: Path | None = None) -> list[CourseError]:
    made = parse(source(*cells, "# %%\nx = 1", header=header), PATH)
    captured = capture(*RUN, cells=len(made.code_cells))
    of = bundle(made, captured, quiz.read(quiz_path) if quiz_path else ())
    found = replace(of, predictions=predict.read(made)).problems()
    return [problem for problem in found if "links to no section" not in problem.message]


def test_prose_names_its_line_and_what_to_bind() -> None:
    text = "# %% [markdown]\n# One.\n#\n# It is 9,216, or 3.12 %."
    first, second = problems(text)
    assert (first.path, first.line) == (PATH, line_of(source(text), "9,216"))
    assert "The number 9,216 is typed" in first.message
    assert "{{ lora.trainable | … }}" in first.hint
    assert "{{ 100 * lora.share | … }}" in second.hint
    assert "plain_numbers: 'the reason: [3.12]'" in second.hint


@pytest.mark.parametrize("field", ["title: A sample", "summary: What the sample finds.", "  - predict $r$ of anything"])
def test_the_header_is_prose(field: str) -> None:
    header = HEADER.replace(field, f"{field} in 4,096 ways")
    (found,) = problems(header=header)
    assert found.line == line_of(header, "4,096")


@pytest.mark.parametrize("field", ["text", "source", "value", "note"])
def test_claims_are_prose(field: str) -> None:
    (found,) = problems('# %% [markdown] tags=["claims"]\n' + claim(1, **{field: "About 4,096."}))
    assert (found.path, found.line) == (PATH, line_of(source("# %%\n" + claim(1)), "number: 1"))


@pytest.mark.parametrize(
    "asked",
    ["ask: 4,096?\n# number: 1000 * lora.trainable\n# format: int",
     "ask: Which?\n# choices:\n#   - text: About 4,096.\n#     right: lora.trainable > 1000\n#   - text: Few."],
)  # fmt: skip
def test_predictions_are_prose_and_their_expressions_are_not(asked: str) -> None:
    (found,) = problems(f'# %% [markdown] tags=["predict"]\n# id: x\n# {asked}', '# %% tags=["reveal"]\nx = 1')
    assert "4,096 is typed" in found.message


@pytest.mark.parametrize(
    ("question", "old"),
    [(NUMBER, "How many?"), (NUMBER, "Half of them."), (NUMBER, "Fewer."), (CHOICE, "Which one is it?"),
     (CHOICE, "text: This."), (CHOICE, "why: It is not.")],
)  # fmt: skip
def test_quizzes_are_prose(tmp_path: Path, question: str, old: str) -> None:
    path = tmp_path / "07_sample.quiz.yml"
    path.write_text(quiz_text(question.format(n=9).replace(old, f"{old} 4,096")))
    (found,) = problems(quiz_path=path)
    assert (found.path, found.line) == (path, 2)


def test_captions_are_prose_as_far_as_they_are_typed() -> None:
    made = parse(source(FIGURE), PATH)
    run = capture(figure("f", caption="At 512 labels. Of 512 tokens."), table("t", caption="Of 1,024."))
    (found,) = bundle(made, run).problems()
    assert found.line == line_of(source(FIGURE), "At 512")


def test_a_reason_allows_a_number_everywhere() -> None:
    assert problems("# %% [markdown]\n# 4,096 and 4096 and $4{,}096$", header=LISTED) == []


def test_a_reason_that_nothing_needs() -> None:
    (found,) = problems("# %% [markdown]\n# `4096` and 40", "# %%\ny = 4096", header=LISTED)
    assert "lists 4096, which nothing in the lesson types" in found.message
    assert (found.path, found.line) == (PATH, line_of(LISTED, "4096"))
