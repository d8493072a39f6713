"""Find a learning rate on tuning data by successive halving (Jamieson and Talwalkar, arXiv:1502.07943)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Trial:
    """One run of a search: the loss on tuning data after ``steps`` at ``rate``; infinite if it diverged."""

    rate: float
    steps: int
    loss: float
    goes_on: bool


@dataclass(frozen=True)
class Search:
    """A finished search. ``at_edge``: the best rate is the lowest or highest tried, so a better one may lie outside."""

    trials: tuple[Trial, ...]

    @property
    def best(self) -> float:
        """The rate with the lowest loss in the last round."""
        last = max(trial.steps for trial in self.trials)
        return min((trial for trial in self.trials if trial.steps == last), key=lambda trial: trial.loss).rate

    @property
    def at_edge(self) -> bool:
        rates = [trial.rate for trial in self.trials]
        return self.best in (min(rates), max(rates))


def halving(rates: Sequence[float], steps: Sequence[int], tuning_loss: Callable[[float, int], float]) -> Search:
    """Run all ``rates`` for ``steps[0]``, the better half anew for ``steps[1]``, and so on.

    Each round begins from the start, since a schedule that decays to zero cannot be prolonged. The last entry of ``steps``
    should be the length of the runs that the rate is for: a short run favors other rates than a long one.

    Args:
        tuning_loss: the loss after training at a rate for some steps, on data that no page reports.

    Raises:
        ValueError: fewer than two rates, a rate twice, steps that do not rise, or every rate diverged.
    """
    if len(rates) < 2 or len(set(rates)) < len(rates):
        raise ValueError("A search needs two different rates or more, each once.")
    if not steps or any(b <= a for a, b in pairwise(steps)):
        raise ValueError(f"The steps of a search must rise: {list(steps)}.")
    left, trials = list(rates), list[Trial]()
    for round_, length in enumerate(steps):
        losses = {rate: tuning_loss(rate, length) for rate in left}
        ranked = sorted((rate for rate in left if math.isfinite(losses[rate])), key=losses.__getitem__)
        if not ranked:
            raise ValueError(f"Every rate diverged within {length} steps: try lower ones.")
        last = round_ == len(steps) - 1
        go_on = ranked[: 1 if last else math.ceil(len(left) / 2)]
        left = [rate for rate in left if rate in go_on]
        trials += [Trial(rate, length, loss, rate in left) for rate, loss in losses.items()]
    return Search(tuple(trials))
