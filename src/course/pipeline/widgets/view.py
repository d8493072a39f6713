"""What a piece shows in one state: texts and attributes by name, and a template that has a place for each.

Python fills the template when the site is built; the script sets the same names when a setting changes. Both compute a
view from a state, and a test holds the two equal.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from course.pipeline.widgets.controls import Control

State = Mapping[str, Any]
"""Setting → value: text, number or yes/no, as its control reads it."""

_TEXT = re.compile(r'(<(\w+)\b[^<>]* data-text="([\w.-]+)"[^<>]*>)(</\2>)')
_DRAW = re.compile(r' data-draw="([\w.-]+)"')


@dataclass(frozen=True)
class View:
    """``texts`` fill the elements marked ``data-text``; ``drawn`` gives attributes to those marked ``data-draw``.

    ``summary`` says it all in a sentence or two: it is read to those who cannot see the rest.
    """

    summary: str
    texts: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def fill(self, template: str) -> str:
        """``template`` with every text and every drawing in its place."""
        template = _TEXT.sub(lambda m: m[1] + html.escape(self.texts[m[3]], quote=False) + m[4], template)
        return _DRAW.sub(lambda m: m[0] + "".join(_attributes(self.drawn[m[1]])), template)


def _attributes(given: Mapping[str, str]) -> list[str]:
    return [f' {name}="{html.escape(text)}"' for name, text in given.items()]


def fixed(length: float, digits: int = 2) -> str:
    """A length in a drawing, as short as SVG reads it."""
    return f"{round(length, digits) + 0:g}"  # no negative zero


@dataclass(frozen=True)
class Group:
    """Controls that stand together; with a ``fold`` they are folded under that title."""

    controls: Sequence[Control]
    fold: str = ""

    def html(self, piece: str, state: State) -> str:
        inner = f'<div class="widget-group">{"".join(c.html(piece, state[c.name]) for c in self.controls)}</div>'
        return f"<details><summary>{self.fold}</summary>{inner}</details>" if self.fold else inner


@dataclass(frozen=True)
class Piece:
    """An interactive piece.

    Attributes:
        groups: its controls.
        start: the state where the author asks for no other.
        view: what it shows.
        template: the HTML below the controls.
        rows: the same as rows of a table, with the column names first: for notebooks and Markdown files.
        settle: completes a state whose settings depend on each other.
    """

    name: str
    title: str
    groups: Sequence[Group]
    start: State
    view: Callable[[State], View]
    template: str
    rows: Callable[[State], Sequence[Sequence[str]]]
    settle: Callable[[State], State] = lambda state: state

    @property
    def controls(self) -> list[Control]:
        return [control for group in self.groups for control in group.controls]
