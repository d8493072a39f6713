"""The navigation of the site: as configured, with the lessons in their place and a title for every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from course.pipeline.lesson.model import MODULES
from course.pipeline.page import listings
from course.pipeline.results.bundle import Bundle
from course.pipeline.site.config import Nav
from course.pipeline.text import clean

LESSONS = {"Lessons": "lessons/"}
"""The entry that stands for all lessons."""
REPEATING = ("/notebook.md", "/worksheet.md")
"""How the paths of pages end that say what their lesson says."""
OVERVIEW = "lessons/index.md"
LONG = 60
"""With more lessons than this the sidebar unfolds the present module only; else every page would list every lesson."""


def filled(nav: Nav, bundles: Sequence[Bundle], title: Callable[[str], str]) -> Nav:
    """``nav`` with every lesson, and with titles, so that a page need not be read to be named.

    Args:
        title: the title of the page at a path.
    """
    lessons = _lessons(bundles, title)
    return [_titled({"Lessons": lessons} if entry == LESSONS else entry, title) for entry in nav]


def pages(nav: Nav) -> Iterator[tuple[str, str]]:
    """``(title, path)`` of every page of a filled navigation, in its order."""
    for entry in nav:
        for title, target in entry.items():
            if isinstance(target, list):
                yield from pages(target)
            else:
                yield title, target


def _titled(entry: Any, title: Callable[[str], str]) -> dict[str, Any]:
    if isinstance(entry, str):
        return {title(entry): entry}
    ((name, target),) = entry.items()
    return {name: [_titled(child, title) for child in target] if isinstance(target, list) else target}


def _lessons(bundles: Sequence[Bundle], title: Callable[[str], str]) -> Nav:
    overview = title(OVERVIEW)
    modules: Nav = [{overview: OVERVIEW}] if overview else []
    for folder, group in listings.by_folder(bundles).items():
        entries = [{clean.plain(bundle.lesson.header.title): page_of(bundle)} for bundle in group]
        modules += [{clean.plain(folder): entries}] if folder else entries
    for module, group in listings.by_module(bundles).items():
        entries = [{f"{b.lesson.number:02} {clean.plain(b.lesson.header.title)}": page_of(b)} for b in group]
        modules.append({MODULES[module]: entries})
    return modules


def page_of(bundle: Bundle) -> str:
    """The path of a lesson's page."""
    return f"lessons/{bundle.lesson.slug}.md"
