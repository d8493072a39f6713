"""Captures: what a run recorded, as one reviewable text file a lesson and profile.

A capture holds nothing that differs between two runs on one machine, except values of kind *band* and the provenance.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from course.pipeline import syntax
from course.pipeline.expressions import Scalar
from course.pipeline.files import write_atomic
from course.pipeline.lesson import Lesson
from course.record import MIME

FORMAT = 1
ROOT = Path("build/captures")
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


def from_notebook(lesson: Lesson, cells: list[Mapping[str, Any]], provenance: Provenance) -> Capture:
    """Collect what the executed code ``cells`` (of nbformat, in source order) recorded and printed.

    Raises:
        CourseError: a key recorded twice; in a lesson of the course also a warning on stderr, or an output that is
            neither text nor recorded.
    """
    items: dict[str, Item] = {}
    images: dict[str, str] = {}
    outputs: list[list[dict[str, str]]] = []
    for index, (cell, source) in enumerate(zip(cells, lesson.code_cells, strict=True)):
        shown: list[dict[str, str]] = []
        for output in cell["outputs"]:
            data = output.get("data", {})
            if MIME in data:
                item = Item(data[MIME]["key"], index, data[MIME])
                if item.key in items:
                    raise lesson.error(f"The key {item.key!r} is recorded twice.", source.line, "Give it another name.")
                items[item.key] = item
                if item.data["type"] in ("table", "figure"):
                    shown.append({"item": item.key})
            elif output["output_type"] == "stream" and output["name"] == "stdout":
                _add(shown, "text", output["text"])
            elif output["output_type"] == "stream" and lesson.is_plain:
                _add(shown, "stderr", _without_progress(output["text"]))
            elif output["output_type"] == "stream":
                _refuse_warnings(lesson, source.line, output["text"])
            elif lesson.is_plain and (found := _display(data, images)):
                shown.append(found)
            elif output["output_type"] == "execute_result" and _records_last(source.source):
                pass  # the recorded value itself, which the page shows where it is bound
            elif "text/plain" in data and not any(kind.startswith("image/") for kind in data):
                _add(shown, "text", data["text/plain"])
            elif not lesson.is_plain:
                hint = "Record figures with record.figure, so that they are data."
                raise lesson.error(f"The cell shows {sorted(data) or output['output_type']}.", source.line, hint)
        normal = [{kind: normalise(s) if kind in _TEXTS else s for kind, s in entry.items()} for entry in shown]
        outputs.append([entry for entry in normal if all(entry.values())])
    return Capture(items, outputs, provenance, images)


_TEXTS = frozenset({"text", "stderr", "html"})


def _records_last(source: str) -> bool:
    """Whether a cell ends by recording a value, whose return value Python would then show."""
    last = syntax.parse(source).body[-1]
    return isinstance(last, ast.Expr) and ast.unparse(last).startswith("record.value(")


def _add(shown: list[dict[str, str]], kind: str, text: str) -> None:
    if shown and kind in shown[-1]:
        shown[-1][kind] += text
    else:
        shown.append({kind: text})


def _display(data: Mapping[str, Any], images: dict[str, str]) -> dict[str, str] | None:
    """The entry for what a plain lesson displays besides text; an image is put into ``images``."""
    from course.pipeline import display  # a lesson of the course needs none of its libraries

    found = display.shown(data)
    if isinstance(found, display.Image):
        images[found.name] = found.content
        return {"image": found.name}
    return {"html": found} if found else None


def _without_progress(text: str) -> str:
    """``text`` without the lines that were overwritten: progress bars, whose last state tells a time."""
    return "".join(line for line in re.findall(r"[^\n]*\n|[^\n]+", text) if "\r" not in line.rstrip("\r\n"))


def _refuse_warnings(lesson: Lesson, line: int, text: str) -> None:
    if match := re.search(r"^.*\b\w*Warning\b.*$", text, re.M):
        hint = "Fix its cause; if nothing can be done, filter exactly this one, with the reason in a comment."
        warned = match[0].strip()
        if own := re.match(r"\S*/ipykernel_\d+/\d+\.py:(\d+): ", warned):  # raised by the cell's own line
            warned, line = warned[own.end() :], line + int(own[1]) - 1
        raise lesson.error(f"The cell warns: {normalise(warned)[:300]}", line, hint)


_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
_PATH = re.compile(r"(?<![\w/])/(?:tmp|root|home|var|usr|opt|work|private|Users)/[^\s'\":,)]*/([^\s'\":,)/]+)")
_TEMPORARY = re.compile(r"\btmp[a-z0-9_]{8}\b")  # what Python's tempfile makes
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?(?!\w)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all but tab and newline: no page can show them


def normalise(text: str) -> str:
    """``text`` without what differs between runs: colors, overwritten lines, addresses, folders, timestamps."""
    text = _ANSI.sub("", text)
    lines = (line.rsplit("\r", 1)[-1] for line in text.replace("\r\n", "\n").split("\n"))
    text = "\n".join(_CONTROL.sub("", line).rstrip() for line in lines)
    text = _ADDRESS.sub("0x…", text)
    text = _TEMPORARY.sub("tmp…", _PATH.sub(r"…/\1", text))
    return _TIME.sub("<time>", text).strip("\n")


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
