"""Small things a reader meets on every page: wide parts, answers, checklists, the keyboard's way, a phone's menu."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.support import DESKTOP, PHONE, Open, Site

LESSON = "lessons/13_direct_preference_optimization/"
OPEN_ALL = "document.querySelectorAll('details').forEach((fold) => { fold.open = true })"
BLIND = """() => [...document.querySelectorAll('.md-content *')]
    .filter((e) => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
    .filter((e) => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))
    .filter((e) => !getComputedStyle(e).backgroundAttachment.includes('local')).map((e) => e.outerHTML.slice(0, 100))"""
"""Parts that scroll sideways and do not show it."""
WIDE = "(all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.slice(0, 60))"
STOPS = """() => {
    const selector = 'a[href], button, input, select, textarea, summary, [tabindex]';
    const all = [...document.querySelectorAll(selector)].filter((e) => e.tabIndex >= 0 && !e.disabled
        && e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length);
    const groups = new Set();
    return all.filter((e) => e.type !== 'radio' || (!groups.has(e.name) && groups.add(e.name))).length;
}"""


# ---------- what is wide ----------


@pytest.mark.parametrize("page", [LESSON, f"{LESSON}notebook/", "contribute/bench/"])
def test_what_scrolls_on_a_phone_shows_that(open_page: Open, page: str) -> None:
    opened = open_page(page, viewport=PHONE).page
    opened.evaluate(OPEN_ALL)
    assert opened.evaluate(BLIND) == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_answers_of_models_stand_in_cards_and_wrap(open_page: Open, size: Any) -> None:
    page = open_page(LESSON, viewport=size).page
    page.evaluate(OPEN_ALL)
    texts = page.locator(".output--answers pre, .output--prose pre")
    assert texts.count() > 6
    assert texts.evaluate_all(WIDE) == []
    cards = page.locator(".answer-cards").first.locator("li")
    tops = cards.evaluate_all("(all) => all.map((card) => Math.round(card.getBoundingClientRect().top))")
    assert len(tops) == 3
    assert len(set(tops)) == (1 if size is DESKTOP else 3), "side by side where there is room"


# ---------- checklists ----------


def boxes(page: Page) -> list[bool]:
    found: list[bool] = page.locator(".task-list-item input").evaluate_all("(all) => all.map((box) => box.checked)")
    return found


def test_a_checklist_is_ticked_by_keyboard_and_stays_so(open_page: Open) -> None:
    watched = open_page(LESSON)
    page = watched.page
    box = page.get_by_role("checkbox", name="The first loss is log 2.")
    box.focus()
    page.keyboard.press("Space")
    expect(box).to_be_checked()
    page.locator(".task-list label").nth(3).click()
    page.reload()
    assert [place for place, ticked in enumerate(boxes(page)) if ticked] == [1, 3]
    page.get_by_role("checkbox", name="The first loss is log 2.").uncheck()
    page.reload()
    assert [place for place, ticked in enumerate(boxes(page)) if ticked] == [3]
    assert watched.errors == []


def test_ticks_travel_in_the_progress_file_and_are_forgotten(open_page: Open, site: Site) -> None:
    page = open_page(LESSON).page
    page.locator(".task-list label").first.click()
    page.goto(f"{site.url}progress/")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save to a file").click()
    text = saved.value.path().read_text(encoding="utf-8")
    (key,) = [key for key in json.loads(text)["entries"] if key.startswith("check:")]
    assert key.startswith("check:13_direct_preference_optimization:")
    page.get_by_role("button", name="Forget everything").click()
    page.get_by_role("button", name="Forget it").click()
    assert page.evaluate("(key) => localStorage.getItem(key)", key) is None
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Take in a file").click()
    chooser.value.set_files({"name": "p.json", "mimeType": "application/json", "buffer": text.encode()})
    expect(page.get_by_role("status").filter(has_text="Took in")).to_be_visible()
    page.goto(site.url + LESSON)
    assert boxes(page)[:2] == [True, False]


def test_a_checklist_is_boxes_without_scripts_and_on_paper(open_page: Open) -> None:
    page = open_page(LESSON, java_script_enabled=False).page
    box = page.locator(".task-list-item input").first
    expect(box).to_be_disabled()
    page.emulate_media(media="print")
    expect(box).to_be_visible()


# ---------- the keyboard ----------


def test_no_heading_is_a_stop_of_tab_and_each_can_be_reached(open_page: Open, site: Site) -> None:
    page = open_page(LESSON).page
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        expect(page.locator(".section-lines")).to_be_attached()
        assert page.locator(":is(h1, h2, h3) :is(.headerlink, .section-source)").evaluate_all(
            "(all) => all.length > 20 && all.every((e) => e.tabIndex === -1)"
        )
        assert page.evaluate(STOPS) < 215
    lines = page.locator(".section-lines")
    lines.locator("summary").focus()
    page.keyboard.press("Enter")
    assert lines.locator("li").count() == page.locator("[data-line]").count()
    assert "A reward hidden in a ratio: src/course/lessons/" in lines.inner_text().replace("\n", " ")


def test_the_first_stop_leads_to_the_title_of_every_page(open_page: Open, site: Site) -> None:
    page = open_page("").page
    page.keyboard.press("Tab")
    expect(page.locator(".md-skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1:target")).to_be_in_viewport()
    for address in site.pages:
        text = (site.root / address / "index.html").read_text(encoding="utf-8")
        target = re.search(r'<a href="?#([^"\s]+)"? class="?md-skip', text)
        assert target, address
        assert re.search(rf'<h1[^<>]* id="?{re.escape(target[1])}[">\s]', text), address


def test_back_to_top_covers_no_heading(open_page: Open) -> None:
    page = open_page(LESSON, viewport=PHONE).page
    page.evaluate("scrollTo({ top: 3000, behavior: 'instant' })")
    page.wait_for_timeout(200)
    page.evaluate("scrollTo({ top: 2700, behavior: 'instant' })")
    button = page.get_by_role("button", name="Back to top")
    expect(button).to_be_visible()
    page.wait_for_timeout(300)
    box = button.bounding_box()
    assert box
    assert box["y"] > PHONE["height"] - 60
    assert box["x"] > PHONE["width"] - 60
    button.click()
    page.wait_for_function("scrollY < 50")


# ---------- a phone ----------


def test_a_phone_s_menu_opens_on_the_modules(open_page: Open) -> None:
    page = open_page(LESSON, viewport=PHONE).page
    page.locator(".md-header label[for=__drawer]").click()
    module = page.locator(".md-nav__title", has_text="Foundations").locator("visible=true")
    page.wait_for_timeout(400)
    for name in ("Foundations", "Transfer learning", "Alignment"):
        expect(page.locator(".md-nav--primary label.md-nav__link", has_text=name)).to_be_in_viewport()
    page.locator(".md-nav--primary label.md-nav__link", has_text="Foundations").click()
    expect(page.get_by_role("link", name="02 Where the memory goes")).to_be_in_viewport()
    expect(module).to_be_in_viewport()


def test_a_field_for_a_number_brings_the_keyboard_of_numbers(open_page: Open, site: Site) -> None:
    page = open_page(LESSON).page
    decimal = 0
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        for question in page.locator(".question[data-kind=number], .predict[data-kind=number]").all():
            field = question.locator("input[type=text]")
            below = (question.get_attribute("data-answer") or "").startswith("-")
            expect(field).to_have_attribute("inputmode", "text" if below else "decimal")
            decimal += not below
    assert decimal > 5


def test_the_notebook_view_leads_back(open_page: Open, site: Site) -> None:
    page = open_page(f"{LESSON}notebook/").page
    page.get_by_role("link", name="Back to the lesson").click()
    expect(page).to_have_url(site.url + LESSON)
