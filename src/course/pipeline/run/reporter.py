"""What a build shows while lessons run: a line for each on a terminal, plain lines anywhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from course.pipeline.lesson.model import Cell
from course.pipeline.run.jobs import Job, Outcome


@contextmanager
def reporter(console: Console, jobs: Sequence[Job], workers: int) -> Iterator[Reporter]:
    """What is told of the ``jobs`` appears on ``console`` meanwhile."""
    told = Reporter(console, jobs, workers)
    board = Live(console=console, get_renderable=told.board, refresh_per_second=4, transient=True)
    with board if console.is_terminal else nullcontext():
        yield told


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


class Reporter:
    """Told what happens, from several threads."""

    def __init__(self, console: Console, jobs: Sequence[Job], workers: int) -> None:
        self.console, self.workers, self.total = console, workers, len(jobs)
        self.waiting = list(jobs)
        self.rows = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[place]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}"),
        )
        self.lock = threading.Lock()

    def started(self, job: Job) -> None:
        last = "" if job.seconds is None else f"last time {duration(job.seconds)}"
        with self.lock:
            self.waiting.remove(job)
            self.rows.add_task(job.name, total=None, job=job, place="starting", last=last)
            what = ", ".join(filter(None, [job.profile, last]))
            self._line(f"[{self.total - len(self.waiting)}/{self.total}] Running {job.name} ({what})")

    def cell(self, job: Job, cell: Cell, number: int, total: int) -> None:
        place = f"cell {number}/{total}, line {cell.line}"
        if row := self._row(job):
            self.rows.update(row.id, completed=number - 1, total=total, place=place)
            self._line(f"    {job.name}: {place}, {duration(row.elapsed or 0)}", style="dim")

    def finished(self, outcome: Outcome, differences: Sequence[str]) -> None:
        row = self._row(outcome.job)
        if row:
            self.rows.remove_task(row.id)
        else:  # it failed before it started
            self.waiting.remove(outcome.job)
        for line in differences:
            self.console.print(f"    {outcome.job.name}: changed: {line}", markup=False)
        if row and outcome.problem is None:
            self.console.print(f"[green]✓[/] {outcome.job.name} ({duration(row.elapsed or 0)})")

    def board(self) -> Group:
        """A line for each lesson that runs, and one of what is left."""
        running = [(task.fields["job"], task.elapsed or 0.0) for task in self.rows.tasks]
        waiting = list(self.waiting)
        left = remaining(waiting, running, self.workers)
        done = f"{self.total - len(running) - len(waiting)} of {self.total} done, {len(waiting)} waiting"
        return Group(self.rows, Text(done if left is None else f"{done}, about {duration(left)} left"))

    def _row(self, job: Job) -> Task | None:
        return next((task for task in self.rows.tasks if task.fields["job"] == job), None)

    def _line(self, text: str, style: str | None = None) -> None:
        """Tell what the board tells where there is one."""
        if not self.console.is_terminal:
            self.console.print(text, style=style, markup=False)
