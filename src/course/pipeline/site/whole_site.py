"""What is said of the site as a whole, and made of all its files: written when everything else is."""

from __future__ import annotations

import gzip
import re
from functools import partial
from pathlib import Path

from course.pipeline.base.cache import Cache
from course.pipeline.base.hashes import digest
from course.pipeline.page import cards, feeds
from course.pipeline.site import archive, math_font, navigation, offline
from course.pipeline.site.kept import Outputs
from course.pipeline.site.pages import Pages
from course.pipeline.site.source import Source

_REPEATING = re.compile(r"\s*<url>\s*<loc>[^<]*/(?:notebook|worksheet)/</loc>.*?</url>", re.S)


def write(site: Outputs, source: Source, pages: Pages, cache: Cache) -> None:
    """Write ``llms.txt`` and, for a site whose address is known, the feed and the cards; the font of mathematics; then the
    list of all files.

    Raises:
        CourseError: an entry in the page of changes that is none, or the font is not installed.
    """
    config, publisher = source.config, pages.publisher
    lessons = [bundle for bundle in pages.bundles if not bundle.lesson.is_plain]
    _sitemap(site.fresh, config.address)
    if lessons:
        others = [
            (title, f"{uri.removesuffix('.md')}/", pages.description(uri))
            for title, uri in navigation.pages(pages.nav)
            if "/" not in uri and uri != "index.md"
        ]
        text = feeds.llms(lessons, others, config.name, config.description, config.address)
        (site.fresh / "llms.txt").write_text(text, encoding="utf-8")
    if lessons and config.address:
        if entries := feeds.changes(config.docs / feeds.CHANGES):
            page = f"{config.address}{feeds.CHANGES.removesuffix('.md')}/"
            feed = feeds.feed(entries, config.name, config.description, config.address, page)
            (site.fresh / feeds.FEED).write_bytes(feed)
        home = partial(cards.home, config.name, config.description)
        drawn = {"home": (digest(config.name, config.description), home)}
        for bundle in lessons:
            key = digest(publisher.key(bundle), config.name)
            drawn[bundle.lesson.slug] = (key, partial(cards.lesson, bundle, config.name))
        for name, (key, make) in drawn.items():
            uri = f"{cards.FOLDER}/{name}.png"
            if not site.keep(uri, key):  # something about the lesson changed, which the card need not show
                card = make()
                site.write(uri, key, cache.recall("share", digest(card), partial(cards.draw, card), bytes))
    math_font.write(site.fresh, site.made, cache)
    offline.write(site.fresh, config.docs / offline.WORKER, site.made, cache)


def _sitemap(site: Path, address: str) -> None:
    """The generator's sitemap without notebook views and worksheets, which repeat lessons; none without whole addresses."""
    path, packed = site / "sitemap.xml", site / "sitemap.xml.gz"
    if address and path.is_file():
        data = _REPEATING.sub("", path.read_text(encoding="utf-8")).encode()
        path.write_bytes(data)
        packed.write_bytes(gzip.compress(data, mtime=0))
    else:
        path.unlink(missing_ok=True)
        packed.unlink(missing_ok=True)


def pack(site: Path, source: Source) -> None:
    """Put a zip of the whole site into its downloads."""
    runtime = (source.config.docs / archive.RUNTIME).read_text(encoding="utf-8")
    name = archive.name_of(source.config.name)
    (site / f"downloads/{name}.zip").write_bytes(archive.pack(site, runtime, name))
