"""Make the site, only when something it shows has changed, and replace the old one only by a whole one.

Three steps: write the tree of Markdown pages, run the site generator on it, finish the HTML that it made. Each takes from
the build before what is made of the same.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from course.pipeline.base import cache, status
from course.pipeline.base.errors import CourseError
from course.pipeline.base.files import disk_error, write_atomic
from course.pipeline.base.hashes import clock, digest, library_code
from course.pipeline.base.paths import FOLDER, LIBRARY
from course.pipeline.results.bundle import Bundle
from course.pipeline.site import default_site, generator, links, search_index, whole_site
from course.pipeline.site.finish import finish
from course.pipeline.site.kept import Outputs
from course.pipeline.site.pages import Pages
from course.pipeline.site.source import Source, of_repository
from course.pipeline.site.tree import DOCS, Tree, write

T = TypeVar("T")
OTHER = ("mkdocs.yml", "pyproject.toml", "README.md", "LICENSE", ".gitignore", "requirements/lock.txt",
    "requirements/learner.txt", "requirements/torch-cuda.txt", "docs",
    "build/captures/step_memory.json",
)  # fmt: skip
"""What pages and the wheel are made from, beside lessons, captures and the library; relative to the repository."""
TICK = 0.02
"""Seconds that surely change the time of a file system of today: wait so long after writing, before a look."""


class Site:
    """The site of the lessons ``bundles``, made at ``root``: the repository, or the output folder of another course.

    Args:
        lessons: the folder of another course, whose site is the default one; ``None`` for the repository's own.
        generator: the name of the site generator.
    """

    def __init__(
        self, root: Path, bundles: Sequence[Bundle], lessons: Path | None = None, generator: str = "mkdocs"
    ) -> None:
        self.root, self.bundles, self.lessons, self.generator = root, list(bundles), lessons, generator
        self.cache = cache.opened(root.resolve())

    @cached_property
    def code(self) -> str:
        """A hash of our own code and of the versions of what parses and renders."""
        return digest(cache.generation(), generator.described(self.generator))

    @cached_property
    def state(self) -> str:
        """A hash of everything that pages show or are shaped by."""
        paths = [Path(path) for path, _ in sorted(status.files(inputs(self.root, self.lessons)))]
        variables = [f"{name}={os.environ.get(name)}" for name in status.VARIABLES]
        code = library_code(LIBRARY / "course")
        return digest(
            self.code, *variables, self.cache.index.of(paths + code), *(bundle.key for bundle in self.bundles)
        )

    def is_current(self) -> bool:
        """Whether ``site/`` was made from exactly the present sources and nothing in it was touched."""
        found = self._record()
        return (
            found is not None and found.state == self.state and found.files == status.listing(str(self.root / "site"))
        )

    @cached_property
    def pages(self) -> Pages:
        return Pages(self.root, self._source, self.bundles, self.cache)

    @cached_property
    def _source(self) -> Source:
        return of_repository(self.root) if self.lessons is None else default_site.source(self.lessons)

    def prepare(self, bundle: Bundle) -> None:
        """Make the Markdown of a lesson that has just run, so that :meth:`render` finds it done. For any thread.

        What is wrong with the lesson is not told here: rendering tells it.
        """
        if not bundle.problems():
            for entry in self.pages.of_lesson(bundle):
                entry.make()
            self.cache.save()

    def render(self) -> list[str]:
        """Make the site beside ``site/`` and swap the two when all is well.

        Returns what the generator warned of, which is nothing where the configuration is strict.

        Raises:
            CourseError: what the generator refused. The previous site is untouched.
        """
        fresh, site, old = (self.root / name for name in ("build/site.new", "site", "build/site.old"))
        state = self.state  # before anything is read: what changes meanwhile is rendered the next time
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(parents=True)
            kept = Outputs(site, fresh, found.made if (found := self._record()) else {})
            warnings = self._make(kept)
            if warnings and self._source.config.strict:
                raise CourseError("\n".join(warnings))
            made = kept.statuses()
            shutil.rmtree(old, ignore_errors=True)
            if site.exists():
                site.rename(old)
            fresh.rename(site)
            shutil.rmtree(old, ignore_errors=True)
            self.cache.put("site", self.code, _Record(state, status.listing(str(site)), made))
            self.cache.save()
            self.cache.forget_unused()
            return warnings
        except OSError as error:
            raise disk_error(error, fresh) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _make(self, site: Outputs) -> list[str]:
        """Make the fresh site; return what was warned of."""
        zipped = os.environ.get("OFFLINE_ZIP", "").lower() in ("1", "true", "yes")
        tree = write(self.root / "build" / "tree", list(self.pages.entries(zipped)), self.cache)
        keys = self._keys(tree)
        kept = [uri for uri, key in keys.items() if site.keep(served(uri), key, tree.folder / DOCS / uri)]
        new = keys.keys() - set(kept)
        date = max((b.run.date for b in self.bundles if b.results), default="1980-01-01")
        warnings = generator.run(self.generator, tree, site.fresh, date)
        for uri in [*(uri for uri in new if uri.endswith(".md")), "404.md"]:
            path = site.fresh / served(uri)
            if path.is_file():
                path.write_text(finish(path.read_text(encoding="utf-8")), encoding="utf-8")
        site.made |= {served(uri): keys[uri] for uri in new if (site.fresh / served(uri)).is_file()}
        for uri in [uri for uri in new if any(f"'{uri}'" in warning for warning in warnings)]:
            site.made.pop(served(uri), None)  # made again the next time, and warned of again
        pages = [uri for uri in keys if uri.endswith(".md")]
        entries = (entry for uri in pages for entry in self._searched(site, uri))
        also = search_index.also(self.pages.glossary, [bundle.lesson for bundle in self.bundles])
        search_index.write(site.fresh, entries, also, default_site.ASSETS / search_index.SCRIPT)
        self._beside(site)
        warnings += [text for bundle in self.bundles for text in self.pages.publisher.warnings(bundle)]
        whole_site.write(site, self._source, self.pages, self.cache)
        if zipped:
            whole_site.pack(site.fresh, self._source)
        warnings += self._broken(site, pages, "\n".join(warnings))
        return warnings

    def _keys(self, tree: Tree) -> dict[str, str]:
        """What each page and asset of the site is made of, by its path in the tree's folder of pages."""
        docs = {uri.removeprefix(f"{DOCS}/"): hash for uri, hash in tree.hashes.items() if uri.startswith(f"{DOCS}/")}
        rest = [
            part for uri, hash in sorted(tree.hashes.items()) if not uri.startswith(f"{DOCS}/") for part in (uri, hash)
        ]
        around = digest(self.code, os.environ.get("SOURCE_DATE_EPOCH"), self.pages.glossary.key, *rest, *sorted(docs))
        return {uri: digest(around, hash) if uri.endswith(".md") else hash for uri, hash in docs.items()}

    def _beside(self, site: Outputs) -> None:
        """Write what is served beside lessons' pages: downloads, data, images."""
        publisher = self.pages.publisher
        for bundle in self.bundles:
            folder, key = f"lessons/{bundle.lesson.slug}", publisher.key(bundle)
            new = [name for name in publisher.names(bundle) if not site.keep(f"{folder}/{name}", key)]
            files = publisher.publish(bundle).files if new else {}
            for name in new:
                site.write(f"{folder}/{name}", key, files[name])

    def _broken(self, site: Outputs, pages: Iterable[str], told: str) -> list[str]:
        """What is wrong with the links of all pages, beside what was ``told``."""
        files = {path.removeprefix(f"{site.fresh}/") for path, _ in status.files([str(site.fresh)])}
        found = {
            uri: self._of_page(site, uri, "links", links.read, links.Links)
            for uri in map(served, pages)
            if uri in files
        }
        return links.broken(found, files, told)

    def _searched(self, site: Outputs, page: str) -> list[dict[str, Any]]:
        """The entries of a page in the search index, with the weight that its metadata give it."""
        told = self.pages.search(page)
        if told.get("exclude"):
            return []
        uri = served(page)
        address = uri.removesuffix("index.html")
        entries = self._of_page(
            site, uri, "search", lambda html: search_index.read(html, address), list[dict[str, str]]
        )
        return [{**entry, "boost": told["boost"]} for entry in entries] if "boost" in told else [*entries]

    def _of_page(self, site: Outputs, uri: str, kind: str, read: Callable[[str], T], type: type[T]) -> T:
        """What ``read`` makes of the finished page ``uri``, made anew only if the page is."""

        def make() -> T:
            return read((site.fresh / uri).read_text(encoding="utf-8"))

        return self.cache.recall(kind, site.made[uri], make, type) if uri in site.made else make()

    def _record(self) -> _Record | None:
        """What is known of the present site, if this user's build with the present code made it."""
        return self.cache.get("site", self.code, _Record)


