"""What the browser keeps for a reader: progress, reviews that come back, a file to take along, and the card."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.support import DESKTOP, PHONE, SHIFTS, Open, Site, moved

BROKEN_STORAGE = """Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("no", "SecurityError") },
})"""
KEPT = """() => Object.fromEntries(Object.keys(localStorage).sort()
    .filter((key) => /^(my|predict|quiz|read|review):/.test(key)).map((key) => [key, localStorage[key]]))"""
MONDAY = datetime(2026, 3, 2, 21, 0)


def _questions(page: Page) -> Locator:
    return page.locator(".quiz .question")


def _answer(question: Locator, *, right: bool) -> None:
    """Answers a question for good; a number that is wrong needs two tries."""
    check = question.get_by_role("button", name="Check", exact=True)
    if question.get_attribute("data-kind") == "choice":
        mark = "[data-right]" if right else ":not([data-right])"
        question.locator(f".option{mark} input").first.check()
        check.click()
        return
    for text in [question.get_attribute("data-answer") or ""] if right else ["-123456789", "-987654321"]:
        question.locator(".quiz-number input").fill(text)
        check.click()


def _lesson(site: Site) -> str:
    return f"lessons/{site.lessons[0]}/"


def _kept(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.evaluate(KEPT)
    return found


def _on(page: Page, days: int) -> None:
    """Sets the clock to the evening ``days`` after the first day."""
    page.clock.set_fixed_time(MONDAY + timedelta(days=days))


def _call(page: Page, module: str, name: str, *arguments: object) -> Any:
    found = f"import(new URL('{module}.js', document.querySelector('script[src*=\"/learn/\"]').src))"
    return page.evaluate(f"async (given) => (await {found}).{name}(...given)", list(arguments))


def test_a_question_comes_back_in_growing_gaps(site: Site, open_page: Open) -> None:
    watched = open_page("")
    page = watched.page
    due = page.locator("[data-course=due]")
    _on(page, 0)
    page.goto(site.url + _lesson(site))
    question = _questions(page).first
    _answer(question, right=False)
    expect(question.locator(".quiz-schedule")).to_have_text("Comes back for review tomorrow.")
    first = _kept(page)
    page.goto(f"{site.url}progress/")
    expect(due).to_have_text("Nothing is due. The next review is tomorrow.")

    for day, right, comes_back in [(1, True, "in 3 days"), (4, True, "in 7 days"), (11, False, "tomorrow")]:
        _on(page, day)
        page.goto(f"{site.url}progress/")
        expect(due).to_contain_text("1 question is due.")
        page.goto(site.url + _lesson(site))
        expect(question.get_by_role("link", name="Due for review: answer it again")).to_be_visible()
        page.goto(f"{site.url}progress/")
        due.locator("li a").click()
        expect(question).to_have_class("question is-live")  # blank
        expect(question).to_be_in_viewport()
        expect(question.locator(".quiz-news")).to_contain_text("Your earlier answer is kept")
        if day == 1:
            assert {key: _kept(page)[key] for key in first if key.startswith("quiz:")} == {
                key: value for key, value in first.items() if key.startswith("quiz:")
            }
        _answer(question, right=right)
        expect(question.locator(".quiz-schedule")).to_contain_text(f"Comes back for review {comes_back}.")
        expect(question.locator(".quiz-news")).to_have_count(0)
        assert "review" not in page.url
        page.reload()
        expect(question).to_have_class(f"question is-live {'is-right' if right else 'is-wrong'}")
        page.goto(f"{site.url}progress/")
        expect(due).to_contain_text("Nothing is due.")
    assert watched.errors == []


DAY = 86_400_000
MOVES = [  # box before, days since, right, box after
    (0, 0, True, 0), (0, 1, True, 1), (1, 2, True, 1), (1, 3, True, 2), (3, 21, True, 4), (4, 60, True, 4),
    (4, 3, False, 0), (2, 30, False, 0),
]  # fmt: skip


def test_right_answers_move_on_only_when_due(open_page: Open) -> None:
    page = open_page("").page
    now = int(MONDAY.timestamp() * 1000)
    for box, days, right, after in MOVES:
        before = {"hash": "ab", "box": box, "at": now - days * DAY}
        found = _call(page, "reviews", "moved", before, "ab", right, now)
        assert found["box"] == after, (box, days, right)
        assert (found == before) == (right and found["box"] == box and box < 4), (box, days, right)
    fresh = {"hash": "cd", "box": 0, "at": now}
    assert _call(page, "reviews", "moved", {"hash": "ab", "box": 3, "at": 0}, "cd", True, now) == fresh
    assert [_call(page, "reviews", "daysInWords", days) for days in (-2, -1, 0, 1, 21)] == [
        "2 days ago", "yesterday", "today", "tomorrow", "in 21 days",
    ]  # fmt: skip


def test_a_changed_question_is_due_and_says_so(site: Site, open_page: Open) -> None:
    page = open_page(_lesson(site)).page
    _on(page, 0)
    for place in range(2):
        _answer(_questions(page).nth(place), right=True)
    changed = _questions(page).nth(1).get_attribute("data-hash") or "?"

    def edit(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(changed, "0123456789ab"))

    page.route(re.compile(r"/(lessons/[^/]+|progress)/(\?|$)"), edit)
    page.goto(f"{site.url}progress/")
    due = page.locator("[data-course=due] li")
    expect(due).to_have_count(1)
    expect(due).to_contain_text("changed since you answered")
    due.get_by_role("link").click()
    expect(_questions(page).nth(1)).to_have_class("question is-live")
    page.goto(site.url + _lesson(site))
    expect(_questions(page).nth(1).locator(".quiz-news")).to_have_text("This question changed since you answered it.")
    _answer(_questions(page).nth(1), right=True)
    page.goto(f"{site.url}progress/")
    expect(page.locator("[data-course=due]")).to_contain_text("Nothing is due.")


def test_a_file_brings_everything_back(site: Site, open_page: Open, tmp_path: Path) -> None:
    watched = open_page(_lesson(site))
    page = watched.page
    for place, right in enumerate([True, False, True]):
        _answer(_questions(page).nth(place), right=right)
    page.goto(f"{site.url}progress/")
    page.get_by_label("My GPU").select_option("24")
    kept = _kept(page)
    assert {key.split(":")[0] for key in kept} == {"my", "quiz", "read", "review"}
    with page.expect_download() as started:
        page.get_by_role("button", name="Save to a file").click()
    assert started.value.suggested_filename.startswith("course-progress-")
    file = tmp_path / "progress.json"
    started.value.save_as(file)

    page.get_by_role("button", name="Forget everything").click()
    dialog = page.get_by_role("dialog", name="Forget everything?")
    expect(dialog).to_contain_text(f"{len(kept)} entries")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert _kept(page) == kept
    page.get_by_role("button", name="Forget everything").click()
    dialog.get_by_role("button", name="Forget it").click()
    expect(page.get_by_role("status").filter(has_text="Everything is forgotten.")).to_be_visible()
    assert _kept(page) == {}
    expect(page.get_by_label("My GPU")).to_have_value("")

    status = page.locator("[data-course=file] .quiz-status")
    page.get_by_label("Progress file").set_input_files(file)
    expect(status).to_have_text(f"Took in {len(kept)} entries.")
    assert _kept(page) == kept
    expect(page.get_by_label("My GPU")).to_have_value("24")
    page.get_by_label("Progress file").set_input_files(file)
    expect(status).to_contain_text("Took in 0 entries")
    assert watched.errors == []


def _file(entries: object, **more: object) -> str:
    return json.dumps({"format": "course-progress", "version": 1, "entries": entries, **more})


GOOD = {"done": True, "right": True, "choice": 1, "text": "", "tries": 0, "at": 5}
REFUSED = [
    ("", "is damaged"), ("not JSON", "is damaged"),
    ("[]", "not from this course"), ('{"entries": {}}', "not from this course"),
    (_file({}, version=2), "newer version"), (_file([]), "no entries"), (_file({}, version="1"), "no version"),
    (_file({"quiz:a:0123456789ab": GOOD, "theme": "dark"}), "damaged at “theme”"),
    (_file({"quiz:a:0123456789ab": {**GOOD, "at": "soon"}}), "damaged at"),
    (_file({"review:a": {"hash": "ab", "box": 5, "at": 1}}), "damaged at"),
    (_file({"read:07": {"at": 1, "done": "yes"}}), "damaged at"),
    (_file({"predict:07/a:ab": {"guess": ["1"], "waived": False, "at": 1}}), "damaged at"),
]  # fmt: skip


def test_a_damaged_or_foreign_file_changes_nothing(site: Site, open_page: Open, subtests: pytest.Subtests) -> None:
    page = open_page(_lesson(site)).page
    _answer(_questions(page).first, right=True)
    page.goto(f"{site.url}progress/")
    kept = _kept(page)
    for text, words in REFUSED:
        with subtests.test(words=words, text=text[:60]):
            file = {"name": "progress.json", "mimeType": "application/json", "buffer": text.encode()}
            page.get_by_label("Progress file").set_input_files(file)  # type: ignore[arg-type]
            told = page.locator("[data-course=file] .quiz-status")
            expect(told).to_contain_text(words)
            expect(told).to_contain_text("Nothing was changed.")
            assert _kept(page) == kept


def test_of_two_answers_the_newer_stays(open_page: Open) -> None:
    page = open_page("progress/").page
    old, new = {**GOOD, "at": 5}, {**GOOD, "right": False, "at": 9}
    page.evaluate("([key, value]) => { localStorage[key] = value }", ["quiz:b:0123456789ab", json.dumps(new)])
    page.evaluate("([key, value]) => { localStorage[key] = value }", ["read:07", '{"at":5,"done":true}'])
    entries = {"quiz:a:0123456789ab": new, "quiz:b:0123456789ab": old, "read:07": {"at": 9, "section": "here"}}
    assert _call(page, "transfer", "merge", entries, 7) == {"taken": 2, "older": 1}
    kept = {key: json.loads(value) for key, value in _kept(page).items()}
    assert kept["quiz:a:0123456789ab"] == {**new, "at": 7}  # a clock that runs ahead does not win for ever
    assert kept["quiz:b:0123456789ab"] == new
    assert kept["read:07"] == {"at": 7, "done": True, "section": "here"}


def test_a_browser_that_keeps_nothing_is_told_so(site: Site, open_page: Open) -> None:
    watched = open_page(_lesson(site), before=BROKEN_STORAGE)
    _answer(_questions(watched.page).first, right=True)
    expect(watched.page.locator("p.lesson-progress")).to_contain_text("1 of 5 answered")
    watched.page.goto(f"{site.url}progress/")
    expect(watched.page.locator("[data-course=file]")).to_contain_text("keeps nothing for this page")
    watched.page.goto(site.url)
    expect(watched.page.locator("[data-course=continue]")).to_be_hidden()
    assert [error for error in watched.errors if "learn/" in error] == []


def test_the_end_of_a_lesson_makes_it_read(site: Site, open_page: Open) -> None:
    page = open_page("").page
    page.clock.install(time=MONDAY)
    card = page.locator(f".lesson-card [data-lesson='{site.lessons[0]}']")
    expect(page.locator("[data-course=continue]")).to_be_hidden()  # there is nothing to continue
    page.goto(site.url + _lesson(site))
    line, end = page.locator("p.lesson-progress"), page.locator(".lesson-end")
    expect(line).to_contain_text("Your progress: begun")
    page.locator("h2").nth(2).evaluate("(h2) => h2.scrollIntoView({ behavior: 'instant' })")
    section = page.locator("h2").nth(2).get_attribute("id")
    page.goto(site.url)
    expect(card).to_have_text("begun")
    assert (page.locator("[data-course=continue] a").first.get_attribute("href") or "").endswith(f"#{section}")

    page.goto(site.url + _lesson(site))
    end.evaluate("(end) => end.scrollIntoView({ behavior: 'instant' })")
    expect(end).to_be_in_viewport()
    page.wait_for_timeout(100)  # until the observer has seen it
    page.clock.fast_forward(2000)
    expect(end.get_by_role("status")).to_have_text("")
    page.clock.fast_forward(2000)
    expect(end.get_by_role("status")).to_have_text("You have read this lesson.")
    expect(line).to_contain_text("Your progress: read")
    page.goto(site.url)
    expect(card).to_have_text("✓ read")
    expect(page.locator("[data-course=continue] p").first).to_contain_text("Next: ")

    page.goto(site.url + _lesson(site))
    end.get_by_role("button", name="Mark as not read").click()
    page.wait_for_timeout(100)
    page.clock.fast_forward(10_000)
    expect(line).to_contain_text("Your progress: begun")  # what was said by hand holds


def test_guesses_count(site: Site, open_page: Open) -> None:
    page = open_page("progress/").page
    row = page.locator("tr[data-predictions]").first
    names = (row.get_attribute("data-predictions") or "").split()
    assert names, "no lesson has predictions"
    for name, waived in zip(names, [False] + [True] * len(names), strict=False):
        value = json.dumps({"guess": None if waived else 1, "waived": waived, "at": 1})
        page.evaluate("([key, value]) => { localStorage[key] = value }", [f"predict:{name}", value])
    page.reload()
    expect(row.locator("[data-shows=guessed]")).to_have_text(f"1 of {len(names)}")


def test_the_card_is_chosen_once(site: Site, open_page: Open) -> None:
    page = open_page("progress/").page
    page.get_by_label("My GPU").select_option("24")
    memory = page.locator("[data-widget=memory]")
    card = memory.get_by_label("My GPU")
    page.goto(f"{site.url}tools/")
    expect(memory).to_contain_text("of your 24 GB")
    page.goto(f"{site.url}tools/?memory.gpu=80")
    expect(memory).to_contain_text("of your 80 GB")
    memory.get_by_label("Tokens T in each").fill("512")
    memory.get_by_label("Tokens T in each").blur()
    page.reload()
    expect(memory).to_contain_text("of your 80 GB")  # the address still says so
    assert _kept(page)["my:gpu"] == "24"
    card.select_option("16")
    assert "memory.gpu" not in page.url
    page.goto(f"{site.url}progress/")
    expect(page.get_by_label("My GPU")).to_have_value("16")


def test_a_problem_can_be_reported(site: Site, open_page: Open) -> None:
    page = open_page(_lesson(site), permissions=["clipboard-read", "clipboard-write"]).page
    question = _questions(page).first
    name, found = question.get_attribute("data-id") or "?", question.get_attribute("data-hash") or "?"
    expect(question.locator(".quiz-report")).to_have_count(0)
    _answer(question, right=True)
    question.get_by_text("Report a problem with this question").click()
    question.get_by_role("button", name="Copy the details").click()
    expect(question.locator(".quiz-report").get_by_role("status")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"Question: {name}\nText: {found}\nLesson: " in copied
    assert re.search(r"^Course: \d+\.\d+.*, results of \w+", copied, re.M)
    assert f"/{_lesson(site)}#q-{name}" in copied


def test_a_problem_becomes_an_issue_where_there_is_a_repository(site: Site, open_page: Open) -> None:
    page = open_page("").page

    def edit(route: Any) -> None:
        answer = route.fetch()
        meta = '<meta name="course:repository" content="https://example.org/course/">'
        route.fulfill(response=answer, body=answer.text().replace("</head>", f"{meta}</head>"))

    page.route("**/lessons/*/", edit)
    page.goto(site.url + _lesson(site))
    question = _questions(page).first
    _answer(question, right=True)
    link = question.get_by_role("link", name="Report a problem with this question")
    address = link.get_attribute("href") or ""
    assert address.startswith("https://example.org/course/issues/new?title=Question+")
    assert (question.get_attribute("data-hash") or "?") in address
    gitlab = _call(page, "report", "issueAddress", "https://gitlab.com/a/b", "A title", "text")
    assert gitlab == "https://gitlab.com/a/b/-/issues/new?issue%5Btitle%5D=A+title&issue%5Bdescription%5D=text"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_when_progress_is_filled_in(site: Site, open_page: Open, viewport: Any) -> None:
    """With the scripts late, so that the page is painted before they run."""
    page = open_page(_lesson(site), viewport=viewport, before=SHIFTS).page
    for place in range(5):
        _answer(_questions(page).nth(place), right=True)
    page.clock.set_fixed_time(datetime.now() + timedelta(days=2))

    def late(route: Any) -> None:
        time.sleep(0.15)
        route.continue_()

    page.route("**/assets/learn/progress.js", late)
    for path in ("", "progress/", _lesson(site)):
        page.goto(site.url + path)
        assert moved(page) < 0.01, path or "home"


def test_without_scripts_the_questions_are_listed(site: Site, open_page: Open) -> None:
    page = open_page("progress/", java_script_enabled=False).page
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.locator("table.progress tbody tr")).to_have_count(len(site.lessons))
    page.get_by_text("All questions, by lesson").click()
    asked = page.locator("[data-question] a")
    assert asked.count() == 5 * len(site.lessons)
    expect(asked.first).to_be_visible()
