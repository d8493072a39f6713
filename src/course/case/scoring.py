"""Rules that score an answer: style of a reply, fields of an extraction. No model judges here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Final

from course.case.catalog import FIELDS, POLICIES
from course.case.replies import MAX_REPLY_WORDS, SIGN_OFF
from course.case.tickets import Ticket

_MIN_REPLY_WORDS: Final = 10
_COURTESY: Final = re.compile(r"\b(please|thank you|thanks|happy to|glad to|sorry)\b", re.IGNORECASE)
_RUDE: Final = re.compile(
    r"before you write|all on the website|do not write again|don't write again|obvious|not our problem"
    r"|read the policy|your fault|stop asking",
    re.IGNORECASE,
)
_GREETING: Final = re.compile(r"\s*(hello|hi|dear)\b[^.!?\n]*\bthank(s| you)\b", re.IGNORECASE)
# Promises that no policy makes, whatever the numbers say.
_INVENTED: Final = re.compile(
    r"\b(lifetime|restocking|store credit|non-?refundable|for a fee|paid (fit call|visit))\b",
    re.IGNORECASE,
)
# fmt: off
_ONES: Final = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
# fmt: on
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS: Final[dict[str, int]] = {
    **{word: i + 1 for i, word in enumerate(_ONES)},
    **{word: 10 * (i + 2) for i, word in enumerate(_TENS)},
    **{f"{t}-{o}": 10 * (i + 2) + j + 1 for i, t in enumerate(_TENS) for j, o in enumerate(_ONES[:9])},
}
_NUMBER: Final = "|".join(sorted(_WORDS, key=len, reverse=True))
_UNIT: Final = "(?:business |working |full )?(?:day|hour|minute|week|month|year)"
_QUANTITY: Final = re.compile(rf"(?<![\d.,])\b(\d{{1,6}}|{_NUMBER})[ -]({_UNIT})s?\b", re.IGNORECASE)


@dataclass(frozen=True)
class StyleScore:
    """Which house rules a reply keeps."""

    greeting: bool
    sign_off: bool
    concise: bool
    grounded: bool
    polite: bool

    @property
    def total(self) -> float:
        """The share of rules kept, from 0 to 1."""
        kept: tuple[bool, ...] = astuple(self)
        return sum(kept) / len(kept)


def quantities(text: str) -> set[tuple[int, str]]:
    """The durations `text` states, in digits or in words, such as `(45, "day")` or `(4, "business day")`."""
    found = set()
    for number, unit in _QUANTITY.findall(text):
        amount = _WORDS.get(number.lower()) or int(number)
        found.add((amount, unit.lower().replace("working", "business").removeprefix("full ")))
    return found


def style_score(text: str, ticket: Ticket) -> StyleScore:
    """How `text` keeps the house rules as a reply to `ticket`.

    `greeting`: opens with a hello and a thank-you; `sign_off`: ends with the sign-off; `concise`: 10 to 55
    words; `grounded`: states the duration in the policy of the ticket's intent, no other duration and no
    promise from a list of inventions; `polite`: has a courtesy and no rude phrase from a list.
    These are rules, not understanding: a reply can keep all five and still be a poor answer.
    """
    policy = POLICIES[ticket.intent]
    return StyleScore(
        greeting=_GREETING.match(text) is not None,
        sign_off=text.rstrip().endswith(SIGN_OFF),
        concise=_MIN_REPLY_WORDS <= len(text.split()) <= MAX_REPLY_WORDS,
        grounded=quantities(text) == {(policy.amount, policy.unit)} and not _INVENTED.search(text),
        polite=_COURTESY.search(text) is not None and not _RUDE.search(text),
    )


def parse_extraction(text: str) -> dict[str, str] | None:
    """The three fields of the first JSON object in `text`, whatever surrounds it.

    None when there is no object, or the first one lacks a field or holds a value that is not a string.
    Keys beyond the three are dropped.
    """
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start != -1:
        try:
            value, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            continue
        fields = {key: value.get(key) for key in FIELDS}
        return fields if all(isinstance(field, str) for field in fields.values()) else None
    return None


def field_accuracy(predicted: Mapping[str, str] | None, ticket: Ticket) -> float:
    """The share of the three fields, from 0 to 1, that equal the ticket's labels exactly; 0 for None."""
    if predicted is None:
        return 0.0
    right = [predicted.get(key) == getattr(ticket, key) for key in FIELDS]
    return right.count(True) / len(FIELDS)
