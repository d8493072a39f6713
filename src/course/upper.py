"""Train the upper blocks of a model at the price of those blocks alone.

What frozen lower blocks give for an example never changes, so it is computed once and kept. The upper blocks are then
fed from the kept states: the numbers of the whole model, for a fraction of the work. For models of the Llama family.

Shapes: ``b`` examples, ``T`` tokens, ``d`` width of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from course.chat import IGNORE, Encoded, collate


class Kept(NamedTuple):
    """One example where it enters the upper blocks."""

    hidden: torch.Tensor
    """``(T, d)``: what the lower blocks give."""
    labels: torch.Tensor
    """``(T,)``: token ids, :data:`course.chat.IGNORE` where no loss is wanted."""


@torch.no_grad()
def keep(model: Any, examples: Sequence[Encoded], pad_id: int, blocks: int, batch_size: int = 16) -> list[Kept]:
    """Run ``examples`` through all but the last ``blocks`` blocks of ``model``, which is left as it was.

    Put the model in eval mode first, or dropout is kept as well.
    """
    body = model.base_model
    _check(blocks, len(body.layers))
    layers, norm = body.layers, body.norm
    body.layers, body.norm = layers[:-blocks], nn.Identity()
    kept = []
    try:
        for start in range(0, len(examples), batch_size):
            rows = examples[start : start + batch_size]
            batch = collate(rows, pad_id)
            out = body(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False)
            for hidden, labels, row in zip(out.last_hidden_state, batch["labels"], rows, strict=True):
                length = len(row.input_ids)
                kept.append(Kept(hidden[:length].clone(), labels[:length].clone()))
    finally:
        body.layers, body.norm = layers, norm
    return kept


def cut(model: Any, blocks: int) -> None:
    """Leave only the last ``blocks`` blocks in ``model``, which then takes ``inputs_embeds`` from :func:`stack`."""
    _check(blocks, len(model.base_model.layers))
    model.base_model.layers = model.base_model.layers[-blocks:]
    model.config.num_hidden_layers = blocks
    model.config.use_cache = False


def _check(blocks: int, layers: int) -> None:
    if not 0 < blocks <= layers:
        raise ValueError(f"Bad number of upper blocks {blocks}: the model has {layers}.")


def stack(kept: Sequence[Kept]) -> dict[str, torch.Tensor]:
    """Pad on the right: ``inputs_embeds`` ``(b, T, d)``, ``attention_mask`` and ``labels`` ``(b, T)``."""
    longest = max(len(row.labels) for row in kept)
    return {
        "inputs_embeds": torch.stack([F.pad(row.hidden, (0, 0, 0, longest - len(row.hidden))) for row in kept]),
        "attention_mask": torch.stack([F.pad(torch.ones_like(r.labels), (0, longest - len(r.labels))) for r in kept]),
        "labels": torch.stack([F.pad(row.labels, (0, longest - len(row.labels)), value=IGNORE) for row in kept]),
    }


def labeled(row: Kept) -> int:
    """How many tokens of ``row`` are predicted and counted in the loss."""
    return int((row.labels[1:] != IGNORE).sum())


def token_losses(model: Any, rows: Sequence[Kept]) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of each labeled token in nats ``(N,)``, and the labeled tokens of each example ``(b,)``."""
    batch = stack(rows)
    body = model.base_model(inputs_embeds=batch["inputs_embeds"], attention_mask=batch["attention_mask"])
    targets = batch["labels"][:, 1:]  # (b, T-1): position t predicts token t + 1
    wanted = targets != IGNORE
    logits = model.get_output_embeddings()(body.last_hidden_state[:, :-1][wanted])  # (N, V)
    return F.cross_entropy(logits.float(), targets[wanted], reduction="none"), wanted.sum(dim=1)


@torch.no_grad()
def nats(model: Any, rows: Sequence[Kept], batch_size: int = 16) -> torch.Tensor:
    """Summed loss of each example ``(n,)``. The model is left in eval mode."""
    model.eval()
    sums = []
    for start in range(0, len(rows), batch_size):
        losses, counts = token_losses(model, rows[start : start + batch_size])
        sums += [part.sum() for part in losses.split(counts.tolist())]
    return torch.stack(sums)
