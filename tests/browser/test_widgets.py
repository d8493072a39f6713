"""Interactive pieces in a real browser: the same numbers as Python, links, keyboards, and pages without scripts."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.support import PHONE, SHIFTS, Open, Site, moved
from course.shapes import MODELS

PIECES = ("memory", "rank", "forward", "beta", "schedule", "nf4", "cost", "ladder")
BROKEN_STORAGE = """Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("no", "SecurityError") },
})"""
CALL = """async ([name, calls]) => {
    const at = (file) => import(new URL(`../assets/widgets/${file}.js`, document.baseURI));
    const modules = { ...await at("format"), ...await at("arithmetic") };
    return calls.map(({ arguments: given }) => modules[name](...given));
}"""
VIEW = """async ([name, states]) => {
    const { view } = await import(new URL(`../assets/widgets/${name}.js`, document.baseURI));
    return states.map(view);
}"""


def _vectors() -> dict[str, Any]:
    path = Path(__file__).parents[2] / "docs" / "assets" / "widgets" / "vectors.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _opened(open_page: Open, query: str = "", **options: Any) -> Page:
    page: Page = open_page(f"tools/{query}", **options).page
    for name in PIECES:
        expect(page.locator(f"#widget-{name}.is-live")).to_be_attached(timeout=30_000)
    return page


def _same(found: Any, expected: Any) -> bool:
    """Integers and texts exactly, other numbers within 1e-9."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    if isinstance(expected, float) and not expected.is_integer():
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-300)
    return bool(found == expected)


@pytest.fixture
def tools(open_page: Open) -> Page:
    return _opened(open_page)


def test_functions_give_the_numbers_of_python(tools: Page, subtests: pytest.Subtests) -> None:
    functions = _vectors()["functions"]
    assert len(functions) > 15
    for name, calls in functions.items():
        with subtests.test(function=name):
            for call, found in zip(calls, tools.evaluate(CALL, [name, calls]), strict=True):
                assert _same(found, call["result"]), (call, found)


def test_pieces_show_what_python_shows_in_any_state(tools: Page, subtests: pytest.Subtests) -> None:
    views = _vectors()["views"]
    assert set(views) == set(PIECES)
    for name, cases in views.items():
        with subtests.test(piece=name):
            for case, found in zip(cases, tools.evaluate(VIEW, [name, [c["state"] for c in cases]]), strict=True):
                assert found == case["view"], case["state"]


def test_the_script_changes_nothing_that_the_build_made(tools: Page, open_page: Open) -> None:
    bare = open_page("tools/", java_script_enabled=False).page
    for name in PIECES:
        inside = f"#widget-{name} .widget-result"
        text = bare.locator(inside).text_content()
        assert text
        assert tools.locator(inside).text_content() == text
        marks = "(all) => all.map((m) => ['x', 'width', 'height', 'd', 'cx', 'cy'].map((a) => m.getAttribute(a)))"
        found, made = (p.locator(f"{inside} :is(rect, path, circle)").evaluate_all(marks) for p in (tools, bare))
        assert found == made
        assert bool(made) is (name not in {"forward", "ladder"})  # which tell all in tables


def test_nothing_moves_when_the_script_takes_over(open_page: Open) -> None:
    page = _opened(open_page, "#widget-memory", before=SHIFTS)
    assert moved(page) == 0


def _choose(piece: Locator, method: str) -> None:
    piece.get_by_role("radio", name=method, exact=True).check(force=True)


def test_a_change_shows_at_once_and_its_link_brings_it_back(tools: Page, open_page: Open, site: Site) -> None:
    piece = tools.locator("#widget-memory")
    before = piece.locator("[data-text=total]").inner_text()
    _choose(piece, "Full tuning")
    piece.get_by_label("Tokens T in each").fill("4096")
    piece.get_by_label("Tokens T in each").blur()
    after = piece.locator("[data-text=total]").inner_text()
    assert float(after.split()[0]) > float(before.split()[0])
    assert tools.url.endswith("tools/?memory.method=full&memory.sequence=4096")
    link = piece.get_by_role("link", name="Link to these settings").get_attribute("href")
    assert link
    assert link.endswith("?memory.method=full&memory.sequence=4096#widget-memory")

    again = _opened(open_page, link.split("tools/")[1])
    other = again.locator("#widget-memory")
    expect(other.locator("[data-text=total]")).to_have_text(after)
    expect(other.get_by_role("radio", name="Full tuning")).to_be_checked()
    other.get_by_role("button", name="Reset").click()
    expect(other.locator("[data-text=total]")).to_have_text(before)
    assert again.url.endswith("tools/#widget-memory")  # the page's own anchor stays


