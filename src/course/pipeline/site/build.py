"""Render the site with MkDocs, only when something it shows has changed, and replace the old one only by a whole one."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.pipeline.base import cache, status
from course.pipeline.base.errors import CourseError
from course.pipeline.base.files import disk_error, write_atomic
from course.pipeline.base.hashes import clock, digest, library_code
from course.pipeline.base.paths import FOLDER, LIBRARY
from course.pipeline.results.bundle import Bundle

if TYPE_CHECKING:
    from jinja2 import Environment
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

CONFIG = Path("mkdocs.yml")
RECORD = FOLDER / "site.json"
"""What the site was rendered from, and the files it has."""
OTHER = ("mkdocs.yml", "pyproject.toml", "README.md", "LICENSE", ".gitignore", "requirements/lock.txt", "docs")
"""What pages and the wheel are made from, beside lessons, captures and the library; relative to the repository."""
TICK = 0.02
"""Seconds that surely change the time of a file system of today: wait so long after writing, before a look."""


class Site:
    """The site of the repository at ``root`` with the lessons ``bundles``."""

    def __init__(self, root: Path, bundles: Sequence[Bundle]) -> None:
        self.root, self.bundles = root, list(bundles)
        self.cache = cache.opened(root.resolve())

    @cached_property
    def code(self) -> str:
        """A hash of our own code and of the versions of what parses and renders."""
        return cache.generation()

    @cached_property
    def state(self) -> str:
        """A hash of everything that pages show or are shaped by."""
        names = [str(self.root / name) for name in OTHER]
        paths = [Path(path) for path, _ in sorted(status.files(names))] + library_code(LIBRARY / "course")
        variables = [f"{name}={os.environ.get(name)}" for name in status.VARIABLES]
        return digest(self.code, *variables, self.cache.index.of(paths), *(bundle.key for bundle in self.bundles))

    def is_current(self) -> bool:
        """Whether ``site/`` was rendered from exactly the present sources and nothing in it was touched."""
        try:
            record = json.loads((self.root / RECORD).read_text(encoding="utf-8"))
            return bool(record["state"] == self.state and record["files"] == status.listing(str(self.root / "site")))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def open(self) -> None:
        """Import MkDocs and read its configuration and files, which :meth:`prepare` needs. For any thread."""
        with self._preparing:
            _ = self._open

    def prepare(self, bundle: Bundle) -> None:
        """Convert the pages of a lesson that has just run, so that :meth:`render` finds them done. For any thread.

        What is wrong with the lesson is not told here: rendering tells it.
        """
        with self._preparing:
            if not bundle.problems():
                self._open.convert(bundle)
                self.cache.save()

    _preparing = threading.Lock()  # parsers and converters are not made for threads

    @cached_property
    def _open(self) -> _Open:
        return _Open(_configured(self.root, self.bundles))

    def render(self) -> list[str]:
        """Render into a folder beside ``site/`` and swap the two when MkDocs has succeeded.

        Returns what MkDocs warned of, which is nothing where the configuration is strict.

        Raises:
            CourseError: what MkDocs refused. The previous site is untouched.
        """
        from mkdocs.commands.build import build
        from mkdocs.exceptions import Abort, BuildError, ConfigurationError

        from course.pipeline.site.incremental import Outputs

        fresh, site, old = (self.root / name for name in ("build/site.new", "site", "build/site.old"))
        state = self.state  # before anything is read: what changes meanwhile is rendered the next time
        warnings = _Warnings()
        logging.getLogger("mkdocs").addHandler(warnings)
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            config = _configured(self.root, self.bundles)
            kept = _course(config).outputs = Outputs(site, fresh, self._made())
            config.plugins.run_event("startup", command="build", dirty=False)
            try:
                build(config)
            finally:
                config.plugins.run_event("shutdown")
            made = kept.statuses()
            shutil.rmtree(old, ignore_errors=True)
            if site.exists():
                site.rename(old)
            fresh.rename(site)
            shutil.rmtree(old, ignore_errors=True)
            record = {"state": state, "code": self.code, "files": status.listing(str(site)), "made": made}
            write_atomic(self.root / RECORD, json.dumps(record))
            self.cache.save()
            self.cache.forget_unused()
            return warnings.found
        except (Abort, BuildError, ConfigurationError) as error:
            raise CourseError("\n".join(warnings.found) or str(error)) from error
        except OSError as error:
            raise disk_error(error, fresh) from error
        finally:
            logging.getLogger("mkdocs").removeHandler(warnings)
            shutil.rmtree(fresh, ignore_errors=True)

    def _made(self) -> dict[str, Any]:
        """What the files of the present site were made of; nothing is known of files that other code made."""
        try:
            record = json.loads((self.root / RECORD).read_text(encoding="utf-8"))
            return dict(record["made"]) if record["code"] == self.code else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}


class Look:
    """The state of all sources at one moment: what is read later is no older.

    Args:
        sources: the folders of lessons and captures, and what else lessons depend on.
    """

    def __init__(self, root: Path, sources: Sequence[Path]) -> None:
        named = [*(str(root / name) for name in OTHER), str(LIBRARY / "course"), *map(str, sources)]
        names = list(dict.fromkeys(named))
        self.root = root
        self.tops = [name for name in names if not any(_covers(other, name) for other in names)]
        self.now = clock(root / FOLDER)
        self.seen = status.statuses(self.tops)

    def remember(self, message: str) -> None:
        """Let this command, when it is given again and nothing changed since the look, print ``message`` at once."""
        tops = [str(self.root / "site"), *self.tops]
        described = status.describe(sys.argv[1:], tops)
        # A change within the same tick of the file system's clock as the look would leave no trace.
        told = all(status.st_ctime_ns < self.now for _, status in status.files(self.tops))
        if told and self.seen == status.statuses(self.tops):
            write_atomic(self.root / status.DONE, "\n".join([message, "\t".join(tops), described]))


def _covers(folder: str, name: str) -> bool:
    """Whether going through ``folder`` comes upon ``name``, which lies below it."""
    inner = Path(name).relative_to(folder).parts if Path(name).is_relative_to(folder) else ()
    return bool(inner) and status.OUTPUT not in inner


class _Open:
    """What MkDocs knows before it reads pages: the configuration, all files and their addresses."""

    def __init__(self, config: MkDocsConfig) -> None:
        from mkdocs.structure.files import get_files, set_exclusions
        from mkdocs.structure.nav import get_navigation

        self.config = config.plugins.on_config(config)
        self.files: Files = get_files(self.config)
        env = self.config.theme.get_env()
        self.files.add_files_from_theme(env, self.config)
        self.files = self.config.plugins.on_files(self.files, config=self.config)
        set_exclusions(self.files, self.config)
        self.config.plugins.on_nav(get_navigation(self.files, self.config), config=self.config, files=self.files)
        _compile(env)

    def convert(self, bundle: Bundle) -> None:
        """Convert the lesson's pages, and make the files beside them, into the cache."""
        course, slug = _course(self.config), bundle.lesson.slug
        course.bundles[slug] = bundle
        for uri in course.uris(bundle):
            file = self.files.get_file_from_path(uri)
            assert file is not None
            assert file.page is not None
            page = self.config.plugins.on_pre_page(file.page, config=self.config, files=self.files)
            page.read_source(self.config)
            page.render(self.config, self.files)


_NAMED = re.compile(r"""\{%-?\s*(?:extends|include|import|from)\s+["']([\w./-]+)["']\s*(?:-?%|as\b|with\b|import\b)""")


def _compile(env: Environment) -> None:
    """Compile the templates of pages and what they name, so that rendering finds their bytecode."""
    assert env.loader is not None
    seen, pending = set[str](), ["main.html", "404.html"]
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            source, *_ = env.loader.get_source(env, name)
            env.get_template(name)
            pending += _NAMED.findall(source)


def _configured(root: Path, bundles: Sequence[Bundle]) -> MkDocsConfig:
    from mkdocs.config import load_config

    config = load_config(str(root / CONFIG), site_dir=str((root / "build" / "site.new").resolve()))
    _course(config).given = list(bundles)
    return config


def _course(config: MkDocsConfig) -> Any:
    return config.plugins["course"]


class _Warnings(logging.Handler):
    """Collects what MkDocs complains about, so that it can be said once, at the end."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        # After such a line another says what is wrong, and where.
        if not re.fullmatch(r"Error (reading|building) page '.*':", message):
            self.found.append(message)
