"""Schedules, against those that transformers makes."""

from __future__ import annotations

import pytest
import torch
from transformers import get_scheduler

from course.schedules import Shape, mean_share, share


@pytest.mark.parametrize("shape", ["constant_with_warmup", "linear", "cosine"])
@pytest.mark.parametrize(("warmup", "steps"), [(0, 20), (1, 20), (5, 20), (20, 20)])
def test_equal_to_transformers(shape: Shape, warmup: int, steps: int) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = get_scheduler(shape, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert [share(shape, step, warmup, steps) for step in range(steps)] == pytest.approx(rates)
    assert mean_share(shape, warmup, steps) == pytest.approx(sum(rates) / steps)
