"""The rank trick: a full update beside its two thin matrices, drawn to scale, with what each costs."""

from __future__ import annotations

from collections.abc import Sequence

from course import lora
from course.pipeline.text.expressions import form
from course.pipeline.widgets.controls import Slider
from course.pipeline.widgets.view import Group, Piece, State, View, fixed

SIDE = 150
"""Length of the longer side of W, in units of the drawing."""
RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WIDTHS = (576, 768, 1024, 1536, 2048, 3072, 4096, 8192, 11008, 14336, 28672)
LEFT, MIDDLE, GAP, TOP = 4, 244, 5, 92
"""Where W begins, where BA does, the gap between BA and the matrices it is made of, and where all three begin."""


def view(state: State) -> View:
    d_out, d_in, r = (int(state[name]) for name in ("d_out", "d_in", "rank"))
    full, thin = d_out * d_in, lora.trained(d_out, d_in, r)
    scale = SIDE / max(d_out, d_in)
    w, h, line = d_in * scale, d_out * scale, max(r * scale, 1.0)
    all_bytes, lora_bytes = lora.adam_bytes(d_out, d_in, r)
    ratio = f"{form(full / thin, 'x1')} fewer" if thin < full else "no saving: the rank is too high"
    summary = (
        f"A full update of W, {form(d_out, 'int')}×{form(d_in, 'int')}, has {form(full, 'int')} numbers. "
        f"B and A of rank {r} have {form(thin, 'int')}: {ratio}."
    )
    texts = {
        "full.count": form(full, "int"),
        "how": f"{r} × ({form(d_in, 'int')} + {form(d_out, 'int')}) = {form(thin, 'int')}",
        "thin.count": form(thin, "int"),
        "ratio": f"{form(full / thin, 'x1')}",
        "full.bytes": form(all_bytes, "mb1"),
        "thin.bytes": form(lora_bytes, "mb1"),
        "bytes": form(all_bytes / lora_bytes, "x1"),
        "work": form(lora.step_share(d_out, d_in, r), "pct1"),
    }
    drawn = {
        "w": {"width": fixed(w), "height": fixed(h)},
        "ba": {"width": fixed(w), "height": fixed(h)},
        "b": {"x": fixed(MIDDLE - GAP - line), "width": fixed(line), "height": fixed(h)},
        "a": {"y": fixed(TOP - GAP - line), "width": fixed(w), "height": fixed(line)},
        "a.name": {"y": fixed(TOP - GAP - line - 6)},
        "names": {"y": fixed(TOP + h + 17)},
        "b.name": {"y": fixed(TOP + h + 17)},
        "drawing": {"aria-label": f"W, B and A drawn to one scale. {summary}"},
    }
    return View(summary, texts, drawn)


def rows(state: State) -> Sequence[Sequence[str]]:
    shown = view(state).texts
    return [
        ("", "full update", "LoRA", "ratio"),
        ("trained parameters", shown["full.count"], shown["how"], shown["ratio"]),
        ("weights, gradients, Adam (fp32)", shown["full.bytes"], shown["thin.bytes"], shown["bytes"]),
        ("matrix products of a step", "100 %", shown["work"], ""),
    ]


TEMPLATE = (
    f'<svg class="widget-drawing" viewBox="0 0 400 {TOP + SIDE + 24}" role="img" data-draw="drawing">'
    f'<rect class="matrix-frozen" data-draw="w" x="{LEFT}" y="{TOP}"></rect>'
    f'<rect class="matrix-product" data-draw="ba" x="{MIDDLE}" y="{TOP}"></rect>'
    f'<rect class="matrix-trained" data-draw="b" y="{TOP}"></rect>'
    f'<rect class="matrix-trained" data-draw="a" x="{MIDDLE}"></rect>'
    f'<text x="{LEFT}" data-draw="names">W, frozen</text><text x="{MIDDLE + 8}" y="{TOP + 20}">BA</text>'
    f'<text x="{MIDDLE - GAP}" data-draw="b.name" text-anchor="end">B</text>'
    f'<text x="{MIDDLE}" data-draw="a.name">A</text></svg>'
    '<table class="widget-table"><thead><tr><td></td><th scope="col">full</th><th scope="col">LoRA</th>'
    '<th scope="col">ratio</th></tr></thead><tbody>'
    '<tr><th scope="row">Trained parameters</th><td data-text="full.count"></td>'
    '<td><b data-text="thin.count"></b></td><td><b data-text="ratio"></b></td></tr>'
    '<tr><th scope="row">Weights, gradients, Adam in fp32</th><td data-text="full.bytes"></td>'
    '<td data-text="thin.bytes"></td><td data-text="bytes"></td></tr>'
    '<tr><th scope="row">Matrix products of a step</th><td>100 %</td><td data-text="work"></td><td></td></tr>'
    '</tbody></table><p class="widget-note">r (d_in + d_out) = <span data-text="how"></span></p>'
)

PIECE = Piece(
    name="rank",
    title="The rank trick, to scale",
    groups=(
        Group(
            (
                Slider("d_out", "Outputs, d_out", WIDTHS, "int"),
                Slider("d_in", "Inputs, d_in", WIDTHS, "int"),
                Slider("rank", "Rank r", RANKS, "int"),
            )
        ),
    ),
    start={"d_out": 4096, "d_in": 4096, "rank": 8},
    view=view,
    template=TEMPLATE,
    rows=rows,
)
