"""LoRA's arithmetic, against autograd and against the numbers that lesson 07 works out by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.lora import adam_bytes, descend, forward, step_share, trained

FLOATS = st.floats(-3, 3, width=32)
PAIRS = st.tuples(FLOATS, FLOATS)


def test_the_layer_worked_out_by_hand() -> None:
    start = descend((1, 2), (0, 4), (1, 1), (0, 0), scale=2, rate=0.01, steps=0)
    assert (start.heard, start.h, start.loss) == (3, (1, 2), 2.5)
    assert (start.to_b, start.to_a) == ((6, -12), (0, 0))
    after = descend((1, 2), (0, 4), (1, 1), (0, 0), scale=2, rate=0.01, steps=1)
    assert after.b == pytest.approx((-0.06, 0.12))
    assert after.h == pytest.approx((0.64, 2.72))
    assert after.loss == pytest.approx(1.024)
    assert after.to_a == pytest.approx((-0.384, -0.768))


def test_two_zeros_never_wake_up() -> None:
    assert descend((1, 2), (0, 4), (0, 0), (0, 0), scale=2, rate=0.01, steps=50).h == (1, 2)


@given(PAIRS, PAIRS, PAIRS, PAIRS, st.floats(0.25, 4, width=32))
def test_gradients_equal_autograd(
    x: tuple[float, float], y: tuple[float, float], a: tuple[float, float], b: tuple[float, float], scale: float
) -> None:
    row, column = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (a, b))  # (1, 2) each
    inputs, wanted = (torch.tensor(v, dtype=torch.float64) for v in (x, y))
    h = inputs + scale * (column.T @ (row @ inputs))
    loss = 0.5 * (h - wanted).square().sum()
    loss.backward()
    found = forward(x, y, a, b, scale)
    assert row.grad is not None
    assert column.grad is not None
    assert found.h == pytest.approx(h.tolist())
    assert found.loss == pytest.approx(loss.item())
    assert found.to_a == pytest.approx(row.grad[0].tolist(), abs=1e-9)
    assert found.to_b == pytest.approx(column.grad[0].tolist(), abs=1e-9)


def test_counts_of_one_matrix() -> None:
    assert trained(4096, 4096, 8) == 65_536
    assert trained(1024, 4096, 16) == 16 * 5120
    assert step_share(4096, 4096, 8) == pytest.approx((2 * 4096**2 + 3 * 65_536) / (3 * 4096**2))  # as lesson 07 has it
    assert adam_bytes(576, 576, 8) == (16 * 576**2, 4 * 576**2 + 16 * 9216)
