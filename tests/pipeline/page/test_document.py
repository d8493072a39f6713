"""A lesson as blocks: what is decided once, and that every kind of block can be written into every file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import singledispatch
from pathlib import Path
from typing import Any, get_args

import pytest

from course.pipeline.lesson import plain_format
from course.pipeline.page import portable, write_markdown, write_notebook, write_page
from course.pipeline.page.document import (
    AnswerTable,
    Block,
    Claims,
    Closing,
    Code,
    Diagram,
    Document,
    Drawing,
    Image,
    Opening,
    PlainOpening,
    PlainProse,
    Prediction,
    Prose,
    Quiz,
    Section,
    Shown,
    Solution,
    Widget,
    document,
)
from course.pipeline.page.portable import File
from course.pipeline.page.write_markdown import markdown
from course.pipeline.page.write_notebook import notebooks
from course.pipeline.page.write_page import page
from course.pipeline.page.write_script import script
from course.pipeline.results import claims, predict
from course.pipeline.results.bundle import Bundle, Results
from course.pipeline.results.capture import Html, ImageShown, ItemShown, Output, Stderr, Table, Text

from ..samples import capture, claim, claims_cell, figure, lesson, line_of, source, table, value

LORA = value("lora.trainable", 9216)
PREDICT = """\
# %% [markdown] tags=["predict"]
# id: {id}
# ask: How many?
# number: lora.trainable
# format: int"""
CELLS = (
    "# %% [markdown]\n# ## First\n#\n# Before.\n#\n# <!-- widget: rank -->\n#\n"
    "# <!-- diagram: lora-forward -->\n#\n# After {{ lora.trainable | int }}.",
    PREDICT.format(id="one"),
    PREDICT.format(id="two"),
    '# %% tags=["reveal"]\nx = 1',
    '# %% tags=["reveal"]\nx = 2',
    claims_cell(claim(1)),
    '# %% [markdown] tags=["solution"]\n# Because.',
    '# %% tags=["solution"]\nx = 3',
    "# %% [markdown]\n# ## Check\n#\n# <!-- quiz -->\n#\n# The end.",
)


def made(*cells: str) -> Document:
    parsed = lesson(*cells)
    shown: list[Output] = [Text("shown"), ItemShown("t"), ItemShown("f")]
    outputs = [*([] for _ in parsed.code_cells[1:]), shown]
    captured = capture(LORA, table("t"), figure("f"), outputs=outputs)
    return document(Bundle(parsed, (), claims.read(parsed), {}, Results.of(captured), predictions=predict.read(parsed)))


def test_blocks_stand_in_the_order_of_reading() -> None:
    kinds = [
        Opening,
        Code,
        Prose,
        Widget,
        Diagram,
        Prose,
        Prediction,
        Prediction,
        Code,
        Code,
        Claims,
        Solution,
        Prose,
        Quiz,
        Prose,
    ]
    blocks = made(*CELLS).blocks
    assert [type(block) for block in blocks] == [*kinds, Closing]
    (solution,) = (block for block in blocks if isinstance(block, Solution))
    assert [type(block) for block in solution.blocks] == [Prose, Code]


BUDGET = """\
# %% [markdown] tags=["budget"]
# - steps: {{ lora.trainable | int }} × 8
# - examples: 96
# - held out: *all*
# - seeds: 3
# - learning rate: the best of five
#   on other tickets"""


def test_a_box_has_its_parts_on_the_page_and_in_files() -> None:
    whole = made(BUDGET)
    text = page(whole, {}, []).markdown
    assert '<aside class="box box--budget" aria-label="Budget">' in text
    assert "<dt>Held out, per reported cell</dt><dd><p><em>all</em></p></dd>" in text
    assert ">9,216</data> × 8" in text
    file = File(whole, {}, ".x")
    assert "> **Budget**\n>\n> - Steps × batch: 9,216 × 8\n> - Distinct examples: 96\n" in markdown(file)
    assert "> - Learning rate: the best of five on other tickets\n" in markdown(file)
    assert "Budget" not in script(file)  # which has the code alone
    assert "> - Seeds: 3" in json.loads(notebooks(file)[0])["cells"][2]["source"]


DEPTH = (
    "# %% [markdown]\n# ## Deeper: why { #why }\n#\n# Because of {{ lora.trainable | int }}.",
    '# %% [markdown] tags=["solution"]\n# So.',
    "# %%\nx = 1",
    "# %% [markdown]\n# ## Monday: a new task\n#\n# Begin.",
    "# %% [markdown]\n# ## After\n#\n# That was it.",
)


def test_sections_of_depth_hold_their_blocks() -> None:
    whole = made(*DEPTH)
    deeper, monday = (block for block in whole.blocks if isinstance(block, Section))
    assert (deeper.kind, deeper.heading.text, deeper.minutes) == ("deeper", "## Deeper: why { #why }", 1)
    assert [type(block) for block in deeper.blocks] == [Prose, Solution, Code]
    assert [type(block) for block in monday.blocks] == [Prose]
    lines = {block.text: block.line for block in whole.flat() if isinstance(block, Prose)}
    text = source(*DEPTH)
    assert lines["## Deeper: why { #why }"] == line_of(text, "## Deeper")
    assert lines["Because of {{ lora.trainable | int }}."] == line_of(text, "Because")


