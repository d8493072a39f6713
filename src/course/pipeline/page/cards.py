"""Pictures for sharing: what a link to a page looks like in a message, 1200 by 630 pixels, drawn with matplotlib.

A card says the course, the lesson's module and title, and shows the first figure that the lesson recorded, in strokes that
can be seen at the size of a stamp. It depends on nothing else, so a new sentence in a lesson draws nothing.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from course.draw import PALETTE
from course.figures import Figure
from course.pipeline.lesson.model import MODULES
from course.pipeline.results.bundle import Bundle
from course.pipeline.results.capture import Chart

FOLDER = "assets/cards"
WIDTH, HEIGHT = 1200, 630
PAPER, PANEL, INK, MUTED, PINE, APRICOT, RULE = (
    "#fcfbf8", "#ffffff", "#1d2428", "#57626a", "#0b5a54", "#f6b98a", "#dedad0",
)  # fmt: skip
EDGE = 72
"""Pixels left empty at the sides."""
SERIF, SANS = "STIXGeneral", "DejaVu Sans"  # matplotlib brings both: the same picture on every machine


@dataclass(frozen=True)
class Card:
    """What a picture shows: ``above`` and ``text`` in small letters, ``title`` in large ones, a figure or else a mark."""

    title: str
    above: tuple[str, ...] = ()
    text: str = ""
    figure: Figure | None = None


def lesson(bundle: Bundle, site_name: str) -> Card:
    """The card of a lesson's pages."""
    header = bundle.lesson.header
    first = next(bundle.captured.of_type(Chart), None)
    above = (site_name, f"Lesson {bundle.lesson.number:02} · {MODULES[header.module]}")
    return Card(header.title, above, figure=first.figure if first else None)


def home(site_name: str, description: str) -> Card:
    """The card of every other page."""
    return Card(site_name, text=description)


def draw(card: Card) -> bytes:
    """The card as PNG."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    with rc_context({"font.family": SANS, "axes.unicode_minus": True}):
        canvas = Canvas(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=PAPER)
        column = 510 if card.figure else 640
        y = float(EDGE)
        for line, color, weight in zip(card.above, (PINE, MUTED), ("bold", "normal"), strict=False):
            _text(canvas, line, EDGE, y, 16, color, SANS, weight)
            y += 32
        y += 44 if card.above else 60
        size = 52 if len(card.title) < 44 else 40
        for line in _wrapped(card.title, column, size, SERIF):
            _text(canvas, line, EDGE, y, size, INK, SERIF, "bold")
            y += size * 1.5
        y += 26
        for line in _wrapped(card.text, column, 19, SANS):
            _text(canvas, line, EDGE, y, 19, MUTED, SANS, "normal")
            y += 40
        if card.above:
            _text(canvas, "Every number comes from code that ran.", EDGE, HEIGHT - 88, 15, MUTED, SANS, "normal")
        if card.figure:
            _plot(canvas, card.figure)
        else:
            _mark(canvas, WIDTH - EDGE - 330, 136, 330)
        _box(canvas, 0, HEIGHT - 14, WIDTH, 14, PINE)
        out = io.BytesIO()
        FigureCanvasAgg(canvas).print_png(out, metadata={"Software": None})
    return out.getvalue()


def _text(canvas: Any, text: str, x: float, y: float, size: float, color: str, family: str, weight: str) -> None:
    """``text`` with its upper left corner at ``x``, ``y`` in pixels from the picture's; never mathematics."""
    canvas.text(
        x / WIDTH, 1 - y / HEIGHT, text, fontsize=size, color=color, family=family, weight=weight, va="top",
        parse_math=False,
    )  # fmt: skip


def _wrapped(text: str, width: float, size: float, family: str) -> list[str]:
    """``text`` in lines of at most ``width`` pixels."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family=family, weight="bold" if family == SERIF else "normal")
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        fits = TextPath((0, 0), longer.replace("$", r"\$"), size * 100 / 72, prop=font).get_extents().width <= width
        if fits or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _box(canvas: Any, x: float, y: float, width: float, height: float, color: str, edge: str = "none") -> None:
    from matplotlib.patches import Rectangle

    place = (x / WIDTH, 1 - (y + height) / HEIGHT)
    canvas.add_artist(
        Rectangle(place, width / WIDTH, height / HEIGHT, facecolor=color, edgecolor=edge, linewidth=1, zorder=0)
    )


def _mark(canvas: Any, x: float, y: float, size: float) -> None:
    """The course's mark: two thin matrices that multiply into a full one."""
    thin = size * 5 / 18
    gap = size * 2 / 18
    _box(canvas, x, y + thin + gap - size / 18, thin, size - thin - gap + size / 18, APRICOT)
    _box(canvas, x + thin + gap, y, size - thin - gap, thin, APRICOT)
    _box(canvas, x + thin + gap, y + thin + gap, size - thin - gap, size - thin - gap, PINE)


def _plot(canvas: Any, figure: Figure) -> None:
    """``figure`` on a panel at the right, without what would be too small to read."""
    left, top, width, height = 640, EDGE, WIDTH - EDGE - 640, 474
    _box(canvas, left, top, width, height, PANEL, RULE)
    frame = ((left + 70) / WIDTH, 1 - (top + height - 66) / HEIGHT, (width - 100) / WIDTH, (height - 96) / HEIGHT)
    axes = canvas.add_axes(frame, facecolor=PANEL)
    colors = [PALETTE[place % len(PALETTE)] for place in range(len(figure.series))]
    if figure.kind == "heatmap":
        axes.imshow([list(series.y) for series in figure.series], cmap="YlGnBu", aspect="auto")
    elif figure.kind in ("bar", "stacked"):
        _bars(axes, figure, colors)
    else:
        for series, color in zip(figure.series, colors, strict=True):
            style = "o" if figure.kind == "scatter" else "-"
            axes.plot(series.x, series.y, style, color=color, linewidth=4, markersize=8)
            if series.low and figure.kind == "line":
                axes.fill_between(series.x, series.low, series.high, color=color, alpha=0.18, linewidth=0)
        if figure.x_log:
            axes.set_xscale("log")
    if figure.y_log and figure.kind != "heatmap":
        axes.set_yscale("log")
    for _, y in figure.guides:
        axes.axhline(y, color=MUTED, linewidth=2, linestyle=(0, (4, 3)))
    axes.minorticks_off()
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=MUTED, linewidth=1.5)
    for name, label in (("x", figure.x_label), ("y", figure.y_label)):
        shown = getattr(axes, f"set_{name}label")(
            label if len(label) <= 44 else "", fontsize=14, color=MUTED, labelpad=12
        )
        shown.set_parse_math(False)


def _bars(axes: Any, figure: Figure, colors: list[str]) -> None:
    places = range(len(figure.series[0].x))
    width = 0.7 if figure.kind == "stacked" else 0.8 / len(figure.series)
    bottom = [0.0] * len(places)
    for number, (series, color) in enumerate(zip(figure.series, colors, strict=True)):
        if figure.kind == "stacked":
            axes.bar(places, series.y, width, bottom=bottom, color=color)
            bottom = [low + high for low, high in zip(bottom, series.y, strict=True)]
        else:
            shift = (number - (len(figure.series) - 1) / 2) * width
            axes.bar([place + shift for place in places], series.y, width * 0.94, color=color)
