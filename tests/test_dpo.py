"""What β does, against torch and against the world of three answers of lesson 13."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.dpo import divergence, loss, optimum, weight


@given(st.floats(-300, 300), st.floats(0.001, 5))
def test_loss_and_weight_equal_torch(margin: float, beta: float) -> None:
    z = torch.tensor(beta * margin, dtype=torch.float64)
    assert loss(margin, beta) == pytest.approx(-torch.nn.functional.logsigmoid(z).item(), rel=1e-9, abs=1e-300)
    assert weight(margin, beta) == pytest.approx(torch.sigmoid(-z).item(), rel=1e-9, abs=1e-300)


def test_every_beta_starts_at_log_two() -> None:
    assert {loss(0, beta) for beta in (0.01, 0.1, 1)} == {math.log(2)}


def test_the_world_of_three_answers() -> None:
    reference, rewards = [0.5, 0.25, 0.25], [0.5 * math.log(n) for n in (1, 2, 4)]
    assert optimum(reference, rewards, beta=0.5) == pytest.approx([0.25, 0.25, 0.5])
    cautious = optimum(reference, rewards, beta=1)
    assert cautious == pytest.approx([p / 1.3535533905932737 for p in (0.5, 0.25 * math.sqrt(2), 0.5)])
    assert divergence(cautious, reference) < divergence(optimum(reference, rewards, 0.5), reference)
    assert divergence(reference, reference) == 0


def test_a_tiny_price_does_not_overflow() -> None:
    assert optimum([0.5, 0.5], [0, 1000], beta=0.001) == [0, 1]
