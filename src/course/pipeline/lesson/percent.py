"""The percent format, read by jupytext.

A third of jupytext's import is a file manager for Jupyter servers, with a web server and a kernel client in its wake.
jupytext does without where these are not installed, and here it is told that they are not.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SERVER = ("jupytext.sync_contentsmanager", "jupytext.async_contentsmanager")
_absent = [name for name in _SERVER if name not in sys.modules]
for _name in _absent:
    sys.modules[_name] = None  # type: ignore[assignment]  # Python's own sign for "this cannot be imported"
import jupytext  # noqa: E402 - only now, when it cannot find them

for _name in _absent:
    del sys.modules[_name]

# Without the option, jupytext takes a comment that begins with "cat", "copy" or "ls" for a command and uncomments it.
_FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}


def read(text: str) -> NotebookNode:
    """The cells of a percent source."""
    return jupytext.reads(text, fmt=_FORMAT)
