"""Kernels forked from a process that has the libraries: what they compute, and that nothing outlives a build."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.results import fingerprint
from course.pipeline.run import execute as execution
from course.pipeline.run import provisioner
from course.pipeline.run.execute import execute
from course.pipeline.run.provisioner import ENVIRONMENT, ForkServer

from .runs import build, is_fork, line_of, parsed, steady, texts
from .sandbox import Sandbox, lesson

MODULES = ("matplotlib.pyplot", "numpy", "pandas", "torch")


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer(MODULES, 1) as started:
        yield started


# What a library or Python itself might have kept from the process that imported it.
SURROUNDINGS = """\
import os
import signal
import time
import sys
import time
import tempfile
import warnings

import matplotlib
import numpy
import pandas
import torch

from course import record

print(os.path.basename(os.getcwd()), os.listdir(), __name__, sys.modules["__main__"].__name__)
print(sys.argv[0], len(sys.argv), [os.path.basename(folder) for folder in sys.path[:3]])
print(sorted(os.environ), os.environ["OMP_NUM_THREADS"])
print(tempfile.gettempdir() == os.environ["TMPDIR"], hash("text"), sys.flags)
print([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGCHLD, signal.SIGALRM, signal.SIGTERM)])
print(sorted(map(str, warnings.filters)))  # each library adds its own in front when it is imported
print(matplotlib.get_backend(), torch.get_num_threads(), torch.get_default_dtype())
print(sys.stdin.read(), os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid(), os.nice(0))
"""
COMPUTED = """\
import matplotlib.pyplot as plt

torch.manual_seed(seed)
numpy.random.seed(seed)
weights = torch.randn(64, 64, requires_grad=True)
loss = (weights @ torch.randn(64, 64)).tanh().sum()
loss.backward()
record.value("loss", loss)
record.value("gradient", weights.grad.norm())
record.value("eigenvalue", numpy.linalg.eigvalsh(numpy.random.rand(50, 50)).max())
record.value("took", __import__("time").perf_counter(), kind="band")
print(pandas.DataFrame(numpy.random.rand(3, 3)).describe())
figure, axes = plt.subplots()
axes.plot([1, 2, 3])
figure.savefig("figure.png")
print(os.path.getsize("figure.png"))
"""


def test_forked_and_fresh_kernels_give_the_same_capture(server: ForkServer, tmp_path: Path) -> None:
    made = parsed(tmp_path, SURROUNDINGS, COMPUTED)
    forked, fresh = execute(made, "smoke", server=server), execute(made, "smoke", threads=1)
    assert steady(forked) == steady(fresh)
    assert forked.values["took"] != fresh.values["took"]  # two runs, not one


COMMAND = "print(open('/proc/self/cmdline').read().replace('\\0', ' '))"


def test_a_lesson_may_ask_not_to_be_forked(server: ForkServer, tmp_path: Path) -> None:
    forked = execute(parsed(tmp_path, COMMAND), "smoke", server=server)
    fresh = execute(parsed(tmp_path, COMMAND, header="# fork: false\n"), "smoke", server=server)
    assert [is_fork(*texts(made)) for made in (forked, fresh)] == [True, False]
    assert forked.provenance.fingerprint == fresh.provenance.fingerprint


def test_nothing_is_forked_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(provisioner, "GPU_DEVICES", (str(tmp_path / "gpu*"),))
    assert provisioner.can_fork()
    (tmp_path / "gpu0").touch()
    assert not provisioner.can_fork()
    with ForkServer(["numpy"], 1) as server:
        made = execute(parsed(tmp_path, COMMAND), "smoke", server=server)
    assert not is_fork(texts(made)[0])


def test_forked_kernels_draw_different_random_numbers(server: ForkServer, tmp_path: Path) -> None:
    cell = "import random\n\nimport numpy\nimport torch\n\nprint(random.random(), numpy.random.rand(), torch.rand(1).item())"
    made = parsed(tmp_path, cell)
    first, second = (texts(execute(made, "smoke", server=server))[0].split() for _ in range(2))
    assert len(first) == 3
    assert not set(first) & set(second)


@pytest.mark.parametrize("fork", [True, False])
def test_figures_are_shown_whether_pyplot_was_imported_before_or_not(
    server: ForkServer, tmp_path: Path, fork: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lesson may not show images; so that they are refused tells that they were shown."""
    inline = {**ENVIRONMENT, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    monkeypatch.setattr(execution, "ENVIRONMENT", inline)
    header = "" if fork else "# fork: false\n"
    made = parsed(tmp_path, "import matplotlib.pyplot as plt\n\nplt.plot([1, 2]);", header=header)
    with pytest.raises(CourseError, match="image/png"):
        execute(made, "smoke", server=server)


def test_lessons_run_at_the_same_time_in_threads(server: ForkServer, tmp_path: Path) -> None:
    made = []
    for number in range(4):
        (folder := tmp_path / str(number)).mkdir()
        cell = f"from course import record\n\nrecord.value('number', {number})\nopen('own.txt', 'x').close()"
        made.append(parsed(folder, cell, header="" if number % 2 else "# fork: false\n"))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: execute(each, "smoke", server=server), made))
    assert [each.values for each in found] == [{"number": number} for number in range(4)]


