"""What several workers need and one makes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock


@dataclass(frozen=True)
class Once:
    """Folders below ``shared``, a folder of all workers of one test run."""

    shared: Path

    def __call__(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder ``name``, as ``make(folder)`` fills it for the first who asks; others wait for that.

        Tests take copies, or leave it as it is.
        """
        folder, done = self.shared / name, self.shared / f"{name}.done"
        with FileLock(self.shared / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a worker for whom it failed
                folder.mkdir()
                make(folder)
                done.touch()
        return folder
