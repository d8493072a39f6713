"""Results of pure functions, kept between builds in one SQLite file by a hash of everything they depend on.

It is an input of nothing: without it, or with an unreadable one, the same is computed again. Versions of our code and of
the libraries that parse and render are part of every key, so what an older version made is never found.

The file may lie in a folder that somebody else handed over, with pages in it. So what it holds is data alone, decoded
into the type that is asked for, and sealed with a secret of this user: what others put there is as good as none.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import os
import secrets
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from course.pipeline.base.hashes import Index, digest, library_code
from course.pipeline.base.paths import FOLDER, LIBRARY
from course.provenance import version_of
from course.weights import cache_dir

T = TypeVar("T")
LIBRARIES = (
    "brotli", "fonttools", "jinja2", "jupytext", "markdown", "markdown-it-py", "mdit-py-plugins", "mkdocs",
    "mkdocs-material", "matplotlib", "msgspec", "nbformat", "nh3", "pygments", "pymdown-extensions", "pypandoc-binary",
    "pyyaml", "ziamath",
)  # fmt: skip
SPARE = 4
"""So many times as many entries as the last build needed are kept, for going back and forth between versions."""
SEAL = 32
"""Bytes of a seal, and of the secret that it is made with."""


class Cache:
    """What was computed, by kind and hash. Threads may share it, and so may two builds.

    Values are what :mod:`msgspec` encodes: numbers, texts, bytes, collections and dataclasses of these, and paths.
    """

    def __init__(self, folder: Path, generation: str) -> None:
        self.index = Index(folder / "files.json")
        self._path, self._generation = folder / "results.sqlite", generation
        self._lock = threading.RLock()
        self._pending: dict[str, bytes] = {}
        self._used: set[str] = set()
        self._database = self._open()

    def recall(self, kind: str, key: str, make: Callable[[], T], type: type[T]) -> T:
        """The result of ``make``, a ``type``, which depends on nothing but ``key``."""
        found = self.get(kind, key, type)
        if found is None:
            found = make()
            self.put(kind, key, found)
        return found

    def get(self, kind: str, key: str, type: type[T]) -> T | None:
        """What was put; ``None`` if there is nothing, if it is no ``type``, or if another user put it."""
        name = self._name(kind, key)
        with self._lock:
            self._used.add(name)
            data = self._pending.get(name) or self._select(name)
        if data is None or not hmac.compare_digest(_seal(name, data[SEAL:]), data[:SEAL]):
            return None
        try:
            return msgspec.msgpack.decode(memoryview(data)[SEAL:], type=type, dec_hook=_decoded)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def put(self, kind: str, key: str, value: object) -> None:
        name = self._name(kind, key)
        try:
            data = msgspec.msgpack.encode(value, enc_hook=_encoded)
        except (OverflowError, UnicodeEncodeError):  # an enormous number, a name of no encoding: made each time
            return
        with self._lock:
            self._used.add(name)
            self._pending[name] = _seal(name, data) + data

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


# msgspec asks these for what it does not know itself, and takes NotImplementedError for "nor do I".


def _encoded(value: object) -> object:
    if isinstance(value, Path):
        return os.fsencode(value)
    raise NotImplementedError(f"No way to keep a {type(value).__name__}.")


def _decoded(kind: type, value: Any) -> object:
    if issubclass(kind, Path):
        return Path(os.fsdecode(value))
    raise NotImplementedError(f"No way to keep a {kind.__name__}.")


def _seal(name: str, data: bytes) -> bytes:
    """What only this user can make for ``data`` under ``name``."""
    return hashlib.blake2b(name.encode() + data, key=_secret(), digest_size=SEAL).digest()


@functools.cache
def _secret() -> bytes:
    """This user's secret, made once. Where it cannot be kept it is that of the process, and the cache holds for it alone."""
    path = cache_dir() / "secret"
    try:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent) as stream:  # nobody else may read it
                stream.write(secrets.token_bytes(SEAL))
                stream.flush()
                with contextlib.suppress(FileExistsError):  # another build was first
                    os.link(stream.name, path)
        found = path.read_bytes()
    except OSError:
        found = b""
    return found if len(found) == SEAL else secrets.token_bytes(SEAL)


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=30, check_same_thread=False)
    try:
        # A killed process loses nothing that was committed; a power failure may lose the latest, and that is all.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA trusted_schema = OFF")  # others may have made it
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
