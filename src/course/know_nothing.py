"""What knowing nothing scores on the held-out set at hand: the anchors that every reported metric carries.

Of a decision among options, *constant* is the best single answer, *uniform* a blind guess. *Format only* is a model that
writes the form without fault, copies what is to be copied, and guesses each decision. *Prompted* is the untuned model with
its best prompt: it is measured, not computed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Anchors:
    """The values of one metric that need no knowledge, where they exist for it."""

    constant: float | None = None
    uniform: float | None = None
    format_only: float | None = None
    prompted: float | None = None

    @property
    def known(self) -> dict[str, float]:
        """Name → value, for the record and for guides in figures."""
        named = {
            "constant answer": self.constant, "blind guess": self.uniform, "format only": self.format_only,
            "prompted": self.prompted,
        }  # fmt: skip
        return {name: value for name, value in named.items() if value is not None}

    def hardest(self, higher_is_better: bool) -> float:
        """The anchor that is hardest to beat: what a run must be clear of to have learned anything.

        Raises:
            ValueError: there is no anchor.
        """
        if not self.known:
            raise ValueError("A metric needs an anchor: compute one, or measure the prompted model.")
        return (max if higher_is_better else min)(self.known.values())


def accuracy(gold: Sequence[Hashable], options: int, prompted: float | None = None) -> Anchors:
    """Anchors of the share of right decisions among ``options``, where ``gold`` is right.

    Raises:
        ValueError: no gold answers, or more different ones than options.
    """
    counts = _counts(gold, options)
    return Anchors(max(counts.values()) / len(gold), 1 / options, 1 / options, prompted)


def nats(gold: Sequence[Hashable], options: int, prompted: float | None = None) -> Anchors:
    """Anchors of the mean loss of a decision in nats: the best answer that is the same for all, and log of the options.

    Raises:
        ValueError: no gold answers, or more different ones than options.
    """
    shares = [count / len(gold) for count in _counts(gold, options).values()]
    return Anchors(-sum(p * math.log(p) for p in shares), math.log(options), math.log(options), prompted)


def token_loss(decisions: Mapping[str, int], items: int, tokens: int, prompted: float | None = None) -> Anchors:
    """Anchor of the loss in nats a labeled token, of completions that hold decisions among tokens that are not.

    Args:
        decisions: field → number of options.
        items: held-out items.
        tokens: labeled tokens of all items together.
    """
    return Anchors(format_only=items * sum(map(math.log, decisions.values())) / tokens, prompted=prompted)


def all_right(decisions: Mapping[str, int], prompted: float | None = None) -> Anchors:
    """Anchors of the share of items with every decision right, on a set balanced over them."""
    blind = 1 / math.prod(decisions.values())
    return Anchors(blind, blind, blind, prompted)


def _counts(gold: Sequence[Hashable], options: int) -> Counter[Hashable]:
    counts = Counter(gold)
    if not 0 < len(counts) <= options:
        raise ValueError(f"{len(counts)} different answers do not fit {options} options.")
    return counts
