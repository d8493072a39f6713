"""Longest first, as many as fit, threads divided once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.base import paths
from course.pipeline.base.paths import LESSONS
from course.pipeline.results import capture
from course.pipeline.results.bundle import load_all
from course.pipeline.run.jobs import Job
from course.pipeline.run.runner import Options, job_of
from course.pipeline.run.schedule import UNKNOWN_MIB, Machine, next_job, plan, shards

TWO = Machine(cores=2, free_mib=8192)


def job(name: str, seconds: float | None = 1.0, mib: int | None = 100, profile: str = "laptop") -> Job:
    return Job(Path(f"{name}.py"), name, profile, "f", seconds=seconds, peak_mib=mib)


def names(jobs: list[Job] | tuple[Job, ...]) -> str:
    return " ".join(found.name for found in jobs)


def test_the_longest_starts_first_and_what_never_ran_before_all() -> None:
    made = plan([job("a", 1), job("b", 9), job("c", None), job("d", 9)], TWO)
    assert names(made.jobs) == "c b d a"
    assert made.workers == 2


@pytest.mark.parametrize(
    ("seconds", "workers", "threads"),
    [
        ([5], None, [2]),  # alone: all cores
        ([5, 5], None, [1, 1]),
        ([9, 2], None, [2, 1]),  # alone for 7 of its 9 seconds
        ([9, 5], None, [1, 1]),  # alone for 4 of 9
        ([5, 5], 1, [2, 2]),
        ([9, 8, 2], None, [1, 1, 1]),
        ([None, 1], None, [1, 1]),  # nothing is known, so nothing is assumed
    ],
)
def test_threads_are_divided_before_anything_starts(
    seconds: list[float | None], workers: int | None, threads: list[int]
) -> None:
    made = plan([job(f"j{place}", taken) for place, taken in enumerate(seconds)], TWO, workers)
    assert [found.threads for found in made.jobs] == threads


def test_of_lessons_that_never_ran_those_come_first_that_are_long_elsewhere() -> None:
    jobs = [
        job("ran", 50.0),
        *(replace(job(name, None), elsewhere=n) for name, n in (("a", 3.0), ("b", 9.0), ("c", None))),
    ]
    assert [found.name for found in plan(jobs, TWO).jobs] == ["c", "b", "a", "ran"]


def test_a_lesson_that_never_ran_says_how_long_it_takes_with_another_profile(root: Path) -> None:
    bundles = load_all(root / LESSONS, root / paths.ROOT, "smoke", root)
    jobs = [job_of(bundle, root / paths.ROOT, Options("smoke")) for bundle in bundles if bundle.results is None]
    assert jobs, "every lesson has run"
    for found in jobs:
        laptop = capture.load(capture.path_of(root / paths.ROOT, found.name, "laptop"))
        assert laptop is not None
        assert (found.seconds, found.elsewhere) == (None, laptop.provenance.seconds)


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=12), st.integers(1, 8), st.integers(1, 8))
def test_a_plan_runs_every_job_once_on_cores_there_are(seconds: list[float], cores: int, workers: int) -> None:
    made = plan([job(f"j{n}", taken) for n, taken in enumerate(seconds)], Machine(cores, 1e6), workers)
    assert sorted(found.name for found in made.jobs) == sorted(f"j{n}" for n in range(len(seconds)))
    assert 1 <= made.workers <= min(workers, len(seconds))
    shared = [found.threads or 0 for found in made.jobs if found.threads != cores]
    assert all(threads * made.workers <= max(cores, made.workers) for threads in shared)
    assert all(1 <= (found.threads or 0) <= cores for found in made.jobs)


def test_memory_lets_the_next_that_fits_pass() -> None:
    big, small = job("big", mib=900), job("small", mib=100)
    assert next_job([big, small], [], 2, 500) is big  # would never fit: it runs alone
    assert next_job([big, small], [job("other", mib=300)], 2, 500) is small
    assert next_job([big], [job("other", mib=300)], 2, 500) is None
    assert next_job([job("new", mib=None)], [small], 2, UNKNOWN_MIB) is None
    assert next_job([small], [big, big], 2, 1e6) is None  # no worker is free


def test_one_lesson_at_a_time_has_the_accelerator() -> None:
    first, second, other = job("a", profile="full"), job("b", profile="full"), job("c")
    assert next_job([first], [other], 4, 1e6) is first
    assert next_job([second, other], [first], 4, 1e6) is other
    assert next_job([second], [first], 4, 1e6) is None


def test_shards_are_about_equal() -> None:
    parts = shards([job("a", 8), job("b", 5), job("c", 4), job("d", 3)], 2)
    assert [names(part) for part in parts] == ["a d", "b c"]
    assert names(shards([job("a", 1), job("b", None), job("c", 3)], 2)[0]) == "c"


@given(st.lists(st.one_of(st.none(), st.floats(0.1, 100)), max_size=20), st.integers(1, 6))
def test_shards_hold_every_job_once_and_differ_by_at_most_the_longest(seconds: list[float | None], count: int) -> None:
    wanted = [job(f"j{n}", taken) for n, taken in enumerate(seconds)]
    parts = shards(wanted, count)
    assert len(parts) == count
    assert sorted(found.name for part in parts for found in part) == sorted(found.name for found in wanted)
    if wanted and all(taken is not None for taken in seconds):
        totals = [sum(found.seconds or 0 for found in part) for part in parts]
        assert max(totals) - min(totals) <= max(found.seconds or 0 for found in wanted) + 1e-6
