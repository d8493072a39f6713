"""What β does in direct preference optimization (Rafailov et al., arXiv:2305.18290), as lesson 13 derives it.

A margin is Δ, the difference of two log ratios in nats: log π(y_w)/π_ref(y_w) − log π(y_l)/π_ref(y_l).
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def loss(margin: float, beta: float) -> float:
    """``−log σ(βΔ)`` in nats."""
    z = beta * margin
    return max(-z, 0.0) + math.log1p(math.exp(-abs(z)))


def weight(margin: float, beta: float) -> float:
    """``σ(−βΔ)``: how much of a pair's gradient is left, between 0 and 1."""
    z = beta * margin
    if z >= 0:
        return math.exp(-z) / (1 + math.exp(-z))
    return 1 / (1 + math.exp(z))


def optimum(reference: Sequence[float], rewards: Sequence[float], beta: float) -> list[float]:
    """``π* ∝ π_ref · exp(r/β)``: the policy that maximizes reward minus β times the KL divergence."""
    top = max(rewards)  # a common factor, which cancels; without it exp overflows at small β
    raised = [p * math.exp((r - top) / beta) for p, r in zip(reference, rewards, strict=True)]
    total = sum(raised)
    return [p / total for p in raised]


def divergence(policy: Sequence[float], reference: Sequence[float]) -> float:
    """``KL(π ‖ π_ref)`` in nats."""
    return sum(p * math.log(p / q) for p, q in zip(policy, reference, strict=True) if p > 0)