def test_a_server_that_was_killed_is_started_again(tmp_path: Path) -> None:
    cell = "import os\nimport signal\n\nos.kill(os.getppid(), signal.SIGKILL)  # here\nimport time\n\ntime.sleep(600)"
    killing = parsed(tmp_path, cell)
    with ForkServer(["numpy"], 1) as server:
        with pytest.raises(CourseError, match="The kernel died") as caught:
            execute(killing, "smoke", server=server)
        assert caught.value.line == line_of(killing, "import os")
        assert texts(execute(parsed(tmp_path, "print('fine')"), "smoke", server=server)) == ["fine"]


# A process in the kernel's group, one that left it, and one whose parent has ended.
FAMILY = """\
import subprocess

subprocess.Popen(["sleep", "1000"])
subprocess.Popen(["sleep", "1001"], start_new_session=True)
subprocess.run("setsid sleep 1002 > /dev/null 2>&1 &", shell=True)
print("started")
"""
WAIT = "import time  # here\n\ntime.sleep(600)"
ENDS = {
    "the lesson ends": [FAMILY],
    "the kernel is killed": [FAMILY, "import os\nimport signal\n\nos.kill(os.getpid(), signal.SIGKILL)"],
}


@pytest.mark.parametrize("modules", [["numpy"], []], ids=["forked", "fresh"])
@pytest.mark.parametrize("cells", ENDS.values(), ids=ENDS.keys())
def test_what_a_lesson_started_ends_with_it(sandbox: Sandbox, cells: list[str], modules: list[str]) -> None:
    sandbox.write(lesson(*cells))
    with build(sandbox, modules) as process:
        process.wait()
    assert not sandbox.leftovers()


@pytest.mark.parametrize("modules", [["numpy"], []], ids=["forked", "fresh"])
def test_a_build_that_is_killed_takes_everything_along(sandbox: Sandbox, modules: list[str]) -> None:
    sandbox.write(lesson(FAMILY, WAIT))
    with build(sandbox, modules) as process:
        assert process.stdout is not None
        assert any(line.strip() == str(sandbox.line("# here")) for line in process.stdout)
        commands = sandbox.processes()
        for _ in range(100):  # the shell that the cell starts takes its time on a busy machine
            if {"1000", "1001", "1002"} <= {command.split()[-1] for command in commands}:
                break
            time.sleep(0.1)
            commands = sandbox.processes()
        assert {"1000", "1001", "1002"} <= {command.split()[-1] for command in commands}
        assert sum("course.pipeline.run.forkserver" in command for command in commands) == (2 if modules else 1)
        process.kill()
        process.wait()
        until_gone(sandbox)


def test_a_build_that_is_killed_during_imports_takes_its_server_along(sandbox: Sandbox) -> None:
    path = os.pathsep.join(filter(None, [str(sandbox.root), os.environ.get("PYTHONPATH")]))
    sandbox.write(lesson("x = 1"))
    sandbox.extra = {"PYTHONPATH": path, "COURSE_TEST_IMPORTED": str(sandbox.root / "imported")}
    (sandbox.root / "slow_module.py").write_text(
        "import os\nimport time\n\nopen(os.environ['COURSE_TEST_IMPORTED'], 'w').close()\ntime.sleep(600)\n"
    )
    with build(sandbox, ["slow_module"]) as process:
        while not (sandbox.root / "imported").exists():
            assert process.poll() is None
        process.kill()
        process.wait()
        until_gone(sandbox)


def until_gone(sandbox: Sandbox) -> None:
    """Nothing else of the sandbox's processes is left. Folders that a killed build leaves are in the temporary folder."""
    assert not [left for left in sandbox.leftovers() if not left.startswith("course-")]


def test_nothing_is_left_when_the_server_is_killed(sandbox: Sandbox) -> None:
    sandbox.write(lesson("import subprocess\n\nsubprocess.Popen(['sleep', '1000'])", WAIT))
    with build(sandbox, ["numpy"]) as process:
        assert process.stdout is not None
        assert any(line.strip() == str(sandbox.line("# here")) for line in process.stdout)
        (started,) = psutil.Process(process.pid).children()
        os.kill(started.pid, signal.SIGKILL)
        assert process.wait() == 1  # it tells that the kernel died
    assert not sandbox.leftovers()


def test_only_libraries_are_imported_ahead(tmp_path: Path) -> None:
    cells = (
        "import torch\nfrom transformers import AutoTokenizer\nimport json\n\nfrom course.models import load_causal_lm",
        "def late():\n    import matplotlib.pyplot as plt\n    import no_such_library\n    from . import sibling",
    )
    made = parsed(tmp_path, *cells)
    found = provisioner.preloads([(made, fingerprint.inputs(made, "smoke"))])
    assert {"torch", "transformers:AutoTokenizer", "transformers:AutoModelForCausalLM", "matplotlib.pyplot"} <= set(
        found
    )
    assert {name.partition(":")[0].partition(".")[0] for name in found} <= provisioner.PRELOADED | {"PIL"}
    assert provisioner.preloads([(parsed(tmp_path, *cells, header="# fork: false\n"), ())]) == ()
