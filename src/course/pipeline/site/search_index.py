"""The search: prose, headings, claims and captions of every page, section by section, and the script that finds them.

A reader who searches for an idea is not helped by code, by numbers of a table or by the buttons of a calculator, and a
search must not give away the answer of a question. So the index (``search/search_index.json``) is read off the finished
pages. Each row of a table of symptoms is an entry of its own, and what a section teaches is found by the glossary's other
words for it. ``docs/assets/search.js`` answers from it, in the theme's worker.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from course.pipeline.lesson.model import Lesson
from course.pipeline.page import glossary
from course.pipeline.page.glossary import Glossary

PATH = "search/search_index.json"
SCRIPT = "search.js"
"""What answers queries, in the folder of assets."""
WORKERS = "assets/javascripts/workers/search.*.js"
"""The theme's worker, which holds the engine."""
_ELEMENTS = frozenset({"button", "form", "script", "select", "style", "svg"})
_CLASSES = frozenset(
    {
        *("data-link", "data-table", "downloads", "output", "predict", "quiz", "term-lesson", "widget"),
        *("headerlink", "md-content__button", "page-source"),
    }
)
"""What is left out of every page."""
_IN_LESSONS = frozenset(
    {
        "abstract",
        "highlight",
        "lesson-evidence",
        "lesson-kicker",
        "lesson-times",
        "lesson-topics",
        "provenance",
        "reveal",
        "success",
    }
)
"""What is left out of lessons beside that: code, results to be guessed, solutions, facts about the page."""
_LESSON = re.compile(r'class="?lesson-meta\b')
_CONTENT = re.compile(r"<article\b[^>]*>(.*)</article>", re.S)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_APART = frozenset(
    {"blockquote", "dd", "div", "dt", "figcaption", "li", "ol", "p", "pre", "section", "summary", "table", "ul"}
)
"""Elements between whose texts is a space."""
_CELLS = frozenset({"td", "th"})
_BETWEEN_CELLS, _AFTER_ROW = " · ", "; "


@dataclass
class Section:
    """One section of a page: the address of its heading, that heading, and its text; both are HTML without elements."""

    location: str
    title: str = ""
    text: str = ""


def read(page: str, location: str) -> list[dict[str, str]]:
    """The entries of a finished page, which is served at ``location``."""
    content = _CONTENT.search(page)
    reader = _Reader(location, _CLASSES | _IN_LESSONS if _LESSON.search(page) else _CLASSES)
    reader.feed(content[1] if content else "")
    reader.close()
    sections = [*reader.sections, *reader.rows]
    for section in sections:
        section.title, section.text = _tidy(section.title), _tidy(section.text)
    if len(sections) > 1 and not sections[0].title and not sections[0].text:  # nothing stands above the title
        sections[1].location = location
        del sections[0]
    return [asdict(section) for section in sections if section.title or section.text]


def also(terms: Glossary, lessons: Sequence[Lesson]) -> dict[str, str]:
    """Other words for what pages and sections define or teach, by their addresses."""
    found = {}
    for lesson in lessons:
        tags = [terms.named[tag] for tag in lesson.header.tags if tag in terms]
        found[f"lessons/{lesson.slug}/"] = " ".join(form for term in tags for form in term.forms)
    slugs = {lesson.number: lesson.slug for lesson in lessons}
    for term in terms.terms:
        places = [f"{glossary.PAGE.removesuffix('.md')}/#{term.id}"]
        if term.lesson in slugs:
            places.append(f"lessons/{slugs[term.lesson]}/#{term.anchor}")
        for place in places:
            found[place] = " ".join([*found.get(place, "").split(), *term.forms, *term.also])
    return found


