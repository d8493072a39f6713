"""What runs in a lesson's own process: an IPython kernel that may read only what the lesson declares.

``python -m course.pipeline.run.kernel SETTINGS CONNECTION`` starts one; :mod:`course.pipeline.run.forkserver` calls
:func:`refresh` and :func:`run` in a process that it forked.
"""

from __future__ import annotations

import importlib
import json
import os
import site
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from course.pipeline.base.paths import LIBRARY

PACKAGE = LIBRARY / "course"
# Where the operating system and its packages keep what is the same for every program.
SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix", "/proc", "/sys", "/dev", "/run"),
    *("/var/cache", "/var/lib", "/System", "/Library", "/private/etc", "/private/var/db"),
)
# Variables that name folders of configuration and caches. The libraries' own folders in the home are hidden ones.
FOLDERS = (
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "COURSE_CACHE", "HF_HOME", "TORCH_HOME", "MPLCONFIGDIR"),
    *("TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "CUDA_CACHE_PATH"),
)
# What a kernel is made of, with what it imports only while it starts.
KERNEL = (
    *("ipykernel.debugger", "ipykernel.ipkernel", "ipykernel.kernelapp", "tornado.platform.asyncio", "faulthandler"),
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect", "IPython.extensions.storemagic"),
)
MODULES = (".py", ".pyc", ".so", ".pyd")  # what imports read; the fingerprint follows imports
Rules = tuple[tuple[str, bool], ...]
"""Beginnings of paths, longest first, and whether what begins so may be read."""


class UndeclaredRead(BaseException):  # not an Exception: no library takes it for a missing file
    """A lesson opens a file that its results would depend on and that its header does not name. Holds the path."""


@dataclass(frozen=True)
class Settings:
    """What a kernel needs to know.

    Attributes:
        lesson: the lesson's folder, from which it imports and by which its header names data.
        run: the folder of this run, where everything may be read.
        threads: of torch, in a forked kernel; others find it in their environment.
        guarded: whether what is not declared is refused.
    """

    lesson: str
    run: str
    threads: int | None = None
    guarded: bool = True

    @classmethod
    def read(cls, path: Path) -> Settings:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def run(settings: Settings, connection: str) -> None:
    """Be the kernel of this connection file until it is told to stop."""
    import_kernel()
    from ipykernel.kernelapp import IPKernelApp
    from traitlets.config import Config

    class App(IPKernelApp):
        def parse_command_line(self, argv: object = None) -> None:
            """There is none. To learn that costs as much as the rest of a kernel's start."""

    sys.argv = [str(Path(__file__)), connection]
    sys.path.insert(0, settings.lesson)  # as in a script
    # No history: it would be a database on disk that nobody reads.
    app = App.instance(connection_file=connection, config=Config(HistoryManager={"enabled": False}))
    app.initialize([])
    if settings.guarded:
        sys.addaudithook(guard(rules(settings, os.environ), settings.lesson))
    app.start()


def import_kernel() -> None:
    """Import what a kernel is made of, without the debugger: that costs more than the rest, and nobody attaches one."""
    absent = "debugpy" not in sys.modules
    if absent:
        sys.modules["debugpy"] = None  # type: ignore[assignment]  # how Python spells "cannot be imported"
    for name in KERNEL:
        importlib.import_module(name)
    if absent:
        del sys.modules["debugpy"]


def prepare() -> None:
    """Read now, in the process that will be forked, what each kernel would read again of the installed distributions."""
    from course.provenance import LIBRARIES, version_of

    for name in LIBRARIES:
        version_of(name)
    if backends := sys.modules.get("matplotlib.backends"):
        backends.backend_registry.list_all()


def refresh(settings: Settings) -> None:
    """Make a forked process what a fresh one would be: random states, and what libraries took from the environment."""
    tempfile.tempdir = None
    if (matplotlib := sys.modules.get("matplotlib")) and (backend := os.environ.get("MPLBACKEND")):
        matplotlib.rcParams["backend"] = backend  # pyplot loads it when the first figure is made
    if numpy := sys.modules.get("numpy.random"):
        numpy.seed()  # Python's own is reseeded by fork
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()
        if settings.threads:
            torch.set_num_threads(settings.threads)


def rules(settings: Settings, environment: Mapping[str, str]) -> Rules:
    """What a lesson may read: system, Python, libraries, their caches, and the run's own folder. Nothing else."""
    home = os.path.expanduser("~")
    python = [sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *site.getsitepackages()]
    allowed = [*SYSTEM, *python, site.getusersitepackages(), str(PACKAGE), settings.run]
    allowed += [environment[name] for name in FOLDERS if environment.get(name)]
    allowed += [folder for folder in sys.path if folder and folder != settings.lesson]  # PYTHONPATH, editable installs
    found = {f"{folder}/": False for folder in _spellings([home, settings.lesson])}
    found |= {f"{folder}/.": True for folder in _spellings([home])}  # hidden: configuration and caches of libraries
    found |= {f"{folder}/": True for folder in _spellings(allowed)}
    return tuple(sorted(found.items(), key=lambda rule: -len(rule[0])))


def _spellings(folders: Iterable[str]) -> set[str]:
    """The folders' absolute paths, with and without symbolic links."""
    return {spell(folder).rstrip("/") for folder in folders for spell in (os.path.abspath, os.path.realpath)}


def is_allowed(path: str, rules: Rules) -> bool:
    """Whether the longest rule that holds for ``path`` allows it; ``False`` where none does."""
    return next((verdict for start, verdict in rules if path.startswith(start)), False)


def guard(rules: Rules, lesson: str) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook that refuses to open what ``rules`` do not allow; ``lesson`` is the lesson's folder.

    It sees what Python opens, not what a library's compiled code opens by itself.
    """

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open":
            return
        name, _, flags = arguments
        if isinstance(name, int) or flags & os.O_ACCMODE == os.O_WRONLY:
            return
        written = os.fsdecode(name)
        path = os.path.abspath(written)
        if path.endswith(MODULES):
            return
        if not is_allowed(path, rules):
            if os.path.isfile(path) and not is_allowed(os.path.realpath(path), rules):
                raise UndeclaredRead(path)
        elif not os.path.isabs(written) and not os.path.exists(path):
            beside = os.path.join(lesson, written)
            if os.path.isfile(beside):  # the author's folder has it, the run's has not
                raise UndeclaredRead(os.path.abspath(beside))

    return hook


if __name__ == "__main__":
    run(Settings.read(Path(sys.argv[1])), sys.argv[2])
