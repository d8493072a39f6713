"""Where things are: folders of the repository relative to it, and the library's own."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path("build/cache")
"""Holds what can be computed again: it may be deleted at any time."""


LIBRARY = Path(__file__).parents[3]
"""The folder that holds the package ``course``."""


LOCK = Path("requirements/lock.txt")


LESSONS = Path("src/course/lessons")


ROOT = Path("build/captures")
