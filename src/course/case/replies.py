"""Replies in house style: a fixed opening, one policy fact, one next step, a fixed sign-off."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from course.case.catalog import POLICIES
from course.case.tickets import Example, Ticket

REPLY_INSTRUCTION: Final = "Answer this customer as the Trail Desk."
OPENING: Final = "Hello, and thank you for writing to us."
SIGN_OFF: Final = "— The Trail Desk"
MAX_REPLY_WORDS: Final = 55
"""House limit on the length of a reply, in words separated by white space, sign-off included."""

_LEAD_IN: Final = {
    "low": "When you have a moment, please",
    "normal": "As the next step, please",
    "high": "We have put you first in line: please",
}


@dataclass(frozen=True)
class Parts:
    """The pieces of a house reply to one ticket, before they are joined."""

    fact: str
    invention: str
    step: str
    """An imperative without its "please"."""
    lead_in: str


def reply_prompt(ticket: Ticket) -> str:
    """The user message that asks for a reply to `ticket`."""
    return f"{REPLY_INSTRUCTION}\n{ticket.text}"


def reply_parts(ticket: Ticket) -> Parts:
    """The sentences for `ticket`: variants are chosen by its text and its true intent, never at random."""
    policy = POLICIES[ticket.intent]
    rng = random.Random(f"course.case/reply/{ticket.intent}/{ticket.text}")
    variant = rng.randrange(len(policy.facts))
    return Parts(
        fact=policy.facts[variant].format(product=ticket.product),
        invention=policy.inventions[variant].format(product=ticket.product),
        step=rng.choice(policy.steps),
        lead_in=_LEAD_IN[ticket.urgency],
    )


def reply(ticket: Ticket) -> Example:
    """The reply the desk would send: at most 55 words, polite, grounded in `POLICIES`, one next step."""
    parts = reply_parts(ticket)
    text = f"{OPENING} {parts.fact} {parts.lead_in} {parts.step}\n{SIGN_OFF}"
    return Example(reply_prompt(ticket), text, ticket)
