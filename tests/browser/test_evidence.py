"""Every bound number can be followed to the cell and the run that made it: by mouse, touch and keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.support import DESKTOP, PHONE, Open, Site

BLOCK = re.compile(r'<script type="?application/json"? class="?evidence"?>(.*?)</script>', re.S)
STOPS = "(all) => all.filter((number) => number.tabIndex === 0).length"
MARK = "(number) => getComputedStyle(number).backgroundColor + getComputedStyle(number).textDecorationLine"
BOX = ".explained"


class Numbers(HTMLParser):
    """The attributes of every number of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "data":
            self.found.append({name: value or "" for name, value in attrs})


def evidence(text: str) -> dict[str, Any]:
    runs: dict[str, Any] = {}
    for block in BLOCK.findall(text):
        runs |= json.loads(block)["runs"]
    return runs


def keys(title: str, listed: str | None) -> set[str]:
    """The keys that a number was made from."""
    return set((title if listed is None else listed).split())


def keys_of(number: Locator) -> set[str]:
    return keys(number.get_attribute("title") or "", number.get_attribute("data-keys"))


def test_every_key_of_every_number_leads_to_a_cell(site: Site) -> None:
    pages, lost, numbers = set(), [], 0
    for page in site.pages:
        text = (site.root / page / "index.html").read_text(encoding="utf-8")
        runs = evidence(text)
        known = {key: (run["page"], cell) for run in runs.values() for cell, _, names in run["cells"] for key in names}
        for number in Numbers(text).found:
            numbers += 1
            pages.add(page)
            assert number["title"]
            for key in keys(number["title"], number.get("data-keys")):
                if key not in known:
                    lost.append(f"{page}: {key}")
                    continue
                where, cell = known[key]
                target = (
                    (site.root / page / where / "index.html").resolve() if where else site.root / page / "index.html"
                )
                if not re.search(rf'id="?cell-{cell}"?[ >]', target.read_text(encoding="utf-8")):
                    lost.append(f"{page}: {key} has no cell {cell}")
    assert lost == []
    assert numbers > 300
    assert {"", "claims/", *(f"lessons/{slug}/" for slug in site.lessons)} <= pages


def test_evidence_is_light(site: Site) -> None:
    for slug in site.lessons:
        (block,) = BLOCK.findall((site.root / "lessons" / slug / "index.html").read_text(encoding="utf-8"))
        assert 200 < len(block) < 6_000, slug


def lesson(site: Site, page: Page, selector: str) -> str:
    """Opens the first lesson that has ``selector``."""
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        if page.locator(selector).count():
            return slug
    pytest.fail(f"no lesson has {selector}")


def test_a_bound_text_is_explained_by_what_decided_it(site: Site, open_page: Open) -> None:
    page = open_page("").page
    lesson(site, page, ".md-content p > data[value='']")
    said = page.locator(".md-content p > data[value='']").first
    expression = said.get_attribute("title")
    said.hover()
    expect(page.locator(BOX)).to_contain_text(f"{expression} = {said.inner_text()}")


