"""Measured memory of training steps beside the model's: the file that ``course measure`` writes and pages show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course.pipeline.base import files
from course.pipeline.base.errors import CourseError
from course.shapes import MODELS
from course.step_memory import PHASES, Setup, peak

NAME = "step_memory.json"
SETTINGS = ("method", "precision", "loss", "batch", "sequence", "checkpointing", "accumulate")


@dataclass(frozen=True)
class Cell:
    """One setup and what the tracker found: the peak of each phase in bytes, in the first step and in the second."""

    setup: Setup
    steps: Sequence[Mapping[str, int]]

    @property
    def measured(self) -> int:
        """The tracker's peak of a step that is not the first, in bytes."""
        return max(self.steps[-1].values())

    @property
    def modeled(self) -> int:
        """The model's."""
        return peak(self.setup).total

    @property
    def error(self) -> float:
        """The model's peak over the tracker's, less one; the larger of both steps. Before the first nothing accumulated."""
        errors = [
            peak(replace(self.setup, accumulate=self.setup.accumulate and not first), first).total / max(step.values())
            - 1
            for first, step in zip((True, False), self.steps, strict=True)
        ]
        return max(errors, key=abs)

    def record(self) -> dict[str, Any]:
        """As it stands in the file."""
        settings = {name: getattr(self.setup, name) for name in SETTINGS}
        return {"model": self.setup.shapes.name, **settings, "steps": [dict(step) for step in self.steps]}


@dataclass(frozen=True)
class Measured:
    """All cells, with what they were measured on."""

    provenance: Mapping[str, Any]
    cells: Sequence[Cell]

    def write(self, path: Path) -> None:
        """Replace the file: one line a cell, so that a change can be reviewed."""
        cells = ",\n  ".join(json.dumps(cell.record()) for cell in self.cells)
        text = f'{{\n "provenance": {json.dumps(dict(self.provenance))},\n "cells": [\n  {cells}\n ]\n}}\n'
        files.write_atomic(path, text)


def read(path: Path) -> Measured:
    """The file's content.

    Raises:
        CourseError: there is no such file, or it was not written by ``course measure``.
    """
    hint = "Make it: course measure (it takes an hour on two cores)."
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Measured(found["provenance"], [_cell(cell) for cell in found["cells"]])
    except FileNotFoundError:
        raise CourseError("No memory of training steps was measured.", path, hint=hint) from None
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(f"The measured memory cannot be read: {error}.", path, hint=hint) from error


def _cell(record: Mapping[str, Any]) -> Cell:
    settings = {name: record[name] for name in SETTINGS}
    steps = [{phase: int(step[phase]) for phase in PHASES} for step in record["steps"]]
    return Cell(Setup(MODELS[record["model"]], **settings), steps)
