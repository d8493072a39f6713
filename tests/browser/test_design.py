"""What a reader sees of the whole: home, overview, way through the course, columns, paper, and the missing page."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from browser.support import DESKTOP, PHONE, Open, Site

SHEET = {"width": 665, "height": 950}
"""The text of an A4 sheet in CSS pixels."""

LINES = """() => {
    const lengths = [];
    for (const paragraph of document.querySelectorAll('.md-content__inner > p')) {
        const rows = new Map();
        const { top } = paragraph.getBoundingClientRect();
        const height = parseFloat(getComputedStyle(paragraph).lineHeight);
        const walker = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            for (let at = 0; at < node.length; at += 1) {
                const range = new Range();
                range.setStart(node, at);
                range.setEnd(node, at + 1);
                const box = range.getBoundingClientRect();
                const row = Math.floor(((box.top + box.bottom) / 2 - top) / height);
                rows.set(row, (rows.get(row) ?? 0) + 1);
            }
        }
        lengths.push(...[...rows.values()].slice(0, -1));
    }
    return lengths.sort((a, b) => a - b);
}"""
"""How many characters stand in each line of prose that is not a paragraph's last."""


def minutes(text: str) -> int:
    """``1 h 12 min`` in minutes."""
    return sum(int(n) * (60 if unit == "h" else 1) for n, unit in re.findall(r"(\d+) (h|min)", text))


def texts(page: Page, selector: str) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(selector).all_text_contents()]


def addresses(page: Page, selector: str) -> list[str]:
    found: list[str] = page.locator(selector).evaluate_all("(all) => all.map((link) => link.href)")
    return found


# ---------- home ----------


STOPS = """(all) => {
  const scrolls = (code) => code.scrollWidth > code.clientWidth;
  const wrong = all.filter((code) => scrolls(code) !== code.hasAttribute("tabindex"));
  return [wrong.map((code) => code.textContent.slice(0, 60)), all.filter(scrolls).length, all.length];
}"""


def test_home_counts_what_is_there(open_page: Open, site: Site) -> None:
    page = open_page("").page
    facts = texts(page, ".facts li")
    reading = [minutes(re.split(r"[·+]", text)[0]) for text in texts(page, ".lesson-card .lesson-times")]
    assert facts[0] == f"{len(site.lessons)} lessons"
    assert minutes(facts[1]) == sum(reading) > 0
    modules = [minutes(text.split("·")[1]) for text in texts(page, ".module-times")]
    assert sum(modules) == sum(reading)
    page.goto(site.url + "claims/")
    assert facts[3] == f"{page.locator('table.ledger tbody tr').count()} claims tested"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_first_screen_says_where_to_start(open_page: Open, site: Site, viewport: Any) -> None:
    page = open_page("", viewport=viewport).page
    start = page.locator(".home-actions a").first
    expect(start).to_be_in_viewport(ratio=1)
    expect(start).to_contain_text("Start with lesson 01: ")
    assert start.evaluate("(link) => link.href") == f"{site.url}lessons/{site.lessons[0]}/"
    assert texts(page, ".home-terms dt") == ["For whom", "What to know before", "What it costs"]


def test_home_shows_a_figure_that_a_lesson_recorded(open_page: Open) -> None:
    page = open_page("").page
    figure = page.locator(".home-figure figure")
    drawing = figure.locator("svg").get_attribute("aria-label")
    numbers = texts(page, ".home-figure figcaption data")
    assert numbers, "the caption binds no number"
    figure.locator("figcaption a.figure-source").click()
    there = page.locator("figure:target")
    expect(there).to_be_in_viewport()
    assert there.locator("svg").get_attribute("aria-label") == drawing
    assert texts(page, "figure:target figcaption data") == numbers


def test_the_place_to_continue_stands_before_the_lessons(open_page: Open) -> None:
    page = open_page("").page
    place = page.locator("[data-course=continue]")
    assert place.count() == 1
    first = page.locator(".lesson-card").first.element_handle()
    assert place.evaluate("(e, card) => e.compareDocumentPosition(card)", first) & 4  # the card follows


