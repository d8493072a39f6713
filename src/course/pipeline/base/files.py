"""Writing files so that a crash, a full disk or a second build never leaves half a file."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from course.pipeline.base.errors import CourseError


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace ``path`` by ``content``: written to a temporary file beside it, synced, then renamed.

    Raises:
        CourseError: the disk is full or not writable; the previous file is untouched.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            temporary = Path(stream.name)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def disk_error(error: OSError, path: Path) -> CourseError:
    """``error`` as a message about the disk that holds ``path``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CourseError("The disk is full. Nothing was replaced.", path, hint="Free some space and run again.")
    return CourseError(f"Cannot write here: {error.strerror or error}.", path, hint="Check the folder's permissions.")
