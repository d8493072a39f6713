"""Run jobs on an executor, keep what they record, and tell what happens.

The one seam to other machines is :class:`concurrent.futures.Executor`: threads that drive kernels here, or a cluster's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, InvalidStateError, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from rich.console import Console

from course.pipeline.base.errors import CourseError
from course.pipeline.base.files import write_atomic
from course.pipeline.results import capture
from course.pipeline.results.bundle import Bundle, Results
from course.pipeline.run import jobs, schedule
from course.pipeline.run.jobs import Job, Outcome
from course.pipeline.run.limits import Limits
from course.pipeline.run.reporter import Reporter, reporter
from course.provenance import version_of

Submit = Callable[[Job], Future[Outcome]]
"""Starts a job, perhaps later, and tells the reporter when. Until then the future can be canceled."""
PATIENCE = 0.25  # seconds between two looks at whether a lesson that waits is still wanted


@dataclass(frozen=True)
class Options:
    """How to run.

    ``workers`` lessons side by side (``None``: as many as the machine has cores); after a failure go on with others if
    ``keep_going``; kernels are forked from a warm parent if ``fork``; ``scheduler`` is the address of a Dask cluster.
    """

    profile: str = "laptop"
    limits: Limits = field(default_factory=Limits)
    workers: int | None = None
    keep_going: bool = False
    fork: bool = True
    scheduler: str = ""


def job_of(bundle: Bundle, captures: Path, options: Options) -> Job:
    """The lesson as a job, with what the results in ``captures`` tell of its last run."""
    last = bundle.run if bundle.results else None
    others = [] if last else map(capture.load, sorted((captures / bundle.lesson.slug).glob("*/capture.json")))
    return Job(
        path=bundle.lesson.path,
        name=bundle.lesson.slug,
        root=bundle.lesson.root,
        profile=options.profile,
        fingerprint=bundle.fingerprint,
        limits=options.limits,
        seconds=last.seconds if last else None,
        peak_mib=last.peak_mib if last else None,
        elsewhere=max((other.provenance.seconds for other in others if other), default=None),
    )


def unlocked(bundles: Sequence[Bundle]) -> list[str]:
    """Libraries of these lessons whose installed version is not the locked one, a sentence each."""
    locked = {
        name.removeprefix("library "): wanted
        for bundle in bundles
        for name, wanted in bundle.inputs.items()
        if name.startswith("library ")
    }
    told = []
    for name, wanted in sorted(locked.items()):
        found = version_of(name)
        if found.split("+")[0] != wanted:  # "+cpu" names a build of the same version
            installed = f"{name} {found} is installed" if found else f"{name} is not installed"
            told.append(f"{installed}; {wanted} is locked.")
    return told


def run(
    bundles: Sequence[Bundle],
    captures: Path,
    options: Options,
    console: Console,
    kept: Callable[[Bundle], object] = lambda _: None,
) -> list[CourseError]:
    """Run the lessons of ``bundles`` and save their captures; return the problems of those that failed.

    ``kept`` is called with each lesson whose capture was saved, while others run.
    """
    for left in captures.glob("*/*/.capture.json.*"):  # half a file of a build that was killed
        left.unlink(missing_ok=True)
    by_path = {bundle.lesson.path: bundle for bundle in bundles}
    wanted = [job_of(bundle, captures, options) for bundle in bundles]
    problems: list[CourseError] = []
    with ExitStack() as stack:
        if options.scheduler:
            from course.pipeline.run.cluster import submitter

            plan = schedule.Plan(tuple(wanted), workers=len(wanted))
            free_mib = float("inf")  # the cluster's own scheduler knows its workers
        else:
            machine = schedule.Machine.here()
            plan, free_mib = schedule.plan(wanted, machine, options.workers), machine.free_mib
        report = stack.enter_context(reporter(console, plan.jobs, plan.workers))
        if options.scheduler:
            submit = stack.enter_context(submitter(options.scheduler, wanted, report.started))
        else:
            submit = stack.enter_context(_here(plan, bundles, options, report))
        for outcome in drive(plan, free_mib, submit, options.keep_going):
            if outcome.problem is not None:
                report.finished(outcome, [])
                problems.append(outcome.problem)
                continue
            bundle = by_path[outcome.job.path]
            path = capture.path_of(captures, bundle.lesson.slug, options.profile)
            before = capture.load(path)
            write_atomic(path, outcome.text)
            found = capture.load(path)
            assert found is not None
            report.finished(outcome, capture.differences(before, found) if before else [])
            kept(replace(bundle, results=Results.of(found)))
    return problems


def drive(plan: schedule.Plan, free_mib: float, submit: Submit, keep_going: bool) -> Iterator[Outcome]:
    """Submit the plan's jobs as they fit beside one another and yield outcomes as they come.

    One more than run is submitted, so that its kernel is ready when another lesson ends. After a problem nothing new
    starts, unless ``keep_going``; what runs is finished.
    """
    waiting = list(plan.jobs)
    running: dict[Future[Outcome], Job] = {}
    while waiting or running:
        while job := schedule.next_job(waiting, list(running.values()), plan.workers + 1, free_mib):
            waiting.remove(job)
            running[submit(job)] = job
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            del running[future]
            outcome = future.result()
            if outcome.problem is not None and not keep_going:
                waiting.clear()
                running = {future: job for future, job in running.items() if not future.cancel()}
            yield outcome


@contextmanager
def _here(plan: schedule.Plan, bundles: Sequence[Bundle], options: Options, report: Reporter) -> Iterator[Submit]:
    """Threads of this process, each of which drives the kernel of one lesson. Left early, it stops the kernels."""
    from course.pipeline.run.provisioner import ForkServer, preloads

    stop = threading.Event()
    line = _Line(plan.workers)

    def ready(job: Job, told: Future[Outcome]) -> None:
        line.wait(job, lambda: stop.is_set() or told.cancelled())
        if stop.is_set() or not told.set_running_or_notify_cancel():
            raise CancelledError
        report.started(job)

    def work(job: Job, told: Future[Outcome]) -> None:
        try:
            outcome = jobs.run(job, partial(report.cell, job), server, stop, partial(ready, job, told))
        except CancelledError:  # by ready: the job was canceled, or all are left
            return
        except BaseException as error:  # nobody looks at what pool.submit returns
            with suppress(InvalidStateError):  # canceled: nobody waits for it
                told.set_exception(error)
            return
        with suppress(InvalidStateError):  # canceled while it failed to start
            told.set_result(outcome)
        if outcome.problem is None or options.keep_going:  # else it has to be heard of first
            line.leave(job)

    def submit(job: Job) -> Future[Outcome]:
        told: Future[Outcome] = Future()
        line.join(job)
        pool.submit(work, job, told)
        return told

    with ExitStack() as stack:
        libraries = preloads((bundle.lesson, bundle.inputs) for bundle in bundles) if options.fork else ()
        server = stack.enter_context(ForkServer(libraries)) if options.fork else None
        pool = stack.enter_context(ThreadPoolExecutor(plan.workers + 1, thread_name_prefix="lesson"))
        stack.callback(stop.set)  # runs before the pool waits for its threads
        yield submit


class _Line:
    """Jobs in the order in which they were submitted, of which the first ``count`` may compute.

    The next waits for its turn with its kernel ready, so that no core waits for a kernel.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.jobs: list[Job] = []
        self.changed = threading.Condition()

    def join(self, job: Job) -> None:
        with self.changed:
            self.jobs.append(job)

    def wait(self, job: Job, in_vain: Callable[[], bool]) -> None:
        """Return when it is the turn of ``job``, or soon after waiting has become ``in_vain``."""
        with self.changed:
            while job not in self.jobs[: self.count] and not in_vain():
                self.changed.wait(PATIENCE)

    def leave(self, job: Job) -> None:
        with self.changed:
            self.jobs.remove(job)
            self.changed.notify_all()
