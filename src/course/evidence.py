"""Record what was measured as the standard asks for it: with n, interval and anchors, and where rates come from."""

from __future__ import annotations

import re

from course import record
from course.bench.search import Search
from course.know_nothing import Anchors
from course.statistics import Estimate


def metric(key: str, found: Estimate, anchors: Anchors) -> None:
    """Record an estimate as ``key.mean``, ``.low``, ``.high``, ``.n``, and its anchors as ``key.anchor.constant`` …

    Raises:
        ValueError: no anchor is known.
    """
    if not anchors.known:
        raise ValueError(f"{key!r} has no anchor: say what knowing nothing gives.")
    _estimate(key, found)
    record.values(f"{key}.anchor", {re.sub(r"\W", "_", name): value for name, value in anchors.known.items()})


def difference(key: str, found: Estimate, survives: bool) -> None:
    """Record a paired difference, whose anchor is zero, and whether its conclusion survives leaving out any one seed."""
    _estimate(key, found)
    record.value(f"{key}.anchor.none", 0)
    record.value(f"{key}.survives", survives)


def guides(anchors: Anchors, form: str = ".2f") -> tuple[tuple[str, float], ...]:
    """The anchors as reference lines of a figure, those of one value as one line. ``form`` is how values are written."""
    names: dict[float, list[str]] = {}
    for name, value in anchors.known.items():
        names.setdefault(value, []).append(name)
    return tuple((f"{', '.join(same)} ({value:{form}})", value) for value, same in names.items())


def rate(key: str, search: Search, data: str, caption: str) -> float:
    """Record a search for a learning rate, and return the rate that it found.

    Values are ``key.rate``, ``key.at_edge`` and ``key.data``; the table is ``key.trials``.

    Args:
        data: the data that decided, which no page may report: "72 validation tickets".
    """
    rows = [[f"{t.rate:.3g}", t.steps, f"{t.loss:.4f}", "yes" if t.goes_on else "no"] for t in search.trials]
    record.table(f"{key}.trials", rows, ["rate", "steps", "loss on tuning data", "goes on"], caption)
    record.value(f"{key}.at_edge", search.at_edge)
    record.value(f"{key}.data", data)
    return record.value(f"{key}.rate", search.best)


def _estimate(key: str, found: Estimate) -> None:
    record.values(key, {"mean": found.mean, "low": found.low, "high": found.high})
    record.value(f"{key}.n", found.n)
