"""Running a site generator on the tree of pages. Nothing else in the build knows which one it is.

A generator leaves alone what is in the site's folder and no older than its source, so a build hands it a folder that
already has the pages to keep. MkDocs calls this a dirty build.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course.pipeline.base.errors import CourseError
from course.pipeline.site.tree import Tree

Run = Callable[[Tree, Path], list[str]]
"""Makes the site of a tree in a folder, and returns what the generator warned of."""
_DIRTY = "A 'dirty' build is being performed"
_PREFIX = re.compile(r"^(?:\x1b\[[0-9;]*m)*(?:WARNING|ERROR)(?:\x1b\[[0-9;]*m)*\s*-\s*", re.M)


def run(name: str, tree: Tree, site: Path, date: str) -> list[str]:
    """Make the pages of ``tree`` in the folder ``site`` with the generator ``name``, dated ``date`` (YYYY-MM-DD).

    Raises:
        CourseError: the generator is not installed, or refused the tree.
    """
    with _dated(date):
        return GENERATORS[name](tree, site)


def described(name: str) -> str:
    """The generator with its version, on which pages depend."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        hint = f"Install it: pip install {name}"
        raise CourseError(f"The site generator {name} is not installed.", hint=hint) from None


def warm_up(name: str) -> None:
    """Import what :func:`run` needs, while something else is waited for."""
    if name == "mkdocs":
        import mkdocs.commands.build
        import mkdocs.config  # noqa: F401  # imported for the time it takes, not to be used here


def _mkdocs(tree: Tree, site: Path) -> list[str]:
    """MkDocs, in this process, which has imported most of what it needs."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort, BuildError, ConfigurationError

    warnings = _Warnings()
    logging.getLogger("mkdocs").addHandler(warnings)
    try:
        config = load_config(str(tree.config), site_dir=str(site.resolve()))
        config.plugins.run_event("startup", command="build", dirty=True)
        build(config, dirty=True)
        config.plugins.run_event("shutdown")
    except (Abort, BuildError, ConfigurationError) as error:
        raise CourseError("\n".join(warnings.found) or str(error)) from error
    finally:
        logging.getLogger("mkdocs").removeHandler(warnings)
    return warnings.found


def _properdocs(tree: Tree, site: Path) -> list[str]:
    """ProperDocs, in a process of its own: it takes the place of every module of MkDocs."""
    command = ("properdocs", "build", "--dirty", "--quiet", "-f", str(tree.config.resolve()), "-d", str(site.resolve()))
    return _process(command)


def _zensical(tree: Tree, site: Path) -> list[str]:
    """Zensical, which makes all pages, in a folder of the tree."""
    told = _process(("zensical", "build", "--config-file", str(tree.config.resolve())))
    shutil.copytree(tree.folder / "site", site, dirs_exist_ok=True)
    return told


GENERATORS: Mapping[str, Run] = {"mkdocs": _mkdocs, "properdocs": _properdocs, "zensical": _zensical}


def _process(arguments: tuple[str, ...]) -> list[str]:
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode:
        raise CourseError(f"The site generator {arguments[0]} stopped: {said.strip()[-2000:]}")
    return [_PREFIX.sub("", line) for line in said.splitlines() if _PREFIX.match(line) and _DIRTY not in line]


@contextlib.contextmanager
def _dated(date: str) -> Iterator[None]:
    """Let generators take ``date`` for the day of the build: the same input makes the same site."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        yield
        return
    os.environ["SOURCE_DATE_EPOCH"] = str(int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()))
    try:
        yield
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]


class _Warnings(logging.Handler):
    """Collects what MkDocs complains about, so that it can be said once, at the end."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        # After the second another line says what is wrong, and where.
        if not message.startswith(_DIRTY) and not re.fullmatch(r"Error (reading|building) page '.*':", message):
            self.found.append(message)
