"""The course's wheel, which the site serves beside the downloads."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from course.pipeline.errors import CourseError

NAME = f"course-{version('course')}-py3-none-any.whl"


def build(root: Path) -> bytes:
    """Build the wheel of the library (the lessons are not in it) from the repository at ``root``.

    Raises:
        CourseError: the build failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if done.returncode:
            raise CourseError(f"The wheel cannot be built: {done.stderr.strip()[-500:]}", root / "pyproject.toml")
        return (Path(folder) / NAME).read_bytes()
