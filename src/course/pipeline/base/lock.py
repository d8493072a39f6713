"""One build at a time in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from course.pipeline.base.files import disk_error

try:
    import fcntl
except ImportError:  # Windows: files are still replaced atomically, two builds only do the same work twice
    fcntl = None  # type: ignore[assignment]  # the module is absent there


@contextmanager
def exclusive(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of ``folder``; call ``waiting`` once if another process has it. A killed process lets it go.

    Raises:
        CourseError: the folder is not writable.
    """
    if fcntl is None:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("ab")  # it stays as it is
    except OSError as error:
        raise disk_error(error, folder) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
