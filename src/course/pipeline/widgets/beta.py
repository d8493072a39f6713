"""The β explorer: one pair's loss and weight against its margin, and the best policy over three answers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from course import dpo
from course.pipeline.text.expressions import form
from course.pipeline.widgets.chart import Axes
from course.pipeline.widgets.controls import Slider
from course.pipeline.widgets.view import Group, Piece, State, View, fixed

REFERENCE = (0.5, 0.25, 0.25)
REWARDS = (0.0, math.log(2) / 2, math.log(4) / 2)
"""The world of three answers of lesson 13."""
MARGINS = tuple(float(m) for m in range(-40, 41))
LOSS, WEIGHT = Axes((-40, 40), (0, 4)), Axes((-40, 40), (0, 1))
BAR = 200
"""Length of a probability of 1, in units of the drawing."""


def view(state: State) -> View:
    b, margin = float(state["beta"]), float(state["margin"])
    pair_loss, pair_weight = dpo.loss(margin, b), dpo.weight(margin, b)
    policy = dpo.optimum(REFERENCE, REWARDS, b)
    small = form(pair_weight, "f3") if pair_weight >= 0.0005 else form(pair_weight, "sci1")
    texts = {
        "loss": form(pair_loss, "f3"),
        "weight": small,
        "push": form(b * pair_weight, "f4") if b * pair_weight >= 0.00005 else form(b * pair_weight, "sci1"),
        "distance": f"{form(1 / b, 'f1')} nats",
        "kl": f"{form(dpo.divergence(policy, REFERENCE), 'f3')} nats",
        **{f"pi.{i}": form(p, "pct1") for i, p in enumerate(policy, 1)},
    }
    margin_text, b_text = form(margin, "f0"), form(b, "f2")
    summary = (
        f"At β = {b_text} and a margin of {margin_text} nats the pair's loss is {texts['loss']} and its weight "
        f"{small}. The best policy gives the three answers {texts['pi.1']}, {texts['pi.2']} and {texts['pi.3']}."
    )
    drawn = {
        "loss.line": {"d": LOSS.path(MARGINS, lambda m: dpo.loss(m, b))},
        "loss.dot": LOSS.dot(margin, pair_loss),
        "weight.line": {"d": WEIGHT.path(MARGINS, lambda m: dpo.weight(m, b))},
        "weight.dot": WEIGHT.dot(margin, pair_weight),
        "loss.chart": {
            "aria-label": f"Loss of a pair against its margin at β = {b_text}; {texts['loss']} at {margin_text} nats."
        },
        "weight.chart": {
            "aria-label": f"Weight of a pair against its margin at β = {b_text}; {small} at {margin_text} nats."
        },
        **{f"pi.{i}": {"width": fixed(p * BAR)} for i, p in enumerate(policy, 1)},
    }
    return View(summary, texts, drawn)


def rows(state: State) -> Sequence[Sequence[str]]:
    shown = view(state).texts
    return [
        ("what", "value"),
        ("loss −log σ(βΔ)", shown["loss"]),
        ("weight σ(−βΔ)", shown["weight"]),
        ("push β σ(−βΔ)", shown["push"]),
        ("stopping distance 1/β", shown["distance"]),
        *((f"π*(y{i}), from {form(p, 'pct0')}", shown[f"pi.{i}"]) for i, p in enumerate(REFERENCE, 1)),
        ("KL from the reference", shown["kl"]),
    ]


def _chart(name: str, title: str, axes: Axes, ticks: Sequence[tuple[float, str]]) -> str:
    x_ticks = [(x, form(x, "int")) for x in (-40, -20, 0, 20, 40)]
    drawn = axes.svg(f"{name}.chart", [f"{name}.line"], f"{name}.dot", x_ticks, ticks, "margin Δ (nats)")
    return f'<div><p class="widget-subtitle">{title}: <b data-text="{name}"></b></p>{drawn}</div>'


def _answer(i: int) -> str:
    before = REFERENCE[i - 1]
    return (
        f'<tr><th scope="row">y{i}</th><td>{form(REWARDS[i - 1], "f3")}</td><td>{form(before, "pct0")}</td>'
        f'<td><b data-text="pi.{i}"></b></td><td class="widget-bars"><svg viewBox="0 0 {BAR} 18" aria-hidden="true" '
        f'preserveAspectRatio="none"><rect class="bar-before" y="0" height="7" width="{fixed(before * BAR)}"></rect>'
        f'<rect class="bar-after" y="9" height="9" data-draw="pi.{i}"></rect></svg></td></tr>'
    )


TEMPLATE = (
    '<div class="widget-charts">'
    + _chart("loss", "Loss −log σ(βΔ)", LOSS, [(y, form(y, "int")) for y in range(5)])
    + _chart("weight", "Weight σ(−βΔ)", WEIGHT, [(0, "0"), (0.5, "½"), (1, "1")])
    + '</div><dl class="widget-list"><dt>Push on the pair, β σ(−βΔ)</dt><dd data-text="push"></dd>'
    '<dt>Stopping distance, 1/β</dt><dd data-text="distance"></dd></dl>'
    '<p class="widget-subtitle">The world of three answers</p>'
    '<table class="widget-table widget-table--bars"><thead><tr><th scope="col">answer</th><th scope="col">r</th>'
    '<th scope="col">π_ref</th><th scope="col">π*</th><td></td></tr></thead>'
    f"<tbody>{''.join(map(_answer, (1, 2, 3)))}</tbody></table>"
    '<p class="widget-note">π* ∝ π_ref exp(r/β), at a divergence of <span data-text="kl"></span> from the reference.'
    " Thin bars: before. Thick bars: the best policy at this β.</p>"
)

PIECE = Piece(
    name="beta",
    title="β explorer",
    groups=(
        Group(
            (
                Slider("beta", "Price β", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2), "f2"),
                Slider("margin", "Margin Δ in nats", tuple(range(-40, 41)), "int"),
            )
        ),
    ),
    start={"beta": 0.5, "margin": 4},
    view=view,
    template=TEMPLATE,
    rows=rows,
)
