"""Successive halving."""

from __future__ import annotations

import math

import pytest

from course.bench import halving


def test_each_round_keeps_the_better_half_and_runs_longer() -> None:
    calls = []

    def loss(rate: float, steps: int) -> float:
        calls.append((rate, steps))
        return abs(math.log10(rate) + 3) + 1 / steps

    found = halving([1e-5, 1e-4, 1e-3, 1e-2, 1e-1], [4, 8, 16], loss)
    assert calls == [
        (1e-5, 4), (1e-4, 4), (1e-3, 4), (1e-2, 4), (1e-1, 4), (1e-4, 8), (1e-3, 8), (1e-2, 8), (1e-4, 16), (1e-3, 16),
    ]  # fmt: skip
    assert (found.best, found.at_edge) == (1e-3, False)
    assert [trial.rate for trial in found.trials if trial.goes_on and trial.steps == 16] == [1e-3]


def test_a_best_rate_at_the_edge_is_said_to_be() -> None:
    assert halving([1e-3, 1e-2], [4], lambda rate, _: -rate).at_edge


def test_a_rate_that_diverges_goes_no_further() -> None:
    found = halving([1e-3, 1.0, 2.0], [4, 8], lambda rate, _: math.nan if rate >= 1 else rate)
    assert found.best == 1e-3
    assert {trial.rate for trial in found.trials if trial.steps == 8} == {1e-3}


@pytest.mark.parametrize(
    ("rates", "steps", "message"),
    [([1e-3], [4], "two different rates"), ([1e-3, 1e-3], [4], "two different rates"), ([1e-3, 1e-2], [8, 4], "rise"),
     ([1e-3, 1e-2], [], "rise")],
)  # fmt: skip
def test_what_is_no_search_is_refused(rates: list[float], steps: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        halving(rates, steps, lambda rate, _: rate)


def test_no_rate_that_trains_is_an_error() -> None:
    with pytest.raises(ValueError, match="Every rate diverged within 4 steps"):
        halving([1.0, 2.0], [4], lambda *_: math.inf)
