"""Whether an estimate fits a card."""

from __future__ import annotations

import pytest

from course.cards import CARDS, Fit, fit


@pytest.mark.parametrize(
    ("total", "gigabytes", "expected"),
    [(0, 8, "fits"), (68e9, 80, "fits"), (68.1e9, 80, "tight"), (80e9, 80, "tight"), (80e9 + 1, 80, "no")],
)
def test_fifteen_percent_stay_free(total: float, gigabytes: float, expected: Fit) -> None:
    assert fit(total, gigabytes) == expected


def test_cards_are_in_order_of_memory() -> None:
    assert list(CARDS) == sorted(CARDS)
