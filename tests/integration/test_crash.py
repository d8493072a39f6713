"""kill -9 of a build loses only what was in flight: at named points in every test run, at random ones in ``make soak``."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from .courses import SOURCE, Repository, contents
from .sandbox import LESSON, ROOT, Sandbox, edit, lesson, quiz

# ---------- at named points ----------

# The command line, which kills itself when Python tells, for the nth time, of an event whose arguments match: when that is
# about to happen.
KILLED = """\
import os
import re
import signal
import sys

wanted, pattern, left = sys.argv[1], sys.argv[2], int(sys.argv[3])
del sys.argv[1:4]


def hook(event, arguments):
    global left
    if event == wanted and re.search(pattern, " ".join(map(str, arguments))):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(hook)
from course.pipeline.cli import main

main()
"""
CAPTURE = r"/\.capture\.json\.\w+"
# where the build is killed, the event and what its arguments contain, whether the new result is in place already
IN_A_RUN = {
    "before the server of kernels starts": ("subprocess.Popen", r"forkserver", False),
    "before the kernel starts": ("socket.sendmsg", r"", False),
    "when the lesson has ended": ("shutil.rmtree", r"/course-\w+", False),
    "before the capture is written": ("open", rf"{CAPTURE} ", False),
    "while the capture is written": ("os.chmod", CAPTURE, False),
    "before the capture is in place": ("os.rename", CAPTURE, False),
    "when the capture is in place": ("os.remove", CAPTURE, True),
}
# where the build is killed, the event, what its arguments contain, the how manieth, and which site is in place then
IN_A_BUILD = {
    "while pages are written": ("open", r"build/site\.new/lessons/01_tiny/index\.html ", 1, "before"),
    "before the site is swapped": ("os.rename", r"site \S*build/site\.old", 1, "before"),
    "while the site is swapped": ("os.rename", r"build/site\.new \S*site ", 1, "nothing"),
    "when the site is swapped": ("shutil.rmtree", r"build/site\.old", 2, "after"),
    "while the build is remembered": ("os.rename", r"build/cache/\.done", 1, "after"),
}


def killed_at(point: tuple[str, str, int], command: list[str], cwd: Path, environment: dict[str, str]) -> None:
    """Run a ``course`` command that is killed at that point; fails if it never comes there."""
    arguments = command[command.index("course.pipeline.cli") + 1 :]
    wrapped = [sys.executable, "-c", KILLED, *map(str, point), *arguments]
    done = subprocess.run(wrapped, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize(("event", "pattern", "in_place"), IN_A_RUN.values(), ids=IN_A_RUN)
def test_a_run_that_is_killed(captured: Sandbox, event: str, pattern: str, in_place: bool) -> None:
    captured.write(lesson("from course import record\n\nrecord.value('answer', 43)"))
    before = captured.capture.read_bytes()
    killed_at((event, pattern, 1), captured.command("run", "1"), ROOT, captured.environment)
    assert captured.survivors() == []
    found = captured.capture.read_bytes()
    assert (found == before) is not in_place
    assert answer(found) == (43 if in_place else 42)
    done = captured.run()
    assert (done.code, done.err) == (0, "")
    assert answer(captured.capture.read_bytes()) == 43
    assert [path.name for path in captured.capture.parent.iterdir()] == ["capture.json"]  # nor half a file


def answer(text: bytes) -> int:
    """What a capture, which must be whole, tells as the answer."""
    return int(json.loads(text)["items"]["answer"]["value"])


def test_a_run_that_is_killed_in_a_cell(captured: Sandbox) -> None:
    captured.write(lesson("import time\n\ntime.sleep(600)"))
    before = captured.capture.read_bytes()
    with subprocess.Popen(
        captured.command("run", "1"), cwd=ROOT, env={**captured.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        assert any("cell 2/2" in line for line in running.stdout)
        assert len(captured.living()) > 1
        running.kill()
    assert captured.survivors() == []
    assert captured.capture.read_bytes() == before


@pytest.mark.parametrize(("event", "pattern", "count", "there"), IN_A_BUILD.values(), ids=IN_A_BUILD)
def test_a_build_that_is_killed_while_it_renders(
    repository: Repository, event: str, pattern: str, count: int, there: str
) -> None:
    before = contents(repository.root / "site")
    edit(repository.root / SOURCE, "The question, and", "A sharper question, and")
    killed_at((event, pattern, count), repository.command("build"), repository.root, repository.environment)
    found = contents(repository.root / "site")
    assert ("nothing" if not found else "before" if found == before else "after") == there
    if there == "nothing":
        assert contents(repository.root / "build/site.old") == before  # between two renames it is here, whole
    done = repository.course("build")
    assert (done.code, done.err) == (0, "")
    assert "A sharper question, and" in repository.page
    if there == "after":
        assert contents(repository.root / "site") == found  # which was whole
    assert [path.name for path in (repository.root / "build").iterdir() if path.name.startswith("site.")] == []
    assert repository.course("build").out.startswith("Nothing to do")


# ---------- at random ----------

KILLS = 100
LESSONS = 6
CELLS = """
# %%
import time

