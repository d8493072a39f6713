"""Memory of accelerator cards, and whether an estimate fits one."""

from __future__ import annotations

from typing import Literal

Fit = Literal["fits", "tight", "no"]

CARDS: dict[int, str] = {
    8: "RTX 4060",
    12: "RTX 3060, RTX 4070",
    16: "T4, RTX 4080",
    24: "RTX 3090, RTX 4090, L4, A10G",
    32: "RTX 5090, V100",
    40: "A100",
    48: "RTX A6000, L40S",
    80: "A100, H100",
    141: "H200",
    192: "MI300X",
}
"""Memory in GB, as makers print it, and cards that have it. A card sold in several sizes stands where its name is common:
the V100 also came with 16 GB, the H100 with 94 GB, the RTX 3060 with 8 GB. Read in November 2026:

- A100, H100, H200: NVIDIA's MIG user guide, docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-gpus.html
- A10G, L40S, RTX 4080, RTX 4090, RTX 5090: docs.nvidia.com/nim/large-language-models/1.6.0/supported-models.html
- MI300X: AMD's ROCm documentation, rocm.docs.amd.com/en/latest/reference/gpu-specs.html (as GiB)
- T4, L4: documentation of a cloud that rents them, modal.com/docs/reference/modal.gpu
- V100, RTX 3060, 3090, 4060, 4070, A6000: the press on their announcements and lists of specifications, which agree

A GB counts as 10⁹ bytes here. Drivers report more of most cards (an A100 of "40 GB" has 42.3 × 10⁹ bytes), so the
estimate errs on the safe side.
"""

MARGIN = 0.15
"""Share of a card to keep free for what :mod:`course.memory` does not count. A guess, as lesson 02 says."""


def fit(total: float, gigabytes: float) -> Fit:
    """Whether ``total`` bytes fit a card: with the margin, only without it (``tight``), or not at all."""
    capacity = gigabytes * 1e9
    if total <= (1 - MARGIN) * capacity:
        return "fits"
    return "tight" if total <= capacity else "no"
