"""The search index: prose, headings, claims and captions of every page, section by section, read off the finished pages.

A reader who searches for an idea is not helped by code, by numbers of a table or by the buttons of a calculator, and a
search must not give away the answer of a question. The theme's search reads the file (``search/search_index.json``).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from pathlib import Path

PATH = "search/search_index.json"
_ELEMENTS = frozenset({"button", "form", "script", "style", "svg"})
_CLASSES = frozenset(
    {
        *("data-link", "data-table", "downloads", "output", "predict", "quiz", "widget"),
        *("headerlink", "md-content__button", "page-source"),
    }
)
"""What is left out of every page."""
_IN_LESSONS = frozenset(
    {"abstract", "highlight", "lesson-evidence", "lesson-kicker", "lesson-times", "provenance", "reveal", "success"}
)
"""What is left out of lessons beside that: code, results to be guessed, solutions, facts about the page."""
_LESSON = re.compile(r'class="?lesson-meta\b')
_CONTENT = re.compile(r"<article\b[^>]*>(.*)</article>", re.S)
_SHOWN = frozenset({"code", "li", "ol", "p", "pre", "sub", "sup", "ul"})
"""Elements that an excerpt shows as they are."""
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_APART = frozenset({"blockquote", "dd", "div", "dt", "figcaption", "section", "summary", "td", "th", "tr"})
"""Elements between whose texts is a space."""


@dataclass
class Section:
    """One section of a page: the address of its heading, that heading, and its text with a little markup."""

    location: str
    title: str = ""
    text: str = ""


def read(page: str, location: str) -> list[dict[str, str]]:
    """The entries of a finished page, which is served at ``location``."""
    content = _CONTENT.search(page)
    reader = _Reader(location, _CLASSES | _IN_LESSONS if _LESSON.search(page) else _CLASSES)
    reader.feed(content[1] if content else "")
    reader.close()
    sections = reader.sections
    for section in sections:
        section.title, section.text = _tidy(section.title), _tidy(section.text)
    if len(sections) > 1 and not sections[0].title and not sections[0].text:  # nothing stands above the title
        sections[1].location = location
        del sections[0]
    return [asdict(section) for section in sections if section.title or section.text]


def write(site: Path, entries: Iterable[dict[str, str]]) -> None:
    """Put ``entries`` into the index that the generator made for its search; a site without one gets none."""
    path = site / PATH
    if path.is_file():
        index = {"config": json.loads(path.read_bytes())["config"], "docs": list(entries)}
        path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    while (fewer := re.sub(r"<(\w+)> ?</\1>", "", text)) != text:
        text = fewer
    return text.strip()


@dataclass
class _Reader(HTMLParser):
    location: str
    unwanted: frozenset[str]
    sections: list[Section] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.sections.append(Section(self.location))
        self._open: list[str] = []
        self._skipped = 0  # how many elements were open when one was skipped; 0 where nothing is
        self._heading = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self._add(" ")
            return
        self._open.append(tag)
        found = dict(attrs)
        classes = set((found.get("class") or "").split())
        if not self._skipped and (tag in _ELEMENTS or classes & self.unwanted or "data-search-exclude" in found):
            self._skipped = len(self._open)
        if self._skipped:
            return
        if re.fullmatch(r"h[1-6]", tag) and found.get("id"):
            self._heading = tag
            self.sections.append(Section(f"{self.location}#{found['id']}"))
        elif tag == "h1" and len(self.sections) == 1:  # a title without an anchor
            self._heading = tag
        self._add(f"<{tag}>" if tag in _SHOWN and not self._heading else " " if tag in _APART else "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while True:  # what HTML lets an author leave open ends here, too
            ended = self._open.pop()
            if not self._skipped:
                self._add(f"</{ended}>" if ended in _SHOWN and not self._heading else " " if ended in _APART else "")
            if len(self._open) < self._skipped:
                self._skipped = 0
            if ended == self._heading:
                self._heading = ""
            if ended == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._add(html.escape(data, quote=False))

    def _add(self, text: str) -> None:
        section = self.sections[-1]
        if self._heading:
            section.title += text
        else:
            section.text += text
