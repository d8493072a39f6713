"""Faults on demand: duplicated, mislabeled and contaminated rows, in exact numbers.

Each function returns a new list and leaves its arguments alone. `fraction` is a share from 0 to 1; the
number of faulty rows is `round(fraction * size)`. ValueError for a fraction outside that range.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from course.case.catalog import INTENTS
from course.case.noise import lower_except, strip_punctuation
from course.case.tickets import Ticket


def _count(fraction: float, size: int) -> int:
    if not 0 <= fraction <= 1:
        raise ValueError(f"a fraction is a share from 0 to 1, not {fraction}")
    return round(fraction * size)


def _mixed_in(rows: Sequence[Ticket], extra: Sequence[Ticket], rng: random.Random) -> list[Ticket]:
    """`rows` in their order, with each row of `extra` put in at a random place."""
    result = list(rows)
    for row in extra:
        result.insert(rng.randrange(len(result) + 1), row)
    return result


def _near_copy(ticket: Ticket) -> str:
    """The text as someone would send it a second time: bare lower case and a word in front."""
    return "again: " + strip_punctuation(lower_except(ticket.text, ticket.product), ticket.product)


def with_duplicates(tickets: Sequence[Ticket], fraction: float, seed: int = 0, near: float = 0.0) -> list[Ticket]:
    """`tickets` plus copies of `round(fraction * len(tickets))` different rows, put in at random places.

    Of these copies, `round(near * copies)` are near-duplicates (other casing and punctuation, one word more);
    the others have the same text. A copy's id is the original's followed by `-copy`.
    ValueError for a share outside 0 to 1.
    """
    rng = random.Random(f"course.case/duplicates/{seed}")
    chosen = rng.sample(list(tickets), _count(fraction, len(tickets)))
    near_count = _count(near, len(chosen))
    copies = [
        replace(t, id=f"{t.id}-copy", text=_near_copy(t) if i < near_count else t.text) for i, t in enumerate(chosen)
    ]
    return _mixed_in(tickets, copies, rng)


def with_wrong_labels(tickets: Sequence[Ticket], fraction: float, seed: int = 0) -> list[Ticket]:
    """`tickets` in the same order, `round(fraction * len(tickets))` of them with another intent.

    Only `intent` changes: `template` still names the true one. ValueError for a share outside 0 to 1.
    """
    rng = random.Random(f"course.case/labels/{seed}")
    result = list(tickets)
    for i in rng.sample(range(len(result)), _count(fraction, len(result))):
        others = [intent for intent in INTENTS if intent != result[i].intent]
        result[i] = replace(result[i], intent=rng.choice(others))
    return result


def with_contamination(train: Sequence[Ticket], test: Sequence[Ticket], fraction: float, seed: int = 0) -> list[Ticket]:
    """`train` plus `round(fraction * len(test))` different rows of `test`, put in at random places.

    A leaked row says `split="train"`, as it would in a careless data set; its id is the test row's followed
    by `-leak`, and its template still names its origin. ValueError for a share outside 0 to 1.
    """
    rng = random.Random(f"course.case/contamination/{seed}")
    chosen = rng.sample(list(test), _count(fraction, len(test)))
    return _mixed_in(train, [replace(t, id=f"{t.id}-leak", split="train") for t in chosen], rng)
