"""LoRA as arithmetic: h = W x + α/r · B (A x) with B of d_out × r and A of r × d_in (Hu et al., arXiv:2106.09685).

Counts for one matrix, and a layer so small that every number of its training can be written down (lesson 07).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Vector = Sequence[float]


def trained(d_out: int, d_in: int, rank: int) -> int:
    """Parameters of A and B: ``r · (d_in + d_out)``."""
    return rank * (d_in + d_out)


def step_share(d_out: int, d_in: int, rank: int) -> float:
    """Multiply–adds of a LoRA step of one layer, as a share of a full step's ``3 · d_out · d_in`` a token.

    The frozen matrix works forward and sends the gradient back (two units of three); A and B cost three units each.
    """
    full = 3 * d_out * d_in
    return (2 * d_out * d_in + 3 * trained(d_out, d_in, rank)) / full


def adam_bytes(d_out: int, d_in: int, rank: int) -> tuple[int, int]:
    """``(full, LoRA)`` bytes of weights, gradients and Adam's moments in fp32: 16 a trained parameter, 4 a frozen one."""
    return 16 * d_out * d_in, 4 * d_out * d_in + 16 * trained(d_out, d_in, rank)


@dataclass(frozen=True)
class Pass:
    """One forward and backward pass of a layer with W = I, rank 1 and loss ½‖h − y‖².

    ``heard`` is A x, ``spoken`` is α/r · B (A x), ``h`` the output; ``to_a`` and ``to_b`` are the gradients.
    """

    a: tuple[float, ...]
    b: tuple[float, ...]
    heard: float
    spoken: tuple[float, ...]
    h: tuple[float, ...]
    loss: float
    to_a: tuple[float, ...]
    to_b: tuple[float, ...]


def forward(x: Vector, y: Vector, a: Vector, b: Vector, scale: float) -> Pass:
    """The pass of lesson 07's example. ``a`` is A's only row, ``b`` B's only column, ``scale`` is α/r."""
    heard = sum(w * u for w, u in zip(a, x, strict=True))
    spoken = tuple(scale * w * heard for w in b)
    h = tuple(u + s for u, s in zip(x, spoken, strict=True))
    g = tuple(found - wanted for found, wanted in zip(h, y, strict=True))
    back = sum(w * e for w, e in zip(b, g, strict=True))
    return Pass(
        a=tuple(a), b=tuple(b), heard=heard, spoken=spoken, h=h, loss=sum(e * e for e in g) / 2,
        to_a=tuple(scale * back * u for u in x), to_b=tuple(scale * e * heard for e in g),
    )  # fmt: skip


def descend(x: Vector, y: Vector, a: Vector, b: Vector, scale: float, rate: float, steps: int) -> Pass:
    """The pass after ``steps`` steps of plain gradient descent on A and B."""
    for _ in range(steps):
        now = forward(x, y, a, b, scale)
        a = tuple(w - rate * g for w, g in zip(a, now.to_a, strict=True))
        b = tuple(w - rate * g for w, g in zip(b, now.to_b, strict=True))
    return forward(x, y, a, b, scale)