@dataclass(frozen=True)
class _Record:
    """What a site was made from, its files (see :func:`status.listing`), and what these were made of."""

    state: str
    files: list[str]
    made: dict[str, tuple[str, int, int]]


def served(uri: str) -> str:
    """The file of the site that a file of the tree's folder of pages becomes."""
    if not uri.endswith(".md"):
        return uri
    name = uri.removesuffix(".md")
    if name == "404":
        return "404.html"
    return f"{name}.html" if name.rpartition("/")[2] == "index" else f"{name}/index.html"


def inputs(root: Path, lessons: Path | None) -> list[str]:
    """Files and folders that a site depends on beside lessons, captures and the library."""
    return [str(root / name) for name in OTHER] if lessons is None else [str(default_site.ASSETS)]


class Look:
    """The state of all sources at one moment: what is read later is no older.

    Args:
        sources: the folders of lessons and captures, and what else lessons and the site depend on.
    """

    def __init__(self, root: Path, sources: Iterable[Path | str]) -> None:
        names = list(dict.fromkeys([str(LIBRARY / "course"), *map(str, sources)]))
        self.root = root
        self.tops = [name for name in names if not any(_covers(other, name) for other in names)]
        self.now = clock(root / FOLDER)
        self.seen = status.statuses(self.tops)

    def remember(self, message: str) -> None:
        """Let this command, when it is given again and nothing changed since the look, print ``message`` at once."""
        tops = [str(self.root / "site"), *self.tops]
        described = status.describe(sys.argv[1:], tops)
        # A change within the same tick of the file system's clock as the look would leave no trace.
        told = all(found.st_ctime_ns < self.now for _, found in status.files(self.tops))
        if told and self.seen == status.statuses(self.tops):
            write_atomic(self.root / status.DONE, "\n".join([message, "\t".join(tops), described]))


def _covers(folder: str, name: str) -> bool:
    """Whether going through ``folder`` comes upon ``name``, which lies below it."""
    inner = Path(name).relative_to(folder).parts if Path(name).is_relative_to(folder) else ()
    return bool(inner) and status.OUTPUT not in inner
