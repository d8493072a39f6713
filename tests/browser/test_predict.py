"""Predictions as readers meet them: each kind by mouse and keyboard, waived, restored, and without scripts."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.support import DESKTOP, PHONE, Open, Site

BROKEN_STORAGE = """Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("no", "SecurityError") },
})"""
NOTE_EVENTS = """window.told = []; document.addEventListener("course:progress", () => {
    window.told.push(Object.keys(localStorage).filter((key) => key.startsWith("predict:")).length)
})"""
HEIGHTS = "(all) => all.map((one) => [one.id, one.getBoundingClientRect().height])"


def first(site: Site, page: Page, kind: str) -> Locator:
    """The first prediction of a kind in the course that alone holds back a result, on its opened page."""
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        shared = page.locator(".predict").evaluate_all("(all) => all.map((one) => one.dataset.cells)")
        for found in page.locator(f'.predict[data-kind="{kind}"]').all():
            if shared.count(found.get_attribute("data-cells")) == 1:
                return found
    pytest.fail(f"no lesson asks for a prediction of kind {kind} alone")


def waiting(prediction: Locator) -> Locator:
    """The folded result of a prediction."""
    cell = (prediction.get_attribute("data-cells") or "").split(" ")[0]
    return prediction.page.locator(f"#reveal-{cell}")


def stored(prediction: Locator) -> dict[str, Any] | None:
    key = f"predict:{prediction.get_attribute('data-key')}"
    found = prediction.page.evaluate("(key) => localStorage.getItem(key)", key)
    return json.loads(found) if found else None


def button(prediction: Locator, name: str) -> Locator:
    return prediction.get_by_role("button", name=name, exact=True)


def compared(prediction: Locator) -> str:
    """What is said of a guess."""
    return prediction.locator(".predict-compared").inner_text()


def test_a_number_is_compared_kept_and_guessed_again(site: Site, open_page: Open) -> None:
    watched = open_page("", before=NOTE_EVENTS)
    page = watched.page
    asked = first(site, page, "number")
    result, field = waiting(asked), asked.get_by_role("textbox")
    expect(result).not_to_have_attribute("open", "")

    button(asked, "Compare").click()
    expect(asked.get_by_role("status")).to_contain_text("Type a number first")
    field.fill("lots <b>")
    field.press("Enter")
    expect(asked.get_by_role("status")).to_contain_text("I could not read “lots <b>” as a number")
    assert stored(asked) is None
    expect(result).not_to_have_attribute("open", "")

    guess = 2 * float(asked.get_attribute("data-answer") or "nan")
    field.fill(str(guess))
    field.press("Enter")
    expect(result).to_have_attribute("open", "")
    run = result.locator(".predict-run").inner_text()
    assert f"it came out at {run}. Your guess is 2 times as large as the result." in compared(asked)
    expect(result.locator(".predict-result")).to_contain_text(re.compile(rf"You guessed .+\. Result: {re.escape(run)}"))
    kept = stored(asked)
    assert kept is not None
    assert (kept["guess"], kept["waived"]) == (pytest.approx(guess), False)
    assert abs(kept["at"] - page.evaluate("Date.now()")) < 60_000
    assert page.evaluate("window.told.at(-1)") == 1  # told after it was stored

    page.reload()
    assert "2 times as large" in compared(asked)
    expect(result).to_have_attribute("open", "")

    button(asked, "Guess again").click()
    expect(result).not_to_have_attribute("open", "")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    assert stored(asked) is None
    assert watched.errors == []


def test_a_choice_is_marked_beside_the_run(site: Site, open_page: Open) -> None:
    page = open_page("", viewport=PHONE).page
    asked = first(site, page, "choice")
    right = int(asked.get_attribute("data-answer") or -1)
    items = asked.locator(".predict-choices > li")
    wrong = (right + 1) % items.count()
    button(asked, "Compare").click()
    expect(asked.get_by_role("status")).to_have_text("Choose one first.")
    items.nth(wrong).get_by_role("radio").check()
    button(asked, "Compare").click()
    assert items.nth(wrong).locator(".predict-mark").inner_text() == "your guess"
    assert items.nth(right).locator(".predict-mark").inner_text() == "right"
    assert f"You chose {'ABCDEF'[wrong]}; what happened is {'ABCDEF'[right]}." in compared(asked)
    expect(button(asked, "Guess again")).to_be_focused()
    expect(waiting(asked)).to_have_attribute("open", "")
    expect(items.nth(wrong).get_by_role("radio")).to_be_disabled()
    page.reload()
    expect(items.nth(wrong).get_by_role("radio")).to_be_checked()

    button(asked, "Guess again").click()
    items.nth(right).get_by_role("radio").check()
    button(asked, "Compare").click()
    assert items.nth(right).locator(".predict-mark").inner_text() == "your guess, and right"
    assert compared(asked).startswith("Right: ")


@pytest.mark.parametrize("way", ["button", "fold"])
def test_a_guess_can_be_waived(site: Site, open_page: Open, way: str) -> None:
    page = open_page("").page
    asked = first(site, page, "choice")
    result = waiting(asked)
    (button(asked, "Show me") if way == "button" else result.locator("summary")).click()
    expect(result).to_have_attribute("open", "")
    expect(asked.get_by_role("status")).to_contain_text("No guess this time.")
    assert result.locator(".predict-yours").count() == 0
    kept = stored(asked)
    assert kept is not None
    assert (kept["guess"], kept["waived"]) == (None, True)
    page.reload()
    expect(result).to_have_attribute("open", "")
    button(asked, "Guess again").click()
    expect(button(asked, "Compare")).to_be_visible()
    assert stored(asked) is None


def test_a_line_is_sketched_with_the_pointer(site: Site, open_page: Open) -> None:
    page = open_page("").page
    asked = first(site, page, "curve")
    sketch = asked.locator("svg.sketch")
    button(asked, "Compare").click()
    expect(asked.get_by_role("status")).to_contain_text("Draw the line first")
    assert sketch.locator("path").count() == 0

    sketch.scroll_into_view_if_needed()
    box = sketch.bounding_box()
    assert box
    page.mouse.move(box["x"] + 70, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 30, box["y"] + 40, steps=3)
    page.mouse.up()
    drawn = sketch.locator("path.sketch-yours").get_attribute("d") or ""
    heights = [float(point.split(" ")[1]) for point in drawn[1:].split("L")]
    assert heights == sorted(heights, reverse=True)  # upward on the screen, also where the pointer skipped points
    assert heights[0] - heights[-1] > 60
    assert sketch.locator("path.sketch-run").count() == 0

    button(asked, "Compare").click()
    assert sketch.locator("path.sketch-run").count() == 1
    expect(waiting(asked).locator(".predict-yours")).to_contain_text("from")
    kept = stored(asked)
    assert kept is not None
    assert len(kept["guess"]) == len(heights)
    page.reload()
    expect(sketch.locator("path.sketch-yours")).to_have_attribute("d", drawn)


def test_a_line_is_sketched_with_the_keyboard(site: Site, open_page: Open) -> None:
    page = open_page("", viewport=PHONE).page
    asked = first(site, page, "curve")
    points = asked.get_by_role("slider")
    stops = points.evaluate_all("(all) => all.filter((point) => point.tabIndex === 0).length")
    assert stops == 1
    points.first.focus()
    expect(points.first).to_have_attribute("aria-valuetext", "not drawn yet")
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(points.nth(1)).to_be_focused()
    page.keyboard.press("PageDown")
    values = points.evaluate_all("(all) => all.map((point) => Number(point.getAttribute('aria-valuenow')))")
    assert values[0] == max(values)
    assert values[1] == min(values)
    page.keyboard.press("End")
    expect(points.last).to_be_focused()
    page.keyboard.press("Tab")
    expect(button(asked, "Compare")).to_be_focused()
    page.keyboard.press("Enter")
    kept = stored(asked)
    assert kept is not None
    assert kept["guess"] == pytest.approx(values, rel=1e-2, abs=1e-6)
    assert "On average they are" in compared(asked)


def test_two_predictions_before_one_result_are_both_awaited(site: Site, open_page: Open) -> None:
    page = open_page("").page
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        cells = page.locator(".predict").evaluate_all("(all) => all.map((one) => one.dataset.cells)")
        if twice := [cell for cell in cells if cells.count(cell) > 1]:
            break
    else:
        pytest.fail("no result has two predictions")
    one, other = page.locator(f'.predict[data-cells="{twice[0]}"]').all()
    one.get_by_role("textbox").fill("1.5")
    button(one, "Compare").click()
    expect(one.get_by_role("status")).to_contain_text("Noted: 1.5")
    expect(one.locator(".predict-compared")).to_have_count(0)  # nothing is told while the other is open
    expect(waiting(one)).not_to_have_attribute("open", "")
    page.reload()
    expect(one.get_by_role("status")).to_contain_text("Noted: 1.5")
    button(other, "Show me").click()
    expect(waiting(one)).to_have_attribute("open", "")
    assert "You guessed 1.5" in compared(one)
    button(one, "Guess again").click()  # asks again for what was not guessed, too
    expect(waiting(one)).not_to_have_attribute("open", "")
    assert (stored(one), stored(other)) == (None, None)
    button(one, "Show me").click()
    assert all((stored(each) or {})["waived"] for each in (one, other))


VEILED = "(prose) => getComputedStyle(prose).visibility === 'hidden'"
FINDS = "(text) => { getSelection().empty(); return window.find(text) }"


def told(site: Site, page: Page) -> Locator:
    """The first paragraph that tells a result which waits for a guess, on its opened page."""
    for slug in site.lessons:
        page.goto(f"{site.url}lessons/{slug}/")
        if (found := page.locator("details.reveal[id] + p")).count():
            return found.first
    pytest.fail("no prose follows a result that waits")


def test_prose_that_tells_a_result_waits_with_it(site: Site, open_page: Open) -> None:
    watched = open_page("")
    page = watched.page
    prose = told(site, page)
    result = prose.locator("xpath=preceding-sibling::*[1]")
    expect(prose).to_have_class("is-veiled")
    assert prose.evaluate(VEILED)
    page.emulate_media(media="print")
    assert not prose.evaluate(VEILED)
    page.emulate_media(media="screen")
    words = " ".join((prose.text_content() or "").split()[:12])
    assert not page.evaluate(FINDS, words)
    assert words not in page.locator("article").aria_snapshot()
    notice = result.locator("summary")
    expect(notice).to_have_text("Hidden until you guess. Show without guessing")
    notice.click()
    assert words in page.locator("article").aria_snapshot()
    expect(result).to_have_attribute("open", "")
    expect(prose).not_to_have_class("is-veiled")
    assert not prose.evaluate(VEILED)
    page.reload()
    expect(page.locator(".predict.is-live").first).to_be_attached()
    expect(prose).not_to_have_class("is-veiled")
    page.locator(".predict.is-done").get_by_role("button", name="Guess again").first.click()
    expect(prose).to_have_class("is-veiled")
    assert watched.errors == []


def test_find_in_page_reaches_a_result_on_request(site: Site, open_page: Open) -> None:
    page = open_page("").page
    prose = told(site, page)
    result = prose.locator("xpath=preceding-sibling::*[1]")
    box = page.get_by_label("Find-in-page finds hidden results")
    box.check()
    expect(prose).to_have_attribute("hidden", "until-found")
    expect(result).not_to_have_attribute("open", "")
    page.reload()
    expect(box).to_be_checked()
    prose.dispatch_event("beforematch")  # as a browser does before it shows what it found
    expect(result).to_have_attribute("open", "")
    expect(prose).not_to_have_attribute("hidden", "until-found")
    page.locator(".predict.is-done").get_by_role("button", name="Guess again").first.click()
    box.uncheck()
    assert prose.evaluate(VEILED)


def test_prose_that_tells_a_result_is_clear_without_scripts(site: Site, open_page: Open) -> None:
    assert not told(site, open_page("", java_script_enabled=False).page).evaluate(VEILED)


def test_without_scripts_question_and_result_are_there(site: Site, open_page: Open, subtests: pytest.Subtests) -> None:
    for slug in site.lessons:
        with subtests.test(lesson=slug):
            page = open_page(f"lessons/{slug}/", java_script_enabled=False).page
            assert page.locator(".predict").count() > 0
            for asked in page.locator(".predict").all():
                expect(asked.locator(".predict-ask")).to_be_visible()
                assert "{" not in asked.inner_text()
                result = page.locator(f"#{asked.get_attribute('id')}-result")
                fold = waiting(asked)
                if fold.get_attribute("open") is None:  # not opened for another prediction
                    expect(result).to_be_hidden()
                    fold.locator("summary").click()
                expect(result).to_be_visible()


def test_nonsense_and_forbidden_storage_lose_nothing(site: Site, open_page: Open) -> None:
    page = open_page("").page
    asked = first(site, page, "number")
    address, key = page.url, asked.get_attribute("data-key")
    for nonsense in ("{", "null", '{"guess":"x"}', "[]", '{"guess":null,"waived":false}'):
        page.evaluate("([key, text]) => localStorage.setItem(`predict:${key}`, text)", [key, nonsense])
        page.reload()
        expect(button(asked, "Compare")).to_be_visible()
        expect(waiting(asked)).not_to_have_attribute("open", "")
    watched = open_page(address.removeprefix(site.url), before=BROKEN_STORAGE)
    asked = watched.page.locator(f'.predict[data-key="{key}"]')
    asked.get_by_role("textbox").fill("1")
    button(asked, "Compare").click()
    expect(waiting(asked)).to_have_attribute("open", "")
    assert [error for error in watched.errors if "predict" in error] == []


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_moves_when_the_forms_come(site: Site, open_page: Open, viewport: dict[str, int]) -> None:
    page = open_page("", viewport=viewport).page
    moved = []
    for slug in site.lessons:
        heights = []
        for script in ("**/no-such-script.js", "**/learn/predict.js"):  # with the forms, then without
            page.route(script, lambda route: route.abort())
            page.goto(f"{site.url}lessons/{slug}/")
            heights.append(page.locator(".predict").evaluate_all(HEIGHTS))
            page.unroute(script)
        live, reserved = heights
        assert live, f"{slug} asks for no prediction"
        moved += [(now, before) for now, before in zip(live, reserved, strict=True) if abs(now[1] - before[1]) > 1.5]
    assert moved == []


COMPARED = {
    (5, 5): "Exactly right.", (3, 1.5): "Your guess is 2 times as large as the result.",
    (1.5, 3): "The result is 2 times as large as your guess.", (1.08, 1): "8% too high.", (-1.5, -1): "50% too low.",
    (100.2, 100): "Right, to within half a percent.", (0, 4): "4 too low.", (-3, 4): "7 too low.",
    (-2, -1): "Your guess is 2 times as large as the result.", (1, 0): "1 too high.",
}  # fmt: skip
AXES = [  # low, high, logarithmic, and what its marks must span
    (1.54, 2.19, False), (-126, 0.5, False), (0, 0, False), (3, 3, False), (-2, -1, False), (0.14, 10, True),
]  # fmt: skip


def _call(page: Page, module: str, script: str, argument: Any) -> Any:
    load = f"import(new URL('assets/learn/{module}.js', document.baseURI))"
    return page.evaluate(f"async (calls) => {{ const module = await {load}; return {script} }}", argument)


def test_pure_functions(open_page: Open) -> None:
    page = open_page("").page
    said = _call(page, "predict", "calls.map((pair) => module.compared(...pair))", [list(pair) for pair in COMPARED])
    assert said == list(COMPARED.values())
    for low, high, log in AXES:
        script = "(({ marks, value, share }) => [marks, value(0), value(1), share(value(0.3))])(module.axis(...calls))"
        marks, bottom, top, share = _call(page, "sketch", script, [low, high, log, True])
        assert bottom <= low <= high < top, (low, high)
        assert 2 <= len(marks) <= 8
        assert all(bottom * 0.99 - 1e-9 <= mark <= top * 1.01 for mark in marks if log)
        assert share == pytest.approx(0.3)
    texts = _call(page, "sketch", "calls.map((n) => module.short(n))", [0, 1.234, -87.48, 41943040, 0.000316, 1e-9])
    assert texts == ["0", "1.23", "−87.5", "41,900,000", "0.000316", "1 × 10^−9"]
