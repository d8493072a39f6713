"""The knowledge check of every lesson, as learners use it: by mouse, by keyboard, twice, and without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.support import PHONE, Open, Site

BROKEN_STORAGE = """Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("no", "SecurityError") },
})"""
FOCUS_BEFORE = """(legend) => {
    const before = document.createElement("span");
    before.tabIndex = -1;
    legend.before(before);
    before.focus();
}"""
NONSENSE = """() => document.querySelectorAll(".question").forEach(({ dataset }, i) => localStorage.setItem(
    `quiz:${dataset.id}:${dataset.hash}`, ["{", "null", '{"done":true,"choice":99}', "[]", '"x"'][i % 5]))"""
MODULE = "import(new URL('assets/learn/{}.js', document.baseURI))"


def _questions(page: Page) -> list[Locator]:
    return page.locator(".quiz .question").all()


def _is_choice(question: Locator) -> bool:
    return question.get_attribute("data-kind") == "choice"


def _answer_rightly(question: Locator) -> None:
    if _is_choice(question):
        question.locator(".option[data-right] input").check()
    else:
        question.locator("input").fill(question.get_attribute("data-answer") or "")
    question.get_by_role("button", name="Check", exact=True).click()


def _answer_wrongly(question: Locator) -> None:
    if _is_choice(question):
        question.locator(".option:not([data-right]) input").first.check()
        question.get_by_role("button", name="Check", exact=True).click()
        return
    for text in ("-123456789", "-987654321"):
        question.locator("input").fill(text)
        question.get_by_role("button", name="Check", exact=True).click()


def _stored(page: Page) -> list[str]:
    found: list[str] = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('quiz:')).sort()")
    return found


def _first_with(site: Site, page: Page, kind: str) -> Locator:
    """The first question of a kind in the course, on its opened page."""
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        found = page.locator(f'.quiz .question[data-kind="{kind}"]')
        if found.count():
            return found.first
    pytest.fail(f"no lesson has a question of kind {kind}")


def test_wrong_then_right_then_reload_then_again(site: Site, open_page: Open, subtests: pytest.Subtests) -> None:
    for slug in site.lessons:
        with subtests.test(lesson=slug):
            watched = open_page(f"lessons/{slug}/", viewport=PHONE)
            page = watched.page
            questions = _questions(page)
            total = len(questions)
            assert total == 5, f"{slug} has {total} questions"
            aim = page.locator(".quiz").last.get_attribute("data-aim")
            score = page.locator(".quiz-score")

            _answer_wrongly(questions[0])
            shown = questions[0].locator(".quiz-note:not(:empty)")
            assert shown.count() == (questions[0].locator(".option").count() or 1)  # every option has its reason
            assert len(shown.first.inner_text()) > 10
            expect(score).to_have_text(f"1 of {total} answered.")
            for question in questions[1:]:
                _answer_rightly(question)
                expect(question).to_have_class("question is-live is-right")
            expect(score).to_contain_text(f"{total - 1} of {total} (aim: {aim})")
            assert len(_stored(page)) == total

            page.reload()
            expect(score).to_contain_text(f"{total - 1} of {total} (aim: {aim})")
            expect(questions[0]).to_have_class("question is-live is-wrong")

            page.get_by_role("button", name="Try the wrong ones again").click()
            expect(questions[0]).to_have_class("question is-live")
            for question in questions[1:]:
                expect(question).to_have_class("question is-live is-right")
            assert len(_stored(page)) == total - 1
            _answer_rightly(questions[0])
            expect(score).to_contain_text(f"{total} of {total} (aim: {aim})")
            expect(page.get_by_role("button", name="Try the wrong ones again")).to_be_hidden()

            page.get_by_role("button", name="Start over").click()
            assert _stored(page) == []
            expect(score).to_contain_text(f"{total} questions")
            assert watched.errors == []


def test_a_changed_question_comes_back_and_others_stay(site: Site, open_page: Open) -> None:
    page = open_page(f"lessons/{site.lessons[0]}/").page
    for question in _questions(page):
        _answer_rightly(question)
    changed = _questions(page)[1].get_attribute("data-hash")
    assert changed

    def edit(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(changed, "0123456789ab"))

    page.route("**/lessons/*/", edit)
    page.reload()
    states = [question.get_attribute("class") for question in _questions(page)]
    assert states.count("question is-live is-right") == 4
    assert states[1] == "question is-live"


def test_a_number_is_read_as_people_write_it(site: Site, open_page: Open) -> None:
    page = open_page("").page
    question = _first_with(site, page, "number")
    page.route("**/lessons/*/", _with_answer("9216.0"))  # a known answer, so that its spellings can be written here
    page.reload()
    field, status = question.locator("input"), question.get_by_role("status")
    check = question.get_by_role("button", name="Check", exact=True)

    check.click()
    expect(status).to_have_text("Type a number first.")
    field.fill("about nine <b>thousand</b>")
    check.click()
    expect(status).to_contain_text("I could not read “about nine <b>thousand</b>” as a number")
    expect(field).to_have_value("about nine <b>thousand</b>")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert _stored(page) == []  # a typing slip costs no try

    field.fill("12")
    check.click()
    expect(status).to_contain_text("Not yet.")
    expect(question.get_by_role("button", name="Show the answer")).to_be_visible()
    page.reload()
    expect(field).to_have_value("12")
    field.fill("9,216")
    field.press("Enter")
    expect(question).to_have_class("question is-live is-right")
    expect(status).to_have_text("Right, on the second try.")
    expect(question.locator(".quiz-note")).not_to_be_empty()


def _with_answer(answer: str) -> Callable[[Any], None]:
    """A route that serves lesson pages with ``answer`` as the answer of every numeric question."""

    def edit(route: Any) -> None:
        got = route.fetch()
        given = f'data-answer="{answer}" data-tolerance="0.0"'
        body = re.sub(r"data-answer=\S+ data-tolerance=[^\s>]+", given, got.text())  # quoted or not
        route.fulfill(response=got, body=body)

    return edit


def test_the_answer_can_be_asked_for(site: Site, open_page: Open) -> None:
    page = open_page("").page
    question = _first_with(site, page, "number")
    question.locator("input").fill("-123456789")
    question.get_by_role("button", name="Check", exact=True).click()
    question.get_by_role("button", name="Show the answer").click()
    expect(question).to_have_class("question is-live is-wrong")
    expect(question.locator(".quiz-note")).not_to_be_empty()
    expect(question.get_by_role("button", name="Checked")).to_be_focused()


def test_a_wrong_answer_can_be_given_again_at_once(site: Site, open_page: Open) -> None:
    page = open_page("").page
    question = _first_with(site, page, "choice")
    again = question.get_by_role("button", name="Try again", exact=True)
    expect(again).to_be_hidden()
    _answer_wrongly(question)
    again.click()
    expect(question).to_have_class("question is-live")
    expect(question.locator("input").first).to_be_focused()
    assert question.locator(".quiz-note:not(:empty)").count() == 0
    _answer_rightly(question)
    expect(question).to_have_class("question is-live is-right")
    expect(again).to_be_hidden()


def test_check_without_a_choice_asks_for_one(site: Site, open_page: Open) -> None:
    page = open_page("").page
    question = _first_with(site, page, "choice")
    question.get_by_role("button", name="Check", exact=True).click()
    expect(question.get_by_role("status")).to_have_text("Choose an answer first.")
    expect(question).to_have_class("question is-live")


def test_keyboard_alone_answers_a_question(site: Site, open_page: Open) -> None:
    page = open_page("").page
    question = _first_with(site, page, "choice")
    question.locator("legend").evaluate(FOCUS_BEFORE)
    page.keyboard.press("Tab")
    expect(question.locator("input").first).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    expect(question.locator("input").nth(1)).to_be_checked()
    page.keyboard.press("Tab")
    button = question.get_by_role("button")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(question.get_by_role("status")).not_to_be_empty()
    expect(button).to_be_focused()  # focus never falls back to the top of the page
    expect(button).to_have_attribute("aria-disabled", "true")


def test_a_question_has_a_name_for_screen_readers(site: Site, open_page: Open) -> None:
    page = open_page("").page
    question = _first_with(site, page, "choice")
    asked = " ".join(question.locator(".ask").inner_text().split())
    expect(question.get_by_role("group", name=asked[:30])).to_have_count(1)
    assert question.get_by_role("radio").count() >= 2


def test_without_scripts_every_answer_is_there(site: Site, open_page: Open, subtests: pytest.Subtests) -> None:
    for slug in site.lessons:
        with subtests.test(lesson=slug):
            page = open_page(f"lessons/{slug}/", java_script_enabled=False).page
            questions = _questions(page)
            assert len(questions) == 5
            for question in questions:
                folded = question.locator(".answers")
                expect(folded).to_be_visible()
                expect(folded.locator(".why").first).not_to_be_visible()
                folded.locator("summary").click()
                for why in folded.locator(".why").all():
                    expect(why).to_be_visible()
                    assert why.inner_text().strip()
                if _is_choice(question):
                    assert question.locator(".option").count() == folded.locator(".why").count()


def test_a_browser_that_forbids_storage_still_works(site: Site, open_page: Open) -> None:
    watched = open_page(f"lessons/{site.lessons[0]}/", before=BROKEN_STORAGE)
    for question in _questions(watched.page):
        _answer_rightly(question)
    expect(watched.page.locator(".quiz-score")).to_contain_text("5 of 5")
    assert watched.errors == []


def test_nonsense_in_the_storage_is_ignored(site: Site, open_page: Open) -> None:
    page = open_page(f"lessons/{site.lessons[0]}/").page
    page.evaluate(NONSENSE)
    page.reload()
    assert {question.get_attribute("class") for question in _questions(page)} == {"question is-live"}


def _call(page: Page, module: str, name: str, calls: list[list[Any]]) -> list[Any]:
    """What a function of a module returns for each list of arguments."""
    found = MODULE.format(module)
    returned: list[Any] = page.evaluate(
        f"async (calls) => {{ const module = await {found}; return calls.map((a) => module.{name}(...a)) }}", calls
    )
    return returned


def test_pure_functions(open_page: Open) -> None:
    page = open_page("").page
    states = [{"done": True, "right": True}, {"done": True, "right": False}, {"done": False, "right": False}]
    assert _call(page, "quiz", "score", [[states]]) == [{"right": 1, "answered": 2, "total": 3}]
    assert _call(page, "reviews", "answerKey", [["lora-count", "ab12"]]) == ["quiz:lora-count:ab12"]
