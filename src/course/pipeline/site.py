"""Render the site with MkDocs, only when something it shows has changed, and replace the old one only by a whole one."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from course.pipeline.errors import CourseError
from course.pipeline.files import disk_error, write_atomic
from course.pipeline.fingerprint import LIBRARY
from course.pipeline.lesson import OUTPUT

CONFIG = Path("mkdocs.yml")
STAMP = "site.stamp"


def sources(root: Path) -> Iterator[Path]:
    """Every file that a page may show or be shaped by."""
    named = (root / name for name in (CONFIG, Path("pyproject.toml"), Path("requirements/lock.txt")))
    yield from (path for path in named if path.is_file())
    folders = [root / "docs", root / "build" / "captures", LIBRARY / "course"]
    if root.name == OUTPUT:  # the built-in site of the lessons around it
        folders = [root / "docs", root / "captures", root.parent, LIBRARY / "course"]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            made = {"__pycache__"} | ({OUTPUT} if folder == root.parent else set())
            if path.is_file() and not made & set(path.relative_to(folder).parts):
                yield path


def state(root: Path) -> str:
    """A hash of all :func:`sources` and of the site's address."""
    total = hashlib.sha256(os.environ.get("SITE_URL", "").encode())
    for path in sources(root):
        total.update(os.path.relpath(path, root).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def is_current(root: Path) -> bool:
    """Whether ``site/`` was rendered from exactly the present sources."""
    stamp = root / "build" / STAMP
    return (root / "site" / "index.html").is_file() and stamp.is_file() and stamp.read_text() == state(root)


def render(root: Path) -> list[str]:
    """Render into a folder beside ``site/`` and swap the two when MkDocs has succeeded.

    Returns what MkDocs warned of, which is nothing where the configuration is strict.

    Raises:
        CourseError: what MkDocs refused. The previous site is untouched.
    """
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort, BuildError, ConfigurationError

    before = state(root)
    fresh, site, old = root / "build" / "site.new", root / "site", root / "build" / "site.old"
    warnings = _Warnings()
    logging.getLogger("mkdocs").addHandler(warnings)
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        config = load_config(str(root / CONFIG), site_dir=str(fresh))
        config.plugins.run_event("startup", command="build", dirty=False)
        try:
            build(config)
        finally:
            config.plugins.run_event("shutdown")
        shutil.rmtree(old, ignore_errors=True)
        if site.exists():
            site.rename(old)
        fresh.rename(site)
        shutil.rmtree(old, ignore_errors=True)
        write_atomic(root / "build" / STAMP, before)
        return warnings.found
    except (Abort, BuildError, ConfigurationError) as error:
        raise CourseError("\n".join(warnings.found) or str(error)) from error
    except OSError as error:
        raise disk_error(error, fresh) from error
    finally:
        logging.getLogger("mkdocs").removeHandler(warnings)
        shutil.rmtree(fresh, ignore_errors=True)


class _Warnings(logging.Handler):
    """Collects what MkDocs complains about, so that it can be said once, at the end."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())
