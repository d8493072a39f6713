"""Train and score the upper blocks of a model: many short runs that differ in one thing.

A run is an *arm* (what is trained, put into a fresh copy of the blocks), a learning rate, a number of steps and a seed. The
seed decides the order of the batches and what the arm draws, so two arms with one seed are a pair.

Shapes: ``b`` examples of a batch, ``N`` labeled tokens, ``V`` vocabulary entries.
"""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from course.bench.items import Item
from course.bench.states import kept_states
from course.chat import IGNORE, Encoded
from course.models import seed_everything
from course.upper import Kept, cut, labeled, stack, token_losses

Arm = Callable[[Any], Iterable[nn.Parameter]]
"""Puts into fresh blocks what is to be trained, and returns the parameters: an adapter's, or some of the blocks' own."""


@dataclass(frozen=True)
class Recipe:
    """How to train. AdamW, linear warmup over ``warmup`` of the steps, linear decay to zero, clipping at norm 1."""

    rate: float
    steps: int
    batch_size: int = 8
    warmup: float = 0.1
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Run:
    """A trained model, the loss of every step in nats a labeled token, and the mean seconds a step took."""

    model: Any
    losses: tuple[float, ...]
    step_seconds: float


@dataclass(frozen=True)
class Bench:
    """The last ``blocks`` blocks of a model, with its norm and head; ``upper`` is never trained, copies of it are."""

    whole: Any
    upper: Any
    blocks: int
    pad_id: int

    @classmethod
    def of(cls, model: Any, pad_id: int, blocks: int) -> Bench:
        """A bench of the last ``blocks`` blocks of ``model``, which is left as it was.

        Raises:
            ValueError: a number of blocks that the model lacks.
        """
        body = model.base_model
        layers = body.layers
        body.layers = layers[-blocks:] if 0 < blocks <= len(layers) else layers  # those below are not copied
        try:
            upper = copy.deepcopy(model)
        finally:
            body.layers = layers
        cut(upper, blocks)
        return cls(model, upper.eval().requires_grad_(False), blocks, pad_id)

    def on_all_blocks(self) -> Bench:
        """The bench that trains on the whole model: only the embedding lies below the cut. For a bridge."""
        return Bench.of(self.whole, self.pad_id, len(self.whole.base_model.layers))

    def keep(self, examples: Sequence[Encoded]) -> list[Kept]:
        """Each example where it enters the upper blocks; see :func:`course.bench.states.kept_states`."""
        return kept_states(self.whole, examples, self.pad_id, self.blocks)

    def run(self, arm: Arm, rows: Sequence[Kept], recipe: Recipe, seed: int) -> Run:
        """Train ``arm`` on ``rows`` in a fresh copy of the upper blocks, which comes back in eval mode."""
        seed_everything(seed)
        model = copy.deepcopy(self.upper)
        parameters = list(arm(model))
        return train(model, parameters, rows, recipe, seed)

    @contextmanager
    def rejoined(self, upper: Any) -> Iterator[Any]:
        """The whole model with the trained ``upper`` blocks in their place, to generate with; as it was afterwards."""
        body, trained = self.whole.base_model, upper.base_model
        layers, norm = body.layers, body.norm
        body.layers = nn.ModuleList([*layers[: len(layers) - self.blocks], *trained.layers])
        body.norm = trained.norm
        try:
            yield self.whole
        finally:
            body.layers, body.norm = layers, norm


