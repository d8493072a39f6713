"""Lessons on a Dask cluster, through its executor interface.

Workers run in a checkout of the same commit (a job carries the fingerprint and is refused elsewhere). A worker that
dies loses only what it was doing: Dask gives the lesson to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial

from course.pipeline.base.errors import CourseError
from course.pipeline.run import jobs
from course.pipeline.run.jobs import Job, Outcome

GPU = "GPU"  # the resource that a worker declares: dask worker ADDRESS --resources GPU=1


@contextmanager
def submitter(
    address: str, wanted: Sequence[Job], started: Callable[[Job], object]
) -> Iterator[Callable[[Job], Future[Outcome]]]:
    """What submits one job to the cluster at ``address``, and tells ``started``.

    Raises:
        CourseError: no such cluster, no workers, or none with a GPU when a job needs one.
    """
    try:
        from distributed import Client
    except ImportError as error:
        hint = "Install the cluster extra: .venv/bin/pip install distributed"
        raise CourseError("The library for clusters is not installed.", hint=hint) from error
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        hint = "Start one with `dask scheduler`, and give its address: tcp://HOST:8786"
        raise CourseError(f"There is no Dask scheduler at {address}.", hint=hint) from error
    with client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        if not workers:
            hint = f"Start some in a checkout of this commit: dask worker {address} --nthreads 1"
            raise CourseError("The cluster has no workers.", hint=hint)
        if any(job.needs_gpu for job in wanted) and not any(GPU in worker["resources"] for worker in workers):
            hint = f"Start one on a machine with a GPU: dask worker {address} --nthreads 1 --resources {GPU}=1"
            raise CourseError("No worker of the cluster declares a GPU.", hint=hint)
        anywhere = client.get_executor(pure=False)
        with_gpu = client.get_executor(pure=False, resources={GPU: 1})

        def submit(job: Job) -> Future[Outcome]:
            told: Future[Outcome] = Future()
            told.set_running_or_notify_cancel()  # the cluster has it: it will be finished
            started(job)
            inner = (with_gpu if job.needs_gpu else anywhere).submit(jobs.run, job)
            inner.add_done_callback(partial(_tell, job, told))
            return told

        yield submit


def _tell(job: Job, told: Future[Outcome], done: Future[Outcome]) -> None:
    try:
        told.set_result(_outcome(job, done))
    except Exception as error:  # of a callback it would be logged only, and the build would wait forever
        told.set_exception(error)


def _outcome(job: Job, done: Future[Outcome]) -> Outcome:
    """What the cluster returned, or that it could not run the job at all: its workers died again and again."""
    error = None if done.cancelled() else done.exception()
    if not done.cancelled() and error is None:
        return done.result()
    reason = f": {error}" if error else ""
    hint = "Look into the workers' logs; a lesson that needs more memory than they have kills each of them."
    return Outcome(job, problem=CourseError(f"The cluster gave the lesson up{reason}.", job.path, hint=hint))
