"""The course's one statistic: paired differences with a t-interval; proportions with Wilson's; a leave-one-out check.

The quantiles are SciPy's. Two runs of one seed are a pair: what the seed does to both drops out of their difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """What was found in ``n`` runs, pairs or items, and the interval at ``level`` that holds what it estimates."""

    mean: float
    low: float
    high: float
    n: int
    level: float = 0.95

    def clear_of(self, value: float) -> bool:
        """Whether the interval lies to one side of ``value``."""
        return self.low > value or self.high < value


def interval(values: Sequence[float], level: float = 0.95) -> Estimate:
    """Mean and Student's t-interval of independent ``values``, one a seed.

    Raises:
        ValueError: fewer than two values, which have no spread, or one that is not finite.
    """
    from scipy import stats

    n = len(values)
    if n < 2:
        raise ValueError(f"{n} values have no spread: run two seeds or more.")
    if not all(map(math.isfinite, values)):
        raise ValueError("A value is not finite: report a run that diverged apart from the others.")
    mean = math.fsum(values) / n
    error = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * error
    return Estimate(mean, mean - half, mean + half, n, level)


def paired(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> Estimate:
    """The mean of ``first - second``, pair by pair, with its t-interval. ``n`` counts pairs.

    Raises:
        ValueError: lengths that differ, fewer than two pairs, a value that is not finite.
    """
    return interval(differences(first, second), level)


def differences(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """``first - second``, pair by pair.

    Raises:
        ValueError: lengths that differ.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values are no pairs.")
    return [a - b for a, b in zip(first, second, strict=True)]


def proportion(hits: int, n: int, level: float = 0.95) -> Estimate:
    """``hits`` of ``n`` independent items, with Wilson's interval.

    The items of several seeds are not independent: take :func:`interval` of one share a seed.

    Raises:
        ValueError: no items, or hits that are not between 0 and ``n``.
    """
    from scipy import stats

    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"{hits} of {n} is no proportion.")
    low, high = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    return Estimate(hits / n, min(float(low), hits / n), max(float(high), hits / n), n, level)


def survives(values: Sequence[float], conclusion: Callable[[Sequence[float]], bool]) -> bool:
    """Whether ``conclusion`` is true of ``values``, and still is when any one seed is left out.

    Raises:
        ValueError: fewer than three values, of which leaving one out leaves no spread.
    """
    if len(values) < 3:
        raise ValueError(f"Leaving one of {len(values)} seeds out leaves no spread: run three or more.")
    rest = ([*values[:i], *values[i + 1 :]] for i in range(len(values)))
    return conclusion(values) and all(map(conclusion, rest))
