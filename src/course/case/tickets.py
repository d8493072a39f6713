"""Tickets: what customers write, with the labels that a reader of the text can infer."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice, product
from typing import Final

from course.case.catalog import INTENTS, PRODUCTS, URGENCIES, check_split
from course.case.noise import add_noise
from course.case.templates import CUES, TEMPLATES, Template

EXTRACTION_INSTRUCTION: Final = "Extract intent, product and urgency as JSON."


@dataclass(frozen=True)
class Ticket:
    """One customer message and its labels. `template` names its wording, `split` where it belongs."""

    id: str
    text: str
    intent: str
    product: str
    urgency: str
    template: str
    split: str


@dataclass(frozen=True)
class Example:
    """One training example: a user message, the answer wanted, and the ticket both come from."""

    prompt: str
    completion: str
    ticket: Ticket


@cache
def _cell(split: str, intent: str, urgency: str) -> tuple[tuple[Template, str, str], ...]:
    """Every (template, product, cue) that makes a ticket of this intent and urgency."""
    templates = [t for t in TEMPLATES if t.split == split and t.intent == intent]
    return tuple(product(templates, PRODUCTS[split], CUES[split][urgency]))


def max_tickets(split: str) -> int:
    """How many distinct tickets `split` can give in one call. ValueError for an unknown split."""
    check_split(split)
    smallest = min(len(_cell(split, intent, urgency)) for intent in INTENTS for urgency in URGENCIES)
    return smallest * len(INTENTS) * len(URGENCIES)


def _stream(split: str, seed: int) -> Iterator[Ticket]:
    """All tickets of `split`, in the order that `seed` gives: blocks of one ticket per intent."""
    name = f"course.case/{split}/{seed}"  # a string seed is hashed with SHA-512: the same in every process
    waiting = {}
    for intent, urgency in product(INTENTS, URGENCIES):
        cell = list(_cell(split, intent, urgency))
        random.Random(f"{name}/{intent}/{urgency}").shuffle(cell)
        waiting[intent, urgency] = cell
    levels: dict[str, list[str]] = {intent: [] for intent in INTENTS}
    order = random.Random(f"{name}/order")
    for number in range(max_tickets(split)):
        if number % len(INTENTS) == 0:
            block = order.sample(INTENTS, len(INTENTS))
        intent = block[number % len(INTENTS)]
        if not levels[intent]:
            levels[intent] = order.sample(URGENCIES, len(URGENCIES))
        urgency = levels[intent].pop()
        template, item, cue = waiting[intent, urgency].pop()
        clean = f"{template.text.format(product=item)} {cue}".strip()
        text = add_noise(clean, item, random.Random(f"{name}/noise/{number}"))
        yield Ticket(f"{split}-{seed}-{number:05d}", text, intent, item, urgency, template.id, split)


def tickets(split: str, n: int, seed: int = 0) -> list[Ticket]:
    """`n` tickets of `split` ("train", "validation" or "test"), all with different texts.

    The same arguments give the same list in every process, and a shorter list is the beginning of a longer
    one. Any prefix holds each intent equally often, give or take one; urgency levels are balanced within each
    intent. No template, wording or product is in two splits. Two seeds order the same material differently,
    so their tickets may repeat each other's wording within a split.

    Raises ValueError for an unknown split, a negative `n`, or an `n` above `max_tickets(split)`.
    """
    largest = max_tickets(split)
    if not 0 <= n <= largest:
        raise ValueError(f"the {split} split gives 0 to {largest} distinct tickets, not {n}")
    return list(islice(_stream(split, seed), n))


def extraction(ticket: Ticket) -> Example:
    """The extraction task: a short instruction and the ticket, answered by compact JSON.

    The completion has the keys intent, product and urgency, in that order.
    """
    gold = {"intent": ticket.intent, "product": ticket.product, "urgency": ticket.urgency}
    prompt = f"{EXTRACTION_INSTRUCTION}\n{ticket.text}"
    return Example(prompt, json.dumps(gold, separators=(",", ":")), ticket)
