"""The plumbing of preference tuning: batches of pairs, their log-probabilities, a fresh adapter, an exact KL.

Shapes: ``n`` pairs, ``T`` tokens, ``V`` vocabulary entries. A batch of ``n`` pairs has ``2n`` rows: the chosen answers
first, then the rejected ones, as TRL orders them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch

from course.chat import IGNORE, collate, completion_logprobs, encode


class Pair(Protocol):
    """Two answers to one prompt."""

    @property
    def prompt(self) -> str: ...
    @property
    def chosen(self) -> str: ...
    @property
    def rejected(self) -> str: ...


def pair_batch(tokenizer: Any, pairs: Sequence[Pair]) -> dict[str, torch.Tensor]:
    """One batch of ``2n`` rows: the chosen answers, then the rejected ones; labels cover the answers only."""
    texts = [(p.prompt, p.chosen) for p in pairs] + [(p.prompt, p.rejected) for p in pairs]
    return collate([encode(tokenizer, prompt, answer) for prompt, answer in texts], tokenizer.pad_token_id)


@torch.no_grad()
def score_pairs(
    model: Any, tokenizer: Any, pairs: Sequence[Pair], batch_size: int = 3
) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed log-probability and number of tokens of every answer: two ``(n, 2)`` tensors, chosen in column 0."""
    logps, lengths = [], []
    for start in range(0, len(pairs), batch_size):
        logp, length = completion_logprobs(model, pair_batch(tokenizer, pairs[start : start + batch_size]))
        logps.append(torch.stack(logp.chunk(2), dim=1))
        lengths.append(torch.stack(length.chunk(2), dim=1))
    return torch.cat(logps), torch.cat(lengths)


def restart(policy: Any, seed: int) -> None:
    """Give a PEFT model a fresh LoRA adapter: A random, B zero, so that it computes what its base computes."""
    from peft.tuners.lora import LoraLayer

    torch.manual_seed(seed)
    for module in policy.modules():
        if isinstance(module, LoraLayer):
            module.reset_lora_parameters("default", True)


@torch.no_grad()
def kl_to_reference(policy: Any, tokenizer: Any, pairs: Sequence[Pair]) -> float:
    """Exact KL(policy ‖ policy without its adapter) over the vocabulary: the mean over tokens of the chosen answers."""
    batch = {name: rows[: len(pairs)] for name, rows in pair_batch(tokenizer, pairs).items()}
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    answer = batch["labels"][:, 1:] != IGNORE  # (n, T-1)
    log_p = policy(**inputs).logits[:, :-1][answer].float().log_softmax(-1)  # (tokens, V)
    with policy.disable_adapter():
        log_q = policy(**inputs).logits[:, :-1][answer].float().log_softmax(-1)
    return float((log_p.exp() * (log_p - log_q)).sum(-1).mean())
