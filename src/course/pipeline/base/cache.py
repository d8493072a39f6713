"""Results of pure functions, kept between builds in one SQLite file by a hash of everything they depend on.

It is an input of nothing: without it, or with an unreadable one, the same is computed again. Versions of our code and of
the libraries that parse and render are part of every key, so what an older version made is never found.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jinja2.bccache import Bucket, BytecodeCache

from course.pipeline.base.hashes import Index, digest, library_code
from course.pipeline.base.paths import FOLDER, LIBRARY
from course.provenance import version_of

T = TypeVar("T")
LIBRARIES = (
    "brotli", "fonttools", "jinja2", "jupytext", "markdown", "markdown-it-py", "mdit-py-plugins", "mistune", "mkdocs",
    "mkdocs-jupyter", "mkdocs-material", "matplotlib", "nbconvert", "nbformat", "pygments", "pymdown-extensions",
    "pypandoc-binary", "pyyaml", "ziamath",
)  # fmt: skip
SPARE = 4
"""So many times as many entries as the last build needed are kept, for going back and forth between versions."""


class Cache(BytecodeCache):
    """What was computed, by kind and hash; for Jinja its compiled templates.

    Threads may share it, and so may two builds.
    """

    def __init__(self, folder: Path, generation: str) -> None:
        self.index = Index(folder / "files.json")
        self._path, self._generation = folder / "results.sqlite", generation
        self._lock = threading.RLock()
        self._pending: dict[str, bytes] = {}
        self._used: set[str] = set()
        self._database = self._open()

    def recall(self, kind: str, key: str, make: Callable[[], T]) -> T:
        """The result of ``make``, which depends on nothing but ``key``."""
        found = self.get(kind, key)
        if found is None:
            found = make()
            self.put(kind, key, found)
        return found

    def get(self, kind: str, key: str) -> Any | None:
        """What was put; ``None`` if there is nothing or it cannot be read."""
        name = self._name(kind, key)
        with self._lock:
            self._used.add(name)
            data = self._pending.get(name) or self._select(name)
        if data is None:
            return None
        try:
            return pickle.loads(data)
        except Exception:  # whatever a damaged pickle raises: it is as good as none
            return None

    def put(self, kind: str, key: str, value: object) -> None:
        name = self._name(kind, key)
        with self._lock:
            self._used.add(name)
            self._pending[name] = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def load_bytecode(self, bucket: Bucket) -> None:
        if data := self.get("template", digest(bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(data)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.put("template", digest(bucket.key, bucket.checksum), bucket.bytecode_to_string())

    def save(self) -> None:
        """Write what was put. Failing is no error: it is only computed again."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self.index.save()
            if self._database and self._pending:
                with self._database:
                    self._database.executemany("INSERT OR REPLACE INTO results VALUES (?, ?)", self._pending.items())
            self._pending.clear()

    def forget_unused(self) -> None:
        """Delete what was not asked for since the cache was opened, if that is most of it."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            if not self._database:
                return
            names = [name for (name,) in self._database.execute("SELECT name FROM results")]
            if len(names) > SPARE * len(self._used):
                with self._database:
                    unused = [(name,) for name in names if name not in self._used]
                    self._database.executemany("DELETE FROM results WHERE name = ?", unused)

    def _name(self, kind: str, key: str) -> str:
        return digest(self._generation, kind, key)

    def _select(self, name: str) -> bytes | None:
        if self._database is None:
            return None
        try:
            row = self._database.execute("SELECT value FROM results WHERE name = ?", (name,)).fetchone()
            return bytes(row[0]) if row else None
        except sqlite3.Error:
            return None

    def _open(self) -> sqlite3.Connection | None:
        for _ in range(2):
            try:
                return _connected(self._path)
            except sqlite3.OperationalError:  # no place, or not ours to write: do without
                return None
            except sqlite3.DatabaseError:  # not a database, or a damaged one
                for suffix in ("", "-wal", "-shm"):
                    with contextlib.suppress(OSError):
                        os.unlink(f"{self._path}{suffix}")
        return None


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=30, check_same_thread=False)
    try:
        # A killed process loses nothing that was committed; a power failure may lose the latest, and that is all.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("CREATE TABLE IF NOT EXISTS results (name TEXT PRIMARY KEY, value BLOB)")
    except sqlite3.Error:
        database.close()
        raise
    return database


@functools.cache
def opened(root: Path) -> Cache:
    """The cache of the course at ``root`` (a resolved path)."""
    return Cache(root / FOLDER, generation())


def generation() -> str:
    """A hash of our own code and of the versions of what parses and renders."""
    code = library_code(LIBRARY / "course")
    versions = [f"{name} {version_of(name)}" for name in LIBRARIES]
    return digest(sys.version, *versions, *(part for path in code for part in (path.name, path.read_bytes())))
