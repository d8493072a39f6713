"""What is said of the site as a whole, and made of all its files: written when everything else is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

from course.pipeline.base.cache import Cache
from course.pipeline.base.hashes import digest
from course.pipeline.page import cards, feeds
from course.pipeline.page.publish import Publisher
from course.pipeline.results.bundle import Bundle
from course.pipeline.site import archive, offline
from course.pipeline.site.incremental import Outputs

ZIP = "<!-- zip -->"
"""The line of a page that offers the whole site as one file, where the build makes one."""


def write(
    site: Outputs,
    config: MkDocsConfig,
    bundles: Sequence[Bundle],
    pages: Sequence[Page],
    publisher: Publisher,
    cache: Cache,
) -> None:
    """Write ``llms.txt`` and, for a site whose address is known, the feed and the cards; then the list of all files.

    Args:
        pages: those of the navigation.

    Raises:
        CourseError: an entry in the page of changes that is none.
    """
    address = f"{config.site_url.rstrip('/')}/" if config.site_url else ""
    about = config.site_description or ""
    lessons = [bundle for bundle in bundles if not bundle.lesson.is_plain]
    if lessons:
        others = [
            (page.title or "", page.url, str(page.meta.get("description", "")))
            for page in pages
            if "/" not in page.file.src_uri and not page.is_homepage
        ]
        text = feeds.llms(lessons, others, config.site_name, about, address)
        (site.fresh / "llms.txt").write_text(text, encoding="utf-8")
    if lessons and address:
        if entries := feeds.changes(Path(config.docs_dir) / feeds.CHANGES):
            page = f"{address}{feeds.CHANGES.removesuffix('.md')}/"
            (site.fresh / feeds.FEED).write_bytes(feeds.feed(entries, config.site_name, about, address, page))
        drawn = {"home": (digest(config.site_name, about), partial(cards.home, config.site_name, about))}
        for bundle in lessons:
            key = digest(publisher.key(bundle), config.site_name)
            drawn[bundle.lesson.slug] = (key, partial(cards.lesson, bundle, config.site_name))
        for name, (key, make) in drawn.items():
            uri = f"{cards.FOLDER}/{name}.png"
            if not site.keep(uri, key):  # something about the lesson changed, which the card need not show
                card = make()
                site.write(uri, key, cache.recall("share", digest(card), partial(cards.draw, card)))
    offline.write(site.fresh, Path(config.docs_dir) / offline.WORKER, site.made, cache)


def pack(site: Path, config: MkDocsConfig) -> None:
    """Put a zip of the whole site into its downloads."""
    runtime = (Path(config.docs_dir) / archive.RUNTIME).read_text(encoding="utf-8")
    name = _file_name(config.site_name)
    (site / f"downloads/{name}.zip").write_bytes(archive.pack(site, runtime, name))


def zip_link(up: str, config: MkDocsConfig) -> str:
    """A link to the zip from a page that is as deep in the site as ``up`` climbs."""
    address = f"{up}downloads/{_file_name(config.site_name)}.zip"
    return f'<p data-online><a href="{address}" download>The whole course as one zip</a></p>'


def _file_name(title: str) -> str:
    """``title`` as the name of a file anywhere."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "site"
