"""The page of changes as entries and as Atom."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.page import feeds

ATOM = "{http://www.w3.org/2005/Atom}"
PAGE = """# Changes

What is new.

## 2026-02-03: A *new* lesson & more

It has `code`, [a link](lessons/07.md) and
two lines.

## 2026-02-03: Another

Text.

## 2026-01-01: The first

Text.
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / feeds.CHANGES
    path.write_text(text, encoding="utf-8")
    return path


def test_entries_are_read_as_text(tmp_path: Path) -> None:
    first, second, third = feeds.changes(written(tmp_path, PAGE))
    assert (first.day, first.text) == ("2026-02-03", "It has code, a link and two lines.")
    assert [second.anchor, third.anchor] == ["2026-02-03-another", "2026-01-01-the-first"]


def test_no_page_no_entries(tmp_path: Path) -> None:
    assert feeds.changes(tmp_path / feeds.CHANGES) == []


@pytest.mark.parametrize(
    ("found", "better", "line", "message"),
    [
        ("2026-01-01: The first", "The first", 14, "begins with its date"),
        ("2026-01-01: The first", "2026-13-01: The first", 14, "begins with its date"),
        ("2026-01-01: The first", "2026-03-01: The first", 14, "newer than the one above"),
    ],
)
def test_what_is_no_entry_is_told_with_its_line(
    tmp_path: Path, found: str, better: str, line: int, message: str
) -> None:
    with pytest.raises(CourseError, match=message) as told:
        feeds.changes(written(tmp_path, PAGE.replace(found, better)))
    assert told.value.line == line


def test_the_feed_has_what_readers_of_atom_need(tmp_path: Path) -> None:
    site = "https://example.org/course/"
    entries = feeds.changes(written(tmp_path, PAGE))
    root = ElementTree.fromstring(feeds.feed(entries, "A & B", "About", site, f"{site}changes/"))
    assert root.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated", "author"):
        assert len(root.findall(ATOM + name)) == 1, name
    assert root.findtext(f"{ATOM}updated") == "2026-02-03T00:00:00Z"
    links = {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")}
    assert links == {"self": f"{site}feed.xml", "alternate": f"{site}changes/"}
    nodes = root.findall(f"{ATOM}entry")
    assert len({node.findtext(f"{ATOM}id") for node in nodes}) == len(nodes) == 3
    for node in nodes:
        assert all(node.find(ATOM + name) is not None for name in ("title", "updated", "link", "summary"))
