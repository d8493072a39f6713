"""The one exception that people see: what is wrong, where, and what to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class CourseError(Exception):
    """A problem in a source, a run or the machine, told in one message.

    Attributes:
        message: what is wrong.
        path: the file it is in, if it is in one.
        line: 1-based line of ``path``.
        hint: what to do about it.
    """

    message: str
    path: Path | None = None
    line: int | None = None
    hint: str = ""

    def __reduce__(self) -> tuple[type[CourseError], tuple[str, Path | None, int | None, str]]:
        return type(self), (self.message, self.path, self.line, self.hint)  # an exception would forget keywords

    def __str__(self) -> str:
        where = (
            "" if self.path is None else f"{_short(self.path)}:{self.line}: " if self.line else f"{_short(self.path)}: "
        )
        return f"{where}{self.message}" + (f"\n  → {self.hint}" if self.hint else "")


Fail = Callable[[str, int, str], CourseError]
"""Makes the error of a text within a file: from what is wrong, at which 0-based line of the text, and what to do."""


def _short(path: Path) -> Path:
    """``path`` relative to the working folder when it lies inside it."""
    try:
        return Path(os.path.abspath(path)).relative_to(Path.cwd())  # of a link, not of what it leads to
    except ValueError:
        return path
