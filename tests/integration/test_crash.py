"""kill -9 of any process of a build at any moment loses only what was in flight."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from .sandbox import LESSON, ROOT, Sandbox, quiz

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


def marked(sandbox: Sandbox) -> list[int]:
    """Processes that commands of this sandbox started, this one's children first."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"COURSE_TEST_MARK={sandbox.mark}".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it ended meanwhile
            continue
    return sorted(found)


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
        if processes := marked(sandbox):
            victim = chance.choice(processes)
            killed["build" if victim == build.pid else "kernel or server"] += 1
            os.kill(victim, signal.SIGKILL)
        else:
            killed["too late"] += 1
        _, told = build.communicate(timeout=120)
        assert "Traceback" not in told
        assert sandbox.leftovers(patience=1)[: len(marked(sandbox))] == [], "an orphan after one second"
        for name in names:
            path = sandbox.captures / name / "laptop" / "capture.json"
            assert not path.exists() or steady(path) == whole[name]

    done = sandbox.course("run", *numbers)
    assert (done.code, done.err) == (0, "")
    files = sorted(path for path in sandbox.captures.rglob("*") if path.is_file() and path.name != ".lock")
    assert files == [sandbox.captures / name / "laptop" / "capture.json" for name in names]  # and nothing else
    assert {path.parts[-3]: steady(path) for path in files} == whole
    print(f"killed: {dict(killed)}")
