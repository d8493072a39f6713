"""Extraction tickets for the bench: encoded, with the place of each field marked, in sets balanced by decision."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

from course.case import INTENTS, URGENCIES, Ticket, extraction, max_tickets, tickets
from course.chat import Encoded, encode

T = TypeVar("T")
SYSTEM = "You read tickets."
"""A short system turn: the template's own is 24 tokens longer, which every step would pay for."""
OPTIONS = {"intent": INTENTS, "urgency": URGENCIES}
"""The fields that are decisions, and what the schema allows. The product is copied from the ticket."""


_PAIRS = tuple(product(INTENTS, URGENCIES))


@dataclass(frozen=True)
class Field:
    """Where a field's value stands among the tokens of a completion: ``start`` to ``stop``, the end excluded.

    ``options`` are the first tokens of all values that the schema allows, in its order; empty for a field that is copied.
    """

    name: str
    start: int
    stop: int
    options: tuple[int, ...] = ()


@dataclass(frozen=True)
class Item:
    """A ticket with its gold extraction as token ids, and where the fields stand."""

    ticket: Ticket
    encoded: Encoded
    fields: tuple[Field, ...]


def items(tokenizer: Any, chosen: Sequence[Ticket], system: str | None = SYSTEM) -> list[Item]:
    """Encode the extraction task of each ticket.

    Raises:
        ValueError: two values of a field that begin with one token, which could not be told apart by it.
    """
    options = {name: tuple(_first(tokenizer, name, value) for value in values) for name, values in OPTIONS.items()}
    for name, found in options.items():
        if len(set(found)) < len(found):
            raise ValueError(f"Two values of {name} begin with the same token of this tokenizer.")
    made = []
    for ticket in chosen:
        example = extraction(ticket)
        encoded = encode(tokenizer, example.prompt, example.completion, system)
        made.append(Item(ticket, encoded, _fields(tokenizer, example.completion, options)))
    return made


def balanced(rows: Sequence[T], decision: Callable[[T], Hashable], decisions: Iterable[Hashable], n: int) -> list[T]:
    """The first ``n`` of ``rows`` that hold each of ``decisions`` equally often, in their order.

    On such a set a constant answer is right exactly as often as a uniform guess.

    Raises:
        ValueError: an ``n`` that the number of decisions does not divide, or a decision with too few rows.
    """
    groups: dict[Hashable, list[int]] = {one: [] for one in decisions}
    for place, row in enumerate(rows):
        groups[decision(row)].append(place)
    each, rest = divmod(n, len(groups))
    if rest:
        raise ValueError(f"{n} rows cannot be balanced over {len(groups)} decisions: use a multiple of that.")
    for name, places in groups.items():
        if len(places) < each:
            raise ValueError(f"The decision {name} has {len(places)} rows, and {each} are needed.")
    return [rows[place] for place in sorted(place for places in groups.values() for place in places[:each])]


def held_out(tokenizer: Any, split: str, n: int, longest: int | None = None, seed: int = 0) -> list[Item]:
    """``n`` items of ``split`` with every pair of intent and urgency equally often, of at most ``longest`` tokens.

    A limit alone would unbalance them: some decisions take more words than others.
    ``n`` is a multiple of 18; 144 give an accuracy a standard error of at most 0.042.

    Raises:
        ValueError: see :func:`balanced`; or an unknown split.
    """
    found = items(tokenizer, tickets(split, max_tickets(split) if longest else n + len(_PAIRS), seed))
    short = [item for item in found if longest is None or len(item.encoded.input_ids) <= longest]
    return balanced(short, lambda item: (item.ticket.intent, item.ticket.urgency), _PAIRS, n)


def _first(tokenizer: Any, name: str, value: str) -> int:
    """The first token of ``value`` where it stands in a completion."""
    text = json.dumps({name: value}, separators=(",", ":"))
    start, stop = _span(tokenizer, text, f'"{name}":"', value)
    assert start < stop
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids[start]


def _fields(tokenizer: Any, completion: str, options: dict[str, tuple[int, ...]]) -> tuple[Field, ...]:
    gold: dict[str, str] = json.loads(completion)
    return tuple(
        Field(name, *_span(tokenizer, completion, f'"{name}":"', value), options.get(name, ()))
        for name, value in gold.items()
    )


def _span(tokenizer: Any, text: str, before: str, value: str) -> tuple[int, int]:
    """The tokens that hold any character of ``value`` where it follows ``before``."""
    begin = text.index(before + value) + len(before)
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    places = [place for place, (a, b) in enumerate(offsets) if a < begin + len(value) and b > begin]
    return places[0], places[-1] + 1
