"""Draw figures as SVG that follows the reader's theme.

A lesson states *what* to draw (:class:`course.figures.Figure`); :func:`svg` draws it with matplotlib. Colors are CSS
variables with a fallback, so one drawing serves the light and the dark theme, a notebook and print. Nothing here
can change what a lesson measured, so the build does not count this module among a lesson's inputs.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from course.figures import Figure

INK = "#010101"
GRID = "#020202"
SENTINELS = ("#010301", "#010401", "#010501", "#010601", "#010701", "#010801")
FALLBACK = {INK: "#555f66", GRID: "#c4ccd0"}
# Okabe and Ito's palette: told apart in all common forms of color blindness.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = ("o", "s", "^", "D", "v", "P")
ROOM = 0.9
"""Share of a drawing's width that a row of its legend may take: a reader's font may be wider than the one measured with."""
ROW = 0.21
"""Inches by which a row of the legend makes the drawing higher: the chart keeps its size."""


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
        "legend.borderaxespad": 0, "axes.prop_cycle": cycler(color=[INK]),
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


def _number(value: float) -> str:
    """Three digits, with a real minus sign and no negative zero."""
    return f"{value + 0.0:.3g}".replace("-", "−", 1)


def _axes_common(figure: Figure, axes: Any) -> None:
    axes.grid(axis="y")
    if figure.x_log:
        axes.set_xscale("log")
        _log_ticks(axes.xaxis)
    if figure.y_log:
        axes.set_yscale("log")
        _log_ticks(axes.yaxis)
    for label, y in figure.guides:
        axes.axhline(y, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            _literal(label), (1, y), xycoords=("axes fraction", "data"), xytext=(0, 1.5), textcoords="offset points",
            ha="right", va="bottom", fontsize=9.5,
        )  # fmt: skip
    if len(figure.series) > 1:
        _legend(axes)


def _log_ticks(axis: Any) -> None:
    """At least two labels on a logarithmic axis: at powers of ten, else at finer steps, else evenly spaced numbers.

    What is drawn often spans a decade or so, where powers of ten alone would leave one label or none.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    for locator in (LogLocator(), LogLocator(subs=(1.0, 2.0, 5.0)), MaxNLocator(5)):
        axis.set_major_locator(locator)
        shown = [tick for tick in locator.tick_values(low, high) if low <= tick <= high]
        if len({_tick(tick) for tick in shown}) > 1:
            break
    short = len({_tick(tick) for tick in shown}) == len(shown)
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value) if short else f"{value:.10g}"))
    axis.set_minor_locator(NullLocator())


