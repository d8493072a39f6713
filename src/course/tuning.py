"""The plumbing of a short tuning run, for lessons that train many: logits where they count, scores, a loop.

Shapes: ``b`` examples, ``T`` tokens, ``V`` vocabulary entries, ``N`` labeled positions of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from course.chat import IGNORE, Encoded, batches, collate


class Score(NamedTuple):
    """How a model does on held-out examples."""

    loss: float
    """Nats a completion token, each token weighted equally; ``log V`` if the model has diverged."""
    accuracy: float
    """Share of examples whose right candidate token is preferred to the other candidates."""


def labeled_logits(model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits ``(N, V)`` and targets ``(N,)`` at the labeled positions, and the mask ``(b, T-1)`` of those positions.

    Only labeled positions pass through the vocabulary projection: the numbers of the whole forward pass, for less.
    """
    body = model.base_model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    targets = batch["labels"][:, 1:]  # (b, T-1): position t predicts token t + 1
    mask = targets != IGNORE
    return model.get_output_embeddings()(body.last_hidden_state[:, :-1][mask]), targets[mask], mask


@torch.no_grad()
def evaluate(
    model: Any, examples: Sequence[Encoded], pad_id: int, position: int, candidates: Sequence[int], batch_size: int = 16
) -> Score:
    """Loss on the completions, and accuracy of the token at ``position`` of each completion among ``candidates``."""
    nats, tokens, right, vocabulary = 0.0, 0, 0, 0
    for start in range(0, len(examples), batch_size):
        logits, targets, mask = labeled_logits(model, collate(examples[start : start + batch_size], pad_id))
        nats, tokens = nats + float(F.cross_entropy(logits.float(), targets, reduction="sum")), tokens + len(targets)
        lengths = mask.sum(dim=1)  # (b,)
        rows = lengths.cumsum(dim=0) - lengths + position  # (b,): where each example's token stands among the N
        preferred = logits[rows][:, list(candidates)].argmax(dim=1).tolist()
        right += sum(candidates[p] == t for p, t in zip(preferred, targets[rows].tolist(), strict=True))
        vocabulary = logits.shape[1]
    loss = nats / tokens
    return Score(loss if math.isfinite(loss) else math.log(vocabulary), right / len(examples))


def tune(
    model: Any,
    optimizer: torch.optim.Optimizer,
    examples: Sequence[Encoded],
    steps: int,
    batch_size: int,
    pad_id: int,
    seed: int,
) -> list[float]:
    """Train whatever ``optimizer`` holds, with three steps of warmup, linear decay to zero and clipping at norm 1.

    Returns the training loss of every step.
    """
    trainable = [p for group in optimizer.param_groups for p in group["params"]]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 3) * (1 - step / steps))
    losses = []
    model.train()
    for batch in batches(examples, batch_size, steps, pad_id, seed):
        logits, targets, _ = labeled_logits(model, batch)
        loss = F.cross_entropy(logits.float(), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    model.eval()
    return losses
