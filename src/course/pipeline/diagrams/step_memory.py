"""What a training step holds in memory, from its forward pass to its update."""

from __future__ import annotations

from collections.abc import Sequence

from course.pipeline.diagrams.canvas import area, lines, rule, words
from course.pipeline.diagrams.diagram import Diagram

LEFT, FORWARD, BACKWARD, UPDATE, RIGHT = 16, 16, 136, 256, 344
"""Where the phases begin, and where the last ends."""
FLOOR, WEIGHT = 208, 26
"""The ground, and the height of what takes 4 bytes a parameter."""

_TIMES = (FORWARD, BACKWARD, UPDATE, RIGHT)
# Of AdamW in fp32 with everything trained: at the ends of the phases, in units of the weights.
_SHELVES = {
    "weights": (1, (1, 1, 1, 1)),
    "optimizer": (3, (2, 2, 2, 2)),
    "gradients": (2, (0, 0, 1, 1)),
    "activations": (4, (0, 3.4, 0, 0)),
}


def _path(below: Sequence[float], above: Sequence[float]) -> str:
    """The outline of a shelf that lies between two lines."""
    points = [*zip(_TIMES, above, strict=True), *reversed([*zip(_TIMES, below, strict=True)])]
    return "M" + "L".join(f"{x} {FLOOR - WEIGHT * height:g}" for x, height in points) + "z"


def _drawn() -> str:
    drawn, below = "", [0.0] * len(_TIMES)
    for number, held in _SHELVES.values():
        above = [a + b for a, b in zip(below, held, strict=True)]
        drawn += area(number, _path(below, above))
        below = above
    peak = FLOOR - WEIGHT * max(below)
    return (
        rule(f"M{BACKWARD} 26V{FLOOR + 6}M{UPDATE} 26V{FLOOR + 6}")
        + drawn
        + lines(f"M{LEFT} {FLOOR}H{RIGHT}m-6-4 6 4-6 4")
        + lines(f"M{LEFT} {peak:g}H{BACKWARD + 60}", dashed=True)
        + words("start", [(BACKWARD + 66, peak + 4, "peak"), (LEFT + 8, FLOOR - 9, "weights"),
                          (LEFT + 8, FLOOR - WEIGHT * 2 + 4, "optimizer (m and v)")])
        + words("middle", [(BACKWARD, 98, "activations"), (298, 118, "gradients"), (76, FLOOR + 20, "forward"),
                           (196, FLOOR + 20, "backward"), (300, FLOOR + 20, "update")])
    )  # fmt: skip


DIAGRAM = Diagram(
    name="step-memory",
    title="What one training step holds, over time",
    about=(
        "Four layers on top of each other, from left to right over forward pass, backward pass and update. Weights and the "
        "optimizer's two averages, twice as high, stay the same all the time. Activations grow from nothing through the "
        "forward pass and shrink to nothing through the backward pass. Gradients grow through the backward pass to the "
        "height of the weights and stay until the update is done. The whole is highest where forward turns into backward. "
        "Drawn for AdamW in fp32 with every weight trained; the height of the activations depends on the batch."
    ),
    height=234,
    drawn=_drawn(),
)
