"""The execution of one lesson as a value: it can be sent to a thread, another process or another machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.read import read
from course.pipeline.results import capture
from course.pipeline.run.limits import Limits

if TYPE_CHECKING:  # papermill and Jupyter take half a second to import, which only a run needs
    from course.pipeline.run.execute import Progress, Ready
    from course.pipeline.run.provisioner import ForkServer


@dataclass(frozen=True)
class Job:
    """A lesson to run, with what is known about it.

    ``fingerprint`` is what its inputs are where the build was started; ``seconds`` and ``peak_mib`` are as its last run
    recorded them, ``None`` if it has never run; ``elsewhere`` is how many seconds it took with another profile, which says
    only what is long among lessons that have never run. ``root`` is the course's folder if the lesson is plain.
    """

    path: Path
    name: str
    profile: str
    fingerprint: str
    limits: Limits = field(default_factory=Limits)
    threads: int | None = None
    seconds: float | None = None
    peak_mib: int | None = None
    elsewhere: float | None = None
    root: Path | None = None

    @property
    def needs_gpu(self) -> bool:
        """Only the full profile is made for an accelerator."""
        return self.profile == "full"


@dataclass(frozen=True)
class Outcome:
    """What became of a job: the text of its capture, or the problem that kept it from one."""

    job: Job
    text: str = ""
    problem: CourseError | None = None


def run(
    job: Job,
    progress: Progress | None = None,
    server: ForkServer | None = None,
    stop: Event | None = None,
    ready: Ready = lambda: None,
) -> Outcome:
    """Run ``job`` here. A problem is returned, not raised: it is a result, and must not make a cluster try again."""
    from course.pipeline.run.execute import execute

    try:
        lesson = read(job.path, job.root)
        found = execute(
            lesson,
            job.profile,
            job.limits,
            progress or (lambda *_: None),
            threads=job.threads,
            server=server,
            stop=stop,
            ready=ready,
        )
        if found.provenance.fingerprint != job.fingerprint:
            hint = "Bring every worker to the commit that the build was started from."
            raise lesson.error("The lesson or what it depends on is another version where it ran.", hint=hint)
        return Outcome(job, capture.dumps(found))
    except CourseError as problem:
        return Outcome(job, problem=problem)
