"""Collect from an executed notebook what a lesson recorded and printed, without what differs between runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from course.pipeline.base import syntax
from course.pipeline.lesson.model import Lesson
from course.pipeline.results import capture
from course.pipeline.results.capture import (
    Capture,
    Chart,
    Html,
    ImageShown,
    Item,
    ItemShown,
    Output,
    Provenance,
    Stderr,
    Table,
    Text,
)
from course.record import MIME


def from_notebook(lesson: Lesson, cells: list[Mapping[str, Any]], provenance: Provenance) -> Capture:
    """Collect what the executed code ``cells`` (of nbformat, in source order) recorded and printed.

    Raises:
        CourseError: a key recorded twice; in a lesson of the course also a warning on stderr, or an output that is
            neither text nor recorded.
    """
    items: dict[str, Item] = {}
    images: dict[str, str] = {}
    outputs: list[tuple[Output, ...]] = []
    for index, (cell, source) in enumerate(zip(cells, lesson.code_cells, strict=True)):
        shown: list[Output] = []
        for output in cell["outputs"]:
            data = output.get("data", {})
            if MIME in data:
                item = capture.item(data[MIME], index)
                if item.key in items:
                    raise lesson.error(f"The key {item.key!r} is recorded twice.", source.line, "Give it another name.")
                items[item.key] = item
                if isinstance(item, (Table, Chart)):
                    shown.append(ItemShown(item.key))
            elif output["output_type"] == "stream" and output["name"] == "stdout":
                _add(shown, Text(output["text"]))
            elif output["output_type"] == "stream" and lesson.is_plain:
                _add(shown, Stderr(_without_progress(output["text"])))
            elif output["output_type"] == "stream":
                _refuse_warnings(lesson, source.line, output["text"])
            elif lesson.is_plain and (found := _display(data, images)):
                shown.append(found)
            elif output["output_type"] == "execute_result" and _records_last(source.source):
                pass  # the recorded value itself, which the page shows where it is bound
            elif "text/plain" in data and not any(kind.startswith("image/") for kind in data):
                _add(shown, Text(data["text/plain"]))
            elif not lesson.is_plain:
                hint = "Record figures with record.figure, so that they are data."
                raise lesson.error(f"The cell shows {sorted(data) or output['output_type']}.", source.line, hint)
        outputs.append(tuple(filter(_says_something, map(_normal, shown))))
    return Capture(items, tuple(outputs), provenance, images)


def _records_last(source: str) -> bool:
    """Whether a cell ends by recording a value, whose return value Python would then show."""
    last = syntax.parse(source).body[-1]
    return isinstance(last, ast.Expr) and ast.unparse(last).startswith("record.value(")


def _add(shown: list[Output], output: Text | Stderr) -> None:
    """Append ``output``, to the last one's text if that is of the same kind."""
    last = shown[-1] if shown else None
    if isinstance(last, type(output)):
        shown[-1] = replace(last, text=last.text + output.text)
    else:
        shown.append(output)


def _normal(output: Output) -> Output:
    if isinstance(output, (Text, Stderr)):
        return replace(output, text=normalise(output.text))
    return Html(normalise(output.html)) if isinstance(output, Html) else output


def _says_something(output: Output) -> bool:
    return all(vars(output).values())


def _display(data: Mapping[str, Any], images: dict[str, str]) -> Html | ImageShown | None:
    """What a plain lesson displays besides text; an image is put into ``images``."""
    from course.pipeline.text import displayed  # a lesson of the course needs none of its libraries

    found = displayed.shown(data)
    if isinstance(found, displayed.Image):
        images[found.name] = found.content
        return ImageShown(found.name)
    return Html(found) if found else None


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
