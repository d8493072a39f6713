"""Run one lesson: papermill drives a kernel of this very interpreter, within limits.

Every failure is told in one message, with the line of the source that caused it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty
from threading import Event
from typing import Any

import nbformat
import psutil
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_core.paths import jupyter_runtime_dir
from jupyter_core.utils import ensure_event_loop, run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from course.pipeline.base.errors import CourseError
from course.pipeline.base.files import disk_error
from course.pipeline.lesson.model import Cell, Lesson
from course.pipeline.results import capture, fingerprint
from course.pipeline.run import collect
from course.pipeline.run.kernel import Settings, UndeclaredRead
from course.pipeline.run.limits import Limits
from course.pipeline.run.provisioner import ENVIRONMENT, ForkServer, Provisioner, thread_environment
from course.record import MIME
from course.weights import WeightsError, resolve

KERNEL = "course"
SETTINGS = "settings.json"
INLINE = "module://matplotlib_inline.backend_inline"
WATCH_INTERVAL = 0.25  # seconds between two looks at a kernel's memory and at whether the build goes on
ENVIRONMENT_KEY = "run.environment"
ENVIRONMENT_CELL = f"""
from IPython.display import publish_display_data
from course.provenance import environment
publish_display_data({{{MIME!r}: {{"type": "environment", "key": {ENVIRONMENT_KEY!r}, "value": environment()}}}})
"""


LIMITS = Limits()
Progress = Callable[[Cell, int, int], None]
"""Called before each code cell with the cell, its number from 1, and the number of cells."""
Ready = Callable[[], object]
"""Called when the kernel is ready; the first cell runs when it returns."""


class _Specs(KernelSpecManager):
    """The one kernel of a run. Any other would be found by name, and a user's could shadow this interpreter."""

    def __init__(self, spec: KernelSpec) -> None:
        super().__init__()
        self.spec = spec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return self.spec


class _Connection(AsyncKernelClient):
    """jupyter_client's connection without what only people need: input, a heartbeat, a wait for silence at the start."""

    def _context_default(self) -> Any:
        context = super()._context_default()
        context.setsockopt(zmq.RECONNECT_IVL, 5)  # milliseconds between attempts, until the kernel listens
        return context

    def start_channels(self, *_: Any, **__: Any) -> None:
        super().start_channels(stdin=False, hb=False)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout or 60)
        while time.monotonic() < deadline:
            self.kernel_info()
            try:
                await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=1)  # so what cells show will be heard
                return
            except Empty:
                if not await self.is_alive():
                    raise RuntimeError("it ended at once") from None
        raise RuntimeError(f"it did not answer for {timeout:.0f} s")


class _Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill publishes no types
    """papermill's client with our kernel, limits, and a report before each cell."""

    def __init__(self, nb_man: Any, run: _Run, **kwargs: Any) -> None:
        super().__init__(nb_man, **kwargs)
        self.run = run
        self.shutdown_kernel = "immediate"  # nothing is left to be saved, and one that hangs would not hear a request

    def create_kernel_manager(self) -> Any:
        manager = super().create_kernel_manager()
        manager.kernel_spec_manager = _Specs(self.run.spec)
        manager.client_factory = _Connection
        manager.transport = "ipc"  # local sockets: no open port, and no warning about one
        manager.connection_file = str(self.run.connection)
        if self.run.server is not None:
            manager.provisioner = Provisioner(
                self.run.server, self.run.lesson.header.fork, self.run.stop, kernel_spec=self.run.spec, parent=manager
            )
        return manager

    def papermill_execute_cells(self) -> None:
        self.run.ready()
        self.run.started = time.monotonic()
        super().papermill_execute_cells()

    async def async_execute_cell(self, cell: Any, cell_index: int, *args: Any, **kwargs: Any) -> Any:
        if self.run.stop is not None and self.run.stop.is_set():  # short cells would all be over before a watch looks
            raise self.run.error("The run was stopped before it ended.", hint="Run it again.")
        self.run.begin(cell)
        work = asyncio.ensure_future(super().async_execute_cell(cell, cell_index, *args, **kwargs))
        watch = asyncio.ensure_future(self._watch())
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            if watch.done():
                raise watch.result()
            return work.result()
        finally:
            work.cancel()
            watch.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)  # what counts was raised above

    execute_cell = run_sync(async_execute_cell)

    async def _watch(self) -> CourseError:
        """Why the cell has to be given up, as soon as it has to be."""
        limits, stop = self.run.limits, self.run.stop
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            if stop is not None and stop.is_set():
                hint = f"Run it again: course run {self.run.lesson.label}"
                return self.run.error("The run was stopped in this cell.", hint=hint)
            if self.run.printed > limits.output_bytes:
                hint = "Print less, record a table, or raise the limit with --output-bytes."
                return self.run.error(f"The cell printed more than {limits.output_bytes:,} bytes.", hint=hint)
            used = _memory_mib(self.km.provisioner.pid) if limits.memory_mib is not None else 0
            if limits.memory_mib is not None and used > limits.memory_mib:
                hint = "Use smaller batches or shorter sequences, or raise the limit with --memory-mib."
                told = f"The lesson used {used:,.0f} MiB of memory in this cell; {limits.memory_mib:,} are allowed."
                return self.run.error(told, hint=hint)

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.run.printed += len(str(msg["content"].get("text", ""))) + sum(
            len(str(part)) for part in msg["content"].get("data", {}).values()
        )
        if self.run.printed > self.run.limits.output_bytes:  # the cell will be given up
            return None
        return super().process_message(msg, cell, cell_index)


