"""Finding one's way: terms explained in place, topics, a search for ideas, the order of pages, links to the sources."""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from browser.support import PHONE, Open, Site

LESSON = "lessons/13_direct_preference_optimization/"
TERM = 'a.term[href$="#kl-divergence"]'
REPOSITORY = "https://github.com/example/course"
SOURCES = Path("src/course/lessons")

MARKED = "(links) => links.map((link) => link.hash.slice(1))"
BEST = """(links) => links.slice(0, 2).map((link) => new URL(link.href)).map((url) => url.pathname + url.hash)"""
"""Addresses of the best result and of the section of it that comes first, without the words to be highlighted."""


def shown(page: Page) -> str:
    """What the open box says."""
    return " ".join(page.locator("#explained").inner_text().split())


def scrolled(page: Page, selector: str) -> None:
    """Bring the first match to the middle of the window, where a box has room on either side."""
    page.locator(selector).first.evaluate("(e) => e.scrollIntoView({ block: 'center', behavior: 'instant' })")


# ---------- terms ----------


def test_a_term_is_explained_on_hover(open_page: Open) -> None:
    watched = open_page(LESSON)
    page, term = watched.page, watched.page.locator(TERM).first
    scrolled(page, TERM)
    before = page.evaluate("document.documentElement.scrollHeight")
    term.hover()
    expect(page.locator("#explained")).to_be_visible()
    assert "how far one probability distribution is from another" in shown(page)
    assert page.evaluate("document.documentElement.scrollHeight") == before, "the box moves the page"
    page.locator("#explained").hover()
    page.wait_for_timeout(400)
    expect(page.locator("#explained")).to_be_visible()
    page.mouse.move(2, 2)
    expect(page.locator("#explained")).to_have_count(0)
    assert watched.errors == []


def test_a_term_is_explained_on_focus_and_describes_itself(open_page: Open) -> None:
    page = open_page(LESSON).page
    term = page.locator(TERM).first
    scrolled(page, TERM)
    term.focus()  # by script, which counts as the keyboard where no pointer was used
    expect(page.locator("#explained")).to_be_visible()
    assert term.get_attribute("aria-describedby") == "explained"
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="In the glossary")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#explained")).to_have_count(0)
    expect(term).to_be_focused()
    assert term.get_attribute("aria-describedby") is None


def test_a_tap_opens_the_definition_and_leaves_the_page_only_from_there(open_page: Open) -> None:
    page = open_page(LESSON, viewport=PHONE, has_touch=True).page
    scrolled(page, TERM)
    page.locator(TERM).first.tap()
    box = page.locator("#explained")
    expect(box).to_be_visible()
    left, right = box.evaluate("(e) => [e.getBoundingClientRect().left, e.getBoundingClientRect().right]")
    assert left >= 0
    assert right <= PHONE["width"]
    assert urlsplit(page.url).path.endswith(LESSON)
    page.locator("h1").evaluate("(e) => e.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))")
    expect(box).to_have_count(0)
    page.locator(TERM).first.tap()
    page.get_by_role("link", name="In the glossary").tap()
    expect(page).to_have_url(re.compile(r"/glossary/#kl-divergence$"))


def test_terms_are_links_to_the_glossary_without_a_script(open_page: Open) -> None:
    page = open_page(LESSON, java_script_enabled=False).page
    page.locator(TERM).first.click()
    expect(page).to_have_url(re.compile(r"/glossary/#kl-divergence$"))
    entry = page.locator("#kl-divergence")
    expect(entry).to_have_text(re.compile("KL divergence"))
    lesson = entry.locator("xpath=following-sibling::p[contains(@class, 'term-lesson')][1]/a")
    assert "13_direct_preference_optimization/#" in (lesson.get_attribute("href") or "")


def test_every_marked_term_is_in_the_glossary_and_only_once_a_lesson(site: Site, open_page: Open) -> None:
    page = open_page("glossary/").page
    entries = set(page.locator("h3[id]").evaluate_all("(all) => all.map((heading) => heading.id)"))
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/", wait_until="commit")
        page.locator("#exercises").wait_for(state="attached")
        marked: list[str] = page.locator(".md-content a.term").evaluate_all(MARKED)
        assert set(marked) <= entries
        assert len(marked) == len(set(marked)), slug
        assert len(marked) >= 20, f"{slug}: no terms marked"


# ---------- topics and the order of pages ----------


def test_a_lessons_topics_lead_to_lessons_about_them(site: Site, open_page: Open) -> None:
    page = open_page(LESSON).page
    page.get_by_role("list", name="Topics").get_by_role("link", name="KL divergence").click()
    expect(page).to_have_url(re.compile(r"/topics/#kl-divergence$"))
    about = page.locator("#kl-divergence ~ ul").first.get_by_role("link")
    assert [urlsplit(link).path.split("/")[-2] for link in about.evaluate_all("(all) => all.map((a) => a.href)")] == [
        "01_what_fine_tuning_changes",
        "13_direct_preference_optimization",
    ]


