"""Intervals against values that books print, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.statistics import interval, paired, proportion, survives


def test_a_t_interval_by_hand() -> None:
    found = paired([3, 5, 7], [1, 2, 3])  # differences 2, 3, 4: deviation 1, t(0.975, 2) = 4.3027
    assert (found.mean, found.n) == (3, 3)
    assert found.high - found.mean == pytest.approx(4.30265 / math.sqrt(3), rel=1e-5)
    assert found.clear_of(0)
    assert not found.clear_of(1)


def test_what_the_seed_does_to_both_drops_out() -> None:
    noise = [0.0, 10.0, -20.0, 5.0]
    found = paired([1.1 + n for n in noise], [1 + n for n in noise])
    assert found.high - found.low < 1e-9
    assert found.mean == pytest.approx(0.1)


def test_wilsons_interval() -> None:
    found = proportion(0, 10)  # z² / (n + z²) = 3.8415 / 13.8415
    assert found.mean == 0
    assert found.low == pytest.approx(0, abs=1e-12)
    assert found.high == pytest.approx(0.27753, abs=1e-5)
    assert proportion(96, 144).clear_of(0.5)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_of_a_proportion_holds_it_and_stays_between_0_and_1(given: tuple[int, int]) -> None:
    found = proportion(*given)
    assert -1e-12 <= found.low <= found.mean <= found.high <= 1 + 1e-12


def test_a_conclusion_that_hangs_on_one_seed_does_not_survive() -> None:
    def positive(values: Sequence[float]) -> bool:
        return interval(values).low > 0

    assert survives([1.0, 1.1, 0.9, 1.0], positive)
    assert not survives([1.0, -1.0, 0.5], positive)
    assert not survives([0.0, 0.0, 0.0, 5.0], lambda values: max(values) > 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: interval([1.0]), "two seeds or more"),
        (lambda: interval([1.0, math.inf]), "not finite"),
        (lambda: paired([1.0, 2.0], [1.0]), "no pairs"),
        (lambda: proportion(3, 2), "no proportion"),
        (lambda: proportion(0, 0), "no proportion"),
        (lambda: survives([1.0, 2.0], bool), "three or more"),
    ],
)
def test_what_has_no_spread_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
