"""Hand-written pages, with what they ask for in place: lists of lessons, figures, calculators, the glossary."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course.pipeline.base.errors import CourseError
from course.pipeline.diagrams.diagram import Diagram
from course.pipeline.page import fragments, glossary, listings, placed, progress_marks, syllabus
from course.pipeline.page import measured as memory_tables
from course.pipeline.page.glossary import Glossary
from course.pipeline.results import measured
from course.pipeline.results.bundle import Bundle
from course.pipeline.text import mathematics, verbatim
from course.pipeline.widgets import Placed

LISTINGS: Mapping[str, Callable[[Sequence[Bundle], str], str]] = {
    "<!-- start -->": listings.start,
    "<!-- facts -->": listings.facts,
    "<!-- lessons -->": listings.lesson_list,
    "<!-- outcomes -->": listings.outcomes,
    "<!-- syllabus -->": syllabus.syllabus,
    "<!-- tally -->": listings.tally,
    "<!-- ledger -->": listings.ledger,
    "<!-- progress -->": progress_marks.overview,
    "<!-- my gpu -->": progress_marks.card,
}
"""What a page may show of all lessons, by the line that asks for it."""
MEASURED = "<!-- measured memory -->"
"""The line that shows the memory model beside PyTorch's tracker."""
MODELS = "<!-- models -->"
"""The line that lists the models of the calculator."""
ZIP = "<!-- zip -->"
"""The line that offers the whole site as one file, where the build makes one."""
FIGURE = re.compile(r"^<!-- figure (?P<lesson>\d\d) (?P<key>[\w.-]+) -->$", re.M)
"""The line that shows a lesson's recorded figure."""


@dataclass(frozen=True)
class Site:
    """What pages may show.

    Attributes:
        archive: the name of the zip of the whole site; empty if none is made.
        measured: the file that ``course measure`` writes.
    """

    bundles: Sequence[Bundle]
    glossary: Glossary
    archive: str
    measured: Path = Path(measured.NAME)


def page(source: str, uri: str, site: Site, path: Path) -> str:
    """The text of a page with everything in place.

    Args:
        source: the page as written, in the file ``path``.
        uri: its path below the folder of pages.

    Raises:
        CourseError: an unknown figure or piece, or a formula that cannot be shown, with its line.
    """
    up = _up(uri)
    prefix = f"{up}lessons/"

    def fail(message: str, line: int, hint: str) -> CourseError:
        return CourseError(message, path, line + 1, hint)

    def figure(match: re.Match[str]) -> str:
        lesson = next((b for b in site.bundles if b.lesson.label == match["lesson"]), None)
        shown = lesson and listings.figure(lesson, match["key"], prefix)
        if not shown:
            line = source.count("\n", 0, source.index(match[0]))
            raise fail(f"Lesson {match['lesson']} has no figure {match['key']!r}.", line, "Name one that it records.")
        return verbatim.block(shown)

    for problem in mathematics.problems([(source, fail)]):
        raise problem
    text = "".join(_html(piece) for _, piece in placed.pieces(source, fail, set()))
    text = FIGURE.sub(figure, text)
    for marker, make in LISTINGS.items():
        if marker in text:
            text = text.replace(marker, verbatim.block(make(site.bundles, prefix)))
    if MEASURED in text:
        text = text.replace(MEASURED, verbatim.block(memory_tables.table(measured.read(site.measured))))
    if MODELS in text:
        text = text.replace(MODELS, verbatim.block(memory_tables.models()))
    if ZIP in text:
        text = text.replace(ZIP, verbatim.block(_zip_link(f"{up}downloads/{site.archive}.zip")) if site.archive else "")
    lessons = [bundle.lesson for bundle in site.bundles]
    for marker, show in ((glossary.MARKER, site.glossary.page), (glossary.TOPICS, site.glossary.topics)):
        if marker in text:
            text = text.replace(marker, show(lessons))
    return text


def _html(piece: str | Placed | Diagram) -> str:
    if isinstance(piece, str):
        return piece
    return verbatim.block(piece.html() if isinstance(piece, Placed) else fragments.diagram(piece))


def _up(uri: str) -> str:
    """From the address of the page at ``uri`` to the root of the site: ``a/b.md`` is served as ``a/b/``."""
    folders = uri.removesuffix("index.md").removesuffix(".md").rstrip("/")
    return "../" * (folders.count("/") + 1) if folders else ""


def _zip_link(address: str) -> str:
    return f'<p data-online><a href="{address}" download>The whole course as one zip</a></p>'
