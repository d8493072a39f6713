"""Parts of a drawing that follows the reader's theme, in the colors of figures, as short as SVG can say them.

Lengths are units of a drawing that is 360 wide, which is a phone: what can be read there can be read everywhere.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from course.draw import FALLBACK, GRID, INK, PALETTE

WIDTH = 360
Box = tuple[float, float, float, float]
"""Left, top, width and height."""
Word = tuple[float, float, str]
"""Where a text stands, by its anchor and its baseline. What follows ``_`` in a word is set low: ``d_in``."""


def color(number: int) -> str:
    """A color of figures, from 1; 0 is that of lines and words."""
    return f"var(--figure-{number}, {PALETTE[number - 1]})" if number else f"var(--figure-ink, {FALLBACK[INK]})"


def boxes(number: int, *placed: Box) -> str:
    """Tinted boxes of one color."""
    return area(number, "".join(f"M{x:g} {y:g}h{width:g}v{height:g}h{-width:g}z" for x, y, width, height in placed))


def area(number: int, path: str) -> str:
    """A tinted area of one color."""
    paint = color(number)
    return f'<path style="fill:{paint};fill-opacity:.2;stroke:{paint}" d="{path}"/>'


def lines(path: str, number: int = 0, width: float = 1.3, dashed: bool = False) -> str:
    dash = ";stroke-dasharray:4 3" if dashed else ""
    return f'<path style="fill:none;stroke:{color(number)};stroke-width:{width:g}{dash}" d="{path}"/>'


def rule(path: str) -> str:
    """A line that is there for order only."""
    return f'<path style="fill:none;stroke:var(--figure-grid, {FALLBACK[GRID]})" d="{path}"/>'


def down(x: float, y: float, to: float) -> str:
    """The path of an arrow downwards."""
    return f"M{x:g} {y:g}V{to:g}m-4-6 4 6 4-6"


def dots(number: int, *centers: tuple[float, float]) -> str:
    drawn = "".join(f'<circle cx="{x:g}" cy="{y:g}" r="4.5"/>' for x, y in centers)
    return f'<g style="fill:{color(number)}">{drawn}</g>'


def words(anchor: str, placed: Sequence[Word], size: float = 12, bold: bool = False) -> str:
    """Texts that begin (``start``), have their middle (``middle``) or end (``end``) where they stand."""
    weight = ";font-weight:600" if bold else ""
    told = "".join(f'<text x="{x:g}" y="{y:g}">{_lowered(text)}</text>' for x, y, text in placed)
    return f'<g style="fill:{color(0)};font-size:{size:g}px;text-anchor:{anchor}{weight}">{told}</g>'


def _lowered(text: str) -> str:
    """``text`` with what follows ``_`` set low, by shifts: browsers differ in what they know of subscripts in drawings."""
    first, *others = re.split(r"_(\w+)", text)
    made = html.escape(first, quote=False)
    for low, rest in zip(others[::2], others[1::2], strict=True):
        made += f'<tspan dy="3" style="font-size:.75em">{html.escape(low, quote=False)}</tspan>'
        made += f'<tspan dy="-3">{html.escape(rest, quote=False)}</tspan>' if rest else ""
    return made
