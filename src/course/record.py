"""Record what a lesson measured, so that its page, its quiz and the claims ledger can use it.

A recorded item is *displayed*: in a notebook it shows as a table or figure, and carries the same data in a second
representation (:data:`MIME`) that the build step collects from the executed cell. Nothing is written to disk and
nothing else is needed, so a lesson behaves the same as a notebook, as a script and in the build.

Keys are dotted lower-case names such as ``"lora.trainable"``. Prose binds to values: ``{{ lora.trainable | int }}``.
"""

from __future__ import annotations

import keyword
import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from numbers import Real
from typing import Any, Literal, TypeVar, get_args

from course.figures import Figure, Series

MIME = "application/vnd.course.record+json"
KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")  # what an expression in prose can name

Kind = Literal["exact", "relative", "band"]
"""How a value may differ between two runs: *exact* not at all (counts, text); *relative* in the last digits (losses
on another processor); *band* freely (times, measured memory)."""

Scalar = TypeVar("Scalar", int, float, str, bool)


def value(key: str, value: Scalar, kind: Kind = "relative") -> Scalar:
    """Record one number, truth value or short text under ``key`` and return it unchanged.

    ``kind`` is ``"relative"`` unless given; integers, texts and truth values are ``"exact"`` unless they are a ``"band"``.

    Raises:
        ValueError: a malformed key, or a number that is not finite.
        TypeError: a value that is none of int, float, str, bool.
    """
    plain = _plain(value, key)
    if kind not in get_args(Kind):
        raise ValueError(f"Bad kind {kind!r} for {key!r}: use one of {', '.join(get_args(Kind))}.")
    if kind == "relative" and not isinstance(plain, float):
        kind = "exact"
    _show({"type": "value", "key": _key(key), "value": plain, "kind": kind}, "")
    return value


def values(prefix: str, items: Mapping[str, Any], kind: Kind = "relative") -> None:
    """Record every entry of ``items`` under ``prefix.name``."""
    for name, item in items.items():
        value(f"{prefix}.{name}", item, kind)


def table(
    key: str, rows: Sequence[Sequence[Any]], columns: Sequence[str], caption: str, kind: Kind = "relative"
) -> None:
    """Record and show a table. Cells are numbers or short texts; format numbers yourself where it matters.

    Raises:
        ValueError: a row whose length differs from ``columns``.
    """
    for number, row in enumerate(rows):
        if len(row) != len(columns):
            raise ValueError(f"Table {key!r}: row {number} has {len(row)} cells for {len(columns)} columns.")
    cells = [[_plain(cell, key) for cell in row] for row in rows]
    data = {
        "type": "table",
        "key": _key(key),
        "columns": list(columns),
        "rows": cells,
        "caption": caption,
        "kind": kind,
    }
    _show(data, _text_table(columns, cells))


def curve(key: str, x: Sequence[float], y: Sequence[float], kind: Kind = "relative") -> None:
    """Record a curve as data, without showing it: for example every step's loss."""
    if len(x) != len(y):
        raise ValueError(f"Curve {key!r}: {len(x)} x values for {len(y)} y values.")
    data = {"type": "curve", "key": _key(key), "kind": kind}
    _show({**data, "x": [_plain(v, key) for v in x], "y": [_plain(v, key) for v in y]}, "")


def figure(key: str, figure: Figure, kind: Kind = "relative") -> None:
    """Record and show a figure. Its data is captured; each page draws it in its own colors.

    Raises:
        ValueError: a figure that could not be drawn: no series, lengths that differ, a y outside its low and high.
    """
    _check_drawable(key, figure)
    data = {"type": "figure", "key": _key(key), "kind": kind, "figure": _plain_tree(asdict(figure), key)}
    _show(data, f"[figure] {figure.caption}", figure.svg)


def _key(key: str) -> str:
    if not KEY.fullmatch(key) or any(keyword.iskeyword(part) for part in key.split(".")):
        hint = "use dotted lower-case names such as 'lora.r8.trainable', no part a keyword of Python"
        raise ValueError(f"Bad key {key!r}: {hint}.")
    return key


def _check_drawable(key: str, figure: Figure) -> None:
    if not figure.series:
        raise ValueError(f"Figure {key!r} has no series.")
    for series in figure.series:
        lengths = {len(series.x), len(series.y), *(len(side) for side in (series.low, series.high) if len(side))}
        if len(lengths) != 1 or bool(len(series.low)) != bool(len(series.high)):
            raise ValueError(f"Figure {key!r}: x, y, low and high of {series.name!r} differ in length.")
        if 0 in lengths:
            raise ValueError(f"Figure {key!r}: {series.name!r} has no points.")
        if figure.kind not in ("line", "scatter") and len(series.x) != len(figure.series[0].x):
            raise ValueError(f"Figure {key!r}: {series.name!r} has other columns than {figure.series[0].name!r}.")
        if any(not low <= y <= high for low, y, high in zip(series.low, series.y, series.high, strict=False)):
            raise ValueError(f"Figure {key!r}: a y of {series.name!r} is not between low and high.")


def _plain(item: Any, key: str) -> int | float | str | bool:
    """``item`` as a plain Python scalar; floats are rounded to 7 significant digits, the precision of float32."""
    if isinstance(item, (bool, str)):
        return item
    if hasattr(item, "item"):  # a torch or NumPy scalar
        item = item.item()
    if isinstance(item, (bool, int)):
        return item
    if isinstance(item, Real):
        number = float(item)
        if not math.isfinite(number):
            raise ValueError(f"{key!r} is {number}: record finite numbers only (report a divergence as text).")
        return float(f"{number:.7g}")
    raise TypeError(f"{key!r} is a {type(item).__name__}: record int, float, str or bool.")


def _plain_tree(item: Any, key: str) -> Any:
    """Lists and mappings of plain scalars."""
    if isinstance(item, Mapping):
        return {name: _plain_tree(child, key) for name, child in item.items()}
    if isinstance(item, (str, bool)) or not hasattr(item, "__iter__"):
        return _plain(item, key)
    return [_plain_tree(child, key) for child in item]


def _text_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    cells = [list(columns), *[[f"{c:g}" if isinstance(c, float) else str(c) for c in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def _show(data: dict[str, Any], text: str, svg: Callable[[], str] | None = None) -> None:
    """Display ``data`` in a notebook, print ``text`` in a script. ``svg`` draws the figure to show in a notebook."""
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        if text:
            print(text)
        return
    from IPython.display import publish_display_data

    bundle: dict[str, Any] = {MIME: data}
    if text:
        bundle["text/plain"] = text
    if svg and "COURSE_WEIGHTS" not in os.environ:  # the build draws from the data
        bundle["image/svg+xml"] = svg()
    publish_display_data(bundle)


__all__ = ["MIME", "Figure", "Kind", "Series", "curve", "figure", "table", "value", "values"]
