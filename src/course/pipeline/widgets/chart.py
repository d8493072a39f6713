"""Small line charts whose axes stand still, so that only the lines move."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from course.pipeline.widgets.view import fixed

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 340, 200, 40, 34, 10, 10


@dataclass(frozen=True)
class Axes:
    """The ranges of both axes, in the data's units. A line is cut where it leaves them; a dot stays at the edge."""

    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        across, up = (x - self.x[0]) / (self.x[1] - self.x[0]), (y - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - BOTTOM - TOP)

    def path(self, xs: Iterable[float], f: Callable[[float], float]) -> str:
        """The line through ``f`` of every x, to a tenth, which is finer than a screen; each point from the one before."""
        points = [[round(10 * float(fixed(length, 1))) for length in self.at(x, f(x))] for x in xs]
        steps = (fixed((b - a) / 10, 1) for here, there in pairwise(points) for a, b in zip(here, there, strict=True))
        return f"M{' '.join(fixed(length / 10, 1) for length in points[0])}l{' '.join(steps)}"

    def dot(self, x: float, y: float) -> dict[str, str]:
        across, up = self.at(min(x, self.x[1]), min(y, self.y[1]))
        return {"cx": fixed(across), "cy": fixed(up)}

    def svg(
        self, name: str, lines: Sequence[str], dot: str, x_ticks: Sequence[tuple[float, str]],
        y_ticks: Sequence[tuple[float, str]], x_label: str,
    ) -> str:  # fmt: skip
        """A chart of ``lines`` and a ``dot``, by the names of their drawings; ``name`` is that of the whole."""
        parts = []
        for value, text in y_ticks:
            _, y = self.at(self.x[0], value)
            parts.append(f'<path class="chart-grid" d="M{LEFT} {fixed(y)}H{WIDTH - RIGHT}"></path>')
            parts.append(f'<text x="{LEFT - 5}" y="{fixed(y + 4)}" text-anchor="end">{html.escape(text)}</text>')
        for value, text in x_ticks:
            x, _ = self.at(value, self.y[0])
            parts.append(
                f'<text x="{fixed(x)}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{html.escape(text)}</text>'
            )
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(f'<text x="{fixed(middle)}" y="{HEIGHT - 3}" text-anchor="middle">{html.escape(x_label)}</text>')
        inside = (LEFT - 1, TOP - 1, WIDTH - LEFT - RIGHT + 2, HEIGHT - BOTTOM - TOP + 2)
        place = " ".join(f'{key}="{at}"' for key, at in zip(("x", "y", "width", "height"), inside, strict=True))
        drawn = "".join(f'<path class="chart-line line-{i}" data-draw="{n}"></path>' for i, n in enumerate(lines, 1))
        return (
            f'<svg class="widget-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" data-draw="{name}">{"".join(parts)}'
            f'<svg {place} viewBox="{" ".join(map(str, inside))}">'
            f"{drawn}</svg>"
            f'<circle class="chart-dot" r="4.5" data-draw="{dot}"></circle></svg>'
        )
