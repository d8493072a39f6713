"""Four-bit formats: levels between −1 and 1, times the largest magnitude of each block.

NF4 is that of Dettmers et al., arXiv:2305.14314, as bitsandbytes has it; int4 and fp4 are what it is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

OFFSET = 0.9677083
"""The outermost quantile of NF4, as bitsandbytes sets it."""


def normal_float_levels() -> list[float]:
    """NF4's sixteen levels: quantiles of a normal distribution, eight above zero and seven below, and zero."""
    normal = NormalDist()
    above = [normal.inv_cdf(OFFSET + (0.5 - OFFSET) * i / 8) for i in range(8)]
    below = [-normal.inv_cdf(OFFSET + (0.5 - OFFSET) * i / 7) for i in range(7)]
    return [level / above[0] for level in sorted([*above, 0.0, *below])]


_FP4 = (0.0, 0.0625, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)  # of bitsandbytes: sign, two bits of exponent, one of fraction

LEVELS: dict[str, list[float]] = {
    "nf4": normal_float_levels(),
    "fp4": sorted({s * v / 12 for s in (-1, 1) for v in _FP4}),
    "int4": [i / 7 for i in range(-7, 8)],
}
"""Levels of each format, in order. Sixteen codes; fp4 and int4 spend two of them on zero."""


def quantized(weights: Sequence[float], levels: Sequence[float], block: int) -> list[float]:
    """``weights`` after rounding to the nearest level times the largest magnitude of their block."""
    found: list[float] = []
    for start in range(0, len(weights), block):
        part = weights[start : start + block]
        scale = max(abs(w) for w in part)
        found += [scale * min(levels, key=lambda level: abs(w / scale - level)) if scale else 0.0 for w in part]
    return found


def relative_error(weights: Sequence[float], levels: Sequence[float], block: int) -> float:
    """Root mean square of the rounding error, as a share of that of the weights."""
    errors = (w - q for w, q in zip(weights, quantized(weights, levels, block), strict=True))
    return math.sqrt(sum(e * e for e in errors) / sum(w * w for w in weights))


def bits(block: int) -> float:
    """Bits a weight: four, and a share of the block's fp32 scale."""
    return 4 + 32 / block


COUNT = 512
NORMAL: list[float] = [round(NormalDist().inv_cdf((i + 0.5) / COUNT), 6) for i in range(COUNT)]
"""Quantiles of a normal distribution: a histogram without chance in it."""


def histogram_weights(tails: float, outlier: float) -> list[float]:
    """Normal quantiles in a fixed mixed order, reshaped: ``sign(w) · |w| ** tails``, largest weight × ``outlier``."""
    mixed = [NORMAL[(i * 197 + 101) % COUNT] for i in range(COUNT)]  # 197 is odd, so every quantile comes once
    shaped = [math.copysign(abs(w) ** tails, w) for w in mixed]
    top = max(range(COUNT), key=lambda i: shaped[i])
    return [w * outlier if i == top else w for i, w in enumerate(shaped)]
