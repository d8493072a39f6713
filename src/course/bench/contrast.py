"""Two arms compared pair by pair, and the same comparison repeated on the whole model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from course.bench.training import Arm, Bench, Recipe
from course.chat import Encoded
from course.statistics import Estimate, differences, paired
from course.upper import Kept

Measure = Callable[[Any, Sequence[Kept]], float]
"""A model's score on held-out rows."""


@dataclass(frozen=True)
class Contender:
    """An arm with the recipe that was found for it."""

    arm: Arm
    recipe: Recipe


@dataclass(frozen=True)
class Contrast:
    """What two contenders scored, one entry a seed."""

    first: tuple[float, ...]
    second: tuple[float, ...]

    @property
    def difference(self) -> Estimate:
        """``first - second`` by seed.

        Raises:
            ValueError: one seed alone, which has no spread.
        """
        return paired(self.first, self.second)


def contrast(
    bench: Bench,
    first: Contender,
    second: Contender,
    training: Sequence[Encoded],
    held_out: Sequence[Encoded],
    measure: Measure,
    seeds: Sequence[int],
) -> Contrast:
    """Train both contenders with each seed and measure them on held-out examples."""
    rows, judged = bench.keep(training), bench.keep(held_out)

    def scores(contender: Contender) -> tuple[float, ...]:
        return tuple(measure(bench.run(contender.arm, rows, contender.recipe, seed).model, judged) for seed in seeds)

    return Contrast(scores(first), scores(second))


@dataclass(frozen=True)
class Bridge:
    """One contrast on the bench and on the whole model, of the same seeds."""

    upper: Contrast
    whole: Contrast

    @property
    def agrees(self) -> bool:
        """Whether the difference has one sign in every seed, on the bench and on the whole model."""
        found = [gap for one in (self.upper, self.whole) for gap in differences(one.first, one.second)]
        return all(gap > 0 for gap in found) or all(gap < 0 for gap in found)


def bridge(
    bench: Bench,
    first: Contender,
    second: Contender,
    training: Sequence[Encoded],
    held_out: Sequence[Encoded],
    measure: Measure,
    seeds: Sequence[int],
) -> Bridge:
    """Repeat one contrast with the contenders in all blocks of the model: whether the bench speaks for it."""
    upper = contrast(bench, first, second, training, held_out, measure, seeds)
    return Bridge(upper, contrast(bench.on_all_blocks(), first, second, training, held_out, measure, seeds))
