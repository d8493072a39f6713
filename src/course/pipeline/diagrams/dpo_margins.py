"""DPO's two margins: how far apart a pair was before, and how far it is now."""

from __future__ import annotations

from course.pipeline.diagrams.canvas import dots, lines, rule, words
from course.pipeline.diagrams.diagram import Diagram

DIAGRAM = Diagram(
    name="dpo-margins",
    title="DPO's two margins",
    about=(
        "Two lines of log-probability. On the upper one, of the reference π_ref, the rejected answer stands a little left "
        "of the chosen one: the margin before. On the lower one, of the policy π, the chosen has moved right and the "
        "rejected further left: the margin now. Δ, the growth of the margin, is the move of the chosen minus the move of "
        "the rejected."
    ),
    height=206,
    drawn=rule("M60 62H344M60 136H344")
    + lines("M205 68 241 128m1-7-1 7-6-4", 3)
    + lines("M155 68 94 129m2-7-2 7 7-1", 2)
    + lines("M155 50v-6h50v6M90 148v6h155v-6")
    + dots(3, (205, 62), (245, 136))
    + dots(2, (155, 62), (90, 136))
    + words("start", [(4, 66, "π_ref"), (4, 140, "π"), (216, 56, "chosen y_w"), (234, 102, "tilt")])
    + words("end", [(144, 56, "rejected y_l"), (114, 102, "tilt"), (344, 82, "log-prob. →")])
    + words("middle", [(180, 36, "margin before"), (168, 170, "margin now"),
                       (180, 198, "Δ = now − before → loss −log σ(βΔ)")]),
)  # fmt: skip
