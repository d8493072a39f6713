"""Python's parser, for one thread at a time: in Python 3.11 and early 3.12, two threads that parse can make it fail.

https://github.com/python/cpython/issues/106905
"""

from __future__ import annotations

import ast
from threading import Lock

_LOCK = Lock()


def parse(source: str) -> ast.Module:
    """As :func:`ast.parse`."""
    with _LOCK:
        return ast.parse(source)


def parse_expression(source: str) -> ast.Expression:
    """As :func:`ast.parse` in mode ``eval``."""
    with _LOCK:
        return ast.parse(source, mode="eval")
