"""Numbers that somebody typed into prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from course.pipeline.text.bind import BINDING
from course.pipeline.text.spans import blank

DIGITS = 3
"""Numbers of fewer digits are left to the author: "two of 16" is most often what the text itself sets up."""
_SEPARATORS = "[,\u00a0\u2009\u202f]|\\{,\\}|\\\\,"
_NUMBER = rf"[0-9]+(?:(?:{_SEPARATORS})[0-9]{{3}}(?![0-9]))*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_WORD = re.compile(
    rf"""
      https?://\S+ | &\#\w+;
    | (?:19|20)[0-9]{{2}}-[0-9]{{2}}(?:-[0-9]{{2}})?(?![0-9])               # 2026-11, 2026-11-30
    | (?:January|February|March|April|May|June|July|August|September|October|November|December)\s+20[0-9]{{2}}
    | [(,]\s*(?:[A-Z]+[ ])?(?:19|20)[0-9]{{2}}(?=[),.;:]|\s*(?:\(|\Z))      # (2024), (ICLR 2018), "…, 2023, arXiv:…"
    | [0-9]+(?:\.[0-9]+){{2,}}                                              # 1.10.2
    | (?<=[0-9])x(?=[0-9])                                                  # 1024x4096
    | [^\W\d_]\w*(?:[-./:]\w+)*                                             # Llama-3.1-8B, arXiv:2106.09685, fp32
    | (?P<number>{_NUMBER})
    """,
    re.X,
)


@dataclass(frozen=True)
class Literal:
    """A number as it is written, at a 0-based line of the text it is in."""

    line: int
    written: str

    @property
    def number(self) -> str:
        """The number without separators, as ``plain_numbers`` lists it."""
        return plain(self.written)


def literals(text: str) -> Iterator[Literal]:
    """The numbers of three or more digits that are typed into a Markdown text.

    Digits count as they are written: zeros in front and at the end and those of an exponent too, separators of thousands
    and the decimal point not. So 1,536, 0.05, 1.00, 1e-10 and the 135 of "135M" are found, 16, 0.5 and 2e-4 are not.
    Formulas count like text; their numbers can be bound as well.

    Not looked at are bindings, code, HTML tags and comments, addresses of links, years of citations and dates (2026-11),
    and identifiers: what begins with a letter (arXiv:2106.09685, Llama-3.1-8B, fp32) or has two points (1.10.2).
    """
    prose = BINDING.sub(lambda m: "\n" * m[0].count("\n"), blank(text, "code", "markup"))
    for match in _WORD.finditer(prose):
        if match["number"] and len(re.findall("[0-9]", match["number"])) >= DIGITS:
            yield Literal(prose.count("\n", 0, match.start()), match["number"])


def is_literal(text: str) -> bool:
    """Whether ``text`` is one number that :func:`literals` would find."""
    return bool(re.fullmatch(_NUMBER, text)) and len(re.findall("[0-9]", text)) >= DIGITS


def plain(written: str) -> str:
    """A number without its separators of thousands."""
    return re.sub(_SEPARATORS, "", written)
