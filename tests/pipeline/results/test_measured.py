"""The committed comparison of the memory model with PyTorch's tracker."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.base.paths import ROOT
from course.pipeline.page import measured as tables
from course.pipeline.results.measured import NAME, Measured, read


@pytest.fixture(scope="module")
def committed(root: Path) -> Measured:
    return read(root / ROOT / NAME)


def test_every_measured_peak_is_within_two_percent(committed: Measured) -> None:
    wrong = {cell.setup: cell.error for cell in committed.cells if abs(cell.error) > 0.02}
    assert not wrong
    assert {cell.setup.shapes.name for cell in committed.cells} == {"Llama-3.2-1B", "Llama-3.1-8B", "Llama-3.1-70B"}
    assert {cell.setup.method for cell in committed.cells} == {"full", "lora"}


def test_what_is_written_is_read_again_and_shown(committed: Measured, tmp_path: Path) -> None:
    committed.write(tmp_path / NAME)
    assert read(tmp_path / NAME) == committed
    assert tables.table(committed).count("<tr>") == len(committed.cells) + 1


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "No memory of training steps was measured."), ("{", "cannot be read"), ('{"cells": []}', "'provenance'")],
)
def test_a_missing_or_broken_file_says_how_to_make_it(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / NAME
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=said) as caught:
        read(path)
    assert "course measure" in str(caught.value)
