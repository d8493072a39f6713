"""Captures: what a run recorded, as one reviewable text file a lesson and profile.

A capture holds nothing that differs between two runs on one machine, except values of kind *band* and the provenance.

Its digest tells numbers that somebody typed from those that a run gave. It is of all that was recorded and shown, and of the
inputs, by whose fingerprint old numbers would else pass for those of new code; not of when and how long the run was, so
that equal results have equal digests. It guards against slips and hasty merges; who means to deceive can make a new one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from course.figures import Figure, Series
from course.pipeline.base.files import write_atomic
from course.pipeline.text import clean
from course.pipeline.text.expressions import Scalar
from course.record import KEY, Kind

FORMAT = 2
# Relative tolerance within which a value of kind "relative" counts as unchanged on another machine.
RELATIVE = 0.02
_IMAGE = re.compile(r"[0-9a-f]{16}\.(?:svg|png|jpg|gif)")


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


# What a lesson recorded. ``cell`` is the index of the code cell that made it, ``kind`` how it may differ between two runs.


@dataclass(frozen=True)
class Value:
    """One number, truth value or short text."""

    key: str
    cell: int
    value: Scalar
    kind: Kind


@dataclass(frozen=True)
class Table:
    """A table; ``caption`` may hold bindings."""

    key: str
    cell: int
    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    caption: str
    kind: Kind


@dataclass(frozen=True)
class Curve:
    """Points of a curve, which no page shows."""

    key: str
    cell: int
    kind: Kind
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """A figure; its caption may hold bindings."""

    key: str
    cell: int
    kind: Kind
    figure: Figure

    @property
    def caption(self) -> str:
        return self.figure.caption


Item = Value | Table | Curve | Chart
_ITEMS: dict[str, type[Item]] = {"value": Value, "table": Table, "curve": Curve, "figure": Chart}
"""By the ``type`` that :mod:`course.record` gives them."""
T = TypeVar("T", Value, Table, Curve, Chart)


# What a code cell shows.


@dataclass(frozen=True)
class Text:
    """What it printed, or the text of its last value."""

    text: str


@dataclass(frozen=True)
class Stderr:
    """What a plain lesson printed on stderr."""

    text: str


@dataclass(frozen=True)
class Html:
    """What a plain lesson displayed, cleaned."""

    html: str


@dataclass(frozen=True)
class ImageShown:
    """An image that a plain lesson displayed, by its name in the capture."""

    name: str


@dataclass(frozen=True)
class ItemShown:
    """A table or figure that was recorded, by its key."""

    key: str


Output = Text | Stderr | Html | ImageShown | ItemShown
_OUTPUTS: dict[str, type[Output]] = {
    "text": Text, "stderr": Stderr, "html": Html, "image": ImageShown, "item": ItemShown,
}  # fmt: skip
"""By the name that their one field has in the file."""


@dataclass(frozen=True)
class Capture:
    """What one lesson recorded under one profile.

    Attributes:
        items: by key.
        outputs: what each code cell shows, in order.
        images: by name, SVG or base64 of another format; they come last in the file, below all that a reviewer reads.
        edited: whether the file was changed after the run.
        sorted_fields: whether the file has the fields of items by name, as older ones do, and not as they are recorded.
        values: the recorded values by key.
    """

    items: Mapping[str, Item]
    outputs: tuple[tuple[Output, ...], ...]
    provenance: Provenance
    images: Mapping[str, str] = field(default_factory=dict)
    edited: bool = False
    sorted_fields: bool = False
    values: dict[str, Scalar] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", {item.key: item.value for item in self.of_type(Value)})

    def of_type(self, kind: type[T]) -> Iterator[T]:
        return (item for item in self.items.values() if isinstance(item, kind))


def path_of(root: Path, slug: str, profile: str) -> Path:
    return root / slug / profile / "capture.json"


def save(capture: Capture, path: Path) -> None:
    """Write ``capture``; the previous file stays until the new one is complete."""
    write_atomic(path, dumps(capture))


def dumps(capture: Capture) -> str:
    """The capture as text: stable order, one line a value, one line an array of numbers."""
    in_order = _sorted if capture.sorted_fields else lambda fields: fields
    items = {key: {"cell": item.cell, **in_order(_fields(item))} for key, item in sorted(capture.items.items())}
    document = {
        "provenance": asdict(capture.provenance),
        "items": items,
        "outputs": [[_written(output) for output in shown] for shown in capture.outputs],
        **({"images": capture.images} if capture.images else {}),
    }
    return _lines({"format": FORMAT, "digest": _digest(document), **document}, "") + "\n"


def _digest(document: Mapping[str, Any]) -> str:
    """A hash of what a capture says, however it is laid out."""
    made_from = {name: document["provenance"][name] for name in ("fingerprint", "inputs")}
    text = json.dumps({**document, "provenance": made_from}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fields(item: Item) -> dict[str, Any]:
    """The item as :mod:`course.record` displays it, in JSON's types."""
    (name,) = (name for name, kind in _ITEMS.items() if isinstance(item, kind))
    fields = {"type": name, **asdict(item)}
    del fields["cell"]
    return fields


