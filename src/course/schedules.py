"""Learning-rate schedules as shares of the peak rate, equal to those of transformers' ``get_scheduler``."""

from __future__ import annotations

import math
from typing import Literal

Shape = Literal["constant_with_warmup", "linear", "cosine"]


def share(shape: Shape, step: int, warmup: int, steps: int) -> float:
    """Rate at ``step`` (counted from 0) as a share of the peak: rising over ``warmup`` steps, then ``shape``."""
    if step < warmup:
        return step / max(1, warmup)
    if shape == "constant_with_warmup":
        return 1.0
    progress = (step - warmup) / max(1, steps - warmup)
    if shape == "linear":
        return max(0.0, 1 - progress)
    return max(0.0, 0.5 * (1 + math.cos(math.pi * progress)))


def mean_share(shape: Shape, warmup: int, steps: int) -> float:
    """Mean over all steps: what share of the path at the peak rate a run can walk."""
    return sum(share(shape, step, warmup, steps) for step in range(steps)) / steps
