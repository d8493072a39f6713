"""LoRA's forward pass: a frozen matrix, and a thin pair of trained ones beside it."""

from __future__ import annotations

from course.pipeline.diagrams.canvas import boxes, down, lines, words
from course.pipeline.diagrams.diagram import Diagram

_ARROWS = (
    "M180 24V38M90 58V38H265V58m-4-6 4 6 4-6M86 52l4 6 4-6"  # the input goes both ways
    + down(265, 84, 112)  # what A heard
    + "M90 178V226H166m-6-4 6 4-6 4M265 178V226H194m6-4-6 4 6 4"  # both outputs meet
    + "M180 215a11 11 0 1 0 .1 0M180 220v12M174 226h12"  # and are added
    + down(180, 237, 260)
)

DIAGRAM = Diagram(
    name="lora-forward",
    title="LoRA's forward pass",
    about=(
        "The input x goes two ways. On the left the frozen matrix W, a large square of d_out rows and d_in columns. On the "
        "right the two trained matrices: A, r flat rows, turns x into r numbers, and B, r thin columns, turns these into "
        "d_out numbers, which are multiplied by α/r. Both ways meet in a sum, the output h."
    ),
    height=284,
    drawn=boxes(0, (30, 58, 120, 120))
    + boxes(2, (205, 58, 120, 26))
    + boxes(1, (252, 112, 26, 66))
    + lines(_ARROWS)
    + words(
        "middle",
        [
            (180, 16, "x, d_in numbers"),
            (90, 128, "d_out × d_in"),
            (90, 146, "frozen"),
            (180, 277, "h = Wx + (α/r) BAx"),
        ],
    )
    + words("middle", [(90, 108, "W"), (265, 76, "A"), (265, 150, "B")], 15, bold=True)
    + words("start", [(286, 150, "d_out × r"), (274, 204, "× α/r"), (274, 102, "r numbers")])
    + words("end", [(244, 150, "trained"), (325, 50, "r × d_in")]),
)
