"""Build courses with a system and take the time."""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from results import Finding, Measurement
from synthetic import SHARED, Synthetic
from systems import PEERS, SCRATCH, SECONDS, SYSTEMS, System, peer

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements" / "bench.txt"


@dataclass
class Course:
    """A synthetic course laid out for one system."""

    system: System
    folder: Path
    lessons: list[Synthetic]

    @classmethod
    def make(cls, system: System, size: int) -> Course:
        course = cls(system, SCRATCH / "courses" / f"{system.name}-{size}", [Synthetic(n + 1) for n in range(size)])
        shutil.rmtree(course.folder, ignore_errors=True)
        for name, text in system.setup(course.lessons).items():
            course._write(name, text)
        course._write(f"{system.lessons}/shared.py", SHARED)
        for lesson in course.lessons:
            course._write(f"{system.lessons}/{lesson.name}{system.suffix}", system.write(lesson))
        return course

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, place: int, **changed: Any) -> None:
        """Change one lesson."""
        self.lessons[place] = Synthetic(**{**asdict(self.lessons[place]), **changed})
        lesson = self.lessons[place]
        self._write(f"{self.system.lessons}/{lesson.name}{self.system.suffix}", self.system.write(lesson))

    def edit_shared(self, label: str) -> None:
        self._write(f"{self.system.lessons}/shared.py", SHARED.replace("label-0", label))

    def build(self) -> tuple[float, float]:
        """Wall and processor seconds."""
        # The kernels of every system find the shared module the same way.
        path = os.pathsep.join(filter(None, [str(self.folder / self.system.lessons), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": path, "PATH": f"{PEERS}{os.pathsep}{os.environ['PATH']}"}
        if self.system.name == "ours":
            environment = dict(os.environ)
        if self.system.name in ("scripts", "sphinx-gallery", "sphinx-gallery-2", "mkdocs-gallery"):
            environment["MPLBACKEND"] = "agg"
        started, before = time.perf_counter(), _children_cpu()
        for command in self.system.commands(self.folder, self.lessons):
            cwd = ROOT if self.system.name == "ours" else self.folder
            done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS)
            if done.returncode:
                sys.exit(
                    f"{self.system.name}: {' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
                )
        return time.perf_counter() - started, _children_cpu() - before

    def pages(self) -> Iterator[str]:
        """The HTML of every lesson's page."""
        for path in sorted((self.folder / self.system.built).rglob("*.html")):
            if any(part.startswith("lesson_") for part in path.parts):
                yield path.read_text(encoding="utf-8")


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(system: str, size: int, row: str, repeat: int, seconds: float, cpu: float, load: float) -> Measurement:
    return Measurement(system, size, row, repeat, round(seconds, 3), round(cpu, 3), round(load, 2), commit())


@functools.cache
def commit() -> str:
    """The commit that is measured, short."""
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()


def measure(system: System, size: int, repeat: int, store: Callable[[Measurement], None]) -> None:
    """Build a course cold, then after nothing, an edit of code and one of prose; each in its place in the middle."""
    course = Course.make(system, size)

    def row(name: str) -> None:
        load = os.getloadavg()[0]
        seconds, cpu = course.build()
        store(measured(system.name, size, name, repeat, seconds, cpu, load))

    row("cold")
    if system.is_incremental:
        row("no-op")
        course.edit(size // 2, scale=2)
        row("code")
        course.edit(size // 2, words="second")
        row("prose")


def find_out(system: System, size: int) -> Finding:
    """Build, change the shared module, build again, and read what the pages show."""
    course = Course.make(system, size)
    course.build()
    visits = max((int(n) for page in course.pages() for n in re.findall(r"visits-(\d+)", page)), default=0)
    course.edit_shared("label-new")
    course.build()
    return Finding(system.name, size, sum("label-new visits-" in page for page in course.pages()), visits)


CELLS_ALONE = """\
import contextlib, io, json, os, sys, time
sys.path.insert(0, os.getcwd())
import matplotlib; matplotlib.use("agg")
import matplotlib.pyplot as plt, numpy, pandas
reader, writer = os.pipe()
running = 0
for text in json.load(sys.stdin):
    if running == len(os.sched_getaffinity(0)):
        os.wait()
        running -= 1
    running += 1
    if os.fork() == 0:
        plt.show = lambda: plt.savefig(io.BytesIO())
        started = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in text:
                exec(cell, globals())
            frame._repr_html_()
        os.write(writer, f"{time.process_time() - started}\\n".encode())
        os._exit(0)
os.close(writer)
print(sum(map(float, open(reader))))
"""


def cell_cpu(size: int) -> float:
    """Processor seconds of the cells alone: each lesson in a fork of a process that has imported the libraries.

    As many run at a time as there are cores: two that share a core's units or caches are slower than one.
    """
    course = Course.make(SYSTEMS["scripts"], size)
    cells = json.dumps([lesson.cells for lesson in course.lessons])
    done = subprocess.run(
        [peer("python"), "-c", CELLS_ALONE], cwd=course.folder, input=cells, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def real_lessons(repeat: int, store: Callable[[Measurement], None]) -> None:
    """The course's own lessons with the profile smoke: their scripts one by one, then the build."""
    sources = sorted((ROOT / "src" / "course" / "lessons").rglob("[0-9][0-9]_*.py"))
    folder = SCRATCH / "real"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in sources:
        (folder / source.name).write_text(re.sub(r'(?m)^profile = "\w+"', 'profile = "smoke"', source.read_text()))
    shutil.copytree(ROOT / "build" / "captures", folder / "captures")  # they say which lessons are long
    numbers = [source.name[:2] for source in sources]
    course = str(Path(sys.executable).with_name("course"))
    ours = [course, "run", *numbers, "--profile", "smoke", "--captures", str(folder / "captures")]
    scripts = [[sys.executable, source.name] for source in sources]
    for name, commands, cwd in (("scripts", scripts, folder), ("ours", [ours], ROOT)):
        load, started, before = os.getloadavg()[0], time.perf_counter(), _children_cpu()
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "MPLBACKEND": "agg"}
        for command in commands:
            done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS)
            if done.returncode:
                sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        seconds, cpu = time.perf_counter() - started, _children_cpu() - before
        store(measured(f"real {name}", len(sources), "cold", repeat, seconds, cpu, load))


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    name = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    packages = (
        "import importlib.metadata as m, json; print(json.dumps({n: m.version(n) for n in ("
        "'papermill', 'mkdocs', 'mkdocs-material', 'mkdocs-jupyter', 'jupyter-book', 'jupyter-cache', 'sphinx', "
        "'sphinx-gallery', 'mkdocs-gallery', 'numpy', 'pandas', 'matplotlib')}))"
    )
    versions = subprocess.run([peer("python"), "-c", packages], capture_output=True, text=True, check=True).stdout
    return {
        "processor": name, "cores": len(os.sched_getaffinity(0)), "system": platform.system(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(), "versions": json.loads(versions),
        "date": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().split("\n")
    except OSError:
        return []


def make_peers() -> None:
    """The peers' environment, made once from the locked file."""
    mark = PEERS.parent / "installed"
    if mark.is_file() and mark.read_text() == REQUIREMENTS.read_text():
        return
    print("Making the peers' environment in build/bench/venv …", flush=True)
    shutil.rmtree(PEERS.parent, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(PEERS.parent)], check=True)
    install = [peer("python"), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r"]
    subprocess.run([*install, str(REQUIREMENTS)], check=True)
    mark.write_text(REQUIREMENTS.read_text())
