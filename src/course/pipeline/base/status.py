"""The status of files: what tells, without reading any, that nothing changed since the last command.

:mod:`course.pipeline.entry` imports this module alone, so it imports nothing but the interpreter's own.
"""

import os
import sys

DONE = os.path.join("build", "cache", "done")


OUTPUT = "_build"
"""The folder in a folder of foreign lessons that holds their results."""


VARIABLES = ("REPO_URL", "OFFLINE_ZIP", "SITE_URL", "SITE_VERSION", "SOURCE_DATE_EPOCH")
"""Environment variables that pages depend on."""


def describe(command: list[str], tops: list[str]) -> str:
    """``command``, its surroundings, and every file below ``tops``, a line each; the first of these is the site."""
    site, *sources = tops
    lines = [repr(command), *installed(), *(f"{name}={os.environ.get(name)}" for name in VARIABLES)]
    return "\n".join([*lines, *statuses(sources), *listing(site)])


def statuses(tops: list[str]) -> list[str]:
    """Every file below ``tops`` by its path, with all that changes when somebody writes to it."""
    return [
        f"{path} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
        for path, status in sorted(files(tops))
    ]


def listing(site: str) -> list[str]:
    """Every file of the site, by its path there, with size and time of change: a link to it changes neither."""
    found = sorted((path.removeprefix(site), status) for path, status in files([site]))
    return [f"{path} {status.st_size} {status.st_mtime_ns}" for path, status in found]


def installed() -> list[str]:
    """The interpreter and the state of its installed packages: installing one changes the folder's time."""
    folders = [folder for folder in sys.path if folder.endswith(("site-packages", "dist-packages"))]
    return [sys.version, *(f"{folder} {os.stat(folder).st_mtime_ns}" for folder in folders)]


def files(tops: list[str]) -> list[tuple[str, os.stat_result]]:
    """Every file at or below ``tops`` but Python's bytecode, with its status.

    A link to a folder counts as itself: it may lead back, or out to a whole disk.
    """
    found = []
    pending = list(tops)
    while pending:
        top = pending.pop()
        try:
            entries = list(os.scandir(top))
        except NotADirectoryError:
            found.append((top, os.stat(top)))
            continue
        except FileNotFoundError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in ("__pycache__", OUTPUT):
                    pending.append(entry.path)
            else:
                found.append((entry.path, entry.stat(follow_symlinks=entry.is_file())))
    return found
