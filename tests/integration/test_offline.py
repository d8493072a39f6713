"""What is made of the whole site: the copy to keep, the zip, and what programs and messengers read of it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from course.pipeline.page import cards
from course.pipeline.site.archive import LEFT_OUT, RUNTIME, SCRIPT, pack

from .conftest import copied
from .courses import Course
from .sandbox import ROOT, edit

ADDRESS = "https://example.org/course/"


class _Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def course(rendered: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """A course whose site has no address. A test leaves it as it was."""
    yield from copied(rendered, tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def published(rendered: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """A course whose site has an address."""
    for made in copied(rendered, tmp_path_factory.mktemp("published")):
        made.render(ADDRESS)
        yield made


def zipped(site: Path) -> dict[str, bytes]:
    runtime = (ROOT / "docs" / RUNTIME).read_text(encoding="utf-8")
    with zipfile.ZipFile(io.BytesIO(pack(site, runtime, "course"))) as archive:
        return {name.removeprefix("course/"): archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def in_zip(built_site: Path) -> dict[str, bytes]:
    return zipped(built_site)


def test_the_zip_links_to_files_it_has(in_zip: dict[str, bytes]) -> None:
    broken = []
    for name, content in in_zip.items():
        if not name.endswith(".html"):
            continue
        for tag, attributes in _Elements(content.decode()).found:
            for link in (attributes.get("href"), attributes.get("src")):
                if link is None or tag == "base":
                    continue
                parts = urlsplit(link)
                if parts.scheme or not parts.path:
                    continue
                target = normpath(join(dirname(name), unquote(parts.path)))
                if link.startswith("/") or target not in in_zip:
                    broken.append(f"{name}: {link}")
    assert len(in_zip) > 50
    assert broken == []


def test_the_zip_has_no_module_and_every_page_runs_the_one_script(in_zip: dict[str, bytes]) -> None:
    for name, content in in_zip.items():
        if name.endswith(".html"):
            scripts = _Elements(content.decode()).of("script")
            assert not any(script.get("type") == "module" for script in scripts), name
            (one,) = (script for script in scripts if "data-modules" in script)
            assert normpath(join(dirname(name), one["src"])) == SCRIPT
    assert not [name for name in in_zip if LEFT_OUT.fullmatch(name)]


def test_the_same_site_gives_the_same_zip(course: Course) -> None:
    runtime = (ROOT / "docs" / RUNTIME).read_text(encoding="utf-8")
    before = pack(course.root / "site", runtime, "course")
    for path in (course.root / "site").rglob("*"):
        path.touch()
    assert pack(course.root / "site", runtime, "course") == before


def test_the_list_to_keep_has_every_file_with_its_hash(course: Course) -> None:
    site = course.root / "site"
    listed = (site / "offline.json").read_bytes()
    files = json.loads(listed)["files"]
    present = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert files.keys() == {name for name in present if not LEFT_OUT.fullmatch(name)}
    assert all(hashlib.sha256((site / name).read_bytes()).hexdigest() == found for name, found in files.items())
    assert f'const VERSION = "{hashlib.sha256(listed).hexdigest()}";' in (site / "sw.js").read_text("utf-8")


def test_the_version_changes_with_the_site_and_not_otherwise(course: Course) -> None:
    worker = course.root / "site" / "sw.js"
    first = worker.read_bytes()
    course.render()
    assert worker.read_bytes() == first
    edit(course.lesson(2), "The question of", "A question of")
    course.render()
    second = worker.read_bytes()
    assert second != first
    edit(course.lesson(2), "A question of", "The question of")
    course.render()
    assert worker.read_bytes() == first


def test_every_page_says_what_a_shared_link_shows(published: Course) -> None:
    site = published.root / "site"
    for path in site.rglob("index.html"):
        text = path.read_text(encoding="utf-8")
        told = {m["property"]: m["content"] for m in _Elements(text).of("meta") if "property" in m}
        address = ADDRESS + path.parent.relative_to(site).as_posix().removeprefix(".")
        assert told["og:url"].rstrip("/") == address.rstrip("/")
        assert all(told[f"og:{name}"] for name in ("title", "description", "type", "image:alt"))
        picture = (site / told["og:image"].removeprefix(ADDRESS)).read_bytes()
        assert struct.unpack(">II", picture[16:24]) == (cards.WIDTH, cards.HEIGHT)
    pictures = {path.name: path.read_bytes() for path in (site / cards.FOLDER).iterdir()}
    assert sorted(pictures) == ["01_synthetic.png", "02_synthetic.png", "03_synthetic.png", "home.png"]
    assert len(set(pictures.values())) == 4


def test_a_card_is_drawn_again_only_when_it_shows_something_else(
    published: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    draw = cards.draw

    def counted(card: cards.Card) -> bytes:
        drawn.append(card.title)
        return draw(card)

    monkeypatch.setattr(cards, "draw", counted)
    card = published.root / "site" / cards.FOLDER / "02_synthetic.png"
    before = card.read_bytes()
    edit(published.lesson(2), "The question of", "A question of")
    published.render(ADDRESS)
    assert (drawn, card.read_bytes()) == ([], before)
    edit(published.lesson(2), "title: Lesson 2", "title: Another")
    published.render(ADDRESS)
    assert drawn == ["Another"]
    assert card.read_bytes() != before


def test_the_sitemap_has_every_page_once_and_none_that_repeats_another(published: Course) -> None:
    text = (published.root / "site" / "sitemap.xml").read_bytes()
    found = [node.text or "" for node in ElementTree.fromstring(text).iter() if node.tag.endswith("}loc")]
    repeat = {"notebook", "worksheet"}  # they say what the lesson says
    pages = [p.parent for p in (published.root / "site").rglob("index.html") if p.parent.name not in repeat]
    assert len(found) == len(set(found)) == len(pages)
    assert all(url.startswith(ADDRESS) and not repeat & set(url.split("/")) for url in found)


def test_the_feed_is_announced_and_leads_to_its_entries(published: Course) -> None:
    site = published.root / "site"
    root = ElementTree.fromstring((site / "feed.xml").read_bytes())
    page = (site / "changes/index.html").read_text(encoding="utf-8")
    ids = {attributes.get("id") for _, attributes in _Elements(page).found}
    (entry,) = root.findall("{http://www.w3.org/2005/Atom}entry")
    link = entry.find("{http://www.w3.org/2005/Atom}link")
    assert link is not None
    assert urlsplit(link.get("href", "")).fragment in ids
    links = _Elements((site / "index.html").read_text(encoding="utf-8")).of("link")
    (announced,) = (found for found in links if found.get("type") == "application/atom+xml")
    assert (site / announced["href"]).is_file()


@pytest.mark.parametrize("address", ["", ADDRESS])
def test_llms_txt_leads_to_every_lesson(address: str, course: Course, published: Course) -> None:
    site = (published if address else course).root / "site"
    text = (site / "llms.txt").read_text(encoding="utf-8")
    blocks = text.split("\n\n")
    assert blocks[0].startswith("# ")
    assert blocks[1].startswith("> ")
    assert not any(block.startswith("#") for block in blocks[2:3])
    linked = re.findall(r"^- \[[^\]]+\]\(([^)]+)\)(?:: .+)?$", text, re.M)
    assert len(linked) == len(re.findall("^- ", text, re.M))
    assert all(link.startswith(address) for link in linked)
    names = [link.removeprefix(address) for link in linked]
    assert {path.relative_to(site).as_posix() for path in site.glob("lessons/*/*.md")} <= set(names)
    assert all((site / name).exists() for name in names)


def test_a_site_without_an_address_claims_none(course: Course) -> None:
    site = course.root / "site"
    assert not any((site / name).exists() for name in ("sitemap.xml", "sitemap.xml.gz", "feed.xml", cards.FOLDER))
    assert "og:image" not in (site / "index.html").read_text(encoding="utf-8")
