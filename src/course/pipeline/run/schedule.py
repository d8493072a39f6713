"""Which lesson runs when, beside which others, with how many threads. Pure, but for asking the machine what it has."""

from __future__ import annotations

import heapq
import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from course.pipeline.run.jobs import Job

# A lesson that has never run is taken to need this much.
UNKNOWN_MIB = 1024
# What the build itself and the system keep.
RESERVED_MIB = 512


@dataclass(frozen=True)
class Machine:
    """Cores this process may use, and MiB of memory that are free."""

    cores: int
    free_mib: float

    @classmethod
    def here(cls) -> Machine:
        import psutil

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(cores, max(0.0, psutil.virtual_memory().available / 2**20 - RESERVED_MIB))


@dataclass(frozen=True)
class Plan:
    """Jobs in the order in which they start, and how many run side by side."""

    jobs: tuple[Job, ...]
    workers: int


def plan(jobs: Sequence[Job], machine: Machine, workers: int | None = None) -> Plan:
    """Longest first (Graham's LPT rule), unknown durations before all, a worker a core unless ``workers`` is given.

    Among the unknown, those come first of which nothing is known at all, then those that are long with another profile.

    Threads are divided once, before anything starts, and not while a lesson runs: they can change the last digits of
    a result, which must not depend on when another lesson happened to end. The lesson that would run alone for more
    than half of its time gets all cores from its beginning.
    """
    ordered = sorted(jobs, key=lambda job: (-_seconds(job.seconds), -_seconds(job.elsewhere), job.name))
    workers = max(1, min(workers or machine.cores, len(ordered)))
    threads = max(1, machine.cores // workers)
    straggler = _straggler(ordered, workers)
    planned = (replace(job, threads=machine.cores if job is straggler else threads) for job in ordered)
    return Plan(tuple(planned), workers)


def _seconds(known: float | None) -> float:
    return math.inf if known is None else known


def _straggler(ordered: Sequence[Job], workers: int) -> Job | None:
    """The job that is alone for more than half of its time if every duration comes out as recorded."""
    if not ordered or any(job.seconds is None for job in ordered):
        return None
    free = [0.0] * workers
    ends: list[tuple[float, int]] = []
    for place, job in enumerate(ordered):
        end = heapq.heappop(free) + _seconds(job.seconds)
        heapq.heappush(free, end)
        ends.append((end, place))
    *others, (end, last) = sorted(ends)
    alone = end - max((other for other, _ in others), default=0.0)
    return ordered[last] if alone > _seconds(ordered[last].seconds) / 2 else None


def next_job(waiting: Sequence[Job], running: Collection[Job], workers: int, free_mib: float) -> Job | None:
    """The first waiting job that may start beside the ``running`` ones.

    A job that does not fit into memory waits for others to end; one that never would starts when it is alone. Of the
    jobs that need the accelerator one runs at a time.
    """
    if len(running) >= workers:
        return None
    left = free_mib - sum(_mib(job) for job in running)
    for job in waiting:
        fits = not running or _mib(job) <= left
        if fits and not (job.needs_gpu and any(other.needs_gpu for other in running)):
            return job
    return None


def _mib(job: Job) -> int:
    return UNKNOWN_MIB if job.peak_mib is None else job.peak_mib


def shards(jobs: Sequence[Job], count: int) -> list[list[Job]]:
    """``jobs`` in ``count`` bins of about equal duration, the longest first into the emptiest bin."""
    known = [job.seconds for job in jobs if job.seconds is not None]
    guess = sum(known) / len(known) if known else 1.0
    bins: list[tuple[float, int]] = [(0.0, number) for number in range(count)]
    filled: list[list[Job]] = [[] for _ in range(count)]
    for job in sorted(jobs, key=lambda job: (-(guess if job.seconds is None else job.seconds), job.name)):
        total, number = heapq.heappop(bins)
        filled[number].append(job)
        heapq.heappush(bins, (total + (guess if job.seconds is None else job.seconds), number))
    return filled
