"""Small lessons, quizzes and captures, made from text as an author would write it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course.pipeline.lesson.course_format import parse
from course.pipeline.lesson.model import Lesson
from course.pipeline.results import claims, quiz
from course.pipeline.results.bundle import Bundle, Results
from course.pipeline.results.capture import Capture, Item, Output, Provenance, item
from course.pipeline.text.expressions import Scalar

PATH = Path("07_sample.py")

HEADER = """\
# ---
# title: A sample
# module: 4
# summary: What the sample finds.
# objectives:
#   - predict $r$ of anything
# fork: true
# ---
"""

PARAMETERS = """
# %% tags=["parameters"]
profile = "laptop"
seed = 0
"""

CHOICE = """\
  - id: sample-{n}
    ask: Which one is it?
    options:
      - text: This.
        right: true
        why: It is.
      - text: That.
        why: It is not.
"""

NUMBER = """\
  - id: sample-number
    ask: How many?
    answer: lora.trainable / 2
    tolerance: 0.01
    format: int
    unit: parameters
    why: Half of them.
    hint: Fewer.
"""


def source(*cells: str, header: str = HEADER, parameters: str = PARAMETERS) -> str:
    """A lesson's text: header, parameters cell, then ``cells``, each with its marker line."""
    return "\n".join([header, parameters, *(f"{cell}\n" for cell in cells)])


def lesson(*cells: str, header: str = HEADER, path: Path = PATH) -> Lesson:
    return parse(source(*cells, header=header), path)


def line_of(text: str, needle: str) -> int:
    """The 1-based line of ``text`` that holds ``needle``, which must be in exactly one."""
    (found,) = (at for at, line in enumerate(text.split("\n"), 1) if needle in line)
    return found


def quiz_text(*questions: str, fill: bool = True) -> str:
    """A quiz with ``questions`` first, filled up to five with plain choices."""
    more = range(len(questions), 5) if fill else range(0)
    return "questions:\n" + "".join(questions) + "".join(CHOICE.format(n=n) for n in more)


PROVENANCE = Provenance(
    commit="0123456789ab", fingerprint="f" * 16, inputs={"code": "c" * 16, "profile": "laptop"}, profile="laptop",
    seed=0, device="cpu", processor="A processor <4 GHz>", threads=2, dtype="float32", python="3.11.9",
    libraries={"torch": "2.13.0"}, seconds=12.0, peak_mib=2048, date="2025-01-31",
)  # fmt: skip


def value(key: str, found: Scalar, cell: int = 1, kind: str = "") -> Item:
    kind = kind or ("relative" if isinstance(found, float) else "exact")
    return item({"type": "value", "key": key, "value": found, "kind": kind}, cell)


def claim(number: int, **changed: str) -> str:
    """One entry of a cell of claims; a field changed to the empty text is left out."""
    texts = {"text": "It trains *few* parameters.", "source": "a tutorial", "value": "{{ lora.trainable | int }}"}
    fields = {**texts, "for": "lora.trainable == 9216", "against": "lora.trainable != 9216", **changed}
    lines = [f"- number: {number}", *(f"  {name}: {json.dumps(text)}" for name, text in fields.items() if text)]
    return "\n".join(f"# {line}" for line in lines)


def claims_cell(*entries: str) -> str:
    return "\n".join(['# %% [markdown] tags=["claims"]', *entries])


def table(key: str, cell: int = 1, **changed: Any) -> Item:
    data = {"columns": ["rank", "<loss>"], "rows": [[8, 0.5], [16, 0.25]], "caption": "Losses.", "kind": "relative"}
    return item({"type": "table", "key": key, **data, **changed}, cell)


def figure(key: str, cell: int = 1, **changed: Any) -> Item:
    series = {"name": "q only", "x": [1, 2, 4], "y": [3.0, 2.0, 1.5], "low": [2.5, 1.5, 1.0], "high": [4.0, 2.5, 2.0]}
    drawn = {
        "kind": "line", "series": [series], "x_label": "rank", "y_label": "loss", "caption": "It falls.",
        "alt": "Loss falls with rank.", "x_log": True, "y_log": False, "guides": [["start", 3.0]], **changed,
    }  # fmt: skip
    return item({"type": "figure", "key": key, "kind": "relative", "figure": drawn}, cell)


def capture(*items: Item, outputs: Sequence[Sequence[Output]] = (), cells: int = 2) -> Capture:
    shown = tuple(map(tuple, outputs)) or ((),) * cells
    return Capture({item.key: item for item in items}, shown, PROVENANCE)


def values(**found: Scalar) -> Mapping[str, Scalar]:
    """``lora__trainable=1`` as ``{"lora.trainable": 1}``."""
    return {name.replace("__", "."): one for name, one in found.items()}


def bundle(made: Lesson, captured: Capture, questions: tuple[quiz.Question, ...] = ()) -> Bundle:
    return Bundle(made, questions, claims.read(made), dict(captured.provenance.inputs), Results.of(captured))
