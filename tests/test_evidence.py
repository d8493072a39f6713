"""What lessons measured is recorded whole."""

from __future__ import annotations

from typing import Any

import pytest

from course import evidence, record
from course.bench.search import halving
from course.know_nothing import Anchors
from course.statistics import Estimate

FOUND = Estimate(0.7, 0.6, 0.8, 5)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Key → what was recorded."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(record, "_show", lambda data, *_: kept.update({data["key"]: data.get("value", data)}))
    return kept


def test_a_metric_carries_interval_and_anchors(shown: dict[str, Any]) -> None:
    evidence.metric("lora.intent", FOUND, Anchors(constant=1 / 6, prompted=0.25))
    assert {key.removeprefix("lora.intent."): value for key, value in shown.items()} == {
        "mean": 0.7, "low": 0.6, "high": 0.8, "n": 5, "anchor.constant_answer": 0.1666667, "anchor.prompted": 0.25,
    }  # fmt: skip


def test_a_metric_without_an_anchor_is_refused(shown: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"lora\.intent.*no anchor"):
        evidence.metric("lora.intent", FOUND, Anchors())
    assert not shown


def test_a_difference_is_held_against_zero(shown: dict[str, Any]) -> None:
    evidence.difference("gap", FOUND, survives=True)
    assert (shown["gap.anchor.none"], shown["gap.survives"], shown["gap.n"]) == (0, True, 5)


def test_anchors_of_one_value_are_one_line() -> None:
    assert evidence.guides(Anchors(constant=0.25, uniform=0.25, prompted=0.5)) == (
        ("constant answer, blind guess (0.25)", 0.25), ("prompted (0.50)", 0.5),
    )  # fmt: skip


def test_a_rate_is_recorded_with_its_search(shown: dict[str, Any]) -> None:
    search = halving([1e-4, 1e-3, 1e-2], [4, 8], lambda rate, steps: abs(rate - 1e-3) / steps)
    assert evidence.rate("lora.search", search, "72 validation tickets", "The search.") == 1e-3
    assert shown["lora.search.data"] == "72 validation tickets"
    assert shown["lora.search.at_edge"] is False
    assert [row[:2] for row in shown["lora.search.trials"]["rows"]] == [
        ["0.0001", 4], ["0.001", 4], ["0.01", 4], ["0.0001", 8], ["0.001", 8],
    ]  # fmt: skip
