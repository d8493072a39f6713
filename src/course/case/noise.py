"""Realistic noise: greetings, order numbers, lower case, lost punctuation and everyday typos.

Noise never touches the product name. Typos come from a closed list of harmless words, so no word that
carries an intent or an urgency is ever misspelled.
"""

from __future__ import annotations

import random
import re
from typing import Final

GREETINGS: Final = ("Hi,", "Hello,", "Hey there,", "Hi team,", "Good morning,")
TYPOS: Final[dict[str, str]] = {
    "about": "abuot",
    "although": "altough",
    "because": "becuase",
    "could": "coudl",
    "help": "hlep",
    "honestly": "honestley",
    "know": "konw",
    "my": "mi",
    "our": "uor",
    "please": "plese",
    "really": "realy",
    "should": "shuold",
    "since": "sicne",
    "thanks": "thnaks",
    "that": "taht",
    "the": "teh",
    "there": "tehre",
    "this": "tihs",
    "what": "waht",
    "which": "wich",
    "will": "wil",
    "with": "wiht",
    "would": "woud",
}

# Chance of each kind of noise, per ticket.
_GREETING, _ORDER, _LOWER, _BARE, _TYPO = 0.4, 0.25, 0.25, 0.25, 0.35


def _misspell(text: str, rng: random.Random) -> str:
    """Misspell one word of `text` that the list of typos knows, if there is one."""
    found = [m for m in re.finditer(r"[A-Za-z]+", text) if m.group().lower() in TYPOS]
    if not found:
        return text
    match = rng.choice(found)
    wrong = TYPOS[match.group().lower()]
    if match.group()[0].isupper():
        wrong = wrong.capitalize()
    return text[: match.start()] + wrong + text[match.end() :]


def lower_except(text: str, product: str) -> str:
    """`text` in lower case, with every occurrence of `product` left as it is."""
    return product.join(part.lower() for part in text.split(product))


def strip_punctuation(text: str, product: str) -> str:
    """`text` without . , ! ? ; : and apostrophes, with every occurrence of `product` left as it is."""
    return product.join(re.sub(r"[.,!?;:']", "", part) for part in text.split(product))


def add_noise(text: str, product: str, rng: random.Random) -> str:
    """A noisy version of `text`, drawn from `rng`, that still contains `product` unchanged."""
    if rng.random() < _TYPO:
        # Product names hold no word of the list, so they are safe here.
        text = _misspell(text, rng)
    if rng.random() < _ORDER:
        text = f"{text} Order TB-{rng.randrange(10_000, 100_000)}."
    if rng.random() < _GREETING:
        text = f"{rng.choice(GREETINGS)} {text}"
    if rng.random() < _LOWER:
        text = lower_except(text, product)
    if rng.random() < _BARE:
        text = strip_punctuation(text, product)
    return text
