"""The grid of 4-bit quantization: where a format has its levels, beside where weights lie."""

from __future__ import annotations

import math
from statistics import NormalDist

from course.pipeline.diagrams.canvas import WIDTH, area, lines, rule, words
from course.pipeline.diagrams.diagram import Diagram
from course.quantization import LEVELS, OFFSET

LEFT, RIGHT, FLOOR, TALL = 16, WIDTH - 16, 96, 76
EDGE = NormalDist().inv_cdf(OFFSET)
"""How many standard deviations NF4's outermost level stands for."""
WEIGHT = 0.2
"""What is rounded, as a share of the largest weight."""


def _x(value: float) -> float:
    """Where a value between −1 and 1 lies."""
    return round(LEFT + (value + 1) / 2 * (RIGHT - LEFT), 1)


def _bell() -> str:
    steps = [i / 20 for i in range(-20, 21)]
    heights = (FLOOR - TALL * math.exp(-((step * EDGE) ** 2) / 2) for step in steps)
    curve = "L".join(f"{_x(step):g} {height:.1f}" for step, height in zip(steps, heights, strict=True))
    return f"M{LEFT} {FLOOR}L{curve}V{FLOOR}z"


def _ticks(name: str, top: float) -> str:
    return "".join(f"M{_x(level):g} {top:g}v18" for level in LEVELS[name])


def _rounded(name: str, top: float) -> str:
    """An arrow from the weight to the level next to it, below the levels of a format."""
    level = min(LEVELS[name], key=lambda level: abs(level - WEIGHT))
    return f"M{_x(level):g} {top - 4:g}v26"


DIAGRAM = Diagram(
    name="nf4-grid",
    title="The grid of four bits",
    about=(
        "A bell curve of weights from minus to plus the largest of their block, and below it two rows of marks. The sixteen "
        "levels of NF4 stand close together in the middle, where most weights lie, and far apart at the edges. The fifteen "
        f"levels of int4 are evenly spaced. A weight of {WEIGHT:g} times the largest is stored as the level next to it, "
        "which is drawn thicker."
    ),
    height=206,
    drawn=area(1, _bell())
    + rule(f"M{LEFT} 129H{RIGHT}M{LEFT} 173H{RIGHT}")
    + lines(_ticks("nf4", 120), 2, 1.6)
    + lines(_ticks("int4", 164), 3, 1.6)
    + lines(_rounded("nf4", 120), 2, 3.5)
    + lines(_rounded("int4", 164), 3, 3.5)
    + lines(f"M{_x(WEIGHT):g} 4V192", dashed=True)
    + words("start", [(LEFT, 114, "NF4"), (LEFT, 158, "int4"), (_x(WEIGHT) + 6, 13, "a weight")])
    + words("middle", [(_x(0), 203, "0")])
    + words("start", [(LEFT, 203, "−1")])
    + words("end", [(RIGHT, 203, "1 × the largest")]),
)
