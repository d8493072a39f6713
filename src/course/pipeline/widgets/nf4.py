"""The NF4 explorer: a histogram to reshape, and what four bits lose of it."""

from __future__ import annotations

from collections.abc import Sequence

from course.pipeline.text.expressions import form
from course.pipeline.widgets.controls import Choice, Slider
from course.pipeline.widgets.view import Group, Piece, State, View, fixed
from course.quantization import LEVELS, bits, histogram_weights, relative_error

FORMATS = {"nf4": "NF4", "int4": "int4", "fp4": "fp4"}
WIDTH, HEIGHT, TICKS, BINS = 600, 120, 16, 60
BAR = 200
"""Length of a relative error of 25 %, in units of the drawing."""


def bars(weights: Sequence[float], top: float) -> str:
    """The outline of a histogram between −``top`` and ``top``."""
    counts = [0] * BINS
    for w in weights:
        counts[min(BINS - 1, int((w / top + 1) / 2 * BINS))] += 1
    scale, step = HEIGHT / max(counts), WIDTH / BINS
    steps = (f"V{fixed(HEIGHT - n * scale)}H{fixed((i + 1) * step)}" for i, n in enumerate(counts))
    return f"M0 {HEIGHT}{''.join(steps)}V{HEIGHT}Z"


def ticks(levels: Sequence[float]) -> str:
    """A mark below the histogram at each level."""
    return "".join(f"M{fixed((level + 1) / 2 * (WIDTH - 2) + 1)} {HEIGHT + 4}v{TICKS}" for level in levels)


def view(state: State) -> View:
    weights = histogram_weights(float(state["tails"]), float(state["outlier"]))
    block, chosen = int(state["block"]), FORMATS[state["format"]]
    found = {name: relative_error(weights, LEVELS[name], block) for name in FORMATS}
    best = min(found, key=lambda name: found[name])
    texts: dict[str, str] = {
        "bits": form(bits(block), "f2"),
        "note": f"{FORMATS[best]} loses least here.",
        "format": f"{chosen}: {len(LEVELS[state['format']])} levels",
        **{f"{name}.error": form(error, "pct1") for name, error in found.items()},
    }
    summary = ", ".join(f"{FORMATS[name]} {texts[f'{name}.error']}" for name in found)
    summary = f"In blocks of {block}, the error relative to the weights is: {summary}. {texts['note']}"
    top = max(abs(w) for w in weights)
    drawn = {
        "chart": {"aria-label": f"Histogram of 512 weights, with the levels of {chosen} below it. {summary}"},
        "bars": {"d": bars(weights, top)},
        "levels": {"d": ticks(LEVELS[state["format"]])},
        **{f"{name}.bar": {"width": fixed(min(1, error / 0.25) * BAR)} for name, error in found.items()},
    }
    return View(summary, texts, drawn)


def rows(state: State) -> Sequence[Sequence[str]]:
    shown = view(state).texts
    return [("format", "error"), *((label, shown[f"{name}.error"]) for name, label in FORMATS.items())]


def _row(name: str) -> str:
    return (
        f'<tr><th scope="row">{FORMATS[name]}</th><td><b data-text="{name}.error"></b></td><td class="widget-bars">'
        f'<svg viewBox="0 0 {BAR} 18" aria-hidden="true" preserveAspectRatio="none">'
        f'<rect class="bar-after" y="4" height="10" data-draw="{name}.bar"></rect></svg></td></tr>'
    )


TEMPLATE = (
    f'<svg class="widget-histogram" viewBox="0 0 {WIDTH} {HEIGHT + TICKS + 8}" preserveAspectRatio="none" role="img" '
    'data-draw="chart"><path class="histogram" data-draw="bars"></path>'
    '<path class="histogram-levels" data-draw="levels"></path></svg>'
    '<p class="widget-note">512 weights, zero in the middle. Marks: <span data-text="format"></span>, where they lie in '
    "the block that has the largest weight.</p>"
    '<table class="widget-table widget-table--bars"><thead><tr><th scope="col">format</th><th scope="col">error</th>'
    f"<td></td></tr></thead><tbody>{''.join(map(_row, FORMATS))}</tbody></table>"
    '<p class="widget-note">Error: root mean square, relative to the weights. <span data-text="note"></span> '
    'With a 32-bit scale for each block, a weight takes <span data-text="bits"></span> bits.</p>'
)

PIECE = Piece(
    name="nf4",
    title="NF4 explorer",
    groups=(
        Group(
            (
                Choice("format", "Levels shown", FORMATS),
                Slider("tails", "Tails (1 is normal)", (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2), "f2"),
                Slider("outlier", "Largest weight times", (1, 2, 4, 8, 16), "int"),
                Slider("block", "Weights in a block", (8, 16, 32, 64, 128, 256, 512), "int"),
            )
        ),
    ),
    start={"format": "nf4", "tails": 1, "outlier": 1, "block": 64},
    view=view,
    template=TEMPLATE,
    rows=rows,
)
