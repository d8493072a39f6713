"""Every page: opens clean, asks no other host, fits a phone, links to things that exist."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from playwright.sync_api import expect

from browser.support import PHONE, Open, Site

FITS = "() => [document.documentElement.scrollWidth, window.innerWidth]"
CULPRITS = """() => [...document.querySelectorAll('body *')]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility()
        && !e.parentElement.closest('pre, svg, math, table, .md-sidebar, .md-dialog, .md-search'))
    .slice(0, 5).map((e) => `${e.tagName}.${e.className}`)"""


class _Links(HTMLParser):
    """Addresses a page refers to, and the ids it offers."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id":
                self.ids.append(value)
            elif name in {"href", "src"}:
                self.links.append((tag, value))


def _read(path: Path) -> _Links:
    parser = _Links()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    return parser


@pytest.fixture(scope="session")
def parsed(site: Site) -> dict[str, _Links]:
    return {page: _read(site.root / page / "index.html") for page in site.pages}


def test_every_page_opens_clean(site: Site, open_page: Open) -> None:
    problems = []
    watched = open_page("")
    for page in site.pages:
        watched.page.goto(site.url + page, wait_until="load")
        problems += [f"{page}: {problem}" for problem in (*watched.errors, *watched.foreign)]
        watched.errors.clear()
        watched.foreign.clear()
    assert site.lessons, "the site has no lessons"
    assert problems == []


def test_no_page_scrolls_sideways_on_a_phone(site: Site, open_page: Open) -> None:
    page = open_page("", viewport=PHONE, reduced_motion="reduce").page
    wide = []
    for path in site.pages:
        page.goto(site.url + path, wait_until="load")
        page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
        for scheme in ("default", "slate"):
            page.evaluate("(scheme) => document.body.setAttribute('data-md-color-scheme', scheme)", scheme)
            scroll, inner = page.evaluate(FITS)
            if scroll > inner:
                wide.append((path, scheme, scroll, page.evaluate(CULPRITS)))
    assert wide == []


@pytest.mark.parametrize(("system", "scheme"), [("light", "default"), ("dark", "slate")])
def test_the_theme_follows_the_system(open_page: Open, system: str, scheme: str) -> None:
    page = open_page("", color_scheme=system).page
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", scheme)


def test_the_theme_can_be_switched_and_is_remembered(open_page: Open) -> None:
    page = open_page("", color_scheme="light").page
    body = page.locator("body")
    before = body.evaluate("(e) => getComputedStyle(e).backgroundColor")
    page.get_by_title("Switch to the dark theme").click()
    assert body.get_attribute("data-md-color-scheme") == "slate"
    assert body.evaluate("(e) => getComputedStyle(e).backgroundColor") != before
    page.reload()
    assert body.get_attribute("data-md-color-scheme") == "slate"


def test_who_chooses_what_the_system_has_follows_the_system_again(open_page: Open) -> None:
    page = open_page("", color_scheme="light").page
    body = page.locator("body")
    page.get_by_title("Switch to the dark theme").click()
    page.emulate_media(color_scheme="dark")  # now as chosen
    page.emulate_media(color_scheme="light")
    expect(body).to_have_attribute("data-md-color-scheme", "slate")
    page.get_by_title("Switch to the light theme").click()
    page.emulate_media(color_scheme="dark")
    expect(body).to_have_attribute("data-md-color-scheme", "slate")
    page.reload()
    expect(body).to_have_attribute("data-md-color-scheme", "slate")


def test_downloads_exist_and_hold_something(site: Site, open_page: Open) -> None:
    page = open_page("").page
    for slug in site.lessons:
        address = f"{site.url}lessons/{slug}/"
        page.goto(address, wait_until="domcontentloaded")
        links = page.locator(".downloads a, .data-link a").evaluate_all("(all) => all.map((link) => link.href)")
        assert links, f"{slug} offers no downloads"
        for link in links:
            answer = page.request.get(link)
            assert answer.status == 200, f"{slug}: {link} answers {answer.status}"
            assert answer.body(), f"{slug}: {link} is empty"


def test_internal_links_and_anchors_resolve(site: Site, parsed: dict[str, _Links]) -> None:
    broken = []
    for page, found in parsed.items():
        for tag, link in found.links:
            target = urlsplit(urljoin(site.url + page, link))
            if target.scheme not in {"http", "https"} or target.netloc != urlsplit(site.url).netloc:
                continue
            path = unquote(target.path).lstrip("/")
            file = site.root / path
            if file.is_dir() or not path:
                file = file / "index.html"
            if not file.is_file():
                broken.append(f"{page}: {tag} {link}")
            elif target.fragment and file.name == "index.html":
                key = file.parent.relative_to(site.root).as_posix()
                ids = parsed["" if key == "." else f"{key}/"].ids
                if unquote(target.fragment) not in ids and not target.fragment.startswith("__"):
                    broken.append(f"{page}: no anchor {link}")
    assert broken == []


def test_ids_are_unique(parsed: dict[str, _Links]) -> None:
    twice = {page: sorted({i for i in found.ids if found.ids.count(i) > 1}) for page, found in parsed.items()}
    assert {page: ids for page, ids in twice.items() if ids} == {}


def test_figures_have_names(site: Site) -> None:
    for slug in site.lessons:
        text = (site.root / "lessons" / slug / "index.html").read_text(encoding="utf-8")
        figures = re.findall(r'<svg\b[^>]*?\bclass="?figure\b[^>]*>(?:<title[^>]*>[^<]*</title>)?', text)
        assert figures, f"{slug} has no figure"
        for figure in figures:
            assert re.search(r'\srole="?img\b', figure), f"{slug}: {figure}"
            label = re.search(r'\saria-label="([^"]*)"', figure) or re.search(r"<title[^>]*>([^<]*)<", figure)
            assert label, f"{slug}: {figure}"
            assert len(label[1].strip()) >= 10, f"{slug}: {figure}"


def test_print_hides_the_frame_and_stays_light(site: Site, open_page: Open) -> None:
    page = open_page(f"lessons/{site.lessons[0]}/", color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    for part in (".md-header", ".md-sidebar--primary"):
        assert page.locator(part).count() == 1
        assert not page.locator(part).is_visible()
    ink = page.locator("h1").evaluate("(e) => getComputedStyle(e).color")
    assert ink == "rgb(29, 36, 40)"