def _sorted(fields: Any) -> Any:
    """``fields`` with the names of all mappings in alphabetical order."""
    if isinstance(fields, dict):
        return {name: _sorted(fields[name]) for name in sorted(fields)}
    return [_sorted(child) for child in fields] if isinstance(fields, (list, tuple)) else fields


def _written(output: Output) -> dict[str, str]:
    (name,) = (name for name, kind in _OUTPUTS.items() if isinstance(output, kind))
    (content,) = vars(output).values()
    return {name: content}


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
    """Read a capture; ``None`` if there is none or it cannot be read (then the lesson is simply stale).

    Whoever wrote the file: what is read has the types and names that a run makes, and its HTML and SVG are clean.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("format") != FORMAT:
            return None
        digest, written = document.pop("digest"), document["items"]
        items = {key: _checked(key, data) for key, data in written.items()}
        images = {name: _image(name, content) for name, content in document.get("images", {}).items()}
        return Capture(
            items=items,
            outputs=tuple(tuple(_output(entry, items, images) for entry in shown) for shown in document["outputs"]),
            provenance=msgspec.convert(document["provenance"], Provenance),
            images=images,
            edited=digest != _digest(document),
            sorted_fields=any(list(data)[1] != "type" for data in written.values()),  # the first is the cell
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, msgspec.ValidationError):
        return None


def _checked(key: str, data: Mapping[str, Any]) -> Item:
    """The item under ``key`` of a file, which becomes the name of a place on the page and of a file beside it."""
    msgspec.convert(data, _ITEMS[data["type"]])
    if not KEY.fullmatch(key) or data["key"] != key:
        raise ValueError(key)
    return item(data, data["cell"])


def _image(name: str, content: str) -> str:
    if not _IMAGE.fullmatch(name):
        raise ValueError(name)
    if name.endswith(".svg"):
        return clean.svg(content)
    base64.b64decode(content)  # raises for what is none
    return content


def item(recorded: Mapping[str, Any], cell: int) -> Item:
    """The item that code cell ``cell`` displayed in JSON's types, see :mod:`course.record`.

    Raises:
        KeyError, TypeError: these are not its fields.
    """
    fields = {name: _frozen(child) for name, child in recorded.items()}
    kind = _ITEMS[fields.pop("type")]
    if kind is Chart:
        fields["figure"] = _figure(recorded["figure"])
    return kind(**{**fields, "cell": cell})


def _figure(data: Mapping[str, Any]) -> Figure:
    fields = _frozen(data)
    return Figure(**{**fields, "series": tuple(Series(**series) for series in fields["series"])})


def _frozen(data: Any) -> Any:
    """``data`` with tuples for lists."""
    if isinstance(data, dict):
        return {name: _frozen(child) for name, child in data.items()}
    return tuple(map(_frozen, data)) if isinstance(data, list) else data


def _output(entry: Mapping[str, str], items: Mapping[str, Item], images: Mapping[str, str]) -> Output:
    ((name, content),) = entry.items()
    output = msgspec.convert(_OUTPUTS[name](content), _OUTPUTS[name], from_attributes=True)
    match output:
        case Html(html):
            return Html(clean.output(html))
        case ItemShown(key) if not isinstance(items[key], (Table, Chart)):
            raise ValueError(key)
        case ImageShown(shown) if shown not in images:
            raise ValueError(shown)
    return output


def differences(old: Capture, new: Capture) -> list[str]:
    """How ``new`` differs from ``old`` beyond each item's kind: one line a difference."""
    lines = [f"{key}: gone" for key in sorted(old.items.keys() - new.items.keys())]
    lines += [f"{key}: new" for key in sorted(new.items.keys() - old.items.keys())]
    for key in sorted(old.items.keys() & new.items.keys()):
        before, after = old.items[key], new.items[key]
        tolerance = 0.0 if after.kind == "exact" else RELATIVE
        if after.kind != "band" and not _same(_fields(before), _fields(after), tolerance):
            match before, after:
                case Value(), Value():
                    lines.append(f"{key}: {before.value} → {after.value}")
                case _:
                    lines.append(f"{key}: changed")
    return lines


def _same(before: Any, after: Any, tolerance: float) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(before[k], after[k], tolerance) for k in before)
    if isinstance(before, tuple) and isinstance(after, tuple):
        return len(before) == len(after) and all(_same(a, b, tolerance) for a, b in zip(before, after, strict=True))
    if isinstance(before, float) or isinstance(after, float):
        numbers = isinstance(before, (int, float)) and isinstance(after, (int, float))
        return numbers and math.isclose(before, after, rel_tol=tolerance, abs_tol=1e-12)
    return bool(before == after)
