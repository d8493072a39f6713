"""What a build shows while lessons run: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

from course.pipeline.lesson.model import Cell
from course.pipeline.run.jobs import Job, Outcome


class Reporter(Protocol):
    """Told what happens, from several threads."""

    def started(self, job: Job) -> None: ...

    def cell(self, job: Job, cell: Cell, number: int, total: int) -> None: ...

    def finished(self, outcome: Outcome, differences: Sequence[str]) -> None: ...


@contextmanager
def reporter(console: Console, jobs: Sequence[Job], workers: int) -> Iterator[Reporter]:
    """The reporter that fits ``console``."""
    if not console.is_terminal:
        yield Lines(console, len(jobs))
        return
    board = Board(console, jobs, workers)
    with Live(console=console, get_renderable=board.render, refresh_per_second=4, transient=True):
        yield board


def duration(seconds: float) -> str:
    """``8 s``, ``4 min 10 s`` or ``1 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def remaining(jobs: Sequence[Job], elapsed: Sequence[tuple[Job, float]], workers: int) -> float | None:
    """Seconds until all is done by the times of the last runs; ``None`` if one of them has never run.

    Args:
        jobs: the jobs that wait.
        elapsed: the jobs that run, with the seconds they have taken so far.
    """
    if any(job.seconds is None for job in [*jobs, *(job for job, _ in elapsed)]):
        return None
    left = [max(0.0, (job.seconds or 0) - taken) for job, taken in elapsed]
    total = sum(left) + sum(job.seconds or 0 for job in jobs)
    return max([total / workers, *left])


class Lines:
    """One line an event."""

    def __init__(self, console: Console, total: int) -> None:
        self.console, self.total, self.count = console, total, 0
        self.starts: dict[Job, float] = {}
        self.lock = threading.Lock()

    def started(self, job: Job) -> None:
        with self.lock:
            self.count += 1
            self.starts[job] = time.monotonic()
            last = "" if job.seconds is None else f", last time {duration(job.seconds)}"
            self._print(f"[{self.count}/{self.total}] Running {job.name} ({job.profile}{last})")

    def cell(self, job: Job, cell: Cell, number: int, total: int) -> None:
        taken = duration(time.monotonic() - self.starts[job])
        self._print(f"    {job.name}: cell {number}/{total}, line {cell.line}, {taken}", style="dim")

    def finished(self, outcome: Outcome, differences: Sequence[str]) -> None:
        with self.lock:
            start = self.starts.get(outcome.job, 0.0)  # none if it failed before it started: then no time is told
        _finish(self.console, outcome, differences, time.monotonic() - start)

    def _print(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False)


def _finish(console: Console, outcome: Outcome, differences: Sequence[str], taken: float) -> None:
    for line in differences:
        console.print(f"    {outcome.job.name}: changed: {line}", markup=False)
    if outcome.problem is None:
        console.print(f"[green]✓[/] {outcome.job.name} ({duration(taken)})")


@dataclass
class _Row:
    start: float
    cell: str = "starting"


class Board:
    """A table of the lessons that run, with a line that says how much is left."""

    def __init__(self, console: Console, jobs: Sequence[Job], workers: int) -> None:
        self.console, self.workers, self.total = console, workers, len(jobs)
        self.waiting = list(jobs)
        self.rows: dict[Job, _Row] = {}
        self.done = 0
        self.lock = threading.Lock()

    def started(self, job: Job) -> None:
        with self.lock:
            self.waiting.remove(job)
            self.rows[job] = _Row(time.monotonic())

    def cell(self, job: Job, cell: Cell, number: int, total: int) -> None:
        with self.lock:
            self.rows[job].cell = f"cell {number}/{total}, line {cell.line}"

    def finished(self, outcome: Outcome, differences: Sequence[str]) -> None:
        with self.lock:
            row = self.rows.pop(outcome.job, None)
            if row is None:  # it failed before it started
                self.waiting.remove(outcome.job)
            self.done += 1
        _finish(self.console, outcome, differences, time.monotonic() - (row.start if row else 0.0))

    def render(self) -> RenderableType:
        with self.lock:
            now = time.monotonic()
            table = Table(box=None, pad_edge=False, show_header=False)
            for job, row in self.rows.items():
                usual = "" if job.seconds is None else f"of about {duration(job.seconds)}"
                table.add_row(job.name, row.cell, duration(now - row.start), usual)
            left = remaining(self.waiting, [(job, now - row.start) for job, row in self.rows.items()], self.workers)
            estimate = "" if left is None else f"about {duration(left)} left"
            table.add_row(f"{self.done} of {self.total} done", f"{len(self.waiting)} waiting", estimate)
            return table