def test_hovering_names_key_value_kind_and_run_and_leads_to_the_cell(site: Site, open_page: Open) -> None:
    watched = open_page("")
    page = watched.page
    lesson(site, page, ".md-content p > data")
    number = page.locator(".md-content p > data").first
    expression, exact = number.get_attribute("title"), number.get_attribute("value") or ""
    number.hover()
    box = page.locator(BOX)
    expect(box).to_be_visible()
    expect(box).to_contain_text(f"{expression} = {exact.replace('-', '−')}")
    expect(box).to_contain_text(re.compile("Exact:|Relative:|Measured:|Arithmetic"))
    expect(box).to_contain_text(re.compile(r"Ran \d{4}-\d\d-\d\d on cpu, .+ threads; profile laptop\."))
    assert number.get_attribute("title") is None  # the browser would show it too
    assert number.get_attribute("aria-describedby") == box.get_attribute("id")
    link = box.get_by_role("link").first
    target = (link.get_attribute("href") or "").removeprefix("#")
    link.click()  # the pointer may go into the box
    assert page.url.endswith(f"#{target}")
    expect(page.locator(f"#{target}")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    assert watched.errors == []


def test_an_expression_over_several_values_names_all_cells(site: Site, open_page: Open) -> None:
    page = open_page("").page
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        cells = {
            key: cell for run in evidence(page.content()).values() for cell, _, names in run["cells"] for key in names
        }
        for number in page.locator(".md-content p:not(.is-veiled) > data").all():
            wanted = {f"#cell-{cells[key]}" for key in keys_of(number)}
            if len(wanted) > 1:
                number.hover()
                links = page.locator(BOX).get_by_role("link")
                expect(links).to_have_count(len(wanted))
                assert {link.get_attribute("href") for link in links.all()} == wanted
                return
    pytest.fail("no number is made from values of several cells")


def test_a_tap_shows_the_box_and_another_closes_it(site: Site, open_page: Open) -> None:
    page = open_page("", viewport=PHONE, has_touch=True, is_mobile=True).page
    lesson(site, page, ".md-content p > data")
    number = page.locator(".md-content p > data").first
    number.tap()
    box = page.locator(BOX)
    expect(box).to_be_visible()
    edges = box.bounding_box()
    assert edges
    assert edges["x"] >= 0
    assert edges["x"] + edges["width"] <= PHONE["width"]
    number.tap()
    expect(box).to_be_hidden()


def test_numbers_are_stops_of_tab_on_demand_only(site: Site, open_page: Open) -> None:
    page = open_page("").page
    slug = lesson(site, page, ".md-content p > data")
    numbers = page.locator("data")
    assert numbers.evaluate_all(STOPS) == 0
    switch = page.get_by_role("button", name="Show where each number comes from")
    expect(switch).to_have_attribute("aria-pressed", "false")
    before = page.locator("h2").first.bounding_box()
    told = page.locator(".lesson-evidence").get_by_role("status")
    number = page.locator(".md-content p > data").first
    unmarked = number.evaluate(MARK)
    expect(told).to_be_empty()
    switch.focus()
    page.keyboard.press("Enter")
    expect(switch).to_have_attribute("aria-pressed", "true")
    assert page.locator("h2").first.bounding_box() == before
    stops = numbers.evaluate_all(STOPS)
    assert stops > 20
    expect(told).to_contain_text(f"{stops} numbers are marked")
    assert number.evaluate(MARK) != unmarked

    for _ in range(40):  # topics and downloads come before
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName === 'DATA'"):
            break
    box = page.locator(BOX)
    expect(box).to_be_visible()
    expect(number).to_be_focused()
    page.keyboard.press("Tab")
    expect(box.get_by_role("link").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    expect(number).to_be_focused()

    page.goto(f"{site.url}claims/")  # it holds for all pages, and for the next visit
    assert numbers.evaluate_all(STOPS) > 20
    page.goto(f"{site.url}lessons/{slug}/")
    expect(told).to_contain_text(f"{stops} numbers are marked")
    switch.click()
    expect(told).to_be_empty()
    assert number.evaluate(MARK) == unmarked
    assert numbers.evaluate_all(STOPS) == 0
    page.reload()
    assert numbers.evaluate_all(STOPS) == 0


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_the_switch_leads_to_what_it_marked(site: Site, open_page: Open, size: Any) -> None:
    page = open_page("", viewport=size).page
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        page.evaluate("localStorage.clear()")
        page.reload()
        page.get_by_role("button", name="Show where each number comes from").click()
        page.get_by_role("button", name="Go to the first").click()
        number = page.locator("data:focus")
        expect(number).to_be_in_viewport()
        expect(page.locator(BOX)).to_be_in_viewport()
        expect(page.locator(BOX)).to_contain_text(f"{number.get_attribute('data-expression')} = ")


def test_numbers_of_the_ledger_and_of_the_home_page_lead_to_their_lesson(site: Site, open_page: Open) -> None:
    page = open_page("claims/").page
    row = page.locator("tr[data-run]").filter(has=page.locator("data")).last
    there = row.get_by_role("link", name="Lesson").get_attribute("href") or ""
    for address, number, lesson_page in (
        ("claims/", row.locator("data").first, there.partition("#")[0]),
        ("", page.locator("[data-run] data").first, ""),
    ):
        page.goto(site.url + address)
        number.scroll_into_view_if_needed()
        number.hover()
        link = page.locator(BOX).get_by_role("link").first
        href = link.get_attribute("href") or ""
        assert href.partition("#")[0].endswith(lesson_page)
        link.click()
        expect(page).to_have_url(re.compile(r"/lessons/\d\d_\w+/#cell-\d+$"))
        expect(page.locator(f"#{page.url.partition('#')[2]}")).to_have_count(1)


def test_a_cell_inside_a_fold_is_shown(site: Site, open_page: Open) -> None:
    page = open_page("").page
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        folded = set(
            page.locator("details.success span[id^=cell-]").evaluate_all("(all) => all.map((cell) => cell.id)")
        )
        cells = {
            key: f"cell-{cell}"
            for run in evidence(page.content()).values()
            for cell, _, names in run["cells"]
            for key in names
        }
        for number in page.locator("details.success data").all():
            name = number.get_attribute("title") or ""
            if cells.get(name) in folded:
                page.evaluate("document.querySelectorAll('details.success').forEach((fold) => { fold.open = true })")
                number.hover()
                link = page.locator(BOX).get_by_role("link").first
                expect(link).to_be_visible()
                held = link.element_handle()
                page.evaluate("document.querySelectorAll('details.success').forEach((fold) => { fold.open = false })")
                held.evaluate("(link) => link.click()")  # the box went with the fold
                expect(page.locator("details.success[open]").locator(f"#{cells[name]}")).to_have_count(1)
                return
    pytest.fail("no number comes from a folded cell")


def test_without_scripts_a_number_has_its_title_and_the_head_leads_to_the_run(site: Site, open_page: Open) -> None:
    page = open_page(f"lessons/{site.lessons[0]}/", java_script_enabled=False).page
    number = page.locator("data").first
    assert number.get_attribute("title")
    assert number.get_attribute("value")
    page.get_by_role("link", name="Where these numbers come from").click()
    assert page.url.endswith("#where-from")
    expect(page.locator("details.provenance")).to_be_in_viewport()
