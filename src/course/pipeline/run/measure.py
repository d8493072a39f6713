"""Which training steps ``course measure`` tracks, one after the other, and how its file grows."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from course.pipeline.results.measured import Cell, Measured
from course.provenance import environment
from course.shapes import MODELS
from course.step_memory import Method, Precision, Setup

METHODS: Sequence[Method] = ("full", "lora")
PRECISIONS: Sequence[Precision] = ("bf16", "mixed", "plain", "fp32")


def setups() -> Iterator[Setup]:
    """The grid: 8B and 1B in every precision, 70B and long and short sequences in bf16, and three ways of a step."""
    small, middle, large = (MODELS[name] for name in ("Llama-3.2-1B", "Llama-3.1-8B", "Llama-3.1-70B"))
    for shapes, checkpointing, method in itertools.product((middle, large), (True, False), METHODS):
        yield Setup(shapes, method, checkpointing=checkpointing)
    yield Setup(middle, precision="plain", loss="whole")
    for method in METHODS:
        yield Setup(small, method, loss="whole")
        yield Setup(small, method, accumulate=True)
        yield Setup(small, method, checkpointing=True, batch=8, sequence=1024)
    for shapes in (small, middle):
        for sequence, method, checkpointing in itertools.product((512, 8192), METHODS, (False, True)):
            yield Setup(shapes, method, sequence=sequence, checkpointing=checkpointing)
        for precision, method, checkpointing in itertools.product(PRECISIONS, METHODS, (False, True)):
            if shapes is small or precision != "bf16":
                yield Setup(shapes, method, precision, checkpointing=checkpointing)


def measure(path: Path, known: Measured | None, commit: str, say: Callable[[Cell], None]) -> Measured:
    """Track what ``known`` lacks of the grid and write the file after each cell, so that an interruption costs one."""
    from course.step_tracker import measure as track  # with torch and transformers, which no other command needs

    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    cells = {cell.setup: cell for cell in known.cells} if known else {}
    found = Measured({}, list(cells.values()))
    for setup in setups():
        if setup in cells:
            continue
        cells[setup] = cell = Cell(setup, track(setup))
        found = Measured({"commit": commit, "date": date, **environment()}, list(cells.values()))
        found.write(path)
        say(cell)
    return found
