"""Kernels from a process that has imported the heavy libraries: a fork server, and a Jupyter provisioner in front of it.

Papermill starts a kernel through the provisioner as it would start any; only where the process comes from differs.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from glob import glob
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Lock
from typing import Any, Self

from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from course.pipeline.base import paths, syntax
from course.pipeline.lesson.model import Lesson
from course.pipeline.run.forkserver import Request

# Slow to import, and safe to fork after it: they start no thread by themselves and touch no GPU.
PRELOADED = frozenset(
    {"accelerate", "datasets", "matplotlib", "numpy", "pandas", "peft", "safetensors", "scipy", "sklearn", "tokenizers"}
    | {"torch", "transformers", "trl"}
)
# What these import only when they show something: every lesson that does would pay for it. Not the inline backend, which
# sets IPython up while it is imported.
LAZY = {
    "matplotlib": (
        "matplotlib.backends.backend_agg",
        *(f"PIL.{kind}ImagePlugin" for kind in ("Bmp", "Gif", "Jpeg", "Png", "Ppm")),
    ),
    "pandas": ("pandas.io.formats.html", "pandas.io.formats.string"),
}
GPU_DEVICES = ("/dev/nvidia[0-9]*", "/dev/kfd")  # NVIDIA's and AMD's
# What libraries read while they are imported: the same for every kernel of the course, forked or not.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # a lesson that would ask a hub fails at once, everywhere
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "agg",
    "PYTHONWARNINGS": "ignore:IProgress not found",  # tqdm misses widgets, which no kernel here has
    # glibc keeps freed tensors of up to 32 MiB, 512 MiB of them, for the next ones: to give each back to the system and to
    # take it again, filled with zeros, costs a page fault every 4 KiB.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(512 * 2**20),
}
# A thread of NumPy's BLAS or of Arrow's allocator would make a fork unsafe.
SERVER_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


def thread_environment(threads: int | None) -> dict[str, str]:
    """The environment of a kernel with ``threads`` threads for torch (and one for NumPy's BLAS); empty for ``None``."""
    return {} if threads is None else {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"}


def preloads(lessons: Iterable[tuple[Lesson, Iterable[str]]]) -> tuple[str, ...]:
    """What a server should import for ``lessons``: ``module`` or ``module:name``, as they and their modules do.

    Each lesson comes with the names of its inputs (:func:`fingerprint.inputs`). Installed libraries only: the course's own
    modules may change while the server lives; lessons import them themselves.
    """
    forked = [(lesson, inputs) for lesson, inputs in lessons if lesson.header.fork]
    sources = [cell.source for lesson, _ in forked for cell in lesson.code_cells]
    modules: set[Path] = set()
    for lesson, inputs in forked:
        names = [name for name in inputs if name.startswith("module ")]
        folders = [paths.LIBRARY, *lesson.folders[-1:]]  # a plain lesson has modules beside it
        modules.update(folder / name.removeprefix("module ") for name in names for folder in folders)
    sources += [path.read_text(encoding="utf-8") for path in modules if path.is_file()]
    found = {name for source in sources for name in _imports(source)}
    found = {name for name in found if _is_preloaded(name)}
    lazy = {name for top in {re.split("[.:]", name)[0] for name in found} for name in LAZY.get(top, ())}
    return (*sorted(found), *sorted(lazy))


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(syntax.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}:{alias.name}" for alias in node.names)


def _is_preloaded(name: str) -> bool:
    top = name.partition(":")[0].partition(".")[0]
    return top in PRELOADED and find_spec(top) is not None


def can_fork() -> bool:
    """Whether kernels may be forked here: on Linux, and without a GPU, whose driver does not survive a fork."""
    return sys.platform == "linux" and not any(glob(pattern) for pattern in GPU_DEVICES)


class ForkServer:
    """The process that starts kernels, for as long as the ``with`` block lasts. Elsewhere than on Linux, nothing.

    ``modules`` are imported once, besides what every kernel needs (see :func:`preloads`); with ``None`` nothing is, and
    every kernel starts afresh, as it does where it must not be forked. ``threads`` is how many threads torch has in a
    kernel that does not say otherwise. Kernels may be started from several threads.
    """

    def __init__(self, modules: Sequence[str] | None = None, threads: int | None = None) -> None:
        self.forks = modules is not None and can_fork()
        self.modules = ("ipykernel", *(modules or ())) if self.forks else ()
        self.threads = threads
        self._lock = Lock()

    def __enter__(self) -> Self:
        if sys.platform == "linux":
            self._log = tempfile.TemporaryFile()
            self._launch()
        return self

    def _launch(self) -> None:
        self._control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {**os.environ, **ENVIRONMENT, **SERVER_ENVIRONMENT, **thread_environment(self.threads)}
        command = [sys.executable, "-P", "-m", "course.pipeline.run.forkserver", str(other.fileno()), *self.modules]
        with other:
            self._process = subprocess.Popen(
                command, env=environment, pass_fds=[other.fileno()], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._log,
            )  # fmt: skip

    def __exit__(self, *_: object) -> None:
        if sys.platform == "linux":
            self._control.close()  # it kills its kernels and ends
            self._process.wait()
            self._log.close()

    def start(self, request: Request, log: int) -> socket.socket:
        """Have a kernel started that writes its complaints to the file descriptor ``log``; returns its line."""
        line, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other, self._lock:
            if self._process.poll() is not None:  # it was killed: only what it ran is lost
                self._control.close()
                self._launch()
            socket.send_fds(self._control, [json.dumps(asdict(request)).encode()], [other.fileno(), log])
        return line

    def complaint(self) -> str:
        """The last line that the server wrote to its standard error."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace").strip().rpartition("\n")[2]


class Provisioner(KernelProvisionerBase):
    """Starts, watches and stops one kernel by way of a fork server. See :mod:`course.pipeline.run.forkserver`."""

    def __init__(self, server: ForkServer, fork: bool, stop: Event | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.server, self.fork, self.stop = server, fork, stop
        self.line: socket.socket | None = None
        self.pid = 0
        self.code: int | None = None

    @property
    def has_process(self) -> bool:
        return self.line is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        manager: Any = self.parent
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return await super().pre_launch(cmd=manager.format_kernel_cmd(), **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        request = Request(cmd, kwargs["env"], kwargs["cwd"], self.fork and self.server.forks)
        try:
            self.line = self.server.start(request, kwargs["stderr"].fileno())
            self.pid = int(self._first_word(self.line))
        except (OSError, ValueError) as error:
            message = f"the process that starts kernels has ended. {self.server.complaint()}"
            raise RuntimeError(message.strip()) from error
        self.line.setblocking(False)
        return self.connection_info

    def _first_word(self, line: socket.socket) -> bytes:
        """The process id, which comes when the libraries have been imported; nothing if the build is stopped."""
        line.settimeout(0.25)
        while self.stop is None or not self.stop.is_set():
            with suppress(TimeoutError):
                return line.recv(16)
        return b""

    async def poll(self) -> int | None:
        if self.line is not None and self.code is None:
            with suppress(BlockingIOError):
                self._ended(self.line.recv(16))
        return self.code

    async def wait(self) -> int | None:
        if self.line is not None and self.code is None:
            self._ended(await asyncio.get_running_loop().sock_recv(self.line, 16))
        return self.code

    def _ended(self, told: bytes) -> None:
        if told:
            self.code = int(told)
            return
        self.code = -signal.SIGKILL  # the server was killed and the kernel with it, but not what the kernel had started
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def send_signal(self, signum: int) -> None:
        if self.line is not None and self.code is None:
            with suppress(OSError):  # it has just ended
                self.line.send(b"%d" % signum)

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)
        await self.wait()

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None
