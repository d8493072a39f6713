"""The LoRA forward pass with every number in sight: the layer that lesson 07 trains by hand."""

from __future__ import annotations

from collections.abc import Sequence

from course import lora
from course.pipeline.text.expressions import form
from course.pipeline.widgets.controls import Choice, Slider
from course.pipeline.widgets.view import Group, Piece, State, View

X, Y, RATE = (1.0, 2.0), (0.0, 4.0), 0.01
"""Input, wanted output and learning rate of the example."""
STARTS = {"b": "B = 0", "a": "A = 0", "both": "both 0"}
ROWS = {"b": (1.0, 1.0), "a": (0.0, 0.0), "both": (0.0, 0.0)}
COLUMNS = {"b": (0.0, 0.0), "a": (1.0, 1.0), "both": (0.0, 0.0)}


def _vector(values: Sequence[float]) -> str:
    return f"({', '.join(form(value, 'f3') for value in values)})"


def view(state: State) -> View:
    scale, steps, start = float(state["alpha"]), int(state["step"]), str(state["start"])
    now = lora.descend(X, Y, ROWS[start], COLUMNS[start], scale, RATE, steps)
    update = [form(scale * b * a, "f3") for b in now.b for a in now.a]
    merged = [form((i == k) + scale * b * a, "f3") for i, b in enumerate(now.b) for k, a in enumerate(now.a)]
    asleep = all(g == 0 for g in (*now.to_a, *now.to_b))
    texts = {
        "a": _vector(now.a),
        "b": _vector(now.b),
        "heard": form(now.heard, "f3"),
        "spoken": _vector(now.spoken),
        "h": _vector(now.h),
        "loss": form(now.loss, "f3"),
        "to_a": _vector(now.to_a),
        "to_b": _vector(now.to_b),
        "update": f"({update[0]}, {update[1]}; {update[2]}, {update[3]})",
        "merged": f"({merged[0]}, {merged[1]}; {merged[2]}, {merged[3]})",
        "note": "Both gradients are zero: nothing will ever move." if asleep else "At least one gradient is not zero.",
    }
    summary = (
        f"After {steps} {'step' if steps == 1 else 'steps'} of descent, Ax = {texts['heard']}, "
        f"the adapter adds {texts['spoken']}, h = {texts['h']} and the loss is {texts['loss']}. {texts['note']}"
    )
    return View(summary, texts)


def rows(state: State) -> Sequence[Sequence[str]]:
    shown = view(state).texts
    return [
        ("what", "value"),
        ("A (1×2)", shown["a"]),
        ("B (2×1)", shown["b"]),
        ("Ax", shown["heard"]),
        ("α/r · B(Ax)", shown["spoken"]),
        ("h = Wx + α/r · B(Ax)", shown["h"]),
        ("loss", shown["loss"]),
        ("gradient of A", shown["to_a"]),
        ("gradient of B", shown["to_b"]),
    ]


def _box(kind: str, name: str, text: str, note: str) -> str:
    return f'<div class="flow-box {kind}"><span>{name}</span> <b data-text="{text}"></b><small>{note}</small></div>'


TEMPLATE = (
    '<div class="flow"><div class="flow-box flow-in"><span>x</span> <b>(1, 2)</b><small>d_in = 2 numbers</small></div>'
    '<div class="flow-frozen"><div class="flow-box is-frozen"><span>Wx</span> <b>(1.000, 2.000)</b>'
    "<small>W = I, frozen</small></div></div>"
    '<div class="flow-adapter">'
    + _box("is-trained", "A", "a", "one listener, 1×2")
    + _box("", "Ax", "heard", "r = 1 number")
    + _box("is-trained", "B", "b", "one speaker, 2×1")
    + _box("", "α/r · B(Ax)", "spoken", "d_out = 2 numbers")
    + "</div>"
    + '<div class="flow-box flow-out"><span>h = Wx + α/r · B(Ax)</span> <b data-text="h"></b>'
    '<small>wanted: y = (0, 4); loss ½‖h − y‖² = <b data-text="loss"></b></small></div></div>'
    '<dl class="widget-list"><dt>Gradient of A</dt><dd data-text="to_a"></dd><dt>Gradient of B</dt>'
    '<dd data-text="to_b"></dd><dt>Update α/r · BA</dt><dd data-text="update"></dd>'
    '<dt>Merged, W + α/r · BA</dt><dd data-text="merged"></dd></dl><p class="widget-note" data-text="note"></p>'
)

PIECE = Piece(
    name="forward",
    title="The forward pass, number by number",
    groups=(
        Group(
            (
                Slider("step", "Steps of descent, rate 0.01", tuple(range(41)), "int"),
                Slider("alpha", "Scale α/r", (0.5, 1, 2, 3, 4), "f1"),
                Choice("start", "Start", STARTS),
            )
        ),
    ),
    start={"step": 1, "alpha": 2, "start": "b"},
    view=view,
    template=TEMPLATE,
    rows=rows,
)