class _Engine(NBClientEngine):  # type: ignore[misc]  # papermill publishes no types
    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, run: _Run, start_timeout: int = 60, **kwargs: Any
    ) -> Any:
        client = _Client(
            nb_man, run, timeout_func=run.seconds_left, iopub_timeout=start_timeout, startup_timeout=start_timeout,
            kernel_name=kernel_name, log=logging.getLogger("papermill"),
        )  # fmt: skip
        with run.log.open("w") as log:  # what the kernel itself complains about; the cells' stderr is captured
            return client.execute(stderr=log, cwd=str(run.lesson.path.parent if run.lesson.is_plain else run.work))


papermill_engines.register(KERNEL, _Engine)
for _name in ("papermill", "papermill.translators", "traitlets"):  # they log what our messages say better
    logging.getLogger(_name).setLevel(logging.CRITICAL)


@dataclass
class _Run:
    """The state of one run: where it is, what it may take, and what it has printed in the current cell."""

    lesson: Lesson
    limits: Limits
    folder: Path
    progress: Progress
    spec: KernelSpec
    server: ForkServer | None
    stop: Event | None = None
    ready: Ready = lambda: None
    started: float = field(default_factory=time.monotonic)
    cell: Cell | None = None
    printed: int = 0
    counted: list[Cell | None] = field(default_factory=list)
    """The cells that IPython counted: ``In[n]`` is entry ``n - 1``; ``None`` for one that is not the lesson's."""

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def connection(self) -> Path:
        """Sockets are made beside this file, and their paths may have about 100 bytes."""
        usual = self.folder / "kernel.json"
        return usual if len(os.fsencode(usual)) <= 90 else Path(jupyter_runtime_dir()) / f"{self.folder.name}.json"

    @property
    def log(self) -> Path:
        return self.folder / "kernel.log"

    def seconds_left(self, _: object = None) -> float:
        """How long the cell that begins now may take."""
        left = self.limits.lesson_seconds - (time.monotonic() - self.started)
        return max(0.01, min(self.limits.cell_seconds, left))  # nbclient takes 0 for no limit

    def begin(self, node: Mapping[str, Any]) -> None:
        index = node.get("metadata", {}).get("course_index")
        if node["cell_type"] == "code" and node["source"].strip():
            self.counted.append(None if index is None else self.lesson.code_cells[index])
        if node["cell_type"] == "code" and index is not None:
            self.cell, self.printed = self.lesson.code_cells[index], 0
            self.progress(self.cell, index + 1, len(self.lesson.code_cells))

    def error(self, message: str, line: int | None = None, hint: str = "") -> CourseError:
        return self.lesson.error(message, line or (self.cell.line if self.cell else None), hint)


