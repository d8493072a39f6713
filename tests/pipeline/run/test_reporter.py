"""What a build shows: plain lines where nobody watches, an estimate where the last times are known."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from course.pipeline.base.errors import CourseError
from course.pipeline.run.jobs import Job, Outcome
from course.pipeline.run.reporter import Reporter, duration, remaining, reporter

from ..samples import lesson

CELL = lesson("# %%\nx = 1").code_cells[1]


def job(name: str, seconds: float | None) -> Job:
    return Job(Path(f"{name}.py"), name, "laptop", "f", seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (250, "4 min 10 s"),
        (3600, "1 h 00 min"),
        (3925, "1 h 05 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("waiting", "running", "workers", "left"),
    [
        ([], [], 2, 0),
        ([10, 20], [], 2, 15),
        ([10], [(30, 25)], 2, 7.5),
        ([], [(30, 10)], 2, 20),  # the last one has no help
        ([], [(30, 40)], 2, 0),  # longer than last time
        ([None], [(30, 10)], 2, None),
    ],
)
def test_remaining(
    waiting: list[float | None], running: list[tuple[float, float]], workers: int, left: float | None
) -> None:
    started = [(job("r", usual), taken) for usual, taken in running]
    assert remaining([job("w", seconds) for seconds in waiting], started, workers) == left


def test_plain_lines_where_there_is_no_terminal() -> None:
    console = Console(file=io.StringIO(), width=200)
    first, second = job("01_a", 250), job("02_b", None)
    with reporter(console, [first, second], 2) as report:
        report.started(first)
        report.started(second)
        report.cell(second, CELL, 2, 3)
        report.finished(Outcome(first, "{}"), ["loss: 1 → 2"])
        report.finished(Outcome(second, problem=CourseError("It broke.")), [])
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().split("\n") == [
        "[1/2] Running 01_a (laptop, last time 4 min 10 s)",
        "[2/2] Running 02_b (laptop)",
        f"    02_b: cell 2/3, line {CELL.line}, 0 s",
        "    01_a: changed: loss: 1 → 2",
        "✓ 01_a (0 s)",
        "",
    ]


def shown(report: Reporter) -> str:
    """What stands on the board at this moment."""
    with report.console.capture() as captured:
        report.console.print(report.board())
    return captured.get()


def terminal() -> Console:
    return Console(file=io.StringIO(), width=200, force_terminal=True)


def test_the_board_shows_what_runs_and_what_is_left() -> None:
    jobs = [job("01_a", 100), job("02_b", 100), job("03_c", 20)]
    report = Reporter(terminal(), jobs, 2)
    report.started(jobs[0])
    assert "starting" in shown(report)
    report.started(jobs[1])
    report.cell(jobs[0], CELL, 5, 9)
    report.finished(Outcome(jobs[1], "{}"), [])
    rows = shown(report)
    assert "02_b" not in rows
    assert f"cell 5/9, line {CELL.line}" in rows
    assert re.search(r"0:00:0\d.*last time 1 min 40 s", rows)
    assert "1 of 3 done, 1 waiting, about 1 min 40 s left" in rows


def test_a_terminal_keeps_what_is_finished_and_no_board() -> None:
    console, one = terminal(), job("01_a", None)
    with reporter(console, [one], 1) as report:
        report.started(one)
        report.cell(one, CELL, 1, 3)
        report.finished(Outcome(one, "{}"), ["loss: 1 → 2"])
    assert isinstance(console.file, io.StringIO)
    text = Text.from_ansi(console.file.getvalue()).plain
    assert "✓ 01_a (0 s)" in text
    assert "01_a: changed: loss: 1 → 2" in text
    assert "Running" not in text
    assert console.file.getvalue().endswith("\x1b[2K")  # what stood below is taken away


@pytest.mark.parametrize("console", [terminal(), Console(file=io.StringIO(), width=200)])
def test_a_lesson_may_fail_before_it_starts(console: Console) -> None:
    jobs = [job("01_a", 100), job("02_b", 100)]
    report = Reporter(console, jobs, 1)
    report.finished(Outcome(jobs[0], problem=CourseError("It broke.")), [])
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == ""
    assert "1 of 2 done, 1 waiting" in shown(report)