from course import record

time.sleep(0.05)
print("lesson {n}")

# %%
record.value("answer", {n})
record.table("table", [[{n}, 0.5]] * 50, ["n", "half"], "Rows.")
time.sleep(0.05)
"""


def write(sandbox: Sandbox) -> list[str]:
    sandbox.lessons.mkdir(parents=True)
    names = [f"{n:02}_l{n}" for n in range(1, LESSONS + 1)]
    for n, name in enumerate(names, 1):
        (sandbox.lessons / f"{name}.py").write_text(LESSON + CELLS.format(n=n))
        (sandbox.lessons / f"{name}.quiz.yml").write_text(quiz(f"l{n}"))
    return names


def steady(path: Path) -> dict[str, object]:
    """A capture without what may differ between two runs; fails if it is not whole."""
    document = json.loads(path.read_text())
    for name in ("seconds", "date", "peak_mib", "threads", "commit"):
        del document["provenance"][name]
    return dict(document)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_random_instants(sandbox: Sandbox) -> None:
    names = write(sandbox)
    numbers = [str(int(name[:2])) for name in names]
    began = time.monotonic()
    done = sandbox.course("run", *numbers)
    usual = time.monotonic() - began
    assert (done.code, done.err) == (0, "")
    whole = {name: steady(sandbox.captures / name / "laptop" / "capture.json") for name in names}

    chance = random.Random(0)
    killed: Counter[str] = Counter()
    for _ in range(KILLS):
        for name in names:
            if chance.random() < 0.3:
                (sandbox.captures / name / "laptop" / "capture.json").unlink(missing_ok=True)
        build = subprocess.Popen(
            sandbox.command("run", *numbers), cwd=ROOT, env=sandbox.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(chance.uniform(0, 1.1 * usual))
        if processes := sorted(sandbox.living()):
            victim = chance.choice(processes)
            killed["build" if victim == build.pid else "kernel or server"] += 1
            os.kill(victim, signal.SIGKILL)
        else:
            killed["too late"] += 1
        _, told = build.communicate(timeout=120)
        assert "Traceback" not in told
        assert sandbox.survivors(patience=1) == [], "an orphan after one second"
        for name in names:
            path = sandbox.captures / name / "laptop" / "capture.json"
            assert not path.exists() or steady(path) == whole[name]

    assert min(killed["build"], killed["kernel or server"]) > KILLS / 10, killed
    done = sandbox.course("run", *numbers)
    assert (done.code, done.err) == (0, "")
    files = sorted(path for path in sandbox.captures.rglob("*") if path.is_file() and path.name != ".lock")
    assert files == [sandbox.captures / name / "laptop" / "capture.json" for name in names]  # and nothing else
    assert {path.parts[-3]: steady(path) for path in files} == whole
