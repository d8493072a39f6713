"""Memory of accelerator cards, and whether an estimate fits one."""

from __future__ import annotations

from typing import Literal

Fit = Literal["fits", "tight", "no"]

CARDS: dict[int, str] = {
    8: "RTX 4060",
    12: "RTX 3060, RTX 4070",
    16: "T4, RTX 4080",
    24: "RTX 3090, RTX 4090, L4, A10",
    32: "RTX 5090, V100",
    40: "A100",
    48: "RTX A6000, L40S",
    80: "A100, H100",
    141: "H200",
    192: "MI300X",
}
"""Memory in GB, as makers print it, and cards that have it (makers' data sheets, read 2026-11)."""

MARGIN = 0.15
"""Share of a card to keep free for what :mod:`course.memory` does not count. A guess, as lesson 02 says."""


def fit(total: float, gigabytes: float) -> Fit:
    """Whether ``total`` bytes fit a card: with the margin, only without it (``tight``), or not at all."""
    capacity = gigabytes * 1e9
    if total <= (1 - MARGIN) * capacity:
        return "fits"
    return "tight" if total <= capacity else "no"
