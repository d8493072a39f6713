"""What a lesson may take: each limit stops it and all it started, and is told with the setting to change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.read import read
from course.pipeline.results.capture import Text
from course.pipeline.run.execute import execute
from course.pipeline.run.limits import Limits
from course.pipeline.run.provisioner import ForkServer

from .sandbox import Sandbox, lesson

CHILD = "import subprocess\n\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)"
# A child of the lesson that takes memory itself; the lesson takes none.
HUNGRY_CHILD = """\
import subprocess  # here
import sys

subprocess.run([sys.executable, "-c", "import time; x = b'1' * 2**30; time.sleep(600)"])"""
# name, code cell, limits, what the message says, the setting it names
LIMITS: list[tuple[str, str, Limits, str, str]] = [
    (
        "time of a cell",
        "import time  # here\n\ntime.sleep(600)",
        Limits(cell_seconds=1),
        "The cell ran longer than 1 s and was stopped.",
        "--cell-seconds",
    ),
    (
        "memory",
        "x = b'1' * 2**30  # here\nimport time\n\ntime.sleep(600)",
        Limits(memory_mib=500),
        r"The lesson used [\d,]+ MiB of memory in this cell; 500 are allowed\.",
        "--memory-mib",
    ),
    (
        "memory of a child",
        HUNGRY_CHILD,
        Limits(memory_mib=500),
        r"The lesson used [\d,]+ MiB of memory in this cell; 500 are allowed\.",
        "--memory-mib",
    ),
    (
        "output",
        "while True:  # here\n    print('x' * 1000)",
        Limits(output_bytes=100_000),
        "The cell printed more than 100,000 bytes.",
        "--output-bytes",
    ),
]


@pytest.fixture(scope="module", params=[["numpy"], None], ids=["forked", "fresh"])
def server(request: pytest.FixtureRequest) -> Iterator[ForkServer]:
    with ForkServer(request.param, 1) as started:
        yield started


@pytest.mark.parametrize(
    ("cell", "limits", "message", "setting"), [limit[1:] for limit in LIMITS], ids=[limit[0] for limit in LIMITS]
)
def test_a_limit_stops_the_lesson_and_what_it_started(
    sandbox: Sandbox, server: ForkServer, monkeypatch: pytest.MonkeyPatch,
    cell: str, limits: Limits, message: str, setting: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("COURSE_TEST_MARK", sandbox.mark)  # which the kernel inherits, and what it starts
    sandbox.write(lesson(CHILD, cell))
    with pytest.raises(CourseError, match=message) as caught:
        execute(read(sandbox.source), "smoke", limits, server=server)
    assert (caught.value.path, caught.value.line) == (sandbox.source, sandbox.line("# here"))
    assert setting in caught.value.hint
    assert not sandbox.leftovers()


def test_the_time_of_a_whole_lesson_is_limited(sandbox: Sandbox, server: ForkServer) -> None:
    """No cell is over its own limit. In which cell the time is up depends on the machine."""
    sandbox.write(lesson(*["import time\n\ntime.sleep(600)"] * 2))
    with pytest.raises(CourseError, match="The lesson ran longer than 2 s and was stopped") as caught:
        execute(read(sandbox.source), "smoke", Limits(lesson_seconds=2), server=server)
    assert "--lesson-seconds" in caught.value.hint


def test_a_lesson_within_its_limits_runs(sandbox: Sandbox, server: ForkServer) -> None:
    """Otherwise every refusal above could have another cause."""
    sandbox.write(lesson("x = b'1' * 2**28\nprint('fine')"))
    limits = Limits(cell_seconds=300, lesson_seconds=300, memory_mib=2000, output_bytes=1000)
    assert execute(read(sandbox.source), "smoke", limits, server=server).outputs[1] == (Text("fine"),)


def test_a_fault_of_the_watch_is_told_not_lost(
    sandbox: Sandbox, server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the lesson would go on without a limit."""

    def fault(_: int) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr("course.pipeline.run.execute._memory_mib", fault)
    sandbox.write(lesson("import time\n\ntime.sleep(600)"))
    with pytest.raises(ZeroDivisionError):
        execute(read(sandbox.source), "smoke", Limits(memory_mib=500), server=server)
    assert not sandbox.leftovers()
