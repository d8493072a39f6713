"""When a tune pays for itself."""

from __future__ import annotations

import pytest

from course.cost import break_even, call


def test_a_call_costs_its_tokens() -> None:
    assert call(2000, 100, price_in=0.5, price_out=2) == pytest.approx(0.0012)


@pytest.mark.parametrize(("fixed", "saved", "expected"), [(500, 50, 10), (0, 1, 0), (500, 0, None), (500, -1, None)])
def test_a_saving_pays_what_was_spent(fixed: float, saved: float, expected: float | None) -> None:
    assert break_even(fixed, saved) == expected