def _legend(axes: Any) -> None:
    """What the series are called, above the drawing: within it, lines and points would run through the words."""
    canvas = axes.figure
    handles, labels = axes.get_legend_handles_labels()
    for columns in range(len(labels), 0, -1):
        legend = canvas.legend(handles, labels, loc="outside upper left", ncols=columns)
        if columns == 1 or legend.get_window_extent().width <= canvas.bbox.width * ROOM:
            break
        legend.remove()
    rows = -(-len(labels) // columns)
    canvas.set_figheight(canvas.get_figheight() + rows * ROW)


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
            axes.add_patch(_rectangle(c, r, 0.08 + 0.42 * share))
            axes.text(c, r, _number(v), ha="center", va="center", fontsize=10.5)
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


_SVG = "http://www.w3.org/2000/svg"
_SPACE = f"{{{_SVG}}}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_SHARED = ("style", "clip-path")
_WORDS = ("overflow", "markerUnits")
_INITIAL = ("stroke-linejoin: miter", "text-anchor: start")
"""What SVG takes for granted."""


def _themed(drawn: str, salt: str, alt: str) -> str:
    """Matplotlib's drawing without what a page has no use for, its sentinel colors turned into CSS variables.

    What matplotlib repeats for every tick and point is said once, by a group; coordinates keep a tenth of their unit,
    which is finer than a screen. This makes a third of the bytes.
    """
    root = ElementTree.fromstring(drawn)
    used = sorted(set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', drawn)))
    names = {name: f"f{salt[:6]}-{number}" for number, name in enumerate(used)}  # unique to the page
    view = _rounded(root.attrib["viewBox"])
    label = alt.replace("\n", " ")
    figure = Element("svg", {"xmlns": _SVG, "viewBox": view, "role": "img", "aria-label": label, "class": "figure"})
    figure.extend(_grouped([new for child in root for new in _lean(child, names)]))
    return ElementTree.tostring(figure, encoding="unicode").replace(" />", "/>")


def _lean(element: Element, names: Mapping[str, str]) -> list[Element]:
    """What takes the place of ``element``: nothing, itself in short, or what a bare group held."""
    tag = element.tag.removeprefix(_SPACE)
    if tag in ("metadata", "style"):
        return []
    if element.get("id", "").startswith("line2d"):
        _mark(element)
    if element.get("id", "").startswith("FillBetween"):
        _place(element)
    children = [new for child in element for new in _lean(child, names)]
    if element.get("id", "").startswith("matplotlib.axis"):  # the lines of all ticks, then all labels
        children.sort(key=lambda child: child.tag == "text")
    made = Element("circle" if "C" in element.get("d", "") else tag, _attributes(element, names))
    made.extend(children if tag == "text" else _grouped(children))
    if tag in ("text", "tspan"):
        made.text, made.tail = element.text, element.tail if tag == "tspan" else None
    elif tag == "g" and not made.attrib:
        return list(made)
    return [made] if len(made) or tag not in ("g", "defs") else []


def _mark(line: Element) -> None:
    """Let a line say which marker its points have, where matplotlib draws one at each of them."""
    path, uses = line.find(f"{_SPACE}path"), line.findall(f".//{_SPACE}use")
    if path is None or not uses:
        return
    shape, drawn = line.find(f"{_SPACE}defs/{_SPACE}path"), line.find(f"{_SPACE}g")
    assert drawn is not None
    line.remove(drawn)
    if shape is not None:
        attributes = {"id": shape.attrib.pop("id"), "overflow": "visible", "markerUnits": "userSpaceOnUse"}
        marker = Element(f"{_SPACE}marker", attributes)
        shape.set("style", uses[0].attrib["style"])
        defs = line.find(f"{_SPACE}defs")
        assert defs is not None
        defs.remove(shape)
        defs.append(marker)
        marker.append(shape)
    points = len(re.findall("[ML]", path.attrib["d"]))
    which = "marker" if len(uses) == points else "marker-mid"  # of the three points of a line in the legend
    path.set("style", f"{path.attrib['style']}; {which}: url({uses[0].attrib[_HREF]})")


def _place(band: Element) -> None:
    """Draw a band where matplotlib defines a shape and then uses it once, moved."""
    shapes, uses = band.findall(f"{_SPACE}defs/{_SPACE}path"), band.findall(f".//{_SPACE}use")
    defs, drawn = band.find(f"{_SPACE}defs"), band.find(f"{_SPACE}g")
    if defs is None or drawn is None or not len(shapes) == len(uses) == 1:
        return
    (shape,), (use,) = shapes, uses
    by = itertools.cycle((float(use.attrib["x"]), float(use.attrib["y"])))
    moved = re.sub(r"-?\d[\d.]*", lambda m: f"{float(m[0]) + next(by):f}", shape.attrib["d"])
    band.remove(defs)
    drawn.remove(use)
    drawn.append(Element(f"{_SPACE}path", {"d": moved, "style": use.attrib["style"]}))


def _attributes(element: Element, names: Mapping[str, str]) -> dict[str, str]:
    made = {}
    for name, value in element.attrib.items():
        if name == "id":
            if value in names:
                made["id"] = names[value]
        elif name == _HREF:
            made["href"] = f"#{names[value[1:]]}"
        elif name in _SHARED:
            value = _style(value) if name == "style" else value
            made[name] = re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{names[m[1]]})", value)
        elif name == "d" and "C" in value:  # matplotlib's round marker
            made["r"] = value.split()[2]
        elif name == "d":
            made[name] = _path(value)
        elif name in _WORDS:
            made[name] = value
        elif not value.startswith("rotate(-0 "):
            made[name] = _rounded(value)
    return made


def _path(data: str) -> str:
    """Path data in relative coordinates. They are rounded where they are absolute, so that errors do not add up."""
    made = before = ""
    x, y = start = 0, 0
    for step, given in re.findall(r"([MLQCz])([^MLQCz]*)", data):
        values = [round(float(value) * 10) for value in given.split()]
        moves = (_tenths(value - (y if i % 2 else x)) for i, value in enumerate(values))
        text = "".join(move if move.startswith("-") else f" {move}" for move in moves)
        made += text if step == before else step.lower() + text.lstrip()
        x, y = values[-2:] or start
        start = (x, y) if step == "M" else start
        before = step
    return made


def _rounded(text: str) -> str:
    return _NUMBER.sub(lambda m: _tenths(round(float(m[0]) * 10)), text)


def _tenths(count: int) -> str:
    """A number as short as SVG reads it: ``.5``, ``-1.2``, ``30``."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{count / 10:g}")


def _style(style: str) -> str:
    """A style with the theme's colors, in the page's own font."""
    rules = (rule for rule in style.split("; ") if not rule.startswith("font-family") and rule not in _INITIAL)
    return ";".join(_color(rule.replace(": ", ":", 1)) for rule in rules)


def _color(value: str) -> str:
    for i, sentinel in enumerate(SENTINELS):
        value = value.replace(sentinel, f"var(--figure-{i + 1}, {PALETTE[i]})")
    for sentinel, name in ((INK, "ink"), (GRID, "grid")):
        value = value.replace(sentinel, f"var(--figure-{name}, {FALLBACK[sentinel]})")
    return value


def _grouped(elements: Sequence[Element]) -> list[Element]:
    """Neighbors of one style and clipping, put into a group that says it for them."""
    made: list[Element] = []
    for shared, members in itertools.groupby(elements, _shared):
        group = list(members)
        # Half-transparent neighbors that overlap are not a half-transparent group.
        if len(group) == 1 or not shared or re.search(r"(^|;)opacity", shared.get("style", "")):
            made += group
            continue
        if all(_is_stroke(element) for element in group):
            lines = "".join("M" + element.attrib["d"][1:] for element in group)  # each begins with a place of its own
            made.append(Element("path", {"d": lines, **shared}))
            continue
        around = Element("g", shared)
        for element in group:
            for name in shared:
                del element.attrib[name]
            around.extend(element if element.tag == "g" and not element.attrib else [element])
        made.append(around)
    return made


def _is_stroke(element: Element) -> bool:
    """Whether this is a bare line, without points or transparency: several of one style may be one path."""
    style = element.get("style", "")
    bare = element.tag == "path" and not element.attrib.keys() - {"d", *_SHARED}
    return bare and "fill:none" in style and "marker" not in style and "opacity" not in style


def _shared(element: Element) -> dict[str, str]:
    return {name: element.attrib[name] for name in _SHARED if name in element.attrib}
