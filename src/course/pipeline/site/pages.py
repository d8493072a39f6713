"""Everything that goes into the tree of a site: pages of lessons, hand-written pages, assets, and the configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from course.pipeline.base.cache import Cache
from course.pipeline.base.hashes import digest
from course.pipeline.base.paths import ROOT
from course.pipeline.page import glossary, run_panel, terms, wheel
from course.pipeline.page.glossary import Glossary
from course.pipeline.page.publish import Publisher
from course.pipeline.page.run_panel import Hosting
from course.pipeline.results import measured
from course.pipeline.results.bundle import Bundle
from course.pipeline.site import archive, config, handwritten, navigation, styles, versions
from course.pipeline.site.config import Nav
from course.pipeline.site.source import Source
from course.pipeline.site.tree import CONFIG, DOCS, OVERRIDES, Entry
from course.pipeline.text import clean, cleaned, front_matter

T = TypeVar("T", str, bytes)


class Pages:
    """The tree of a site with the lessons ``bundles``.

    Attributes:
        nav: the navigation with every lesson and title.
        descriptions: of hand-written pages, by path, as their metadata say.
    """

    def __init__(self, root: Path, source: Source, bundles: Sequence[Bundle], cache: Cache) -> None:
        self.root, self.source, self.bundles, self.cache = root, source, list(bundles), cache
        self.publisher = Publisher(
            {bundle.lesson.number: bundle.lesson.slug for bundle in bundles if not bundle.lesson.is_plain},
            source.config.address,
            Hosting(source.config.repository, versions.BRANCH, os.environ.get(versions.VARIABLE, "")),
        )
        defined = source.assets.get(glossary.FILE)
        self.glossary = glossary.read(defined) if defined else Glossary()
        for bundle in bundles:
            glossary.check_tags(bundle.lesson, self.glossary)
        self._split = {uri: front_matter.split(written.text) for uri, written in source.pages.items()}
        self.nav: Nav = navigation.filled(source.config.nav, self.bundles, self.title)

    def title(self, uri: str) -> str:
        """The title of a hand-written page; empty if there is no such page."""
        return (front_matter.title(*self._split[uri]) or uri) if uri in self._split else ""

    def description(self, uri: str) -> str:
        """What the metadata of a hand-written page say of it; empty if they say nothing."""
        meta, _ = self._split.get(uri, ({}, ""))
        return str(meta.get("description", ""))

    def search(self, uri: str) -> dict[str, Any]:
        """What a page tells the search: ``exclude``, or its weight as ``boost``; some pages repeat their lesson."""
        if uri.startswith("lessons/") and uri.endswith(navigation.REPEATING):
            return {"exclude": True}
        meta, _ = self._split.get(uri, ({}, ""))
        return dict(meta.get("search") or {})

    def entries(self, zipped: bool) -> Iterator[Entry]:
        """The files of the tree.

        Args:
            zipped: whether the site offers itself as one file.
        """
        yield _given(CONFIG, self._config())
        yield from self._handwritten(zipped)
        for bundle in self.bundles:
            yield from self.of_lesson(bundle)
        for uri, path in self.source.templates.items():
            yield Entry(f"{OVERRIDES}/{uri}", self.cache.index.hash(path), path.read_bytes)
        sheets = [name for name in self.source.config.styles if name in self.source.assets]
        for uri, path in self.source.assets.items():
            if uri not in sheets:
                yield Entry(f"{DOCS}/{uri}", self.cache.index.hash(path), path.read_bytes)
        if sheets:
            texts = [self.source.assets[name].read_text(encoding="utf-8") for name in sheets]
            yield _given(f"{DOCS}/{styles.SHEET}", styles.joined(texts))
        if self.publisher.lessons:
            repository = self.source.repository
            key = wheel.key(repository, self.cache.index)
            yield Entry(
                f"{DOCS}/downloads/{wheel.NAME}",
                key,
                self._recalled("wheel", key, partial(wheel.build, repository), bytes),
            )
        if self.glossary.terms:
            yield _given(f"{DOCS}/{glossary.DEFINITIONS}", self.glossary.module())

    def of_lesson(self, bundle: Bundle) -> Iterator[Entry]:
        """The pages of one lesson: its own and, unless it is plain, the notebook view, the worksheet and the bundle."""
        key = digest(self.publisher.key(bundle), bundle.lesson.path)
        own = f"{DOCS}/{navigation.page_of(bundle)}"
        yield Entry(own, key, partial(self._lesson, bundle))
        if not bundle.lesson.is_plain:
            yield Entry(own.replace(".md", "/notebook.md"), key, partial(self._view, bundle))
            yield Entry(own.replace(".md", "/worksheet.md"), key, partial(self._worksheet, bundle))
            needs = [self.source.repository / name for name in wheel.REQUIREMENTS]
            others = digest(key, wheel.key(self.source.repository, self.cache.index), self.cache.index.of(needs))
            yield Entry(own.replace(".md", f"/{run_panel.name(bundle.lesson)}"), others, partial(self._bundled, bundle))

    def _lesson(self, bundle: Bundle) -> str:
        meta, markdown = front_matter.split(self.publisher.publish(bundle).page.markdown)
        if glossary.PAGE in self.source.pages:
            markdown = f"{terms.asked('../../glossary/')}\n\n{markdown.lstrip()}"
        return front_matter.joined({**meta, **self._told(bundle)}, f"{cleaned.ASKED}\n\n{markdown.lstrip()}")

    def _bundled(self, bundle: Bundle) -> bytes:
        repository = self.source.repository
        key = wheel.key(repository, self.cache.index)
        library = self._recalled("wheel", key, partial(wheel.build, repository), bytes)()
        locked = ((repository / name).read_text(encoding="utf-8") for name in wheel.REQUIREMENTS)
        others = {wheel.NAME: library, run_panel.VERSIONS: run_panel.versions(*locked).encode()}
        return self.publisher.bundled(bundle, others)

    def _view(self, bundle: Bundle) -> str:
        view = self.publisher.view(bundle)
        meta = {"title": view.title, **self._told(bundle), "robots": "noindex"}  # it says what the lesson says
        return front_matter.joined(meta, f"{cleaned.ASKED}\n\n{view.markdown}")

    def _worksheet(self, bundle: Bundle) -> str:
        title = f"Worksheet: {clean.plain(bundle.lesson.header.title)}"
        meta = {"title": title, **self._told(bundle), "robots": "noindex", "hide": ["navigation", "toc"]}
        return front_matter.joined(meta, f"{cleaned.ASKED}\n\n{self.publisher.publish(bundle).worksheet}")

    def _told(self, bundle: Bundle) -> dict[str, str]:
        """What templates are told of a lesson's pages: the lesson, and the file that a reader edits."""
        return {
            "lesson": bundle.lesson.slug,
            "source": Path(os.path.relpath(bundle.lesson.path, self.root)).as_posix(),
        }

    def _handwritten(self, zipped: bool) -> Iterator[Entry]:
        shown = handwritten.Site(
            self.bundles,
            self.glossary,
            archive.name_of(self.source.config.name) if zipped else "",
            self.root / ROOT / measured.NAME,
        )
        for uri, written in self.source.pages.items():
            meta, markdown = front_matter.split(handwritten.page(written.text, uri, shown, written.path))
            more = {"source": written.editable} if written.editable else {}
            yield _given(f"{DOCS}/{uri}", front_matter.joined({**meta, **more}, markdown))

    def _config(self) -> str:
        """The generator's configuration: the author's, for the tree."""
        given = self.source.config
        sheets = [name for name in given.styles if name in self.source.assets]
        entries: dict[tuple[str, ...], Any] = {
            ("docs_dir",): DOCS, ("site_dir",): "site", ("nav",): self.nav, ("strict",): False,
            ("site_url",): given.address, ("repo_url",): given.repository.rstrip("/"),
            ("extra_css",): [styles.SHEET, *(name for name in given.styles if name not in sheets)] if sheets else [],
        }  # fmt: skip
        if given.overrides:
            entries["theme", "custom_dir"] = OVERRIDES
        if self.glossary.terms:
            entries["markdown_extensions", terms.NAME, "glossary"] = str(self.source.assets[glossary.FILE].resolve())
        if len(self.bundles) > navigation.LONG:
            entries["theme", "features"] = [
                "navigation.prune" if name == "navigation.expand" else name for name in given.features
            ]
        if os.environ.get(versions.VARIABLE):
            entries["extra",] = {"version": {"provider": "mike"}}
        return config.replaced(given.text, entries)

    def _recalled(self, kind: str, key: str, make: Callable[[], T], type: type[T]) -> Callable[[], T]:
        return lambda: self.cache.recall(kind, key, make, type)


def _given(uri: str, content: str) -> Entry:
    """A file whose content is at hand."""
    return Entry(uri, digest(content), lambda: content)
