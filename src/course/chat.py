"""Turn prompts and completions into token batches, and score models on them.

Shapes: ``B`` examples, ``T`` tokens, ``V`` vocabulary entries. Labels are the input ids with :data:`IGNORE` wherever no
loss is wanted; models of transformers shift them by one position themselves.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from course.models import device

IGNORE = -100
"""The label that cross-entropy skips (the default of :func:`torch.nn.functional.cross_entropy`)."""


@dataclass(frozen=True)
class Encoded:
    """One example as token ids, with the number of tokens that belong to the prompt."""

    input_ids: tuple[int, ...]
    prompt_length: int

    @property
    def labels(self) -> tuple[int, ...]:
        """The ids, with the prompt masked by :data:`IGNORE`: loss on the completion only."""
        return (IGNORE,) * self.prompt_length + self.input_ids[self.prompt_length :]


def encode(tokenizer: Any, prompt: str, completion: str, system: str | None = None) -> Encoded:
    """Render one user turn and one assistant turn with the tokenizer's chat template.

    The completion ends with the template's end-of-turn token, so that a tuned model learns to stop. Without
    ``system`` the template's own default system turn is used.
    """
    messages = [*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": prompt}]
    before = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    head = tokenizer(before, add_special_tokens=False)["input_ids"]
    tail = tokenizer(completion, add_special_tokens=False)["input_ids"]
    return Encoded((*head, *tail, tokenizer.eos_token_id), len(head))


def collate(examples: Sequence[Encoded], pad_id: int) -> dict[str, torch.Tensor]:
    """Pad on the right to the longest example: ``input_ids``, ``attention_mask`` and ``labels``, each ``(B, T)``."""
    longest = max(len(e.input_ids) for e in examples)

    def padded(rows: Iterator[tuple[int, ...]], fill: int) -> torch.Tensor:
        return torch.tensor([(*row, *(fill,) * (longest - len(row))) for row in rows], device=device())

    return {
        "input_ids": padded((e.input_ids for e in examples), pad_id),
        "attention_mask": padded(((1,) * len(e.input_ids) for e in examples), 0),
        "labels": padded((e.labels for e in examples), IGNORE),
    }


def batches(
    examples: Sequence[Encoded], batch_size: int, steps: int, pad_id: int, seed: int
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield ``steps`` training batches; every epoch is a new shuffle, decided by ``seed`` alone."""
    generator, order = random.Random(seed), list[int]()
    for _ in range(steps):
        if len(order) < batch_size:
            order = generator.sample(range(len(examples)), len(examples))
        yield collate([examples[i] for i in order[:batch_size]], pad_id)
        order = order[batch_size:]


def completion_logprobs(model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of each completion, summed over its tokens, and its number of tokens: two ``(B,)`` tensors."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]  # (B, T-1, V)
    targets = batch["labels"][:, 1:]  # (B, T-1)
    nll = F.cross_entropy(logits.float().transpose(1, 2), targets, ignore_index=IGNORE, reduction="none")
    return -nll.sum(dim=1), (targets != IGNORE).sum(dim=1)


@torch.no_grad()
def completion_loss(model: Any, examples: Sequence[Encoded], pad_id: int, batch_size: int = 16) -> float:
    """Mean negative log-likelihood of the completions, in nats a token, each token weighted equally."""
    total, tokens = 0.0, 0
    for batch in _in_batches(examples, pad_id, batch_size):
        logprob, count = completion_logprobs(model, batch)
        total, tokens = total - float(logprob.sum()), tokens + int(count.sum())
    return total / tokens


@torch.no_grad()
def choose(model: Any, tokenizer: Any, prompt: str, choices: Sequence[str], system: str | None = None) -> int:
    """Index of the choice with the highest log-probability a token, as an answer to ``prompt``."""
    encoded = [encode(tokenizer, prompt, choice, system) for choice in choices]
    logprob, count = completion_logprobs(model, collate(encoded, tokenizer.pad_token_id))
    return int((logprob / count).argmax())


@torch.no_grad()
def generate(
    model: Any, tokenizer: Any, prompts: Sequence[str], max_new_tokens: int = 48, system: str | None = None
) -> list[str]:
    """Greedy answers to ``prompts``, in one left-padded batch, cut at the end-of-turn token."""
    rows = [list(encode(tokenizer, p, "", system).input_ids[:-1]) for p in prompts]
    longest = max(map(len, rows))
    ids = torch.tensor([[tokenizer.pad_token_id] * (longest - len(r)) + r for r in rows], device=device())
    mask = torch.tensor([[0] * (longest - len(r)) + [1] * len(r) for r in rows], device=device())
    out = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=max_new_tokens, do_sample=False,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return [tokenizer.decode(row[longest:], skip_special_tokens=True).strip() for row in out]


def _in_batches(examples: Sequence[Encoded], pad_id: int, size: int) -> Iterator[dict[str, torch.Tensor]]:
    """All examples, shortest first so that little is spent on padding."""
    ordered = sorted(examples, key=lambda e: len(e.input_ids))
    for start in range(0, len(ordered), size):
        yield collate(ordered[start : start + size], pad_id)
