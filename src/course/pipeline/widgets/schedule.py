"""The learning-rate schedule explorer."""

from __future__ import annotations

from collections.abc import Sequence

from course import schedules
from course.pipeline.text.expressions import form
from course.pipeline.widgets.chart import Axes
from course.pipeline.widgets.controls import Choice, Slider
from course.pipeline.widgets.view import Group, Piece, State, View

SHAPES = {"constant_with_warmup": "constant", "linear": "linear", "cosine": "cosine"}
WIDE = 100
"""Points of the line."""


def view(state: State) -> View:
    shape, steps, peak = state["shape"], int(state["steps"]), float(state["peak"])
    warmup = steps * int(state["warmup"]) // 100
    step = min(steps - 1, steps * int(state["now"]) // 100)
    now, mean = schedules.share(shape, step, warmup, steps), schedules.mean_share(shape, warmup, steps)
    # The corner at the end of the warmup is a point of its own: a line over even steps would cut it.
    places = sorted({*(steps * k // WIDE for k in range(WIDE + 1)), warmup})
    axes = Axes((0, steps), (0, 1))
    texts = {
        "rate": form(peak * now, "sci2"),
        "share": form(now, "pct1"),
        "step": f"{form(step, 'int')} of {form(steps, 'int')}",
        "warmup": f"{form(warmup, 'int')} {'step' if warmup == 1 else 'steps'}",
        "mean": f"{form(mean, 'pct1')} of the peak",
        "path": form(peak * mean * steps, "f3"),
        "snippet": snippet(shape, steps, warmup, peak),
    }
    summary = (
        f"{SHAPES[shape].capitalize()} after {texts['warmup']} of warmup: the rate at step {texts['step']} is "
        f"{texts['rate']}, {texts['share']} of the peak. Its mean over the run is {texts['mean']}."
    )
    drawn = {
        "line": {"d": axes.path(places, lambda at: schedules.share(shape, int(at), warmup, steps))},
        "dot": axes.dot(step, now),
        "chart": {"aria-label": f"Learning rate over the run. {summary}"},
    }
    return View(summary, texts, drawn)


def snippet(shape: str, steps: int, warmup: int, peak: float) -> str:
    """The same schedule for TRL."""
    rate = f"{peak:.5f}".rstrip("0")
    return (
        f'SFTConfig(\n    learning_rate={rate},\n    lr_scheduler_type="{shape}",\n'
        f"    warmup_steps={warmup},\n    max_steps={steps},\n)"
    )


def rows(state: State) -> Sequence[Sequence[str]]:
    shown = view(state).texts
    return [
        ("what", "value"),
        ("warmup", shown["warmup"]),
        (f"rate at step {shown['step']}", f"{shown['rate']} ({shown['share']} of the peak)"),
        ("mean rate", shown["mean"]),
        ("sum of all rates", shown["path"]),
    ]


_QUARTERS = (0, 25, 50, 75, 100)
TEMPLATE = (
    '<p class="widget-number"><b data-text="rate"></b> at step <span data-text="step"></span>, '
    '<span data-text="share"></span> of the peak</p><div class="widget-charts">'
    + Axes((0, 100), (0, 1)).svg(
        "chart",
        ["line"],
        "dot",
        [(q, f"{q} %") for q in _QUARTERS],
        [(q / 100, f"{q} %") for q in _QUARTERS],
        "of the run",
    )
    + '<dl class="widget-list"><dt>Warmup</dt><dd data-text="warmup"></dd><dt>Mean rate</dt><dd data-text="mean"></dd>'
    '<dt>Sum of all rates</dt><dd data-text="path"></dd></dl></div>'
    '<details class="widget-code"><summary>The same settings in code</summary>'
    '<pre><code data-text="snippet"></code></pre></details>'
)

PIECE = Piece(
    name="schedule",
    title="Learning-rate schedule",
    groups=(
        Group(
            (
                Choice("shape", "Shape after warmup", SHAPES),
                Slider("peak", "Peak rate", (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3), "sci0"),
                Slider("steps", "Steps", (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000), "int"),
                Slider("warmup", "Warmup, percent of the steps", (0, 1, 2, 3, 5, 10, 20, 30, 50), "int"),
                Slider("now", "Look at, percent of the run", tuple(range(101)), "int"),
            )
        ),
    ),
    start={"shape": "cosine", "peak": 2e-4, "steps": 1000, "warmup": 5, "now": 50},
    view=view,
    template=TEMPLATE,
    rows=rows,
)
