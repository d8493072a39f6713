"""Files of the previous site that may stand in the next one: those made of the same, and untouched since."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Outputs:
    """The files of the ``fresh`` site, some of them taken from the ``old`` one.

    ``known`` and ``made`` hold, by path in the site, a hash of what a file was made of; ``known`` also size and time.
    """

    old: Path
    fresh: Path
    known: Mapping[str, Sequence[object]]
    made: dict[str, str] = field(default_factory=dict)

    def keep(self, uri: str, key: str, since: Path | None = None) -> bool:
        """Link the previous file into the fresh site, if it is still what ``key`` makes.

        Args:
            since: a file that must not be newer, else a generator would write into the previous site through the link.
        """
        path, target = self.old / uri, self.fresh / uri
        try:
            status = path.stat()
            if list(self.known.get(uri, ())) != [key, status.st_size, status.st_mtime_ns]:
                return False
            if since is not None and since.stat().st_mtime_ns > status.st_mtime_ns:
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(path, target)
        except OSError:
            return False
        self.made[uri] = key
        return True

    def write(self, uri: str, key: str, content: str | bytes) -> None:
        """Write a file that is not a page."""
        path = self.fresh / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.made[uri] = key

    def statuses(self) -> dict[str, tuple[str, int, int]]:
        """``known`` of the next build: what the files of the fresh site were made of, with size and time of change."""
        found = {}
        for uri, key in self.made.items():
            status = (self.fresh / uri).stat()
            found[uri] = (key, status.st_size, status.st_mtime_ns)
        return found


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # a file system without links
        shutil.copy2(path, target)
