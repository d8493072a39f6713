"""Only what changed is converted and rendered: pages of MkDocs that remember what they were made of.

A page goes through two steps, each kept by a hash of everything it depends on. *Conversion* makes HTML of its Markdown:
this depends on the text, the configuration and the files it may link to. *Rendering* puts that into the theme: this
depends also on the navigation and the theme's files. A page whose two steps have nothing new keeps the file of the
previous site.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import TableOfContents

from course.pipeline.base.cache import Cache
from course.pipeline.base.hashes import digest

KEPT = "kept.html"
"""A template that renders nothing: MkDocs then writes nothing, and the kept file stays."""


@dataclass(frozen=True)
class Converted:
    """What a conversion told MkDocs about a page, beside the HTML itself.

    ``links`` are anchors in other files by these files' ``src_uri``; ``warnings`` are said again each time.
    """

    title: str | None
    meta: dict[str, Any]
    toc: TableOfContents
    anchors: frozenset[str]
    links: dict[str, dict[str, str]]
    warnings: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, page: Page, warnings: tuple[tuple[int, str], ...]) -> Converted:
        links = {file.src_uri: found for file, found in (page.links_to_anchors or {}).items()}
        anchors = frozenset(page.present_anchor_ids or ())
        return cls(page._title_from_render, dict(page.meta), page.toc, anchors, links, warnings)

    def restore(self, page: Page, files: Files) -> None:
        page._title_from_render, page.meta, page.toc = self.title, dict(self.meta), self.toc
        page.present_anchor_ids = set(self.anchors)
        found = {uri: files.get_file_from_path(uri) for uri in self.links}
        page.links_to_anchors = {file: self.links[uri] for uri, file in found.items() if file is not None}
        for level, message in self.warnings:
            logging.getLogger("mkdocs.structure.pages").log(level, message)


@dataclass
class Outputs:
    """Files of the previous site that may stand in the ``fresh`` one: those made of the same, and untouched since.

    ``known`` and ``made`` hold, by path in the site, a hash of what a file was made of; ``known`` also size and time.
    """

    old: Path
    fresh: Path
    known: Mapping[str, Sequence[object]]
    made: dict[str, str] = field(default_factory=dict)

    def keep(self, uri: str, key: str) -> bool:
        """Link the previous file into the fresh site, if it is still what ``key`` makes."""
        path, target = self.old / uri, self.fresh / uri
        try:
            status = path.stat()
            if list(self.known.get(uri, ())) != [key, status.st_size, status.st_mtime_ns]:
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(path, target)
        except OSError:
            return False
        self.made[uri] = key
        return True

    def write(self, uri: str, key: str, content: str | bytes) -> None:
        """Write a file that is not a page."""
        path = self.fresh / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.made[uri] = key

    def statuses(self) -> dict[str, tuple[str, int, int]]:
        """``known`` of the next build: what the files of the fresh site were made of, with size and time of change."""
        found = {}
        for uri, key in self.made.items():
            status = (self.fresh / uri).stat()
            found[uri] = (key, status.st_size, status.st_mtime_ns)
        return found


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # a file system without links
        shutil.copy2(path, target)


class Pages:
    """The pages of one build.

    Args:
        context: a hash of what every conversion depends on.
        outputs: the site to take files from; ``None`` renders every page.
    """

    def __init__(self, cache: Cache, context: str, outputs: Outputs | None) -> None:
        self.cache, self.context, self.outputs = cache, context, outputs
        self._keys: dict[str, str] = {}
        self._rendered: dict[str, str] = {}
        self._restored: dict[str, Callable[[], None]] = {}
        self._kept: dict[str, list[dict[str, Any]] | None] = {}  # what the search index found in kept pages
        self._before = 0

    def convert(self, page: Page, source: str, make: Callable[[], None], files: Files) -> None:
        """Let ``make`` convert ``page``, whose text is hashed in ``source``, unless that was done before."""
        uri = page.file.src_uri
        key = self._keys[uri] = digest(self.context, uri, source)
        found: Converted | None = self.cache.get("converted", key)
        if found is None:
            with _warnings() as told:
                make()
            self.cache.put("converted", key, Converted.of(page, tuple(told)))
            self.cache.put("content", key, page.content)
        else:
            found.restore(page, files)
            page.content = ""  # most pages are kept as they are: see choose
            self._restored[uri] = make

    def choose(self, pages: list[Page], theme: str) -> None:
        """Keep the files of pages that would be rendered the same again; fetch the content of the others.

        Args:
            theme: a hash of the navigation and of the theme's files.
        """
        for page in pages:
            uri, target = page.file.src_uri, page.file.dest_uri
            rendered = self._rendered[uri] = digest(theme, self._keys[uri], page.title)
            self._kept[uri] = self.cache.get("search", rendered)
            if self._kept[uri] is not None and self.outputs and self.outputs.keep(target, rendered):
                page.meta = {**page.meta, "template": KEPT, "search": {"exclude": True}}
                continue
            self._kept[uri] = None
            if self.outputs:
                self.outputs.made[target] = rendered
            if uri in self._restored:
                page.content = self.cache.get("content", self._keys[uri])
                if page.content is None:  # lost
                    self._restored[uri]()

    def before_search(self, page: Page, entries: list[dict[str, Any]]) -> None:
        """Give the search index what it found in a kept page the last time."""
        entries += self._kept[page.file.src_uri] or []
        self._before = len(entries)

    def after_search(self, page: Page, entries: list[dict[str, Any]]) -> None:
        """Remember what the search index found in a page."""
        uri = page.file.src_uri
        if self._kept[uri] is None:
            self.cache.put("search", self._rendered[uri], entries[self._before :])


@contextlib.contextmanager
def _warnings() -> Iterator[list[tuple[int, str]]]:
    """Collects what MkDocs complains about meanwhile."""
    told: list[tuple[int, str]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append((record.levelno, record.getMessage()))

    collector, logger = Collector(logging.INFO), logging.getLogger("mkdocs.structure.pages")
    logger.addHandler(collector)
    try:
        yield told
    finally:
        logger.removeHandler(collector)
