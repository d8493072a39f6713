"""What a model still knows after a tune: general questions, general replies of its own, and how far it has moved.

Shapes: ``N`` items, ``T`` tokens, ``V`` vocabulary entries, ``K`` tokens of the longest choice. The topics below share
nothing with the items of :func:`course.case.general_items`, and the two splits share neither topic nor wording.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import torch
from torch.nn import functional as F

from course.case import ChoiceItem
from course.chat import Encoded, collate, encode, generate
from course.models import device
from course.tuning import labeled_logits

# fmt: off
_WORDING: Final = {
    "rehearsal": "What is {topic}? Answer in one short sentence.",
    "held-out": "Tell me one fact about {topic}. Keep it brief.",
}
_TOPICS: Final = {
    "rehearsal": (
        "a bicycle", "bread", "a rainbow", "a library", "the internet", "photography", "a volcano", "chess",
        "a vaccine", "democracy", "a bridge", "coffee", "jazz", "a telescope", "soap", "a garden",
        "a poem", "inflation", "a robot", "yoga", "a map", "glass", "a newspaper", "a magnet",
    ),
    "held-out": (
        "lighthouses", "cheese", "thunderstorms", "museums", "software", "earthquakes", "football", "antibiotics",
        "tunnels", "tea", "opera", "microscopes", "paper", "farms", "clocks", "whales",
    ),
}
# fmt: on


class Retention(NamedTuple):
    """How much of the general items a model still gets right."""

    accuracy: float
    """Share of items whose right choice has the highest log-likelihood."""
    losses: tuple[float, ...]
    """For every item ``-log p(right)``, with ``p`` the softmax of the four log-likelihoods; ``log 4`` is a blind guess."""
    right: tuple[bool, ...] = ()
    """For every item whether its right choice has the highest log-likelihood."""

    @property
    def loss(self) -> float:
        """Mean of ``losses``: nats an item."""
        return sum(self.losses) / len(self.losses)


def general_prompts(split: str, n: int | None = None) -> list[str]:
    """The first ``n`` prompts (all, unless given) of ``"rehearsal"`` or ``"held-out"``."""
    return [_WORDING[split].format(topic=topic) for topic in _TOPICS[split][:n]]


def own_replies(model: Any, tokenizer: Any, prompts: Sequence[str], max_new_tokens: int = 32) -> list[Encoded]:
    """What ``model`` itself answers to ``prompts`` (greedy), as training examples for self-rehearsal.

    A reply that was cut at ``max_new_tokens`` gets no end-of-turn token: it must not teach the model to stop there.
    """
    replies = []
    for prompt, text in zip(prompts, generate(model, tokenizer, prompts, max_new_tokens), strict=True):
        whole = encode(tokenizer, prompt, text)
        cut = len(whole.input_ids) - 1 - whole.prompt_length >= max_new_tokens - 1
        replies.append(Encoded(whole.input_ids[:-1], whole.prompt_length) if cut else whole)
    return replies


@torch.no_grad()
def choice_logprobs(model: Any, tokenizer: Any, items: Sequence[ChoiceItem]) -> torch.Tensor:
    """Log-likelihood ``(N, 4)`` of every choice, summed over its tokens, after the question and a space.

    Each question is read once; its keys and values are shared by its four choices.
    """
    questions = [tokenizer(item.question, add_special_tokens=False)["input_ids"] for item in items]
    tails = [tokenizer(f" {c}", add_special_tokens=False)["input_ids"] for item in items for c in item.choices]
    ids, mask = _padded(questions)  # (N, T)
    body, head = model.base_model, model.get_output_embeddings()
    out = body(input_ids=ids, attention_mask=mask, use_cache=True)  # padding stands on the right: positions are right
    last = out.last_hidden_state[torch.arange(len(items)), mask.sum(dim=1) - 1]  # (N, d)
    first = F.log_softmax(head(last).float(), dim=-1).repeat_interleave(4, dim=0)  # (4N, V)
    target, there = _padded(tails)  # (4N, K)
    total = first.gather(1, target[:, :1]).squeeze(1)  # (4N,)
    if target.shape[1] > 1:  # few choices have a second token: only these are read on
        rows = there[:, 1].nonzero()[:, 0]  # (R,)
        target, there = target[rows], there[rows]
        cache = out.past_key_values
        cache.batch_select_indices(rows // 4)
        after = body(
            input_ids=target[:, :-1],
            attention_mask=torch.cat([mask[rows // 4], there[:, :-1]], dim=1),
            position_ids=mask.sum(dim=1)[rows // 4, None] + torch.arange(target.shape[1] - 1, device=target.device),
            past_key_values=cache,
        ).last_hidden_state  # (R, K-1, d)
        rest = there[:, 1:].bool()
        nll = F.cross_entropy(head(after[rest]).float(), target[:, 1:][rest], reduction="none")
        total = total.index_add(0, rows[rest.nonzero()[:, 0]], -nll)
    return total.reshape(len(items), 4)


def retention(model: Any, tokenizer: Any, items: Sequence[ChoiceItem]) -> Retention:
    """Accuracy and loss of ``model`` on ``items``; a model that has diverged is a blind guess."""
    scores = choice_logprobs(model, tokenizer, items)
    answers = torch.tensor([item.answer for item in items], device=scores.device)
    if not bool(scores.isfinite().all()):
        return Retention(0.25, (math.log(4),) * len(items), (False,) * len(items))
    losses = F.cross_entropy(scores, answers, reduction="none").tolist()
    right = tuple((scores.argmax(dim=1) == answers).tolist())
    return Retention(sum(right) / len(right), tuple(losses), right)


@torch.no_grad()
def next_token_logprobs(model: Any, examples: Sequence[Encoded], pad_id: int) -> torch.Tensor:
    """Log-probabilities ``(N, V)`` of the next token at the ``N`` labeled positions of ``examples``."""
    return F.log_softmax(labeled_logits(model, collate(examples, pad_id))[0].float(), dim=-1)


def drift(model: Any, examples: Sequence[Encoded], reference: torch.Tensor, pad_id: int) -> float:
    """Mean over positions of ``KL(reference || model)``, in nats a token; ``log V`` if the model has diverged.

    ``reference`` is what :func:`next_token_logprobs` gave for another model on the same examples.
    """
    found = next_token_logprobs(model, examples, pad_id)
    nats = float((reference.exp() * (reference - found)).sum(dim=1).mean())
    return nats if math.isfinite(nats) else math.log(reference.shape[1])


@torch.no_grad()
def walk(model: Any, home: Mapping[str, torch.Tensor]) -> tuple[list[float], float]:
    """How far ``model`` is from the state dict ``home``.

    Returns:
        For every block the length of its change as a share of the length of its weights, and the largest change of
        any single weight of the model.
    """
    blocks = model.config.num_hidden_layers
    squares, whole, farthest = [0.0] * blocks, [0.0] * blocks, 0.0
    for name, tensor in model.state_dict().items():
        change = tensor - home[name]
        farthest = max(farthest, float(change.abs().max()))
        if found := re.search(r"\.layers\.(\d+)\.", name):
            squares[int(found[1])] += float(change.square().sum())
            whole[int(found[1])] += float(home[name].square().sum())
    return [math.sqrt(a / b) for a, b in zip(squares, whole, strict=True)], farthest


def at_level(points: Sequence[tuple[float, float]], level: float, log_y: bool = False) -> float:
    """The ``y`` of a frontier where it passes ``x = level``, linear in ``log x`` between neighbors.

    With ``log_y`` it is linear in ``log y`` too, except next to a point whose ``y`` is not positive.

    Raises:
        ValueError: a frontier that does not reach ``level``.
    """
    line = sorted(points, reverse=True)
    for x, y in line:
        if x == level:
            return y
    for (x0, y0), (x1, y1) in pairwise(line):
        if x0 > level > x1:
            share = math.log(level / x0) / math.log(x1 / x0)
            return float(y0 * (y1 / y0) ** share) if log_y and min(y0, y1) > 0 else y0 + (y1 - y0) * share
    raise ValueError(f"The frontier from {line[0][0]:g} to {line[-1][0]:g} does not reach {level:g}.")


def _padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows as one tensor of ids, padded on the right with 0, and its mask."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *(0,) * (longest - len(row))] for row in rows], device=device())
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device())
    return ids, mask


__all__ = [
    "Retention",
    "at_level",
    "choice_logprobs",
    "drift",
    "general_prompts",
    "next_token_logprobs",
    "own_replies",
    "retention",
    "walk",
]
