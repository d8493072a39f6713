"""The controls of an interactive piece: what a setting may be, and the form element that a reader sets it with."""

from __future__ import annotations

import html
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course.pipeline.text.expressions import form

Value = str | float | bool


def _label(name: str, label: str) -> str:
    return f'<label for="{name}">{html.escape(label)}</label>'


@dataclass(frozen=True)
class Choice:
    """One of a few texts: radio buttons, or a list if ``listed``.

    ``remember`` keeps the choice in the browser, for every page; such a choice is never part of a link.
    """

    name: str
    label: str
    options: Mapping[str, str]
    listed: bool = False
    remember: bool = False

    def read(self, text: str) -> Value:
        if text not in self.options:
            raise ValueError(f"one of {', '.join(filter(None, self.options))}")
        return text

    def sample(self, rng: random.Random) -> Value:
        return rng.choice(list(self.options))

    def html(self, piece: str, value: Value) -> str:
        name = f"widget-{piece}-{self.name}"
        if not self.listed:
            radios = "".join(
                f'<label><input type="radio" name="{self.name}" value="{key}"{" checked" * (key == value)}>'
                f"<span>{html.escape(label)}</span></label>"
                for key, label in self.options.items()
            )
            return (
                f'<div class="widget-control" role="radiogroup" aria-labelledby="{name}"><span class="widget-label" '
                f'id="{name}">{html.escape(self.label)}</span><span class="widget-radios">{radios}</span></div>'
            )
        options = "".join(
            f'<option value="{key}"{" selected" * (key == value)}>{html.escape(label)}</option>'
            for key, label in self.options.items()
        )
        keep = " data-remember" * self.remember
        select = f'<select id="{name}" name="{self.name}" autocomplete="off"{keep}>{options}</select>'
        return f'<div class="widget-control">{_label(name, self.label)}{select}</div>'


@dataclass(frozen=True)
class Number:
    """A whole number that is typed."""

    name: str
    label: str
    low: int
    high: int

    def read(self, text: str) -> Value:
        if not (text.isascii() and text.isdigit() and self.low <= int(text) <= self.high):
            raise ValueError(f"a whole number from {self.low} to {self.high}")
        return int(text)

    def sample(self, rng: random.Random) -> Value:
        return min(self.high, max(self.low, 1 << rng.randint(0, 12)))

    def html(self, piece: str, value: Value) -> str:
        name = f"widget-{piece}-{self.name}"
        return (
            f'<div class="widget-control">{_label(name, self.label)}<input type="number" inputmode="numeric" id="{name}" '
            f'name="{self.name}" '
            f'value="{value}" min="{self.low}" max="{self.high}" step="1" required autocomplete="off"></div>'
        )


@dataclass(frozen=True)
class Slider:
    """One of the ``values``, in order, shown in the format ``style``."""

    name: str
    label: str
    values: Sequence[float]
    style: str

    def read(self, text: str) -> Value:
        for value in self.values:
            if text == f"{value:g}":
                return value
        raise ValueError(f"one of {', '.join(f'{value:g}' for value in self.values)}")

    def sample(self, rng: random.Random) -> Value:
        return rng.choice(self.values)

    def html(self, piece: str, value: Value) -> str:
        name = f"widget-{piece}-{self.name}"
        assert isinstance(value, (int, float))
        shown = form(value, self.style)
        values = " ".join(f"{entry:g}" for entry in self.values)
        return (
            f'<div class="widget-control widget-slider">{_label(name, self.label)}'
            f'<span class="widget-value" aria-hidden="true">{shown}</span>'
            f'<input type="range" id="{name}" name="{self.name}" min="0" max="{len(self.values) - 1}" step="1" '
            f'value="{list(self.values).index(value)}" data-values="{values}" data-style="{self.style}" '
            f'aria-valuetext="{shown}" autocomplete="off"></div>'
        )


@dataclass(frozen=True)
class Switch:
    """On or off."""

    name: str
    label: str

    def read(self, text: str) -> Value:
        if text not in ("yes", "no"):
            raise ValueError("yes or no")
        return text == "yes"

    def sample(self, rng: random.Random) -> Value:
        return rng.random() < 0.5

    def html(self, piece: str, value: Value) -> str:
        name = f"widget-{piece}-{self.name}"
        return (
            f'<div class="widget-control widget-switch"><input type="checkbox" id="{name}" name="{self.name}"'
            f'{" checked" * bool(value)} autocomplete="off">{_label(name, self.label)}</div>'
        )


Control = Choice | Number | Slider | Switch
