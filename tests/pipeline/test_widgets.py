"""Interactive pieces as the build makes them: markers, first states, what a page and a download hold."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.cards import CARDS
from course.pipeline import widgets
from course.pipeline.base.errors import CourseError
from course.pipeline.page.document import document
from course.pipeline.page.downloads import files
from course.pipeline.page.write_page import page
from course.pipeline.widgets import PIECES, Placed, memory
from course.pipeline.widgets.view import View
from course.shapes import MODELS
from course.step_memory import STATE_BYTES, Setup, peak

from .samples import bundle, capture, lesson, line_of, source

NAMES = list(PIECES)


def placed(marker: str) -> Placed:
    (found,) = (piece for _, piece in widgets.pieces(marker, _fail, set()) if isinstance(piece, Placed))
    return found


def _fail(message: str, line: int, hint: str) -> CourseError:
    return CourseError(message, Path("page.md"), line + 1, hint)


def test_a_text_is_divided_at_its_markers() -> None:
    text = "before\n\n<!-- widget: rank rank=64 -->\n\nafter <!-- a comment -->"
    (_, before), (line, made), (below, after) = widgets.pieces(text, _fail, set())
    assert (before, after) == ("before\n\n", "\n\nafter <!-- a comment -->")
    assert isinstance(made, Placed)
    assert (made.state["rank"], line, below) == (64, 2, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n\n<!-- widget: memry -->", "page.md:3: There is no interactive piece 'memry'.\n  → Known: memory, rank"),
        ("<!-- widget memory -->", "page.md:1: The marker '<!-- widget memory -->' cannot be read."),
        ("<!-- widget: memory, rank=8 -->", "page.md:1: The marker"),
        ("x\n<!-- widget: rank size=8 -->", "page.md:2: 'rank' has no setting 'size'.\n  → Its settings: d_out,"),
        ("<!-- widget: rank rank=7 -->", "page.md:1: 'rank' cannot have rank=7.\n  → Give one of 1, 2, 4"),
        ("<!-- widget: memory batch=0 -->", "Give a whole number from 1 to 4096."),
        ("<!-- widget: memory method=half -->", "Give one of full, lora, qlora."),
        ("<!-- widget: memory checkpointing=on -->", "Give yes or no."),
        ("x\n  <!-- widget: rank -->", "page.md:2: The marker '<!-- widget: rank -->' is not alone on its line."),
        ("<!-- widget: rank --> is", "page.md:1: The marker '<!-- widget: rank -->' is not alone on its line."),
        ("<!-- widget: rank -->\n\n<!-- widget: rank -->", "page.md:3: The piece 'rank' stands twice on this page."),
    ],
)
def test_a_wrong_marker_is_an_error_with_its_line(text: str, said: str) -> None:
    with pytest.raises(CourseError) as caught:
        list(widgets.pieces(text, _fail, set()))
    assert said in str(caught.value)


@given(st.text())
def test_any_text_without_a_marker_stays(text: str) -> None:
    if "widget" not in text:
        assert list(widgets.pieces(text, _fail, set())) == [(0, text)]


def test_a_lesson_shows_it_and_its_downloads_to_read_hold_a_table() -> None:
    made = lesson("# %% [markdown]\n# ## Section\n#\n# <!-- widget: rank rank=16 -->")
    whole = document(bundle(made, capture(cells=len(made.code_cells))))
    assert 'data-widget="rank"' in page(whole, {7: "07_sample"}, []).markdown
    offered = files(whole, {7: "07_sample"}, "wheel", "")
    for name in ("07_sample.md", "07_sample.py", "07_sample.ipynb"):
        assert ("131,072" in offered[name]) is not name.endswith(".py")  # 16 · (4096 + 4096); a script is code alone
        assert "<!-- widget" not in offered[name]


def test_an_unknown_piece_in_a_lesson_is_an_error_with_file_and_line() -> None:
    cells = ("# %% [markdown]\n# ## Section\n#\n# Text.\n# <!-- widget: ranks -->",)
    made = lesson(*cells)
    with pytest.raises(CourseError) as caught:
        document(bundle(made, capture(cells=len(made.code_cells))))
    assert caught.value.line == line_of(source(*cells), "widget: ranks")


def test_one_piece_twice_in_a_lesson_is_an_error() -> None:
    made = lesson("# %% [markdown]\n# <!-- widget: rank -->", "# %%\nx = 1", "# %% [markdown]\n# <!-- widget: rank -->")
    with pytest.raises(CourseError, match="stands twice"):
        document(bundle(made, capture(cells=len(made.code_cells))))


class _Reader(HTMLParser):
    """Every tag with its attributes, and whether tags close in order."""

    VOID = frozenset({"input"})

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(params=NAMES)
def read(request: pytest.FixtureRequest) -> _Reader:
    reader = _Reader(request.param)
    reader.feed(placed(f"<!-- widget: {request.param} -->").html())
    reader.close()
    assert reader.open == []
    assert "fieldset" in dict(reader.tags)
    return reader


def test_no_inline_style_or_script(read: _Reader) -> None:
    for tag, attributes in read.tags:
        assert tag not in {"style", "script"}
        assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_every_control_has_a_label_and_waits_for_the_script(read: _Reader) -> None:
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = [attributes.get("for") for tag, attributes in read.tags if tag == "label"]
    for tag, attributes in read.tags:
        if tag in {"input", "select"} and attributes.get("type") != "radio":
            assert attributes["id"] in labels
        if tag == "fieldset":
            assert "disabled" in attributes


def test_every_drawing_with_a_meaning_has_a_name(read: _Reader) -> None:
    depth_one = [attributes for tag, attributes in read.tags if tag == "svg" and "data-draw" in attributes]
    assert bool(depth_one) is (read.name not in {"forward", "ladder"})  # which tell all in tables
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in depth_one)


@pytest.mark.parametrize("name", NAMES)
def test_every_text_and_drawing_has_its_place(name: str) -> None:
    piece = PIECES[name]
    view = piece.view(piece.settle(piece.start))
    assert set(re.findall(r' data-text="([^"]+)"', piece.template)) == set(view.texts)
    assert set(re.findall(r' data-draw="([^"]+)"', piece.template)) == set(view.drawn)


def test_texts_are_escaped() -> None:
    view = View("s", {"a": "<b> & c"}, {"d": {"aria-label": '"<'}})
    assert view.fill('<p data-text="a"></p><svg data-draw="d"></svg>') == (
        '<p data-text="a">&lt;b&gt; &amp; c</p><svg data-draw="d" aria-label="&quot;&lt;"></svg>'
    )


def test_a_named_model_brings_its_shapes() -> None:
    state = placed("<!-- widget: memory model=Qwen2.5-7B d_model=8 -->").state
    assert state["d_model"] == MODELS["Qwen2.5-7B"].d_model
    assert state["qkv_bias"] is True


def test_the_calculator_shows_the_peak_of_the_library() -> None:
    made = placed("<!-- widget: memory model=Llama-3.1-70B method=qlora -->")
    found = peak(Setup(MODELS["Llama-3.1-70B"], "qlora", checkpointing=True))
    assert f"{found.total / 1e9:.1f} GB ({found.total / 2**30:.1f} GiB)" in made.markdown()
    assert set(memory.OPTIMIZERS) == set(STATE_BYTES)


STATES = st.builds(
    lambda model, method, precision, optimizer, batch, sequence, checkpointing, gpu: memory.settle(
        {**memory.PIECE.start, "model": model, "method": method, "precision": precision, "optimizer": optimizer,
         "batch": batch, "sequence": sequence, "checkpointing": checkpointing, "gpu": gpu}
    ),
    st.sampled_from(list(MODELS)), st.sampled_from(list(memory.METHODS)),
    st.sampled_from(list(memory.PRECISIONS)), st.sampled_from(list(memory.OPTIMIZERS)), st.integers(1, 64),
    st.integers(1, 32768), st.booleans(), st.sampled_from(list(memory.GPUS)),
)  # fmt: skip


@given(STATES)
def test_the_bar_is_whole_and_ends_at_the_card_or_the_total(state: dict[str, Any]) -> None:
    drawn = memory.view(state).drawn
    end = 0.0
    for shelf in memory.PARTS:
        assert float(drawn[f"bar.{shelf}"]["x"]) == pytest.approx(end, abs=0.03)
        end += float(drawn[f"bar.{shelf}"]["width"])
    assert max(end, float(drawn["bar.mine"]["width"])) == pytest.approx(memory.WIDTH, abs=0.05)
    assert [gb for gb in CARDS if drawn[f"card.{gb}"]["data-mine"] == "yes"] == [int(g) for g in [state["gpu"]] if g]


@given(STATES)
def test_the_snippet_uses_arguments_that_the_libraries_have(state: dict[str, Any]) -> None:
    for call in (node for node in ast.walk(ast.parse(memory.snippet(state))) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in _accepted():
            assert {keyword.arg for keyword in call.keywords} <= _accepted()[call.func.id]


def _accepted() -> dict[str, set[str]]:
    from peft import LoraConfig
    from transformers import BitsAndBytesConfig
    from trl import SFTConfig, SFTTrainer

    kinds: list[Callable[..., Any]] = [LoraConfig, BitsAndBytesConfig, SFTConfig, SFTTrainer]
    return {kind.__name__: set(inspect.signature(kind).parameters) for kind in kinds}


def test_the_written_vectors_are_those_of_the_library(root: Path) -> None:
    spec = importlib.util.spec_from_file_location("vectors", root / "build" / "vectors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, content in module.files().items():
        written = (root / "docs" / "assets" / "widgets" / name).read_text(encoding="utf-8")
        assert written == content, f"{name} is out of date: run python build/vectors.py"
