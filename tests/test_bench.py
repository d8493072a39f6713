"""The benchmark's page says what the numbers say; its lessons are what each peer reads."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def bench(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, Any]]:
    """The modules of ``build/bench``, which is a program and no package."""
    import importlib

    monkeypatch.syspath_prepend(str(root / "build" / "bench"))
    names = ("page", "results", "synthetic", "systems")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


def document(bench: Mapping[str, Any], ours: float, cells: float = 40.0) -> Any:
    """Scripts take 100 s, ``cells`` on two cores, and the build ``ours``; two more rounds around these medians."""
    made = bench["results"].Document()
    made.machine = {
        "processor": "P", "cores": 2, "memory_gib": 8.0, "system": "S", "python": "3", "date": "d",
        "versions": {},
    }  # fmt: skip
    rows = [("scripts", "cold", 100.0), ("cells", "cold", cells), ("ours", "cold", ours), ("ours", "no-op", 0.1)]
    for system, row, seconds in rows:
        for repeat, factor in enumerate((0.5, 1, 3)):
            entry = bench["results"].Measurement(system, 50, row, repeat, seconds * factor, 1.0, 0.5, "c")
            made.measurements[entry.key] = entry
    return made


@pytest.mark.parametrize(
    ("ours", "ratio", "bound", "verdicts"),
    [(26.0, "0.26", "1.30", ["met", "met", "met"]), (54.0, "0.54", "2.70", ["missed", "missed", "met"])],
)
def test_sentences_follow_the_numbers(
    bench: Mapping[str, Any], ours: float, ratio: str, bound: str, verdicts: list[str]
) -> None:
    lines = bench["page"].page(document(bench, ours)).split("\n")
    (row,) = (line for line in lines if line.startswith("| `course build`"))
    assert [cell.strip() for cell in row.split("|")[2:6]] == [f"{ours:.1f}", ratio, bound, "0.10"]
    told = [cell for line in lines if (cell := line.rstrip("| ").rpartition("| ")[2]) in ("met", "missed")]
    assert told == verdicts
    assert "own lessons" not in "\n".join(lines)  # they were not measured


def test_a_machine_is_compared_with_itself(bench: Mapping[str, Any]) -> None:
    """The median of the ratios of each round, not the ratio of medians."""
    made = bench["results"].Document()
    for repeat, (scripts, ours) in enumerate([(100, 30), (200, 60), (100, 50)]):
        for system, seconds in (("scripts", scripts), ("ours", ours)):
            entry = bench["results"].Measurement(system, 50, "cold", repeat, seconds, 1.0, 0.5, "c")
            made.measurements[entry.key] = entry
    assert made.ratio("ours", "scripts", 50) == 0.3
    assert made.ratio("ours", "cells", 50) is None


@pytest.mark.parametrize(("cells", "told"), [(40.0, False), (80.0, True)])
def test_a_goal_below_what_the_cells_take_is_called_so(bench: Mapping[str, Any], cells: float, told: bool) -> None:
    text = bench["page"].page(document(bench, 26.0, cells))
    assert ("take 0.40 of the time of the scripts" in text.replace("\n", " ")) is told
    assert ("out of reach" in text) is told


def test_what_was_measured_is_read_back(bench: Mapping[str, Any], tmp_path: Path) -> None:
    made = document(bench, 26.0)
    made.findings["ours"] = bench["results"].Finding("ours", 10, 10, 1)
    made.save(tmp_path / "bench.json")
    assert bench["results"].Document.load(tmp_path / "bench.json") == made


def test_an_edit_changes_only_what_it_should(bench: Mapping[str, Any]) -> None:
    synthetic = bench["synthetic"]
    first, code, prose = (synthetic.Synthetic(1, **more) for more in ({}, {"scale": 2}, {"words": "second"}))
    for write in (synthetic.as_percent, synthetic.as_gallery):
        assert ast.unparse(ast.parse(write(first))) != ast.unparse(ast.parse(write(code)))
        assert write(first) != write(prose)
    assert first.cells == prose.cells != code.cells
    assert [c["cell_type"] for c in json.loads(synthetic.as_notebook(first))["cells"]] == ["markdown"] + ["code"] * 4
