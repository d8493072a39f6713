"""What a build shows: plain lines where nobody watches, an estimate where the last times are known."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from course.pipeline.base.errors import CourseError
from course.pipeline.run.jobs import Job, Outcome
from course.pipeline.run.reporter import Board, duration, remaining, reporter

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


def test_the_board_shows_what_runs_and_what_is_left() -> None:
    console = Console(file=io.StringIO(), width=200)
    jobs = [job("01_a", 100), job("02_b", 100), job("03_c", 20)]
    board = Board(console, jobs, 2)
    board.started(jobs[0])
    board.started(jobs[1])
    board.cell(jobs[0], CELL, 5, 9)
    board.finished(Outcome(jobs[1], "{}"), [])
    with console.capture() as captured:
        console.print(board.render())
    shown = captured.get()
    assert "02_b" not in shown
    assert f"cell 5/9, line {CELL.line}" in shown
    assert "of about 1 min 40 s" in shown
    assert "1 of 3 done" in shown
    assert "1 waiting" in shown
    assert "about 1 min 40 s left" in shown


def test_a_lesson_may_fail_before_it_starts() -> None:
    console = Console(file=io.StringIO(), width=200)
    jobs = [job("01_a", 100), job("02_b", 100)]
    failed = Outcome(jobs[0], problem=CourseError("It broke."))
    board = Board(console, jobs, 1)
    with reporter(console, jobs, 1) as lines:
        for report in (lines, board):
            report.finished(failed, [])
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == ""
    with console.capture() as captured:
        console.print(board.render())
    assert "1 of 2 done" in captured.get()
    assert "1 waiting" in captured.get()
