"""Anchors are those of the held-out set at hand."""

from __future__ import annotations

import math

import pytest

from course import know_nothing
from course.know_nothing import Anchors


def test_a_constant_answer_gains_from_an_unbalanced_set() -> None:
    assert know_nothing.accuracy("aabbcc", 3).constant == know_nothing.accuracy("abc", 3).uniform
    skewed = know_nothing.accuracy("aaab", 3, prompted=0.5)
    assert skewed.known == {
        "constant answer": 0.75, "blind guess": 1 / 3, "format only": 1 / 3, "prompted": 0.5,
    }  # fmt: skip
    assert skewed.hardest(higher_is_better=True) == 0.75


def test_the_loss_of_a_decision() -> None:
    assert know_nothing.nats("aabb", 2).constant == pytest.approx(math.log(2))
    skewed = know_nothing.nats("aaab", 4)
    assert skewed.constant is not None
    assert skewed.constant < math.log(2) < math.log(4) == skewed.uniform
    assert skewed.hardest(higher_is_better=False) == skewed.constant


def test_the_loss_of_form_alone_is_spread_over_all_tokens() -> None:
    found = know_nothing.token_loss({"intent": 6, "urgency": 3}, items=10, tokens=214)
    assert found.format_only == pytest.approx(10 * math.log(18) / 214)  # the 0.135 that findings call blind
    assert know_nothing.all_right({"intent": 6, "urgency": 3}).uniform == pytest.approx(1 / 18)


def test_what_has_no_anchor_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an anchor"):
        Anchors().hardest(higher_is_better=True)
    with pytest.raises(ValueError, match="do not fit 2 options"):
        know_nothing.accuracy("abc", 2)
    with pytest.raises(ValueError, match="0 different answers"):
        know_nothing.nats("", 2)
