"""Which jobs are given to an executor, and what becomes of those that wait when another fails."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.run.cluster import _tell
from course.pipeline.run.jobs import Job, Outcome
from course.pipeline.run.runner import drive
from course.pipeline.run.schedule import Plan


class Executor:
    """Runs one job at a time, the one submitted first, whenever somebody looks for what was submitted."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.futures: dict[str, Future[Outcome]] = {}
        self.began: list[str] = []

    def submit(self, job: Job) -> Future[Outcome]:
        told: Future[Outcome] = Future()
        self.futures[job.name] = told
        if not self.began:
            self.finish(job)
        return told

    def finish(self, job: Job) -> None:
        told = self.futures[job.name]
        if told.set_running_or_notify_cancel():
            self.began.append(job.name)
            problem = CourseError("It broke.") if job.name == self.failing else None
            told.set_result(Outcome(job, "" if problem else "{}", problem))


def jobs(count: int) -> tuple[Job, ...]:
    return tuple(Job(Path(f"{number}.py"), str(number), "laptop", "f", seconds=1.0) for number in range(count))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_one_more_is_submitted_than_may_run(workers: int) -> None:
    executor = Executor()
    plan = Plan(jobs(5), workers)
    outcomes = drive(plan, 1e6, executor.submit, keep_going=False)
    assert next(outcomes).job.name == "0"
    assert len(executor.futures) == min(workers + 1, 5)
    assert executor.began == ["0"]


@pytest.mark.parametrize(("keep_going", "names"), [(False, ["0"]), (True, ["0", "1", "2", "3"])])
def test_after_a_problem_nothing_starts_unless_told_to_go_on(keep_going: bool, names: list[str]) -> None:
    executor, plan = Executor(failing="0"), Plan(jobs(4), 2)
    found = []
    for outcome in drive(plan, 1e6, executor.submit, keep_going):
        found.append(outcome.job.name)
        for job in plan.jobs:
            if job.name in executor.futures and job.name not in executor.began:
                executor.finish(job)
    assert sorted(found) == names  # of several that have ended, any comes first
    assert executor.began == names


class Strange(Future[Outcome]):
    """A future of a cluster that fails even when it is asked how it failed."""

    def exception(self, timeout: float | None = None) -> BaseException | None:
        raise ZeroDivisionError


def test_a_build_never_waits_for_a_cluster_that_has_failed() -> None:
    (job,) = jobs(1)
    for done, problem in ((Strange(), True), (Future[Outcome](), False)):
        told: Future[Outcome] = Future()
        done.add_done_callback(lambda done, told=told: _tell(job, told, done))  # type: ignore[misc]  # a lambda's default
        done.set_result(Outcome(job))
        assert isinstance(told.exception(timeout=1), ZeroDivisionError) == problem