# ---------- the way through ----------


def test_a_worksheet_prints_without_answers(open_page: Open, site: Site) -> None:
    page = open_page("teach/").page
    sheets = addresses(page, "a[href$='worksheet/']")
    assert sheets == [f"{site.url}lessons/{slug}/worksheet/" for slug in site.lessons]
    for address in sheets:
        page.goto(address, wait_until="domcontentloaded")
        assert len(texts(page, "h3[id^=question]")) == 5
        assert page.locator("details, .why, .hint, [data-answer], [data-right], .output").count() == 0
    page.emulate_media(media="print")
    expect(page.locator(".worksheet-room").first).to_be_visible()


def test_the_overview_names_the_outcomes_of_every_lesson(open_page: Open, site: Site) -> None:
    page = open_page("lessons/").page
    lessons = page.locator(".lesson-outcomes")
    assert addresses(page, ".lesson-outcomes > a") == [f"{site.url}lessons/{slug}/" for slug in site.lessons]
    for at, slug in enumerate(site.lessons):
        objectives = lessons.nth(at).locator(".objectives").inner_html()
        assert objectives.count("<li>") > 1
        page.goto(f"{site.url}lessons/{slug}/", wait_until="domcontentloaded")
        assert page.locator(".lesson-meta .objectives").inner_html() == objectives
        page.goto(f"{site.url}lessons/", wait_until="commit")


def links_of(site: Site, page: str, mark: str) -> list[str]:
    """The pages that links with ``mark`` among their attributes lead to."""
    text = (site.root / page / "index.html").read_text(encoding="utf-8")
    tags = [tag.replace('"', "") for tag in re.findall(r"<a [^>]*>", text)]
    found = [match[1] for tag in tags if mark in tag and (match := re.search(r"href=([^#\s>]*)", tag))]
    return [urljoin(site.url + page, link).removeprefix(site.url) for link in found]


def test_next_leads_through_all_lessons_in_their_order_and_previous_back(site: Site) -> None:
    way = ["", "lessons/", *(f"lessons/{slug}/" for slug in site.lessons)]
    for before, after in pairwise(way):
        assert links_of(site, before, "md-footer__link--next") == [after]
        assert links_of(site, after, "md-footer__link--prev") == [before]


def test_the_header_leads_everywhere_and_tells_where_one_is(open_page: Open, site: Site) -> None:
    page = open_page(f"lessons/{site.lessons[0]}/").page
    links = [link.removeprefix(site.url) for link in addresses(page, ".site-links a")]
    assert len(links) >= 4
    assert addresses(page, ".site-links [aria-current=true]") == [f"{site.url}lessons/"]
    assert links_of(site, "", "aria-current") == []
    for link in links:
        assert links_of(site, link, "aria-current=page") == [link]
    page.locator(".lesson-kicker a").click()
    expect(page.locator("h2:target")).to_be_in_viewport()


def test_a_phone_has_the_whole_navigation_in_the_drawer(open_page: Open, site: Site) -> None:
    page = open_page("", viewport=PHONE, reduced_motion="reduce").page
    assert page.locator(".site-links").count() == 1
    assert not page.locator(".site-links").is_visible()
    page.locator("label[for=__drawer].md-header__button").click()
    expect(page.locator(".md-nav--primary").get_by_role("link", name="Glossary")).to_be_visible()


# ---------- columns ----------