def batches(rows: Sequence[Kept], size: int, steps: int, seed: int) -> Iterator[list[Kept]]:
    """``steps`` batches of ``size`` rows of like length: every epoch is a new shuffle, decided by ``seed`` alone.

    The shuffled rows of an epoch are sorted by length within eight batches at a time, and these batches shuffled again:
    chance decides which rows meet, and little is spent on padding. Rows that fill no batch wait for another epoch.

    Raises:
        ValueError: fewer rows than a batch holds.
    """
    if len(rows) < size:
        raise ValueError(f"{len(rows)} rows do not fill a batch of {size}.")
    rng, waiting = random.Random(seed), list[list[int]]()
    for _ in range(steps):
        if not waiting:
            order = rng.sample(range(len(rows)), len(rows) // size * size)
            for start in range(0, len(order), 8 * size):
                near = sorted(order[start : start + 8 * size], key=lambda i: len(rows[i].labels))
                waiting += [near[i : i + size] for i in range(0, len(near), size)]
            rng.shuffle(waiting)
        yield [rows[i] for i in waiting.pop()]


def train(model: Any, parameters: Sequence[nn.Parameter], rows: Sequence[Kept], recipe: Recipe, seed: int) -> Run:
    """Train ``parameters`` of ``model`` on kept rows. Only labeled positions pass through the head."""
    optimizer = torch.optim.AdamW(parameters, lr=recipe.rate, weight_decay=recipe.weight_decay)
    warm = max(1, round(recipe.warmup * recipe.steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (recipe.steps - step) / max(1, recipe.steps - warm))
    )
    model.train()
    losses, began = [], time.perf_counter()
    for batch in batches(rows, recipe.batch_size, recipe.steps, seed):
        loss = token_losses(model, batch)[0].mean()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    seconds = (time.perf_counter() - began) / recipe.steps
    return Run(model.eval(), tuple(losses), seconds)


@dataclass(frozen=True)
class Scores:
    """How a model does on held-out items, teacher-forced; each entry stands for one item, in order.

    ``nats`` holds the summed loss by part: each field's value, and ``format`` for all that is left. ``right`` holds whether
    the model prefers the right one of a decision's allowed values, and for a copied field whether each token of the value is
    the likeliest. ``tokens`` counts labeled tokens.
    """

    nats: dict[str, tuple[float, ...]]
    right: dict[str, tuple[bool, ...]]
    tokens: tuple[int, ...]

    @property
    def loss(self) -> float:
        """Nats a labeled token, each token weighted equally; infinite for a model that has diverged."""
        total = sum(map(sum, self.nats.values())) / sum(self.tokens)
        return total if math.isfinite(total) else math.inf

    def part(self, name: str) -> float:
        """Mean nats of one part an item: of a field's value or of the format."""
        return sum(self.nats[name]) / len(self.tokens)

    def hits(self, name: str) -> int:
        """Items with the field right."""
        return sum(self.right[name])

    def accuracy(self, name: str) -> float:
        """Share of items with the field right."""
        return self.hits(name) / len(self.tokens)


@torch.no_grad()
def score(model: Any, rows: Sequence[Kept], items: Sequence[Item], batch_size: int = 16) -> Scores:
    """Score ``model`` on ``items``, whose kept states are ``rows``. The model is left in eval mode."""
    model.eval()
    order = sorted(range(len(items)), key=lambda i: len(rows[i].labels))
    found: dict[int, tuple[dict[str, float], dict[str, bool]]] = {}
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        logits = _logits(model, [rows[i] for i in places])
        for place, part in zip(places, logits.split([labeled(rows[i]) for i in places]), strict=True):
            found[place] = _scored(part, rows[place].labels, items[place])
    names = found[0][0]
    return Scores(
        {name: tuple(found[i][0][name] for i in range(len(items))) for name in names},
        {name: tuple(found[i][1][name] for i in range(len(items))) for name in found[0][1]},
        tuple(labeled(row) for row in rows),
    )


def _logits(model: Any, rows: Sequence[Kept]) -> torch.Tensor:
    """Logits ``(N, V)`` at the labeled positions."""
    batch = stack(rows)
    body = model.base_model(inputs_embeds=batch["inputs_embeds"], attention_mask=batch["attention_mask"])
    logits: torch.Tensor = model.get_output_embeddings()(
        body.last_hidden_state[:, :-1][batch["labels"][:, 1:] != IGNORE]
    )
    return logits.float()


def _scored(logits: torch.Tensor, labels: torch.Tensor, item: Item) -> tuple[dict[str, float], dict[str, bool]]:
    targets = labels[labels != IGNORE]
    losses = F.cross_entropy(logits, targets, reduction="none")
    likeliest = logits.argmax(dim=1) == targets
    nats, right = {}, {}
    rest = torch.ones_like(targets, dtype=torch.bool)
    for field in item.fields:
        span = slice(field.start, field.stop)
        nats[field.name] = float(losses[span].sum())
        rest[span] = False
        if field.options:
            chosen = field.options[int(logits[field.start, list(field.options)].argmax())]
            right[field.name] = chosen == int(targets[field.start])
        else:
            right[field.name] = bool(likeliest[span].all())
    nats["format"] = float(losses[rest].sum())
    right["format"] = bool(likeliest[rest].all())
    return nats, right