def execute(
    lesson: Lesson, profile: str, limits: Limits = LIMITS, progress: Progress = lambda *_: None, seed: int = 0,
    *, threads: int | None = None, server: ForkServer | None = None, stop: Event | None = None, ready: Ready = lambda: None,
) -> capture.Capture:  # fmt: skip
    """Run ``lesson`` and return what it recorded. Nothing is written outside temporary folders.

    ``threads`` is the number of torch's threads (``None``: the server's, else torch's default). Without a ``server`` the
    kernel starts afresh. May be called from several threads at once; setting ``stop`` in another ends the run.

    Raises:
        CourseError: anything that keeps the lesson from finishing, with the line of its source.
    """
    found = fingerprint.inputs(lesson, profile)
    for name in lesson.header.weights:
        try:
            resolve(name)
        except WeightsError as error:
            lines = lesson.path.read_text(encoding="utf-8").split("\n")
            line = next((number for number, text in enumerate(lines, 1) if name in text), None)  # in the header
            raise lesson.error(str(error), line) from error
    try:
        with (
            tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder,
            _server_or_own(server) as used,
        ):
            threads = threads or (used.threads if used else None)
            run = _Run(lesson, limits, Path(folder), progress, _spec(lesson, Path(folder), threads), used, stop, ready)
            _prepare(run, threads)
            notebook = _run_notebook(run, _parameters(lesson, profile, seed))
    except OSError as error:
        raise disk_error(error, Path(tempfile.gettempdir())) from error
    code = [c for c in notebook["cells"] if c["cell_type"] == "code" and "course_index" in c["metadata"]]
    environment = _environment(lesson, notebook)
    if lesson.is_plain:
        environment["libraries"] = fingerprint.libraries(lesson)
    provenance = capture.Provenance(
        commit=commit_of(lesson.path.parent), fingerprint=fingerprint.fingerprint(found), inputs=found,
        profile=profile, seed=seed,
        seconds=round(time.monotonic() - run.started, 1), date=datetime.now(UTC).date().isoformat(), **environment,
    )  # fmt: skip
    return collect.from_notebook(lesson, code, provenance)


def _environment(lesson: Lesson, notebook: Mapping[str, Any]) -> dict[str, Any]:
    """What the last cell reports. papermill takes a cell that calls ``sys.exit()`` for the end of a good run."""
    *cells, last = notebook["cells"]
    if not last["outputs"]:
        ended = max(cell["metadata"]["course_index"] for cell in cells if _exits(cell))
        line = lesson.code_cells[ended].line
        raise lesson.error("The cell ends the run.", line, "Let the lesson run to its last cell: remove the exit.")
    return dict(last["outputs"][0]["data"][MIME]["value"])


def _exits(cell: Mapping[str, Any]) -> bool:
    return "course_index" in cell["metadata"] and any(out.get("ename") == "SystemExit" for out in cell["outputs"])


def _server_or_own(server: ForkServer | None) -> AbstractContextManager[ForkServer | None]:
    """Where kernels come from: ``server``; a server for one; or, where there cannot be any, jupyter_client's own way."""
    if sys.platform != "linux":
        return nullcontext()
    return ForkServer() if server is None else nullcontext(server)


def _spec(lesson: Lesson, folder: Path, threads: int | None) -> KernelSpec:
    """How the kernel is started, and with what environment."""
    return KernelSpec(
        argv=[sys.executable, "-P", "-m", "course.pipeline.run.kernel", str(folder / SETTINGS), "{connection_file}"],
        env={
            **ENVIRONMENT,
            **thread_environment(threads),
            "COURSE_WEIGHTS": ",".join(lesson.header.weights),
            "IPYTHONDIR": str(folder / "ipython"),
            "TMPDIR": str(folder / "tmp"),  # what a killed lesson leaves behind goes with the run's folder
            **({"MPLBACKEND": INLINE} if lesson.is_plain else {}),  # it shows its figures as images
        },
        display_name=KERNEL,
        language="python",
    )


