"""Figures as data: what a chart shows. :mod:`course.draw` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Series:
    """One line, set of points or set of bars. ``low`` and ``high`` bound a spread (same length as ``y``)."""

    name: str
    x: Sequence[float | str]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Figure:
    """A chart: what it shows, in words (``alt``), and the data.

    Args:
        kind: ``line`` (points joined), ``scatter``, ``bar`` (grouped), ``stacked`` (bars on bars), ``heatmap`` (one
            series a row, its ``x`` the columns, its ``y`` the cell values).
        caption: one sentence under the figure; bindings ``{{ key | format }}`` are allowed.
        alt: what a reader who cannot see it needs to know: axes, trend and the comparison that matters.
        guides: horizontal reference lines, ``(label, y)``.
    """

    kind: Literal["line", "scatter", "bar", "stacked", "heatmap"]
    series: Sequence[Series]
    x_label: str
    y_label: str
    caption: str
    alt: str
    x_log: bool = False
    y_log: bool = False
    guides: Sequence[tuple[str, float]] = field(default=())

    def svg(self) -> str:
        """The drawing, as :func:`course.draw.svg` makes it."""
        from course.draw import svg

        return svg(self)