def test_pieces_do_not_disturb_each_other(open_page: Open) -> None:
    page = _opened(open_page, "?beta.beta=0.1&rank.rank=64&from=mail")
    expect(page.locator("#widget-rank [data-text='thin.count']")).to_have_text("524,288")
    page.locator("#widget-beta").get_by_role("slider", name="Margin").press("ArrowRight")
    assert page.url.endswith("?beta.beta=0.1&rank.rank=64&from=mail&beta.margin=5")


@pytest.mark.parametrize(
    "query", ["memory.batch=0", "memory.batch=x", "memory.model=GPT", "memory.rank=7", "memory.tied=2"]
)
def test_nonsense_in_a_link_is_left_out(open_page: Open, tools: Page, query: str) -> None:
    page = _opened(open_page, f"?{query}")
    shown = [p.locator("#widget-memory .widget-result").text_content() for p in (page, tools)]
    assert shown[0] == shown[1]


def test_shapes_of_ones_own(tools: Page) -> None:
    piece = tools.locator("#widget-memory")
    piece.get_by_text("Shapes of the model").click()
    piece.get_by_label("Layers L").fill("16")
    half = replace(MODELS["Llama-3.1-8B"], layers=16)
    expect(piece.get_by_label("Model", exact=True)).to_have_value("custom")
    expect(piece.locator("[data-text=parameters]")).to_contain_text(f"of {half.parameters:,} parameters")
    expect(piece.locator("[data-text=snippet]")).to_contain_text("path/to/model")
    piece.get_by_label("Model", exact=True).select_option("SmolLM2-135M")
    expect(piece.get_by_label("Layers L")).to_have_value("30")
    expect(piece.get_by_label("Head shares the embedding")).to_be_checked()


def test_a_pasted_config_gives_its_shapes_and_a_wrong_one_says_why(tools: Page) -> None:
    piece = tools.locator("#widget-memory")
    piece.get_by_text("Paste a config.json").click()
    field, said = piece.get_by_label("The config.json of a model"), piece.locator(".paste-said")
    config = {
        "model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144, "moe_intermediate_size": 768,
        "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128,
        "num_experts": 128, "num_experts_per_tok": 8, "vocab_size": 151936, "tie_word_embeddings": False,
    }  # fmt: skip
    field.fill(json.dumps(config))
    expect(said).to_have_text("Read. The shapes of the model are those of this file.")
    expect(piece.get_by_label("Model", exact=True)).to_have_value("custom")
    expect(piece.locator("[data-text=parameters]")).to_contain_text(
        f"of {MODELS['Qwen3-30B-A3B'].parameters:,} parameters"
    )
    before = piece.locator("[data-text=total]").inner_text()
    field.fill("{")
    expect(said).to_have_text("This is not yet JSON.")
    field.fill(json.dumps(config | {"model_type": "mamba"}))
    expect(said).to_contain_text("It cannot be read: model_type 'mamba' is not one of llama")
    assert piece.locator("[data-text=total]").inner_text() == before


def test_a_wrong_number_is_said_and_the_last_result_stays(tools: Page) -> None:
    piece = tools.locator("#widget-memory")
    field, before = piece.get_by_label("Sequences b"), piece.locator(".widget-result").text_content()
    field.fill("0")
    problem = piece.locator(".widget-problem")
    expect(problem).to_have_text("Sequences b: a whole number from 1 to 4,096, please.")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert piece.locator(".widget-result").text_content() == before
    field.fill("2")
    expect(problem).to_be_hidden()
    expect(field).to_have_attribute("aria-invalid", "false")
    assert piece.locator(".widget-result").text_content() != before


