"""A worksheet asks what the lesson asks, and answers nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from course.pipeline.page.document import document
from course.pipeline.page.worksheet import worksheet
from course.pipeline.results import predict, quiz

from ..samples import CHOICE, NUMBER, bundle, capture, lesson, quiz_text, value

PREDICT = """\
# %% [markdown] tags=["predict"]
# id: how-many
# ask: How many, of [rank](lesson:08) 8?
# number: lora.trainable
# format: int
# unit: parameters"""
EXERCISES = """\
# %% [markdown]
# ## Break it
#
# Nothing to do here.
#
# ## Exercises
#
# ### Exercise 1: by hand
#
# Compute it for {{ lora.trainable | int }} weights."""
CELLS = (
    PREDICT,
    '# %% tags=["reveal"]\nprint(1)',
    EXERCISES,
    '# %% [markdown] tags=["solution"]\n# It is the secret.',
    "# %% [markdown]\n# ### Exercise 2\n#\n# Another.\n#\n# ## Checklist\n#\n# Not asked.\n#\n# <!-- quiz -->",
)


@pytest.fixture
def paper(tmp_path: Path) -> str:
    path = tmp_path / "07_sample.quiz.yml"
    path.write_text(quiz_text(CHOICE.format(n="x"), NUMBER), encoding="utf-8")
    made = lesson(*CELLS)
    whole = bundle(made, capture(value("lora.trainable", 9216), cells=2), quiz.read(path))
    return worksheet(document(replace(whole, predictions=predict.read(made))))


def test_it_asks_for_predictions_answers_and_exercises(paper: str) -> None:
    headings = re.findall(r"^#+ .*", paper, re.M)
    assert headings[:3] == ["# Worksheet: A sample", "## Before you see the results", "### Prediction 1"]
    assert headings.index("## Questions") < headings.index("## Exercises")
    assert headings[-2:] == ["### Exercise 1: by hand", "### Exercise 2"]
    assert "How many, of rank 8?\n\nIn parameters:" in paper
    assert "Compute it for 9,216 weights." in paper
    assert "□ **A** This." in paper


def test_it_has_no_answer_no_hint_and_nothing_else(paper: str) -> None:
    others = ("secret", "It is.", "Half of them", "Fewer", "Nothing to do here", "Not asked", "](", "4,608", "4608")
    assert [text for text in others if text in paper] == []
