"""Captures: what a run recorded, as one reviewable text file a lesson and profile.

A capture holds nothing that differs between two runs on one machine, except values of kind *band* and the provenance.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from course.pipeline.base.files import write_atomic
from course.pipeline.text.expressions import Scalar

FORMAT = 1
# Relative tolerance within which a value of kind "relative" counts as unchanged on another machine.
RELATIVE = 0.02


@dataclass(frozen=True)
class Provenance:
    """Where a capture came from."""

    commit: str
    fingerprint: str
    inputs: dict[str, str]
    profile: str
    seed: int
    device: str
    processor: str
    threads: int
    dtype: str
    python: str
    libraries: dict[str, str]
    seconds: float
    peak_mib: int
    date: str


@dataclass(frozen=True)
class Item:
    """One recorded item: a value, table, curve or figure, and the index of the code cell that made it."""

    key: str
    cell: int
    data: dict[str, Any]


@dataclass(frozen=True)
class Capture:
    """What one lesson recorded under one profile.

    ``outputs[i]`` is what code cell ``i`` shows: a list of ``{"text": …}`` and ``{"item": key}`` in order; in a plain
    lesson also ``{"stderr": …}``, ``{"html": …}`` (cleaned) and ``{"image": name}``. ``images`` maps such names to SVG,
    or to base64 of another format; they come last in the file, below all that a reviewer reads.
    """

    items: dict[str, Item]
    outputs: list[list[dict[str, str]]]
    provenance: Provenance
    images: dict[str, str] = field(default_factory=dict)
    values: dict[str, Scalar] = field(init=False)

    def __post_init__(self) -> None:
        found = {key: item.data["value"] for key, item in self.items.items() if item.data["type"] == "value"}
        object.__setattr__(self, "values", found)

    def of_type(self, kind: str) -> Iterator[Item]:
        return (item for item in self.items.values() if item.data["type"] == kind)


def path_of(root: Path, slug: str, profile: str) -> Path:
    return root / slug / profile / "capture.json"


def save(capture: Capture, path: Path) -> None:
    """Write ``capture``; the previous file stays until the new one is complete."""
    write_atomic(path, dumps(capture))


def dumps(capture: Capture) -> str:
    """The capture as text: stable order, one line a value, one line an array of numbers."""
    document = {
        "format": FORMAT,
        "provenance": asdict(capture.provenance),
        "items": {key: {"cell": item.cell, **item.data} for key, item in sorted(capture.items.items())},
        "outputs": capture.outputs,
        **({"images": capture.images} if capture.images else {}),
    }
    return _lines(document, "") + "\n"


def _lines(item: Any, indent: str) -> str:
    """JSON with an entry a line, except that arrays of scalars stay on one."""
    inner = indent + " "
    if isinstance(item, dict) and item:
        entries = [f"{json.dumps(name, ensure_ascii=False)}: {_lines(child, inner)}" for name, child in item.items()]
        return f"{{\n{inner}" + f",\n{inner}".join(entries) + f"\n{indent}}}"
    if isinstance(item, (list, tuple)) and any(isinstance(child, (dict, list, tuple)) for child in item):
        return f"[\n{inner}" + f",\n{inner}".join(_lines(child, inner) for child in item) + f"\n{indent}]"
    return json.dumps(item, ensure_ascii=False)


def load(path: Path) -> Capture | None:
    """Read a capture; ``None`` if there is none or it cannot be read (then the lesson is simply stale)."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            return None
        items = {}
        for key, data in document["items"].items():
            cell = data.pop("cell")
            items[key] = Item(key, cell, data)
        images = document.get("images", {})
        return Capture(items, document["outputs"], Provenance(**document["provenance"]), images)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def differences(old: Capture, new: Capture) -> list[str]:
    """How ``new`` differs from ``old`` beyond each item's kind: one line a difference."""
    lines = [f"{key}: gone" for key in sorted(old.items.keys() - new.items.keys())]
    lines += [f"{key}: new" for key in sorted(new.items.keys() - old.items.keys())]
    for key in sorted(old.items.keys() & new.items.keys()):
        before, after = old.items[key].data, new.items[key].data
        kind = after.get("kind", "exact")
        if kind != "band" and not _same(before, after, 0.0 if kind == "exact" else RELATIVE):
            shown = f"{before['value']} → {after['value']}" if before["type"] == after["type"] == "value" else "changed"
            lines.append(f"{key}: {shown}")
    return lines


def _same(before: Any, after: Any, tolerance: float) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(before[k], after[k], tolerance) for k in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(_same(a, b, tolerance) for a, b in zip(before, after, strict=True))
    if isinstance(before, float) or isinstance(after, float):
        numbers = isinstance(before, (int, float)) and isinstance(after, (int, float))
        return numbers and math.isclose(before, after, rel_tol=tolerance, abs_tol=1e-12)
    return bool(before == after)
