"""Draw figures as SVG that follows the reader's theme.

A lesson states *what* to draw (:class:`course.figures.Figure`); :func:`svg` draws it with matplotlib. Colors are CSS
variables with a fallback, so one drawing serves the light and the dark theme, a notebook and print. Nothing here
can change what a lesson measured, so the build does not count this module among a lesson's inputs.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from typing import Any

from course.figures import Figure

INK = "#010101"
GRID = "#020202"
SENTINELS = ("#010301", "#010401", "#010501", "#010601", "#010701", "#010801")
FALLBACK = {INK: "#555f66", GRID: "#c4ccd0"}
# Okabe and Ito's palette: told apart in all common forms of color blindness.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = ("o", "s", "^", "D", "v", "P")


def svg(figure: Figure) -> str:
    """The drawing as one ``<svg>`` element: no XML header, no fonts, unique ids, deterministic."""
    from cycler import cycler
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure as Canvas

    salt = hashlib.sha256(repr(figure).encode()).hexdigest()[:12]
    style: Any = {  # matplotlib types every name of a setting
        "svg.fonttype": "none", "svg.hashsalt": salt, "font.family": "sans-serif", "font.size": 11,
        "text.color": INK, "axes.edgecolor": GRID, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
        "xtick.major.size": 0, "ytick.major.size": 0, "xtick.minor.size": 0, "ytick.minor.size": 0,
        "axes.spines.top": False, "axes.spines.right": False, "grid.color": GRID, "grid.linewidth": 0.6,
        "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 10, "lines.linewidth": 1.8,
        "axes.prop_cycle": cycler(color=[INK]),
        "axes.unicode_minus": True,
    }  # fmt: skip
    with rc_context(style):
        canvas = Canvas(figsize=(4.8, 3.2), layout="constrained")
        axes = canvas.add_subplot()
        _DRAW[figure.kind](figure, axes)
        axes.set_xlabel(_literal(figure.x_label))
        axes.set_ylabel(_literal(figure.y_label))
        canvas.patch.set_visible(False)
        axes.patch.set_visible(False)
        out = io.StringIO()
        FigureCanvasSVG(canvas).print_svg(out, metadata={"Date": None, "Creator": None})
    return _themed(out.getvalue(), salt, figure.alt)


def _numeric(xs: Sequence[float | str]) -> bool:
    return all(not isinstance(x, str) for x in xs)


def _tick(value: float) -> str:
    """A short label for a tick on a logarithmic axis: two digits for odd values, powers of ten in short form."""
    text = f"{value:g}"
    if len(text) <= 5:
        return text
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _axes_common(figure: Figure, axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.grid(axis="y")
    if figure.x_log:
        axes.set_xscale("log")
    if figure.y_log:
        axes.set_yscale("log")
        # Losses span a decade or so: ticks at powers of ten alone would leave one label.
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.minorticks_off()
    for label, y in figure.guides:
        axes.axhline(y, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            _literal(label), (1, y), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=9.5
        )
    if len(figure.series) > 1:
        axes.legend(loc="best")


def _lines(figure: Figure, axes: Any) -> None:
    for i, series in enumerate(figure.series):
        color, marker = SENTINELS[i % 6], MARKERS[i % 6]
        joined = "-" if figure.kind == "line" else "none"
        shown = marker if figure.kind == "scatter" or len(series.x) <= 16 else "none"
        if series.low and figure.kind == "line":
            axes.fill_between(series.x, series.low, series.high, color=color, alpha=0.18, linewidth=0)
        elif series.low:
            error = [[y - a for y, a in zip(series.y, series.low, strict=True)],
                     [b - y for y, b in zip(series.y, series.high, strict=True)]]  # fmt: skip
            axes.errorbar(series.x, series.y, yerr=error, fmt="none", ecolor=color, elinewidth=1, capsize=2)
        axes.plot(
            series.x, series.y, color=color, marker=shown, markersize=4.5, linestyle=joined, label=_literal(series.name)
        )
    _axes_common(figure, axes)
    if figure.x_log and all(_numeric(s.x) for s in figure.series):
        ticks = sorted({float(x) for s in figure.series for x in s.x})
        if len(ticks) <= 8:
            axes.set_xticks(ticks, [_tick(t) for t in ticks])
            axes.minorticks_off()


def _bars(figure: Figure, axes: Any) -> None:
    labels = [_literal(str(x)) for x in figure.series[0].x]
    stacked, count = figure.kind == "stacked", len(figure.series)
    width, bottom = (0.7 if stacked else 0.8 / count), [0.0] * len(labels)
    for i, series in enumerate(figure.series):
        shift = 0.0 if stacked else (i - (count - 1) / 2) * width
        places = [p + shift for p in range(len(labels))]
        error = None
        if series.low:
            error = [[y - a for y, a in zip(series.y, series.low, strict=True)],
                     [b - y for y, b in zip(series.y, series.high, strict=True)]]  # fmt: skip
        axes.bar(places, series.y, width * 0.94, bottom=bottom if stacked else None, color=SENTINELS[i % 6],
                 label=_literal(series.name), yerr=error,
                 error_kw={"ecolor": INK, "elinewidth": 1, "capsize": 2})  # fmt: skip
        if stacked:
            bottom = [b + y for b, y in zip(bottom, series.y, strict=True)]
    long = max(len(label) for label in labels) * len(labels) > 48
    axes.set_xticks(range(len(labels)), labels, rotation=30 if long else 0, ha="right" if long else "center")
    _axes_common(figure, axes)


def _heatmap(figure: Figure, axes: Any) -> None:
    cells = [list(series.y) for series in figure.series]
    flat = [v for row in cells for v in row]
    low, high = min(flat), max(flat)
    axes.grid(visible=False)
    for r, row in enumerate(cells):
        for c, v in enumerate(row):
            share = (v - low) / (high - low) if high > low else 0.5
            axes.add_patch(_rectangle(c, r, 0.08 + 0.62 * share))
            axes.text(c, r, f"{v:.3g}", ha="center", va="center", fontsize=10.5)
    axes.set_xlim(-0.5, len(cells[0]) - 0.5)
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.set_xticks(range(len(cells[0])), [_literal(str(x)) for x in figure.series[0].x])
    axes.set_yticks(range(len(cells)), [_literal(series.name) for series in figure.series])
    axes.spines[:].set_visible(False)


def _rectangle(column: int, row: int, alpha: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, color=SENTINELS[0], alpha=alpha, linewidth=0)


_DRAW = {"line": _lines, "scatter": _lines, "bar": _bars, "stacked": _bars, "heatmap": _heatmap}


def _literal(label: str) -> str:
    """``label`` for matplotlib, which would take what stands between two dollar signs for mathematics."""
    return label.replace("$", r"\$")


def _themed_tag(tag: str, salt: str, used: set[str]) -> str:
    tag = re.sub(r"font-family: [^;]+; ?", "", tag)  # the page's own font
    tag = re.sub(r' id="([^"]+)"', lambda m: f' id="f{salt}-{m[1]}"' if m[1] in used else "", tag)
    tag = re.sub(r'(xlink:href="|url\()#', rf"\1#f{salt}-", tag)
    tag = tag.replace("xlink:href", "href")
    for i, sentinel in enumerate(SENTINELS):
        tag = tag.replace(sentinel, f"var(--figure-{i + 1}, {PALETTE[i]})")
    return tag.replace(INK, f"var(--figure-ink, {FALLBACK[INK]})").replace(
        GRID, f"var(--figure-grid, {FALLBACK[GRID]})"
    )


def _themed(svg: str, salt: str, alt: str) -> str:
    """Strip matplotlib's header, make ids unique to the page, and turn sentinel colors into CSS variables."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->|<style.*?</style>", "", svg, flags=re.S)
    used = set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', svg))
    svg = re.sub(r"<[^>]*>", lambda m: _themed_tag(m[0], salt, used), svg)  # tags only: a label may say anything
    text = alt.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    view = re.search(r'viewBox="([^"]+)"', svg)
    assert view is not None  # matplotlib always writes one
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view[1]}" role="img" aria-label="{text}" class="figure">'
    return head + re.sub(r"\s*\n\s*", "\n", svg[svg.index(">") + 1 :]).strip()
