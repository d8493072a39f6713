"""Run one lesson: papermill drives a kernel of this very interpreter, within limits.

Every failure is told in one message, with the line of the source that caused it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from course.pipeline import capture, fingerprint
from course.pipeline.errors import CourseError
from course.pipeline.files import disk_error
from course.pipeline.lesson import Cell, Lesson
from course.record import MIME
from course.weights import WeightsError, resolve

KERNEL = "course"
ENVIRONMENT_KEY = "run.environment"
ENVIRONMENT_CELL = f"""
from IPython.display import publish_display_data
from course.provenance import environment
publish_display_data({{{MIME!r}: {{"type": "environment", "key": {ENVIRONMENT_KEY!r}, "value": environment()}}}})
"""


@dataclass(frozen=True)
class Limits:
    """What one run may take: seconds a cell, and bytes of output a cell."""

    cell_seconds: int = 7200
    output_bytes: int = 1_000_000


Progress = Callable[[Cell, int, int], None]
"""Called before each code cell with the cell, its number from 1, and the number of cells."""


class _Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill publishes no types
    """papermill's client with our kernel, a limit on output, and a report before each cell."""

    def __init__(self, nb_man: Any, run: _Run, **kwargs: Any) -> None:
        super().__init__(nb_man, **kwargs)
        self.run = run

    def create_kernel_manager(self) -> Any:
        manager = super().create_kernel_manager()
        # Named explicitly: a kernelspec of the user's could shadow this interpreter.
        manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(self.run.kernels)], ensure_native_kernel=False)
        manager.transport = "ipc"  # local sockets: no open port, and no warning about one
        connection = str(self.run.folder / "kernel.json")
        if (
            len(os.fsencode(connection)) <= 90
        ):  # a socket's path ends at about 100 bytes; Jupyter's own folder is the other
            manager.connection_file = connection
        return manager

    def execute_cell(self, cell: Any, cell_index: int, *args: Any, **kwargs: Any) -> Any:
        self.run.begin(cell)
        try:
            return super().execute_cell(cell, cell_index, *args, **kwargs)
        except BaseException:
            self.shutdown_kernel = "immediate"  # a cell that hangs would not hear a polite request either
            raise

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.run.printed += len(str(msg["content"].get("text", ""))) + sum(
            len(str(part)) for part in msg["content"].get("data", {}).values()
        )
        if self.run.printed_too_much:
            # nbclient would wait for the cell's end, which may never come; a cancelled wait raises DeadKernelError
            self.task_poll_for_reply.cancel()
            return None
        return super().process_message(msg, cell, cell_index)


class _Engine(NBClientEngine):  # type: ignore[misc]  # papermill publishes no types
    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, run: _Run, start_timeout: int = 60, **kwargs: Any
    ) -> Any:
        client = _Client(
            nb_man, run, timeout=run.limits.cell_seconds, startup_timeout=start_timeout, kernel_name=kernel_name,
            log=logging.getLogger("papermill"),
        )  # fmt: skip
        with run.log.open("w") as log:  # what the kernel itself complains about; the cells' stderr is captured
            return client.execute(stderr=log)


papermill_engines.register(KERNEL, _Engine)


