"""The plumbing of a study on labeled tickets: padded tokens, batches of row numbers, word counts, intervals.

Shapes: ``N`` tickets, ``T`` tokens of the longest one, ``V`` words, ``S`` seeds, ``G`` groups.
"""

from __future__ import annotations

import difflib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from course.case import CUES, SPLITS, Ticket, max_tickets, tickets
from course.models import device

__all__ = ["Texts", "bag_of_words", "batch_rows", "cue", "grouped_interval", "short_tickets", "words"]


@dataclass(frozen=True)
class Texts:
    """Tickets as token ids ``(N, T)``, padded on the right, with the mask ``(N, T)`` of what is not padding."""

    tickets: tuple[Ticket, ...]
    ids: torch.Tensor
    mask: torch.Tensor


def short_tickets(tokenizer: Any, split: str, n: int, longest: int, seed: int = 0) -> Texts:
    """The first ``n`` tickets of ``split``, in the order of ``seed``, that have at most ``longest`` tokens.

    Raises:
        ValueError: an unknown split, or fewer than ``n`` such tickets.
    """
    chosen: list[Ticket] = []
    for ticket in tickets(split, min(max_tickets(split), 4 * n), seed):
        if len(tokenizer(ticket.text)["input_ids"]) <= longest:
            chosen.append(ticket)
            if len(chosen) == n:
                break
    if len(chosen) < n:
        raise ValueError(f"{split} has only {len(chosen)} tickets of at most {longest} tokens among those looked at")
    batch = tokenizer([ticket.text for ticket in chosen], padding=True, return_tensors="pt").to(device())
    return Texts(tuple(chosen), batch["input_ids"], batch["attention_mask"])


def batch_rows(n: int, size: int, steps: int, seed: int) -> Iterator[list[int]]:
    """``steps`` batches of ``min(size, n)`` row numbers below ``n``: all rows once, shuffled, before any comes again."""
    rng, queue = random.Random(seed), list[int]()
    for _ in range(steps):
        while len(queue) < min(size, n):
            queue += rng.sample(range(n), n)
        batch, queue = queue[: min(size, n)], queue[min(size, n) :]
        yield batch


def words(text: str) -> list[str]:
    """The words of ``text`` in lower case, without digits and punctuation."""
    return re.findall(r"[a-z]+", text.lower())


def bag_of_words(train: Sequence[Ticket], *others: Sequence[Ticket]) -> list[torch.Tensor]:
    """For ``train`` and each of ``others``, ``(N, V)``: 1 where a ticket has a word. Only the words of ``train`` count."""
    column = {word: i for i, word in enumerate(sorted({w for ticket in train for w in words(ticket.text)}))}
    bags = []
    for rows in (train, *others):
        bag = torch.zeros(len(rows), len(column))
        for i, ticket in enumerate(rows):
            bag[i, [column[w] for w in words(ticket.text) if w in column]] = 1.0
        bags.append(bag)
    return bags


def cue(ticket: Ticket) -> str:
    """The sentence of :data:`course.case.CUES` that gave ``ticket`` its urgency, found through the noise by its words.

    A word that is close to one of the ticket's counts as there, since the noise has typos.
    """
    present = set(words(ticket.text))

    def found(sentence: str) -> float:
        parts = set(words(sentence))
        there = [part for part in parts if difflib.get_close_matches(part, present, 1, 0.8)]
        return len(there) / len(parts) if parts else 0.6

    assert ticket.split in SPLITS
    return max(CUES[ticket.split][ticket.urgency], key=found)


def grouped_interval(
    gains: torch.Tensor, groups: Sequence[str], seed: int = 0, draws: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Bootstrap interval for the mean of ``gains`` ``(S, N)``, with whole groups and whole seeds drawn.

    Rows that share a group (``groups`` names one for each of the ``N``) are one observation, not many: they are drawn
    together or not at all.
    """
    names = sorted(set(groups))
    member = torch.tensor([names.index(group) for group in groups])
    sums = torch.zeros(len(gains), len(names), dtype=torch.double).index_add_(1, member, gains.double().cpu())
    sizes = torch.bincount(member, minlength=len(names)).double()
    generator = torch.Generator().manual_seed(seed)
    means = torch.empty(draws, dtype=torch.double)
    for i in range(draws):
        drawn = torch.randint(len(names), (len(names),), generator=generator)
        runs = torch.randint(len(gains), (len(gains),), generator=generator)
        means[i] = sums[runs][:, drawn].sum() / (len(gains) * sizes[drawn].sum())
    tail = (1 - level) / 2
    low, high = torch.quantile(means, torch.tensor([tail, 1 - tail], dtype=torch.double)).tolist()
    return low, high
