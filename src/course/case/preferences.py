"""Preference pairs: a house reply against one that fails on a single named axis.

Length is no shortcut over all axes: the rejected reply is longer on "concise", shorter on "polite", and
about as long on "grounded".
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from course.case.replies import OPENING, SIGN_OFF, reply, reply_parts, reply_prompt
from course.case.tickets import Ticket, tickets

AXES: Final = ("concise", "grounded", "polite")

_PADDING: Final = (
    "We truly value every message that reaches our desk, and yours is no exception at all.",
    "As you may already know, our whole team cares deeply about the outdoors and the people in it.",
    "It is always a pleasure for us to hear from customers who enjoy their time outside.",
    "Please be assured that we have read your message with great care and with full attention.",
    "There are of course many things to consider here, and we would like to be thorough.",
    "We hope that this message finds you well and that you have pleasant weather at the moment.",
)
_CURT: Final = (
    "Read the policy before you write.",
    "It is all on the website.",
    "Do not write again about this.",
    "That was obvious.",
)


@dataclass(frozen=True)
class PreferencePair:
    """Two answers to `prompt`; `chosen` is better than `rejected` on `axis`, one of `AXES`."""

    prompt: str
    chosen: str
    rejected: str
    axis: str
    ticket: Ticket


def _padded(ticket: Ticket) -> str:
    """The house reply with three empty sentences around its fact."""
    parts = reply_parts(ticket)
    rng = random.Random(f"course.case/padding/{ticket.text}")
    first, second, third = rng.sample(_PADDING, 3)
    return f"{OPENING} {first} {second} {parts.fact} {third} {parts.lead_in} {parts.step}\n{SIGN_OFF}"


def _invented(ticket: Ticket) -> str:
    """The house reply with a policy that the desk does not have."""
    parts = reply_parts(ticket)
    return f"{OPENING} {parts.invention} {parts.lead_in} {parts.step}\n{SIGN_OFF}"


def _curt(ticket: Ticket) -> str:
    """The right fact and step, without a greeting or a courtesy and with one rude sentence."""
    parts = reply_parts(ticket)
    rude = random.Random(f"course.case/curt/{ticket.text}").choice(_CURT)
    return f"{parts.fact} {parts.step[0].upper()}{parts.step[1:]} {rude}\n{SIGN_OFF}"


_REJECTED: Final = {"concise": _padded, "grounded": _invented, "polite": _curt}


def preference_pair(ticket: Ticket, axis: str) -> PreferencePair:
    """The pair for `ticket` on `axis`. ValueError when the axis is not one of `AXES`."""
    if axis not in _REJECTED:
        raise ValueError(f"unknown axis {axis!r}: expected one of {', '.join(AXES)}")
    return PreferencePair(reply_prompt(ticket), reply(ticket).completion, _REJECTED[axis](ticket), axis, ticket)


def preference_pairs(split: str, n: int, seed: int = 0, axes: Sequence[str] = AXES) -> list[PreferencePair]:
    """`n` pairs over the first `n` tickets of `split`, the axes taken in turn (balanced within one).

    Raises ValueError for no axis, an unknown axis, and whatever `tickets` refuses.
    """
    if not axes:
        raise ValueError(f"name at least one axis of {', '.join(AXES)}")
    for axis in axes:
        if axis not in AXES:
            raise ValueError(f"unknown axis {axis!r}: expected one of {', '.join(AXES)}")
    return [preference_pair(ticket, axes[i % len(axes)]) for i, ticket in enumerate(tickets(split, n, seed))]