def test_lines_of_prose_have_a_good_length(open_page: Open, site: Site) -> None:
    page = open_page(f"lessons/{site.lessons[0]}/").page
    lengths = page.evaluate(LINES)
    assert len(lengths) > 50
    assert 62 <= lengths[len(lengths) // 2] <= 76


@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 900}])
def test_the_button_to_copy_lies_over_no_code_until_it_is_wanted(open_page: Open, site: Site, size: object) -> None:
    page = open_page(f"lessons/{site.lessons[0]}/", viewport=size).page
    block = page.locator(".md-content__inner > .highlight").first
    button = block.locator(".md-code__nav")
    page.mouse.move(0, 0)
    block.scroll_into_view_if_needed()  # which brings the button
    expect(button).to_have_css("opacity", "0")
    block.hover()
    expect(button).to_have_css("opacity", "1")
    page.mouse.move(0, 0)
    block.locator("button").focus()
    expect(button).to_have_css("opacity", "1")


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_code_is_a_stop_for_the_keyboard_where_it_scrolls(open_page: Open, site: Site, size: object) -> None:
    page = open_page(f"lessons/{site.lessons[0]}/", viewport=size).page
    page.locator(".question.is-live").first.wait_for(state="attached")  # all scripts have run
    wrong, scrolling, count = page.locator(".md-content pre > code:visible").evaluate_all(STOPS)
    assert wrong == []
    assert scrolling > 0 if size == PHONE else scrolling < count


# ---------- paper ----------


def printed(open_page: Open, path: str) -> Page:
    """The page as it is set for paper, by a reader who has the dark theme."""
    page = open_page(path, viewport=SHEET, color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    return page


SHUT = """(all) => all.filter((fold) => fold.checkVisibility() && ![...fold.children].some(
    (part) => part.tagName !== 'SUMMARY' && part.checkVisibility() && part.getBoundingClientRect().height > 8,
)).map((fold) => fold.querySelector('summary').textContent)"""
CLIPPED = """(all) => all.filter((part) => {
    const hides = getComputedStyle(part).overflowX !== 'visible' && part.scrollWidth > part.clientWidth + 1;
    return hides || part.getBoundingClientRect().right > innerWidth + 1;
}).map((part) => `${part.tagName}.${part.className} ${part.textContent.slice(0, 60)}`)"""


def test_paper_shows_every_folded_part_and_clips_nothing(open_page: Open, site: Site) -> None:
    page = printed(open_page, "")
    told = []
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/", wait_until="domcontentloaded")
        page.locator(".question.is-live").first.wait_for(state="attached")
        folds = page.locator(".md-content details")
        assert folds.count() > 5, slug
        assert folds.evaluate_all(SHUT) == [], slug
        boxes = page.locator(".md-content :is(pre, code, .table-scroll, .math, svg.figure)")
        assert boxes.count() > 20, slug
        assert boxes.evaluate_all(CLIPPED) == [], slug
        assert page.locator(".question .answers").first.is_visible()
        told += page.locator("details.reveal > summary").evaluate_all(
            "(all) => all.map((label) => getComputedStyle(label, '::before').content)"
        )
    assert set(told) == {'"The result"'}


def test_paper_names_addresses_and_leaves_the_screen_behind(open_page: Open, site: Site) -> None:
    page = printed(open_page, f"lessons/{site.lessons[0]}/")
    link = page.locator(".md-content a[href^='https://']").first
    shown = link.evaluate("(a) => getComputedStyle(a, '::after').content")
    assert link.get_attribute("href") in shown
    for part in (".md-header", ".md-sidebar", ".md-footer", ".downloads", ".quiz-buttons", ".headerlink"):
        assert page.locator(part).count() > 0, part
        assert page.locator(part).filter(visible=True).count() == 0, part
    ground = page.locator("body").evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert ground == "rgb(255, 255, 255)"


def test_a_lesson_prints_to_pages(open_page: Open, site: Site) -> None:
    page = open_page(f"lessons/{site.lessons[0]}/").page
    made = page.pdf(prefer_css_page_size=True, format="A4")
    assert made.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", made)) > 5


# ---------- nowhere ----------


def test_the_page_that_is_not_there_helps(open_page: Open, site: Site) -> None:
    watched = open_page("404.html")
    page = watched.page
    expect(page.locator("h1")).to_have_text("This page is not here")
    links = addresses(page, ".signposts a")
    assert {urljoin(site.url, path) for path in ("", "lessons/", *(f"lessons/{slug}/" for slug in site.lessons))} <= {
        link.removesuffix("index.html").removesuffix("./") for link in links
    }
    page.keyboard.press("/")
    expect(page.locator(".md-search__input")).to_be_focused()
    assert watched.errors == []
