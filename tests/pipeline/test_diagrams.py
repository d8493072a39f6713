"""Diagrams: drawings with words for those who do not see them, on pages and in every download."""

from __future__ import annotations

import re
from html import unescape
from xml.etree import ElementTree

import pytest

from course.pipeline import diagrams
from course.pipeline.base.errors import CourseError
from course.pipeline.diagrams import DIAGRAMS, canvas, nf4_grid
from course.pipeline.diagrams.diagram import Diagram
from course.pipeline.page import fragments
from course.pipeline.page.document import document
from course.pipeline.page.notebook_view import view
from course.pipeline.page.portable import File
from course.pipeline.page.write_markdown import markdown
from course.pipeline.page.write_notebook import notebooks
from course.pipeline.page.write_page import page
from course.pipeline.page.write_script import script
from course.pipeline.text import clean
from course.quantization import LEVELS

from .samples import bundle, capture, lesson

SVG = "{http://www.w3.org/2000/svg}"
ALL = pytest.mark.parametrize("diagram", DIAGRAMS.values(), ids=DIAGRAMS)


def fail(message: str, line: int, hint: str) -> CourseError:
    return CourseError(message, line=line + 1, hint=hint)


def pieces(text: str) -> list[tuple[int, str | Diagram]]:
    return list(diagrams.pieces(text, fail))


@ALL
def test_a_drawing_says_what_it_shows(diagram: Diagram) -> None:
    root = ElementTree.fromstring(diagram.svg())
    assert root.get("role") == "img"
    title, about = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == diagram.title
    assert about is not None
    assert about.text == diagram.about
    assert diagram.about in diagram.markdown()


@ALL
def test_all_that_is_drawn_lies_in_its_frame(diagram: Diagram) -> None:
    words = list(ElementTree.fromstring(diagram.svg()).iter(f"{SVG}text"))
    assert len(words) > 3
    for word in words:
        assert 0 <= float(word.attrib["x"]) <= canvas.WIDTH
        assert 0 < float(word.attrib["y"]) < diagram.height


@ALL
def test_its_colors_are_the_theme_s_with_others_where_there_is_none(diagram: Diagram) -> None:
    drawn = diagram.svg()
    assert re.findall(r"(?:fill|stroke):(?!none|var\(--figure-\w+, #[0-9a-f]{6}\))[^;\"]+", drawn) == []
    assert "#" not in fragments.in_page_colors(drawn)


@ALL
def test_cleaning_takes_nothing_away(diagram: Diagram) -> None:
    cleaned, drawn = (ElementTree.fromstring(text) for text in (clean.svg(diagram.svg()), diagram.svg()))
    assert [(e.tag, e.attrib, e.text) for e in cleaned.iter()] == [(e.tag, e.attrib, e.text) for e in drawn.iter()]


def test_low_letters() -> None:
    assert unescape(re.sub("<[^>]*>", "", canvas.words("start", [(0, 9, "d_out < d_in")]))) == "dout < din"


def test_the_grid_has_the_levels_of_the_library() -> None:
    assert all(nf4_grid._ticks(name, 0).count("M") == len(LEVELS[name]) for name in ("nf4", "int4"))


def test_markers_are_found_with_their_lines() -> None:
    first, drawn, last = pieces("One.\n\n<!-- diagram: dpo-margins -->\n\nTwo.")
    assert first == (0, "One.\n\n")
    assert drawn == (2, DIAGRAMS["dpo-margins"])
    assert last == (2, "\n\nTwo.")
    assert pieces("```\n<!-- diagram: dpo-margins -->\n```")[-1][1] == "```\n<!-- diagram: dpo-margins -->\n```"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<!-- diagram: nothing -->", "no diagram 'nothing'"),
        ("<!-- diagram dpo-margins -->", "cannot be read"),
        ("- <!-- diagram: dpo-margins -->", "not alone"),
    ],
)
def test_a_marker_that_asks_for_nothing_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(CourseError, match=told) as found:
        pieces(f"One.\n\n{text}\n")
    assert found.value.line == 3


def test_a_wrong_marker_below_a_widget_is_told_with_its_line() -> None:
    cells = "# %% [markdown]\n# ## One\n#\n# <!-- widget: rank -->\n#\n# <!-- diagram: nothing -->"
    made = lesson(cells)
    with pytest.raises(CourseError) as found:
        document(bundle(made, capture(cells=1)))
    assert found.value.line == made.cells[-1].line + 4


def test_it_stands_on_the_page_and_in_every_download_that_is_read() -> None:
    made = lesson("# %% [markdown]\n# ## Section\n#\n# <!-- diagram: lora-forward -->\n#\n# After.")
    whole, drawn = document(bundle(made, capture(cells=1))), DIAGRAMS["lora-forward"]
    assert fragments.diagram(drawn) in page(whole, {7: "07_sample"}, []).markdown
    assert drawn.markdown() in markdown(File(whole, {}, ".md"))
    assert drawn.title not in script(File(whole, {}, ".py"))
    fresh, _ = notebooks(File(whole, {}, ".ipynb"))
    assert drawn.title in fresh
    shown = view(fresh).markdown
    assert "<svg" in shown
    assert "base64" not in shown
    assert drawn.about in shown
    assert shown.index("<svg") < shown.index("After.")
