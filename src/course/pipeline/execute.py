"""Run one lesson: papermill drives a kernel of this very interpreter, within limits, and every failure is told in one message."""

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
from dataclasses import dataclass
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


class OutputLimit(Exception):
    """A cell printed more than it may."""


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client with our kernel, a limit on output, and a report before each cell."""

    def __init__(self, nb_man: Any, run: _Run, **kwargs: Any) -> None:
        super().__init__(nb_man, **kwargs)
        self.run = run

    def create_kernel_manager(self) -> Any:
        manager = super().create_kernel_manager()
        # Named explicitly: a kernelspec of the user's could shadow this interpreter.
        manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(self.run.kernels)], ensure_native_kernel=False)
        manager.transport = "ipc"  # local sockets: no open port, and no warning about one
        return manager

    def execute_cell(self, cell: Any, cell_index: int, *args: Any, **kwargs: Any) -> Any:
        self.run.begin(cell)
        return super().execute_cell(cell, cell_index, *args, **kwargs)

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.run.printed += len(str(msg["content"].get("text", ""))) + sum(
            len(str(part)) for part in msg["content"].get("data", {}).values()
        )
        if self.run.printed > self.run.limits.output_bytes:
            raise OutputLimit
        return super().process_message(msg, cell, cell_index)


class _Engine(NBClientEngine):  # type: ignore[misc]
    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, run: _Run, start_timeout: int = 60, **kwargs: Any
    ) -> Any:
        return _Client(
            nb_man, run, timeout=run.limits.cell_seconds, startup_timeout=start_timeout, kernel_name=kernel_name,
            log=logging.getLogger("papermill"),
        ).execute()  # fmt: skip


papermill_engines.register(KERNEL, _Engine)


@dataclass
class _Run:
    """The state of one run: where it is, and what it has printed in the current cell."""

    lesson: Lesson
    limits: Limits
    kernels: Path
    progress: Progress
    cell: Cell | None = None
    printed: int = 0

    def begin(self, node: Mapping[str, Any]) -> None:
        index = node.get("metadata", {}).get("course_index")
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
            raise lesson.error(str(error)) from error
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
            notebook = _run_notebook(lesson, profile, seed, limits, progress, Path(folder))
    except OSError as error:
        raise disk_error(error, Path(tempfile.gettempdir())) from error
    code = [c for c in notebook["cells"] if c["cell_type"] == "code" and "course_index" in c["metadata"]]
    environment = notebook["cells"][-1]["outputs"][0]["data"][MIME]["value"]
    provenance = capture.Provenance(
        commit=_commit(), fingerprint=fingerprint.fingerprint(found), inputs=found, profile=profile, seed=seed,
        seconds=round(time.monotonic() - started, 1), date=datetime.now(UTC).date().isoformat(), **environment,
    )  # fmt: skip
    return capture.from_notebook(lesson, code, provenance)


def _run_notebook(
    lesson: Lesson, profile: str, seed: int, limits: Limits, progress: Progress, folder: Path
) -> dict[str, Any]:
    source, target, work = folder / "lesson.ipynb", folder / "executed.ipynb", folder / "work"
    work.mkdir()
    _write_kernelspec(folder / "kernels" / KERNEL, lesson, work)
    source.write_text(json.dumps(_notebook(lesson)), encoding="utf-8")
    run = _Run(lesson, limits, folder / "kernels", progress)
    with _quiet():
        try:
            execute_notebook(
                source, target, parameters={"profile": profile, "seed": seed}, engine_name=KERNEL, kernel_name=KERNEL,
                progress_bar=False, cwd=work, run=run,
            )  # fmt: skip
        except PapermillExecutionError as error:
            raise _cell_error(run, error) from error
        except CellTimeoutError as error:
            hint = "Make the cell shorter, or raise the limit with --cell-seconds."
            raise run.error(f"The cell ran longer than {limits.cell_seconds} s and was stopped.", hint=hint) from error
        except DeadKernelError as error:
            hint = "It was killed (often for lack of memory) or it crashed. Use smaller batches or shorter sequences."
            raise run.error("The kernel died in this cell.", hint=hint) from error
        except OutputLimit as error:
            hint = "Print less, or record a table."
            raise run.error(f"The cell printed more than {limits.output_bytes:,} bytes.", hint=hint) from error
    return dict(nbformat.read(target, as_version=4))


def _notebook(lesson: Lesson) -> Any:
    """The lesson as a notebook for papermill: code cells know their place, a last cell reports the environment."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": KERNEL, "display_name": KERNEL, "language": "python"}
    for index, cell in enumerate(lesson.code_cells):
        metadata = {"course_index": index, "tags": sorted(cell.tags & {"parameters"})}
        notebook.cells.append(nbformat.v4.new_code_cell(cell.source, metadata=metadata, id=f"cell-{index}"))
    notebook.cells.append(nbformat.v4.new_code_cell(ENVIRONMENT_CELL, id="environment"))
    return notebook


def _write_kernelspec(folder: Path, lesson: Lesson, work: Path) -> None:
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
    """The exception a cell raised, at the line of the source that raised it."""
    cell = run.cell
    text = capture.normalise("\n".join(error.traceback))
    lines = re.findall(r"Cell In\[\d+\], line (\d+)", text)
    line = _source_line(cell, int(lines[-1])) if cell and lines else None
    return run.error(f"The cell raised {error.ename}: {capture.normalise(error.evalue)[:500]}", line)


def _source_line(cell: Cell, line: int) -> int:
    return cell.line + line - 1


def _commit() -> str:
    """The commit of the sources, short, or ``unknown`` outside a repository."""
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, env={**os.environ})
    return done.stdout.strip() or "unknown"
