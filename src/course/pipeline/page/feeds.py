"""What programs read of the site: ``llms.txt``, and a feed of the changes that ``docs/changes.md`` tells.

An entry of that page is a heading ``## 2026-11-22: What is new`` and the text below it. The dates are its author's, so the
feed is the same in a shallow clone, in an archive and on another day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from markdown.extensions.toc import slugify

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.model import MODULES
from course.pipeline.results.bundle import Bundle

FEED, CHANGES = "feed.xml", "changes.md"
_HEADING = re.compile(r"(?P<date>\d{4}-\d\d-\d\d): (?P<title>\S.*)")
_ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True)
class Change:
    """One entry of the page of changes; ``text`` is plain, ``anchor`` the heading's on the page."""

    day: str
    title: str
    text: str
    anchor: str


def changes(path: Path) -> list[Change]:
    """The entries of the page at ``path``, newest first, none if there is no such page.

    Raises:
        CourseError: a heading that is no entry, a date that is none, or an order that is not newest first.
    """
    if not path.is_file():
        return []
    found: list[Change] = []
    lines = path.read_text(encoding="utf-8").split("\n")
    places = [place for place, line in enumerate(lines) if line.startswith("## ")]
    for place, end in zip(places, [*places[1:], len(lines)], strict=True):
        heading = lines[place].removeprefix("## ").strip()
        match = _HEADING.fullmatch(heading)
        try:
            day = str(date.fromisoformat(match["date"])) if match else ""
        except ValueError:
            day = ""
        if not match or not day:
            hint = "Write '## 2026-11-22: What is new'."
            raise CourseError("A change begins with its date and title.", path, place + 1, hint)
        if found and day > found[-1].day:
            raise CourseError("This change is newer than the one above it.", path, place + 1, "Put the newest first.")
        text = _plain(" ".join("\n".join(lines[place + 1 : end]).split()))
        found.append(Change(day, match["title"].strip(), text, slugify(heading, "-")))
    return found


def feed(entries: Sequence[Change], name: str, description: str, site: str, page: str) -> bytes:
    """The changes as Atom (RFC 4287).

    Args:
        site: address of the site with a slash at its end; a feed needs whole addresses.
        page: address of the page of changes.
    """
    root = Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    SubElement(root, "id").text = page
    SubElement(root, "title").text = f"{name}: changes"
    SubElement(root, "subtitle").text = description
    SubElement(root, "updated").text = f"{entries[0].day}T00:00:00Z"
    SubElement(SubElement(root, "author"), "name").text = name
    SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": site + FEED})
    SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": page})
    SubElement(root, "icon").text = f"{site}assets/icons/192.png"
    for entry in entries:
        node = SubElement(root, "entry")
        SubElement(node, "id").text = f"{page}#{entry.anchor}"
        SubElement(node, "title").text = entry.title
        SubElement(node, "updated").text = f"{entry.day}T00:00:00Z"
        SubElement(node, "link", {"rel": "alternate", "type": "text/html", "href": f"{page}#{entry.anchor}"})
        SubElement(node, "summary").text = entry.text
    indent(root)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def llms(
    bundles: Sequence[Bundle], pages: Sequence[tuple[str, str, str]], name: str, description: str, site: str
) -> str:
    """The site for language models, as llmstxt.org describes: every lesson by its Markdown, module by module.

    Args:
        pages: ``(title, address in the site, description)`` of other pages worth reading.
        site: address of the site with a slash at its end, or empty for addresses relative to this file.
    """
    parts = [
        f"# {name}", f"> {description}",
        "Each lesson below is one Markdown file: prose, all code, and what the code printed and measured when it ran. "
        "The numbers in the prose are bound to those results; the end of each file says on what machine and with which "
        "library versions they were made.",
    ]  # fmt: skip
    for module, title in MODULES.items():
        rows = [
            f"- [{b.lesson.header.title}]({site}lessons/{b.lesson.slug}/{b.lesson.slug}.md): "
            f"{' '.join(b.lesson.header.summary.split())}"
            for b in bundles
            if b.lesson.header.module == module and not b.lesson.is_plain
        ]
        if rows:
            parts.append("\n".join([f"## {title}", "", *rows]))
    others = [f"- [{title}]({site}{url or './'})" + (f": {text}" if text else "") for title, url, text in pages]
    if others:
        parts.append("\n".join(["## Optional", "", *others]))
    return "\n\n".join(parts) + "\n"


def _plain(markdown: str) -> str:
    """Text of a paragraph without the marks of links, code and emphasis."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"[`*]|(?<!\w)_|_(?!\w)", "", text)
