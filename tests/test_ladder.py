"""The escalation ladder."""

from __future__ import annotations

from itertools import product

import pytest

from course.ladder import QUESTIONS, REASONS, RUNGS, decide

READY = {"prompted": True, "shown": True, "acts": False, "facts": False, "data": True, "short": False}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("lora", "")),
        ({"prompted": False, "facts": True}, ("prompt", "prompted")),
        ({"shown": False}, ("examples", "shown")),
        ({"acts": True, "facts": True}, ("tools", "acts")),
        ({"facts": True, "data": False}, ("retrieval", "facts")),
        ({"data": False, "short": True}, ("examples", "data")),
        ({"short": True}, ("full", "short")),
    ],
)
def test_the_first_question_that_decides_wins(change: dict[str, bool], expected: tuple[str, str]) -> None:
    assert decide({**READY, **change}) == expected


def test_every_answer_leads_to_a_rung_and_every_rung_is_reached() -> None:
    found = [decide(dict(zip(QUESTIONS, answers, strict=True))) for answers in product((True, False), repeat=6)]
    assert {rung for rung, _ in found} == set(RUNGS)
    assert {question for _, question in found} == set(REASONS)
