"""Hashes of files, read again only when a file's status changed, as git's index does it.

A file whose size, times and inode are those remembered has the content that was hashed then. One exception: a change
within the same tick of the file system's clock as the hashing leaves no trace in the status. Such files (git calls them
*racily clean*) are not remembered, and are read again the next time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course.pipeline.base.errors import CourseError
from course.pipeline.base.files import write_atomic


def digest(*parts: object) -> str:
    """One hash of several texts, numbers or byte strings, in order."""
    total = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode(errors="surrogateescape")
        total.update(b"%d:" % len(data))
        total.update(data)
    return total.hexdigest()


class Index:
    """The hashes of files, by path, kept in the file ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.renew()
        self._remembered = _read(path)
        self._found: dict[str, list[Any]] = {}

    def renew(self) -> None:
        """Remember also the files that changed up to now."""
        self.now = clock(self.path.parent)

    def hash(self, path: Path) -> str:
        """The hash of the content of the file at ``path``, empty if it cannot be read or is no plain file."""
        name = os.path.abspath(path)
        try:
            status = os.stat(name)
            found = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
            known = self._found.get(name) or self._remembered.get(name)
            if not stat.S_ISREG(status.st_mode):  # to read a pipe could take forever
                return ""
            if not known or known[:4] != found:
                known = [*found, hashlib.sha256(Path(name).read_bytes()).hexdigest()]
        except OSError:
            return ""
        if status.st_ctime_ns < self.now:
            self._found[name] = known
        return str(known[4])

    def of(self, paths: Iterable[Path]) -> str:
        """One hash of the names and contents of all ``paths``."""
        return digest(*(part for path in paths for part in (path.name, self.hash(path))))

    def save(self) -> None:
        """Keep what was found. Failing is no error: the files are only read again."""
        if any(self._remembered.get(name) != known for name, known in self._found.items()):
            present = {name: known for name, known in self._remembered.items() if os.path.exists(name)}
            with contextlib.suppress(CourseError):
                write_atomic(self.path, json.dumps({**present, **self._found}))


def library_code(library: Path) -> list[Path]:
    """Every module of the package in the folder ``library``; lessons are not part of it."""
    found = list(library.glob("*.py"))
    for folder in library.iterdir():
        if folder.is_dir() and folder.name != "lessons":
            found += folder.rglob("*.py")
    return sorted(found)


def clock(folder: Path) -> int:
    """The file system's present time in its own nanoseconds, 0 (all is racy) if nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as stream:
            return os.fstat(stream.fileno()).st_ctime_ns
    except OSError:
        return 0


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    whole = isinstance(found, dict) and all(isinstance(known, list) and len(known) == 5 for known in found.values())
    return found if whole else {}