def write(site: Path, entries: Iterable[dict[str, Any]], also: Mapping[str, str], script: Path) -> None:
    """Put ``entries`` into the index that the generator made for its search, and the ``script`` before its worker; a site
    without them gets none.

    Args:
        also: other words by which entries are found, see :func:`also`.
    """
    path = site / PATH
    if path.is_file():
        words = dict(also)  # for sections alone, not for the rows after them
        docs = [{**entry, "also": words.pop(entry["location"], "")} for entry in entries]
        index = {"config": json.loads(path.read_bytes())["config"], "docs": docs}
        path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        for worker in site.glob(WORKERS):
            worker.write_text(f"{script.read_text('utf-8')}{worker.read_text('utf-8')}", encoding="utf-8")


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text).replace(f"{_BETWEEN_CELLS}{_AFTER_ROW}", _AFTER_ROW)
    return re.sub(r" (?=[,;:!?)]|\.(?!\w))", "", text).strip("; ")


@dataclass
class _Reader(HTMLParser):
    location: str
    unwanted: frozenset[str]
    sections: list[Section] = field(default_factory=list)
    rows: list[Section] = field(default_factory=list)  # of tables of symptoms

    def __post_init__(self) -> None:
        super().__init__()
        self.sections.append(Section(self.location))
        self._open: list[str] = []
        self._skipped = 0  # how many elements were open when one was skipped; 0 where nothing is
        self._heading = ""
        self._formula: list[tuple[str, list[str]]] = []  # open elements of MathML, each with the texts of its children
        self._row: list[str] | None = None
        self._symptoms = False

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
        if tag == "math" or self._formula:
            self._formula.append((tag, []))
        elif tag == "tr":
            self._row = []
        elif tag in _CELLS and self._row is not None:
            self._row.append("")
        elif tag in _APART:
            self._add(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while True:  # what HTML lets an author leave open ends here, too
            ended = self._open.pop()
            if not self._skipped:
                self._end(ended)
            if len(self._open) < self._skipped:
                self._skipped = 0
            if ended == self._heading:
                self._heading = ""
            if ended == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._add(html.escape(data, quote=False))

    def _end(self, tag: str) -> None:
        if self._formula:
            self._add(_spoken(*self._formula.pop()))
        elif tag == "tr" and self._row is not None:
            row, self._row = [" ".join(cell.split()) for cell in self._row], None
            self._end_of_row(row)
        elif tag == "table":
            self._symptoms = False
            self._add(" ")
        elif tag in _APART:
            self._add(" ")

    def _end_of_row(self, row: list[str]) -> None:
        here = self.sections[-1]
        if row and row[0].lower() == "symptom":
            self._symptoms = True
        elif self._symptoms and row:
            here.text += f" {row[0]};"
            self.rows.append(Section(here.location, row[0], _BETWEEN_CELLS.join(row[1:])))
        else:
            here.text += f" {_BETWEEN_CELLS.join(row)}{_AFTER_ROW}"

    def _add(self, text: str) -> None:
        section = self.sections[-1]
        if self._formula:
            self._formula[-1][1].append(text.replace("\u2061", " "))  # “applied to”, which has no sign
        elif self._heading:
            section.title += text
        elif self._row:
            self._row[-1] += text
        else:
            section.text += text


def _spoken(tag: str, parts: list[str]) -> str:
    """An element of MathML as text, of that of its children."""
    match tag, [part for part in parts if part.strip()]:
        case "mfrac", [above, below]:
            return f" {_grouped(above)}/{_grouped(below)} "  # what follows is not below the bar
        case "msup" | "mover", [base, up]:
            return base if tag == "mover" else f"{base}^{_grouped(up)}"
        case "msub" | "munder", [base, down]:
            return f"{base}_{_grouped(down)}"
        case "msubsup" | "munderover", [base, down, up]:
            return f"{base}_{_grouped(down)}^{_grouped(up)}"
        case "msqrt", _:
            return f"√{_grouped(''.join(parts))}"
        case "mo", [sign] if sign.strip() in _SPACED:
            return f" {sign.strip()} "
        case "mtr" | "mtd", _:
            return f" {''.join(parts)} "
        case _:
            return "".join(parts)


def _grouped(text: str) -> str:
    text = text.strip()
    return text if re.fullmatch(r"[\w.]*|\W", text) else f"({text})"


_SPACED = frozenset("=<>+−-·×≈≤≥→∈≠≫≪") | {"&lt;", "&gt;"}
