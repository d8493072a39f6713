"""The course's wheel, which the site serves beside the downloads."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from course.pipeline.base.errors import CourseError
from course.pipeline.base.hashes import Index, digest

VERSION = version("course")
NAME = f"course-{VERSION}-py3-none-any.whl"
REQUIREMENTS = ("requirements/learner.txt", "requirements/torch-cuda.txt")
"""What a lesson needs, in locked versions; the second holds what only torch's build for CUDA needs, on Linux."""


def key(root: Path, index: Index) -> str:
    """A hash of everything the wheel depends on."""
    described = [root / name for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore")]
    library = [path for path in sorted((root / "src" / "course").rglob("*")) if path.is_file()]
    packed = [path for path in library if not {"lessons", "__pycache__"} & set(path.parts)]
    return digest(os.environ.get("SOURCE_DATE_EPOCH"), index.of([*described, *packed]))


def build(root: Path) -> bytes:
    """Build the wheel of the library (the lessons are not in it) from the repository at ``root``, whose hooks it runs.

    Raises:
        CourseError: the build failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if done.returncode:
            raise CourseError(f"The wheel cannot be built: {done.stderr.strip()[-500:]}", root / "pyproject.toml")
        return (Path(folder) / NAME).read_bytes()