def _prepare(run: _Run, threads: int | None) -> None:
    """Lay out the run's folder: one to work in, with the declared data, one for temporary files, the kernel's settings."""
    beside = run.lesson.path.resolve().parent
    Settings(str(beside), str(run.folder), threads, not run.lesson.is_plain).write(run.folder / SETTINGS)
    (run.folder / "tmp").mkdir()
    run.work.mkdir()
    run.connection.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in run.lesson.header.data:
        (run.work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(beside / name, run.work / name)  # a copy, because the lesson may write to it


def _run_notebook(run: _Run, parameters: Mapping[str, Any]) -> Any:
    """The executed notebook."""
    limits = run.limits
    try:
        return execute_notebook(
            _notebook(run.lesson), None, parameters=parameters, engine_name=KERNEL, kernel_name=KERNEL,
            progress_bar=False, run=run,
        )  # fmt: skip
    except PapermillExecutionError as error:
        raise _cell_error(run, error) from error
    except CellTimeoutError as error:
        if time.monotonic() - run.started >= limits.lesson_seconds:
            hint = "Make the lesson shorter, or raise the limit with --lesson-seconds."
            message = f"The lesson ran longer than {limits.lesson_seconds} s and was stopped in this cell."
        else:
            hint = "Make the cell shorter, or raise the limit with --cell-seconds."
            message = f"The cell ran longer than {limits.cell_seconds} s and was stopped."
        raise run.error(message, hint=hint) from error
    except DeadKernelError as error:
        hint = "It was killed (often for lack of memory) or it crashed. Use smaller batches or shorter sequences."
        raise run.error("The kernel died in this cell.", hint=hint) from error
    except RuntimeError as error:  # jupyter_client's, when the kernel does not come up
        last = run.log.read_text(errors="replace").strip().split("\n")[-1] or str(error)
        hint = "Make the environment anew: delete .venv, then make build."
        raise run.error(f"The kernel did not start: {last}", hint=hint) from error
    finally:
        _close_event_loop()


def _close_event_loop() -> None:
    """End what a stopped run left waiting, and close this thread's loop, which jupyter_client made."""
    loop = ensure_event_loop()
    waiting = asyncio.all_tasks(loop)
    for task in waiting:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
    loop.close()


def _parameters(lesson: Lesson, profile: str, seed: int) -> dict[str, Any]:
    """What papermill injects: the parameters that the lesson has, which a plain one need not."""
    return {name: value for name, value in (("profile", profile), ("seed", seed)) if name in lesson.parameters}


def _notebook(lesson: Lesson) -> Any:
    """The lesson as a notebook for papermill: code cells know their place, a last cell reports the environment."""

    def node(name: str, source: str, **metadata: Any) -> dict[str, Any]:
        empty: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
        return {**empty, "id": name, "metadata": metadata, "source": source}

    cells = [node("setup", _plain_setup(lesson))] if lesson.is_plain else []
    for index, cell in enumerate(lesson.code_cells):
        tags = sorted(cell.tags & {"parameters"})
        cells.append(node(f"cell-{index}", cell.source, course_index=index, tags=tags))
    cells.append(node("environment", ENVIRONMENT_CELL))
    kernel = {"name": KERNEL, "display_name": KERNEL, "language": "python"}
    document = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return nbformat.from_dict(document)  # papermill checks it


def _plain_setup(lesson: Lesson) -> str:
    """What a script has and a kernel lacks: its own name, and its folder and those above it to import from.

    Said in the kernel, not in its environment: a module of the lesson's must not shadow one that the kernel starts with.
    """
    folders = [str(folder.resolve()) for folder in lesson.folders]
    return (
        f"__file__ = {str(lesson.path.resolve())!r}\n"
        f"__import__('sys').path[:0] = {folders!r}\n"
        "__import__('sys').dont_write_bytecode = True"  # the lesson's folder is its author's
    )


def _memory_mib(pid: int) -> float:
    """What the process and all those it started hold in memory, in MiB."""
    used = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used += each.memory_info().rss
    return used / 2**20


def _cell_error(run: _Run, error: PapermillExecutionError) -> CourseError:
    """The exception a cell raised, at the line of the lesson that raised it, perhaps in a helper of an earlier cell."""
    text = collect.normalise("\n".join(error.traceback))
    frames = [
        (cell, cell.line + int(line) - 1)
        for count, line in re.findall(r"Cell In\[(\d+)\], line (\d+)", text)
        if int(count) <= len(run.counted) and (cell := run.counted[int(count) - 1])
    ]
    line = frames[-1][1] if frames else None
    if error.ename == UndeclaredRead.__name__:
        return _undeclared_read(run, Path(error.evalue), line)
    hint = f"Fix it, then: course run {run.lesson.label}"
    if frames and frames[-1][0] is not run.cell:
        calls = [at for cell, at in frames if cell is run.cell]
        hint = f"Called from line {calls[-1]}. {hint}" if calls else hint
    return run.error(f"The cell raised {error.ename}: {collect.normalise(error.evalue)[:500]}", line, hint)


def _undeclared_read(run: _Run, path: Path, line: int | None) -> CourseError:
    folder = run.lesson.path.resolve().parent
    if path.is_relative_to(folder):
        name = path.relative_to(folder).as_posix()
        hint = f"Declare it in the header (data: [{name}]) and open it as {name!r}."
    else:
        name = str(path)
        hint = (
            "Put it into the lesson's folder, declare it under 'data' in the header, and open it by its relative path."
        )
    return run.error(f"The cell reads {name}, which the lesson does not declare.", line, hint)


@functools.cache
def commit_of(folder: Path) -> str:
    """The commit of the sources in ``folder`` when this process began, short, or ``unknown`` outside a repository."""
    done = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=folder, capture_output=True, text=True, env={**os.environ}
    )
    return done.stdout.strip() or "unknown"