def test_my_gpu_holds_on_every_page_and_is_in_no_link(tools: Page) -> None:
    piece = tools.locator("#widget-memory")
    piece.get_by_label("My GPU").select_option("24")
    expect(piece.locator("[data-text=verdict]")).to_have_text("It fits: 29 % of your 24 GB.")
    expect(piece.locator(".widget-cards [data-mine=yes]")).to_contain_text("24 GB")
    assert "gpu" not in tools.url
    tools.reload()
    expect(piece.locator("[data-text=verdict]")).to_have_text("It fits: 29 % of your 24 GB.", timeout=30_000)
    piece.get_by_role("button", name="Reset").click()
    expect(piece.get_by_label("My GPU")).to_have_value("24")


def test_a_browser_that_forbids_storage_still_works(open_page: Open) -> None:
    piece = _opened(open_page, before=BROKEN_STORAGE).locator("#widget-memory")
    piece.get_by_label("My GPU").select_option("8")
    _choose(piece, "LoRA")
    expect(piece.locator("[data-text=verdict]")).to_contain_text("of your 8 GB.")


def test_keyboard_alone_sets_every_kind_of_control(tools: Page) -> None:
    piece = tools.locator("#widget-memory")
    piece.get_by_label("Model", exact=True).focus()
    for _ in range(9):
        focused = tools.evaluate(
            "getComputedStyle(document.activeElement.closest('label') ?? document.activeElement).outlineStyle"
        )
        assert focused != "none"
        tools.keyboard.press("Tab")
    expect(piece.get_by_label("My GPU")).to_be_focused()
    slider = piece.get_by_label("Rank r")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "32")
    piece.get_by_role("radio", name="QLoRA").press("ArrowLeft")
    expect(piece.get_by_role("radio", name="LoRA", exact=True)).to_be_checked()
    piece.get_by_label("Gradient checkpointing").press("Space")
    expect(piece.get_by_label("Gradient checkpointing")).not_to_be_checked()


def test_the_result_is_read_out_once_after_a_pause(tools: Page) -> None:
    piece = tools.locator("#widget-rank")
    said = piece.get_by_role("status")
    expect(said).to_be_empty()
    for _ in range(3):
        piece.get_by_label("Rank r").press("ArrowRight")
    expect(said).to_have_text(
        "A full update of W, 4,096×4,096, has 16,777,216 numbers. B and A of rank 64 have 524,288: 32.0× fewer."
    )


def test_the_code_can_be_copied(open_page: Open) -> None:
    page = _opened(open_page, permissions=["clipboard-read", "clipboard-write"])
    piece = page.locator("#widget-memory")
    piece.get_by_text("The same settings in code").click()
    piece.get_by_label("Sequences b").fill("7")
    piece.locator(".widget-code button").first.click()
    assert "per_device_train_batch_size=7," in page.evaluate("navigator.clipboard.readText()")


def test_without_a_script_everything_can_be_read(open_page: Open) -> None:
    page = open_page("tools/", java_script_enabled=False).page
    for name in PIECES:
        piece = page.locator(f"#widget-{name}")
        expect(piece.locator(".widget-result")).to_be_visible()
        shown = piece.locator(".widget-result [data-text]:not([data-text=verdict])").all_text_contents()
        assert shown
        assert all(text.strip() for text in shown)
        assert not piece.locator(".widget-foot").is_visible()


def test_pieces_fit_a_phone_in_every_state(open_page: Open) -> None:
    page = _opened(open_page, viewport=PHONE)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
    for query in (
        "rank.d_out=28672&rank.d_in=28672&rank.rank=256",
        "memory.batch=4096&memory.sequence=1048576&memory.method=full",
    ):
        page.goto(f"{page.url.split('?')[0]}?{query}")
        expect(page.locator("#widget-schedule.is-live")).to_be_attached(timeout=30_000)
        scroll, inner = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert scroll <= inner