def test_next_and_previous_follow_the_lessons_across_modules(site: Site, open_page: Open) -> None:
    page = open_page("").page
    ways = {}
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/", wait_until="commit")
        page.locator(".md-footer__link--next").wait_for(state="attached")
        ways[slug] = [
            page.locator(f".md-footer__link--{way}").evaluate("(link) => link.href.split('/').at(-2)")
            for way in ("prev", "next")
        ]
    for before, after in pairwise(site.lessons):
        assert ways[before][1] == after
        assert ways[after][0] == before


# ---------- search ----------


@pytest.fixture(scope="module")
def indexed(site: Site) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((site.root / "search/search_index.json").read_text("utf-8"))["docs"]
    return found


def test_the_index_has_ideas_and_no_code_results_or_answers(site: Site, indexed: list[dict[str, str]]) -> None:
    lessons = [entry for entry in indexed if re.match(r"lessons/\d", entry["location"])]
    assert len(lessons) > 20 * len(site.lessons)
    for entry in lessons:
        assert "<pre>" not in entry["text"], entry["location"]
        assert not re.search(r"&gt;&gt;&gt;|\b(In|Out) ?\[\d*\]|Data as CSV|Reveal the result", entry["text"])
        assert "Not this." not in entry["text"], f"{entry['location']} gives an answer away"
    assert not any("notebook/" in entry["location"] for entry in indexed)


def test_a_search_finds_the_right_page_first(open_page: Open) -> None:
    page = open_page("").page
    wanted = {
        "rank": r"lessons/08_rank_or_target_modules/|glossary/#rank",
        "NF4": "glossary/#nf4",
        "KL": "glossary/#kl-divergence",
        "double quantization": "glossary/#double-quantization",
        "why is the loss going up": "glossary/#divergence",
        "LoRA": "lessons/07_lora_from_scratch/|glossary/#lora",
        "checkpointing": "glossary/#gradient-checkpointing",
        "CUDA out of memory": "glossary/#out-of-memory",
        "how many epochs": "glossary/#early-stopping",
    }
    query = page.locator(".md-search__input")
    first = page.locator(".md-search-result__item:first-child .md-search-result__link")
    query.click()
    for words, address in wanted.items():
        query.fill(words)
        query.press("End")  # Material listens to keys
        found: list[str] = []
        until = time.monotonic() + 15
        while not any(re.search(address, link) for link in found) and time.monotonic() < until:
            page.wait_for_timeout(100)
            found = first.evaluate_all(BEST)
        assert any(re.search(address, link) for link in found), f"{words}: {found}"
        assert not re.search(r">>>|In \[\d*\]:", page.locator(".md-search-result__list").inner_text()), words


# ---------- sources ----------


def test_each_section_leads_to_its_line(site: Site, open_page: Open, root: Path) -> None:
    page = open_page("").page
    (path,) = (root / SOURCES).glob("*/07_lora_from_scratch.py")
    lines = path.read_text(encoding="utf-8").split("\n")
    file = f"{REPOSITORY}/blob/main/{path.relative_to(root).as_posix()}"
    html = (site.root / "lessons/07_lora_from_scratch/index.html").read_text(encoding="utf-8")
    known, times = re.subn(r'(class="?page-source"?)', rf'\1 data-lines="{file}"', html)
    assert times == 1
    page.route("**/lessons/07_lora_from_scratch/", lambda route: route.fulfill(body=known, content_type="text/html"))
    page.goto(f"{site.url}lessons/07_lora_from_scratch/")
    pencils = page.locator("a.section-source")
    expect(pencils.last).to_be_attached()
    links = pencils.evaluate_all("(all) => all.map((a) => [a.href, a.parentElement.firstChild.textContent])")
    assert len(links) >= 20
    for link, title in links:
        address, _, line = link.partition("#L")
        assert address == file
        assert re.match(r"# #{2,3} ", lines[int(line) - 1]), line
        assert title.split()[0] in lines[int(line) - 1]


def test_without_a_repository_the_line_can_be_copied(open_page: Open, root: Path) -> None:
    page = open_page("lessons/07_lora_from_scratch/").page
    (path,) = (root / SOURCES).glob("*/07_lora_from_scratch.py")
    relative = path.relative_to(root).as_posix()
    expect(page.locator(".page-source")).to_contain_text(relative)
    assert page.locator("a[rel=edit]").count() == 0
    pencil = page.locator("#build-it").get_by_role("button", name="Edit this section")
    scrolled(page, "#build-it")
    page.locator("#build-it").hover()
    pencil.click()
    line = path.read_text(encoding="utf-8").split("\n").index("# ## Build it") + 1
    assert f"{relative}:{line}" in shown(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#explained").get_by_role("button", name="Copy").click()
    expect(page.locator("#explained")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{relative}:{line}"
