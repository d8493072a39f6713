"""The tree that a site generator reads: Markdown pages with everything in them, assets, and its configuration.

It is written below ``build/tree/`` and could be handed to any generator that reads Python-Markdown. A file whose content
did not change is left alone, so that a generator that compares times does nothing with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from course.pipeline.base.cache import Cache
from course.pipeline.base.files import disk_error
from course.pipeline.base.hashes import digest

_Made = dict[str, list[str | int]]
"""What files were made of, by path: the key of the entry, a hash of the content, its size and time of change."""
CONFIG, DOCS, OVERRIDES = "mkdocs.yml", "docs", "overrides"


@dataclass(frozen=True)
class Entry:
    """A file of the tree: its path there, a hash of all that its content depends on, and what makes the content."""

    uri: str
    key: str
    make: Callable[[], str | bytes]

    @property
    def is_page(self) -> bool:
        return self.uri.startswith(f"{DOCS}/") and self.uri.endswith(".md")


@dataclass(frozen=True)
class Tree:
    """The tree in ``folder``. ``hashes`` are of the content of its files, by path."""

    folder: Path
    hashes: Mapping[str, str]

    @property
    def config(self) -> Path:
        return self.folder / CONFIG

    def pages(self) -> Iterator[str]:
        """The paths of pages below the folder of pages."""
        for uri in self.hashes:
            if uri.startswith(f"{DOCS}/") and uri.endswith(".md"):
                yield uri.removeprefix(f"{DOCS}/")


def write(folder: Path, entries: list[Entry], cache: Cache) -> Tree:
    """Make ``folder`` the tree of ``entries``; what is there and made of the same stays.

    Raises:
        CourseError: an entry that cannot be made, or a disk that cannot be written.
    """
    known = cache.get("tree", "", _Made) or {}
    made: _Made = {}
    try:
        for entry in entries:
            path = folder / entry.uri
            found = known.get(entry.uri)
            if found is None or found != [entry.key, found[1], *_status(path)]:
                content = entry.make()
                data = content.encode() if isinstance(content, str) else content
                if not path.is_file() or path.read_bytes() != data:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
                found = [entry.key, digest(data), *_status(path)]
            made[entry.uri] = found
        for path in list(folder.rglob("*")):
            if path.is_file() and path.relative_to(folder).as_posix() not in made:
                path.unlink()
        _remove_empty(folder)
    except OSError as error:
        raise disk_error(error, folder) from error
    cache.put("tree", "", made)
    return Tree(folder, {uri: str(found[1]) for uri, found in made.items()})


def _status(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _remove_empty(folder: Path) -> None:
    for top, *_ in os.walk(folder, topdown=False):
        if top != str(folder) and not os.listdir(top):
            os.rmdir(top)
