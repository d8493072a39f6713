"""The break-even calculator: examples in every prompt, or one tune that has learned them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from course.cost import break_even, call
from course.pipeline.text.expressions import form
from course.pipeline.widgets.chart import Axes
from course.pipeline.widgets.controls import Slider
from course.pipeline.widgets.view import Group, Piece, State, View

MONTHS = 24
PRICES = (0.05, 0.1, 0.15, 0.25, 0.5, 1, 2, 3, 5, 10, 15, 30)
VOLUMES = (1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000)


def money(amount: float) -> str:
    """An amount with two decimals, or without where it is large."""
    return form(amount, "f0" if abs(amount) >= 1000 else "f2")


def view(state: State) -> View:
    prompt, examples, answer, calls = (state[name] for name in ("prompt", "examples", "answer", "calls"))
    few = call(prompt + examples, answer, state["price_in"], state["price_out"])
    tuned = call(prompt, answer, state["price_in"] * state["factor"], state["price_out"] * state["factor"])
    few_month, tuned_month = calls * few, calls * tuned + state["hosting"]
    saved = few_month - tuned_month
    months = break_even(state["tune"], saved)
    needed = break_even(state["tune"] / MONTHS + state["hosting"], few - tuned)
    paid = "never"
    if months is not None:
        paid = f"after {form(months, 'f1')} months" if months <= 120 else "after more than ten years"
    top = max(few_month * MONTHS, state["tune"] + tuned_month * MONTHS)
    axes = Axes((0, MONTHS), (0, top))
    at = months if months is not None and months <= MONTHS else None
    # Beside the drawing where the lines do not cross in it.
    dot = axes.dot(at, few_month * at) if at is not None else {"cx": "-10.00", "cy": "-10.00"}
    texts = {
        "paid": paid,
        "few": money(few_month),
        "tuned": money(tuned_month),
        "saved": money(saved),
        "thousand": money(1000 * (few - tuned)),
        "needed": "none" if needed is None else f"{form(math.ceil(needed), 'int')} a month",
        "top": money(top),
    }
    summary = (
        f"Examples in the prompt cost {texts['few']} a month, the tune {texts['tuned']} with its hosting. "
        f"The tune is paid {paid}."
    )
    drawn = {
        "few.line": {"d": axes.path((0, MONTHS), lambda m: few_month * m)},
        "tuned.line": {"d": axes.path((0, MONTHS), lambda m: state["tune"] + tuned_month * m)},
        "dot": dot,
        "chart": {"aria-label": f"Total cost over {MONTHS} months of both ways. {summary}"},
    }
    return View(summary, texts, drawn)


def rows(state: State) -> Sequence[Sequence[str]]:
    shown = view(state).texts
    return [
        ("what", "value"),
        ("examples in the prompt, a month", shown["few"]),
        ("tune with its hosting, a month", shown["tuned"]),
        ("saved per thousand calls, before hosting", shown["thousand"]),
        (f"calls that pay the tune within {MONTHS} months", shown["needed"]),
        ("paid", shown["paid"]),
    ]


TEMPLATE = (
    '<p class="widget-number"><b>Paid <span data-text="paid"></span></b></p><div class="widget-charts">'
    + Axes((0, MONTHS), (0, 1)).svg(
        "chart",
        ["few.line", "tuned.line"],
        "dot",
        [(m, str(m)) for m in range(0, MONTHS + 1, 6)],
        [(0, "0"), (1, "")],
        "months",
    )
    + '<dl class="widget-list"><dt><span class="swatch shelf-weights"></span>Examples in the prompt, a month</dt>'
    '<dd data-text="few"></dd><dt><span class="swatch shelf-gradients"></span>Tune with hosting, a month</dt>'
    '<dd data-text="tuned"></dd><dt>Saved a month</dt><dd data-text="saved"></dd><dt>Saved per thousand calls, before '
    f'hosting</dt><dd data-text="thousand"></dd><dt>Calls that pay the tune within {MONTHS} months</dt>'
    '<dd data-text="needed"></dd><dt>Upper edge of the chart</dt><dd data-text="top"></dd></dl></div>'
    '<p class="widget-note">The first settings are round numbers in any currency, not offers: put your own prices in. '
    "Not counted: collecting the data, people, and tuning again when the base model is retired. A tune that answers worse "
    "is never paid.</p>"
)

PIECE = Piece(
    name="cost",
    title="Break-even calculator",
    groups=(
        Group(
            (
                Slider("calls", "Calls a month", VOLUMES, "int"),
                Slider("prompt", "Tokens of the question", (50, 100, 200, 500, 1000, 2000, 5000), "int"),
                Slider("examples", "Tokens of the examples", (0, 100, 200, 500, 1000, 2000, 5000, 10000), "int"),
                Slider("answer", "Tokens of the answer", (10, 20, 50, 100, 200, 500, 1000), "int"),
                Slider("price_in", "Price of 1M tokens in", PRICES, "f2"),
                Slider("price_out", "Price of 1M tokens out", PRICES, "f2"),
                Slider("factor", "Tuned model costs times", (0.25, 0.5, 1, 1.5, 2, 3), "f2"),
                Slider("tune", "The tune, once", (0, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000), "int"),
                Slider("hosting", "Hosting a month", (0, 10, 20, 50, 100, 200, 500, 1000, 2000), "int"),
            )
        ),
    ),
    start={
        "calls": 100000, "prompt": 200, "examples": 2000, "answer": 100, "price_in": 0.5, "price_out": 2, "factor": 1.5,
        "tune": 500, "hosting": 0,
    },
    view=view,
    template=TEMPLATE,
    rows=rows,
)  # fmt: skip
