"""A real Dask cluster of several processes on this machine: lessons run on it, and survive the death of a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .sandbox import LESSON, ROOT, Done, Sandbox, quiz

SLOW = """
# %%
import os
import pathlib
import time

import psutil

from course import record

mark = pathlib.Path({mark!r})
if not mark.exists():  # the first attempt tells which worker it is on, and waits to be killed
    mark.write_text(str(psutil.Process(os.getppid()).ppid()))  # between them is the process that starts kernels
    time.sleep(60)
record.value("answer", 42)
"""
QUICK = """
# %%
from course import record

record.value("answer", {number})
"""


@dataclass
class Cluster:
    """A scheduler and two workers with a process each; ``gpu`` says whether one declares the resource."""

    sandbox: Sandbox
    folder: Path

    def __enter__(self) -> Cluster:
        self.processes = [
            self._start("scheduler", "--scheduler-file", self._file, "--host", "127.0.0.1", "--port", "0")
        ]
        until = time.monotonic() + 60
        while not Path(self._file).exists():
            assert time.monotonic() < until, "the scheduler did not start"
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)

    @property
    def _file(self) -> str:
        return str(self.folder / "scheduler.json")

    @property
    def address(self) -> str:
        return str(json.loads(Path(self._file).read_text())["address"])

    def add_workers(self, count: int, *options: str) -> None:
        spool = str(self.folder / f"spool-{len(self.processes)}")
        fixed = ["--nworkers", str(count), "--nthreads", "1", "--local-directory", spool, "--no-dashboard"]
        self.processes.append(self._start("worker", self.address, *fixed, *options))

    def _start(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, *options]
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=self.sandbox.environment, stdout=log, stderr=log)


@pytest.fixture
def cluster(sandbox: Sandbox, tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(sandbox, tmp_path) as made:
        yield made


def write(sandbox: Sandbox, name: str, text: str) -> None:
    sandbox.lessons.mkdir(parents=True, exist_ok=True)
    (sandbox.lessons / f"{name}.py").write_text(LESSON + text)
    (sandbox.lessons / f"{name}.quiz.yml").write_text(quiz(name[3:]))


def run(sandbox: Sandbox, cluster: Cluster, *arguments: str) -> Done:
    """``course run … --scheduler``, patient until workers have joined."""
    until = time.monotonic() + 60
    while True:
        done = sandbox.course("run", *arguments, "--scheduler", cluster.address)
        if "has no workers" not in done.err or time.monotonic() > until:
            return done


def answers(sandbox: Sandbox, profile: str = "laptop") -> dict[str, int]:
    found = sorted(sandbox.captures.glob(f"*/{profile}/capture.json"))
    return {path.parts[-3]: json.loads(path.read_text())["items"]["answer"]["value"] for path in found}


def test_a_worker_killed_in_the_middle_of_a_lesson(sandbox: Sandbox, cluster: Cluster, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    write(sandbox, "01_slow", SLOW.format(mark=str(mark)))
    for number in (2, 3, 4):
        write(sandbox, f"0{number}_quick", QUICK.format(number=number).replace("quick", f"quick{number}"))
        (sandbox.lessons / f"0{number}_quick.quiz.yml").write_text(quiz(f"quick{number}"))
    cluster.add_workers(2)
    command = sandbox.command("run", "1", "2", "3", "4", "--scheduler", cluster.address)
    time.sleep(5)  # workers join; without any the command would say so
    running = subprocess.Popen(
        command, cwd=ROOT, env=sandbox.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < until, "the slow lesson did not start"
        time.sleep(0.1)
    os.kill(int(mark.read_text()), signal.SIGKILL)  # the kernel's parent: the worker
    out, err = running.communicate(timeout=120)
    assert (running.returncode, err) == (0, "")
    assert answers(sandbox) == {"01_slow": 42, "02_quick": 2, "03_quick": 3, "04_quick": 4}
    assert sorted(line.split()[1] for line in out.split("\n") if line.startswith("✓")) == sorted(answers(sandbox))


def test_a_lesson_that_fails_is_told_and_not_tried_again(sandbox: Sandbox, cluster: Cluster) -> None:
    write(sandbox, "01_tiny", "\n# %%\nx = 1 / 0\n")
    cluster.add_workers(1)
    done = run(sandbox, cluster, "1")
    assert done.code == 1
    assert f"{sandbox.source}:{sandbox.line('1 / 0')}: The cell raised ZeroDivisionError" in done.err
    assert done.err.count("✗") == 1


def test_gpu_lessons_go_only_to_workers_that_declare_one(sandbox: Sandbox, cluster: Cluster) -> None:
    write(sandbox, "01_tiny", QUICK.format(number=1))
    cluster.add_workers(1)
    done = run(sandbox, cluster, "1", "--profile", "full")
    assert (done.code, done.out) == (1, "")
    assert "No worker of the cluster declares a GPU" in done.err
    assert "--resources GPU=1" in done.err
    cluster.add_workers(1, "--resources", "GPU=1")
    until = time.monotonic() + 60
    while "declares a GPU" in done.err and time.monotonic() < until:
        done = run(sandbox, cluster, "1", "--profile", "full")
    assert (done.code, done.err) == (0, "")
    assert answers(sandbox, "full") == {"01_tiny": 1}


def test_no_cluster_there(sandbox: Sandbox) -> None:
    write(sandbox, "01_tiny", QUICK.format(number=1))
    done = sandbox.run("--scheduler", "tcp://127.0.0.1:9")
    assert done.code == 1
    assert "There is no Dask scheduler at tcp://127.0.0.1:9." in done.err
    assert "Traceback" not in done.err
