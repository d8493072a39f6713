"""What a lesson prints, told apart by its text: answers of models, prose, or columns that stand under each other.

A lesson prints plainly, and reads as well in a terminal. Answers are lines ``label: text``::

    TICKET: Where is my tent?
      untuned: I am sorry to hear that.
      tuned: Hello. Your tent is on its way.
    — The Trail Desk

The first line is what was asked; what follows, indented or not, are answers to it, each up to the next label. The label
of the first line begins the next question, whose answers have the same labels.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

WIDEST = 88
"""Characters of a line for which the page has room."""
_COLUMNS = re.compile(r"\S(?: {2,}|\t)\s*\S")
_LABELED = re.compile(r"(?P<indent> *)(?P<label>[^\W\d_][\w ,+-]{0,29}): (?P<text>\S.*)")


@dataclass(frozen=True)
class Said:
    """A text and who or what said it; lines end as they were printed."""

    label: str
    text: str


@dataclass(frozen=True)
class Answers:
    """What was asked, and the answers to it."""

    asked: Said
    given: tuple[Said, ...]


def is_prose(text: str) -> bool:
    """Whether lines of ``text`` may be wrapped: one is too long for a page, and none has columns."""
    return max(map(len, text.splitlines()), default=0) > WIDEST and not _COLUMNS.search(text)


def answers(text: str) -> tuple[Answers, ...]:
    """The answers of models that ``text`` consists of; none if it is something else.

    Where some labels are indented, those that are not belong to what a model said; the same the other way round for
    a question that repeats.
    """
    lines = text.rstrip("\n").split("\n")
    if not is_prose(text) or not (first := _LABELED.fullmatch(lines[0])) or first["indent"]:
        return ()
    found = [_LABELED.fullmatch(line) for line in lines]
    is_indented = any(match and match["indent"] for match in found)
    groups: list[list[Said]] = []
    for line, match in zip(lines, found, strict=True):
        if match and not match["indent"] and match["label"] == first["label"]:
            groups.append([Said(match["label"], match["text"])])
        elif match and bool(match["indent"]) == is_indented:
            groups[-1].append(Said(match["label"], match["text"]))
        else:
            last = groups[-1][-1]
            groups[-1][-1] = Said(last.label, f"{last.text}\n{line}")
    labels = {tuple(said.label for said in group) for group in groups}
    if len(labels) > 1 or len(groups[0]) < 2:
        return ()
    return tuple(Answers(asked, tuple(given)) for asked, *given in groups)


def block(text: str) -> str:
    """``text`` as HTML: cards, wrapped prose, or lines as they are, which scroll where they are wider than the page."""
    if found := answers(text):
        return f'<div class="output output--answers">{cards(found)}</div>'
    if is_prose(text):
        return f'<div class="output output--prose"><pre>{html.escape(text, quote=False)}</pre></div>'
    return f'<div class="output"><pre tabindex="0">{html.escape(text, quote=False)}</pre></div>'


def cards(found: Sequence[Answers]) -> str:
    """What was asked, each with a card for every answer, as HTML."""
    return "".join(
        f'<div class="asked">{_said(each.asked)}</div>'
        f'<ul class="answer-cards">{"".join(f"<li>{_said(said)}</li>" for said in each.given)}</ul>'
        for each in found
    )


def _said(said: Said) -> str:
    return f"<strong>{html.escape(said.label, quote=False)}</strong><pre>{html.escape(said.text.strip(), quote=False)}</pre>"
