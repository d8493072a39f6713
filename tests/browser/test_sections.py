"""Sections of depth as readers meet them: folded, linked to, printed, searched, and without scripts."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.support import Open, Site


def address(site: Site, page: Page) -> str:
    """The address of the first section of depth, whose page is opened."""
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        if (found := page.locator("h2:has(+ .deeper)")).count():
            return f"lessons/{slug}/#{found.first.get_attribute('id')}"
    pytest.fail("no lesson has a section of depth")


def fold(page: Page) -> Locator:
    return page.locator("details.deeper").first


def test_an_address_opens_the_section_it_leads_to(site: Site, open_page: Open) -> None:
    page = open_page("").page
    where = address(site, page)
    expect(fold(page)).not_to_have_attribute("open", "")
    heading = where.partition("#")[2]
    page.evaluate("(name) => { location.hash = name }", heading)
    expect(fold(page)).to_have_attribute("open", "")
    cell = fold(page).locator("span[id^=cell-]").first.get_attribute("id")
    other = open_page(where.replace(heading, str(cell)))  # something in it
    expect(fold(other.page)).to_have_attribute("open", "")
    assert other.errors == []


def test_the_keyboard_opens_it_without_scripts(site: Site, open_page: Open) -> None:
    page = open_page("", java_script_enabled=False).page
    address(site, page)
    inside = fold(page).locator("p").first
    expect(inside).to_be_hidden()
    fold(page).locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(inside).to_be_visible()


def test_it_prints_open_and_is_searched(site: Site, open_page: Open) -> None:
    page = open_page("").page
    where = address(site, page)
    page.emulate_media(media="print")
    expect(fold(page).locator("p").first).to_be_visible()
    expect(fold(page).locator("summary").first).to_be_hidden()
    index = json.loads((site.root / "search/search_index.json").read_text())["docs"]
    (found,) = (entry for entry in index if entry["location"] == where)
    words = (fold(page).locator("p").first.text_content() or "").split()
    assert words[0] in found["text"]
    assert "Open this section" not in found["text"]