@dataclass
class _Run:
    """The state of one run: where it is, and what it has printed in the current cell."""

    lesson: Lesson
    limits: Limits
    folder: Path
    progress: Progress
    cell: Cell | None = None
    printed: int = 0
    counted: list[Cell | None] = field(default_factory=list)
    """The cells that IPython counted: ``In[n]`` is entry ``n - 1``; ``None`` for one that is not the lesson's."""

    @property
    def kernels(self) -> Path:
        return self.folder / "kernels"

    @property
    def log(self) -> Path:
        return self.folder / "kernel.log"

    @property
    def printed_too_much(self) -> bool:
        return self.printed > self.limits.output_bytes

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
    lesson: Lesson, profile: str, limits: Limits = Limits(), progress: Progress = lambda *_: None, seed: int = 0
) -> capture.Capture:
    """Run ``lesson`` and return what it recorded. Nothing is written outside temporary folders.

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
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
            notebook = _run_notebook(lesson, profile, seed, limits, progress, Path(folder))
    except OSError as error:
        raise disk_error(error, Path(tempfile.gettempdir())) from error
    code = [c for c in notebook["cells"] if c["cell_type"] == "code" and "course_index" in c["metadata"]]
    environment = _environment(lesson, notebook)
    if lesson.is_plain:
        environment["libraries"] = fingerprint.libraries(lesson)
    provenance = capture.Provenance(
        commit=_commit(lesson.path.parent), fingerprint=fingerprint.fingerprint(found), inputs=found,
        profile=profile, seed=seed, seconds=round(time.monotonic() - started, 1),
        date=datetime.now(UTC).date().isoformat(), **environment,
    )  # fmt: skip
    return capture.from_notebook(lesson, code, provenance)


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


def _run_notebook(
    lesson: Lesson, profile: str, seed: int, limits: Limits, progress: Progress, folder: Path
) -> dict[str, Any]:
    source, target, work, temporary = (folder / name for name in ("lesson.ipynb", "executed.ipynb", "work", "tmp"))
    work.mkdir()
    temporary.mkdir()
    run = _Run(lesson, limits, folder, progress)
    _write_kernelspec(run.kernels / KERNEL, lesson, work, temporary)
    source.write_text(json.dumps(_notebook(lesson)), encoding="utf-8")
    with _quiet():
        try:
            execute_notebook(
                source, target, parameters=_parameters(lesson, profile, seed), engine_name=KERNEL, kernel_name=KERNEL,
                progress_bar=False, cwd=lesson.path.parent if lesson.is_plain else work, run=run,
            )  # fmt: skip
        except PapermillExecutionError as error:
            raise _cell_error(run, error) from error
        except CellTimeoutError as error:
            hint = "Make the cell shorter, or raise the limit with --cell-seconds."
            raise run.error(f"The cell ran longer than {limits.cell_seconds} s and was stopped.", hint=hint) from error
        except DeadKernelError as error:
            if run.printed_too_much:
                hint = "Print less, or record a table."
                raise run.error(f"The cell printed more than {limits.output_bytes:,} bytes.", hint=hint) from error
            hint = "It was killed (often for lack of memory) or it crashed. Use smaller batches or shorter sequences."
            raise run.error("The kernel died in this cell.", hint=hint) from error
        except RuntimeError as error:  # jupyter_client's, when the kernel does not come up
            last = run.log.read_text(errors="replace").strip().split("\n")[-1] or str(error)
            hint = "Make the environment anew: delete .venv, then make build."
            raise run.error(f"The kernel did not start: {last}", hint=hint) from error
    return dict(nbformat.read(target, as_version=4))


def _parameters(lesson: Lesson, profile: str, seed: int) -> dict[str, Any]:
    """What papermill injects: the parameters that the lesson has, which a plain one need not."""
    return {name: value for name, value in (("profile", profile), ("seed", seed)) if name in lesson.parameters}


def _notebook(lesson: Lesson) -> Any:
    """The lesson as a notebook for papermill: code cells know their place, a last cell reports the environment."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": KERNEL, "display_name": KERNEL, "language": "python"}
    if lesson.is_plain:
        notebook.cells.append(nbformat.v4.new_code_cell(_plain_setup(lesson), id="setup"))
    for index, cell in enumerate(lesson.code_cells):
        metadata = {"course_index": index, "tags": sorted(cell.tags & {"parameters"})}
        notebook.cells.append(nbformat.v4.new_code_cell(cell.source, metadata=metadata, id=f"cell-{index}"))
    notebook.cells.append(nbformat.v4.new_code_cell(ENVIRONMENT_CELL, id="environment"))
    return notebook


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


def _write_kernelspec(folder: Path, lesson: Lesson, work: Path, temporary: Path) -> None:
    folder.mkdir(parents=True)
    spec = {
        "argv": [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": KERNEL,
        "language": "python",
        "env": {
            "HF_HUB_OFFLINE": "1",  # a lesson that would ask a hub fails at once, everywhere
            "COURSE_WEIGHTS": ",".join(lesson.header.weights),
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONHASHSEED": "0",
            "IPYTHONDIR": str(work / ".ipython"),
            "MPLBACKEND": "agg",
            "PYTHONWARNINGS": "ignore:IProgress not found",  # tqdm misses widgets, which no kernel here has
            "TMPDIR": str(temporary),  # what a killed lesson leaves behind goes with the run's folder
            # A plain lesson shows its figures as images.
            **({"MPLBACKEND": "module://matplotlib_inline.backend_inline"} if lesson.is_plain else {}),
        },
    }
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


@contextmanager
def _quiet() -> Iterator[None]:
    """papermill and nbclient log what our messages say better."""
    loggers = [logging.getLogger(name) for name in ("papermill", "papermill.translators", "traitlets")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _cell_error(run: _Run, error: PapermillExecutionError) -> CourseError:
    """The exception a cell raised, at the line of the lesson that raised it, perhaps in a helper of an earlier cell."""
    text = capture.normalise("\n".join(error.traceback))
    frames = [
        (cell, cell.line + int(line) - 1)
        for count, line in re.findall(r"Cell In\[(\d+)\], line (\d+)", text)
        if int(count) <= len(run.counted) and (cell := run.counted[int(count) - 1])
    ]
    line, hint = frames[-1][1] if frames else None, f"Fix it, then: course run {run.lesson.label}"
    if frames and frames[-1][0] is not run.cell:
        calls = [at for cell, at in frames if cell is run.cell]
        hint = f"Called from line {calls[-1]}. {hint}" if calls else hint
    return run.error(f"The cell raised {error.ename}: {capture.normalise(error.evalue)[:500]}", line, hint)


def _commit(folder: Path) -> str:
    """The commit of the sources in ``folder``, short, or ``unknown`` outside a repository."""
    done = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=folder, capture_output=True, text=True, env={**os.environ}
    )
    return done.stdout.strip() or "unknown"
