"""Verdicts are computed from captured values; what cannot be decided names the registering cell."""

from __future__ import annotations

import pytest

from course.pipeline.claims import VERDICTS, decide
from course.pipeline.errors import CourseError

from .samples import claim, lesson

LESSON = lesson("# %%\nfirst = 1", '# %% tags=["claims"]\nclaims = 2')
VALUES = {"lora.trainable": 9216, "lora.ratio": 256.0}


@pytest.mark.parametrize(
    ("holds", "partly", "verdict"),
    [
        ("lora.trainable == 9216", "", "holds"),
        ("lora.trainable == 9216", "lora.ratio > 1", "holds"),
        ("lora.trainable > 9216", "lora.ratio > 1", "conditions"),
        ("lora.trainable > 9216", "lora.ratio < 1", "wrong"),
        ("lora.trainable > 9216", "", "wrong"),
        ("", "", "untestable"),
        ("", "lora.ratio > 1", "untestable"),
    ],
)
def test_verdicts(holds: str, partly: str, verdict: str) -> None:
    item = claim(3, 2, holds=holds, partly=partly, note="{{ lora.ratio | x0 }} fewer.")
    made = decide(item.data, item.cell, VALUES, LESSON)
    assert made.verdict == verdict
    assert verdict in VERDICTS
    assert (made.number, made.cell, made.expression) == (3, 2, holds)
    assert (made.found, made.note) == ("9,216", "256× fewer.")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("holds", "lora.trainble == 1"),
        ("holds", "lora.trainable ="),
        ("value", "{{ lora.trainable }}"),
        ("value", "{{ lora.trainable | int"),
        ("note", "{{ zebra | int }}"),
    ],
)
def test_what_cannot_be_decided_names_claim_and_line(field: str, text: str) -> None:
    item = claim(3, 2, **{field: text})
    with pytest.raises(CourseError, match="Claim 3: ") as caught:
        decide(item.data, item.cell, VALUES, LESSON)
    assert (caught.value.path, caught.value.line) == (LESSON.path, LESSON.code_cells[2].line)


def test_a_broken_condition_is_found_when_it_is_needed() -> None:
    item = claim(3, 2, holds="lora.ratio < 1", partly="zebra > 1")
    with pytest.raises(CourseError, match="'zebra'"):
        decide(item.data, item.cell, VALUES, LESSON)