def test_depth_is_folded_below_its_heading_and_what_is_for_monday_set_apart() -> None:
    text = page(made(*DEPTH), {}, []).markdown
    parts = (
        "## Deeper: why",
        '<details class="deeper"><summary',
        "(1 min)",
        "9,216",
        "</details>",
        "## Monday",
        "<section",
        "Begin.",
        "</section>",
        "## After",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "Read 1 min + 1 min deeper" in text


def test_files_have_sections_as_they_are_and_notebooks_fold_depth() -> None:
    file = File(made(*DEPTH), {}, ".x")
    _, run = notebooks(file)
    cells = json.loads(run)["cells"]
    folded = [cell["source"] for cell in cells if cell["metadata"].get("jp-MarkdownHeadingCollapsed")]
    assert folded == ["## Deeper: why"]
    assert "# %% Deeper: why\nx = 1" in script(file)
    for written in (run, markdown(file)):
        places = [written.index(part) for part in ("## Deeper: why", "Because of 9,216.", "## Monday", "Begin.")]
        assert places == sorted(places)


def test_prose_knows_its_lines() -> None:
    text = source(*CELLS)
    prose = {block.text.split("\n")[0]: block.line for block in made(*CELLS).flat() if isinstance(block, Prose)}
    assert prose == {
        "## First": line_of(text, "## First"),
        "After {{ lora.trainable | int }}.": line_of(text, "# After"),
        "Because.": line_of(text, "Because"),
        "## Check": line_of(text, "## Check"),
        "The end.": line_of(text, "The end"),
    }


def test_outputs_stand_in_their_cell_with_what_they_name() -> None:
    *_, shown = (block for block in made(*CELLS).flat() if isinstance(block, Code))
    printed, recorded, drawn = shown.outputs
    assert printed == Text("shown")
    assert isinstance(recorded, Table)
    assert isinstance(drawn, Drawing)
    assert (drawn.key, drawn.svg.startswith("<svg")) == ("f", True)


def test_tables_of_a_cell_tagged_answers_are_tables_of_answers() -> None:
    (shown,) = (
        block for block in made('# %% tags=["answers"]\nx = 1').flat() if "answers" in getattr(block, "tags", ())
    )
    assert isinstance(shown, Code)
    assert [type(output) for output in shown.outputs] == [Text, AnswerTable, Drawing]


def test_the_first_output_that_waits_answers_all_predictions() -> None:
    _, first, second, _ = (block for block in made(*CELLS).flat() if isinstance(block, Code))
    assert [asked.written.id for asked in first.answers] == ["one", "two"]
    assert not second.answers
    assert (first.is_awaited, second.is_awaited) == (True, True)


def test_a_plain_lesson_is_a_document_too() -> None:
    text = "# %% [markdown]\n# # A title\n#\n# Some *prose*.\n\n# %%\nprint(1)\n"
    parsed = plain_format.parse(text, Path("one.py").resolve(), Path().resolve())
    outputs: list[Output] = [Text("1"), Stderr("careful"), Html("<b>1</b>"), ImageShown("a.svg")]
    captured = replace(capture(outputs=[outputs]), images={"a.svg": "<svg/>"})
    whole = document(Bundle(parsed, (), {}, {}, Results.of(captured)))
    opening, prose, code, closing = whole.blocks
    assert isinstance(opening, PlainOpening)
    assert isinstance(prose, PlainProse)
    assert isinstance(code, Code)
    assert isinstance(closing, Closing)
    assert code.outputs[3] == Image("a.svg", "<svg/>")
    shown = page(whole, {}, [])
    assert "<p>Some <em>prose</em>.</p>" in shown.markdown
    assert "<dt>Seed</dt>" not in shown.markdown
    assert shown.files == {"a.svg": b"<svg/>"}
    _, executed = notebooks(File(whole, {}, ".ipynb"))
    title, told, run, _ = json.loads(executed)["cells"]
    assert (title["source"], told["source"]) == ("# A title", "Some *prose*.")
    assert [output["output_type"] for output in run["outputs"]] == ["stream", "stream", "display_data", "display_data"]


def has(function: Any, kind: type) -> bool:
    """Whether ``function`` knows what to do with blocks of this kind."""
    return function.dispatch(kind) is not function.dispatch(object)


@pytest.mark.parametrize("kind", sorted(set(get_args(Block)) - {Solution, Section}, key=str))
def test_every_kind_of_block_can_be_written(kind: type) -> None:
    assert has(write_page._markdown, kind)
    assert has(portable.text, kind) or (has(write_notebook._parts, kind) and has(write_markdown._text, kind))


@pytest.mark.parametrize("kind", get_args(Shown))
def test_every_kind_of_output_can_be_shown(kind: type) -> None:
    assert has(write_page._output, kind)
    assert has(write_notebook._output, kind)
    assert has(write_markdown._output, kind) or kind in (
        Stderr,
        Html,
        Image,
    )  # of plain lessons, which offer no such file


@dataclass(frozen=True)
class Note:
    """A kind of block that the course does not have."""

    name: str
    text: str


def test_a_new_kind_of_block_is_a_class_and_a_function_for_the_page_and_for_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module, name in ((write_page, "_markdown"), (portable, "text")):
        grown = singledispatch(getattr(module, name))
        grown.register(Note, lambda block, _: f"A note: {block.text}.")
        monkeypatch.setattr(module, name, grown)
    whole = made("# %%\nx = 1")
    opening, *others = whole.blocks
    whole = Document(whole.bundle, (opening, Note("note", "mine"), *others))  # type: ignore[arg-type]  # it is no Block
    file = File(whole, {}, ".x")
    for written in (page(whole, {}, []).markdown, *notebooks(file), script(file), markdown(file)):
        assert "A note: mine." in written
