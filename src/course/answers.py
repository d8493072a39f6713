"""Numbers as people write them, and whether one is the answer: the judge of notebooks, which pages have as numbers.js.

Both are held to tests/answers.json. A comma may group thousands or begin decimals, and so may a point: where a text can be
read both ways, it is right if one of the readings is.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence

EXACT = 1e-9
"""The least relative tolerance: what decimals lose in binary."""
_SPACE = "[ \t\n\r\u00a0\u2009\u202f]"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TEN_TO_THE = rf"10{_SPACE}*(?:\^|\*\*){_SPACE}*"
_NUMBER = re.compile(rf"([+-]?){_SPACE}*([0-9.,_]*[0-9][0-9.,_]*)(e[+-]?[0-9]+)?")
_NOTATIONS = [
    (rf"(?:[1-9][0-9]{{0,2}}([{comma}_])[0-9]{{3}}(?:\1[0-9]{{3}})*|[0-9]*)(?:[{point}][0-9]*)?", comma, point)
    for comma, point in ((",", "."), (".", ","))
]
"""Numbers in the notation of the course and in the other, with what groups thousands and what begins decimals."""


def readings(text: str, unit: str = "") -> tuple[float, ...]:
    """The numbers that ``text`` may mean, in the notation of the course first; none if it is not a number.

    Read are 9216, 9,216, 9 216, 9.216,5, 0.25, 0,25, .25, −3, 1/8, 1.2e6, 1.2 × 10^6 and 10⁻³. ``unit`` may follow the
    number. A percentage is a hundredth, unless the unit is the percent itself. "1,536" is 1536 or 1.536, and "1.536" is
    1.536 or 1536. Other units, and letters that multiply, as in "64 k", are not read: a learner is told to write digits.
    """
    rest, suffix = (_trimmed(unicodedata.normalize("NFC", part)).lower() for part in (text, unit))
    scale = 1
    if suffix and rest.endswith(suffix):
        rest = _trimmed(rest[: -len(suffix)])
    elif rest.endswith("%"):
        rest, scale = _trimmed(rest[:-1]), 100
    rest = re.sub("[\u2212\u2013]", "-", rest)
    rest = re.sub("10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: f"10^{m[1].translate(_SUPERSCRIPTS)}", rest)
    rest = re.sub(rf"{_SPACE}*[×x*·]{_SPACE}*{_TEN_TO_THE}", "e", rest)
    rest = re.sub(rf"^([+-]?){_TEN_TO_THE}", r"\g<1>1e", rest)
    rest = re.sub("([0-9])[ \t\u00a0\u2009\u202f'\u2019](?=[0-9])", r"\1_", rest)
    above, line, below = rest.partition("/")
    divisors = list(_numbers(_trimmed(below))) if line else [1.0]
    found = [number / divisor / scale for number in _numbers(_trimmed(above)) for divisor in divisors if divisor]
    return tuple(dict.fromkeys(number for number in found if math.isfinite(number)))


def is_right(given: Sequence[float], answer: float, tolerance: float = 0.0) -> bool:
    """Whether one of the readings ``given`` answers the question.

    ``tolerance`` is relative; 0 asks for the exact number, up to rounding in binary.
    """
    return any(abs(number - answer) <= max(tolerance, EXACT) * abs(answer) for number in given)


def unreadable(text: str, unit: str = "") -> str:
    """What to say of a text that is no number."""
    of = f" ({unit})" if unit else ""
    return f"I could not read “{text.strip()[:40]}” as a number{of}. Write digits: 9216, 9,216, 0.25, 1/8 or 1.2e6."


def _trimmed(text: str) -> str:
    return re.sub(rf"^{_SPACE}+|{_SPACE}+$", "", text)


def _numbers(text: str) -> Iterator[float]:
    parts = _NUMBER.fullmatch(text)
    for pattern, comma, point in _NOTATIONS if parts else ():
        if parts and re.fullmatch(pattern, parts[2]):
            digits = parts[2].replace(comma, "").replace("_", "").replace(point, ".")
            yield float(f"{parts[1]}{digits}{parts[3] or ''}")
