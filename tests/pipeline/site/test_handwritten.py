"""Hand-written pages get what they ask for, or an error at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.page.glossary import Glossary
from course.pipeline.site import handwritten

from ..samples import bundle, capture, figure, lesson, value

HEAD = "---\ntitle: Home\n---\n\n# Home\n\n"


def filled(text: str, uri: str = "index.md", archive: str = "") -> str:
    shown = bundle(lesson("# %%\nx = 1", path=Path("07_sample.py")), capture(value("a.b", 1), figure("loss.plot")), ())
    return handwritten.page(HEAD + text, uri, handwritten.Site([shown], Glossary(), archive), Path(uri))


def test_lists_figures_and_pieces_stand_where_they_are_asked_for() -> None:
    found = filled("<!-- facts -->\n\n<!-- figure 07 loss.plot -->\n\n<!-- widget: rank -->\n\n<!-- lessons -->\n")
    places = [found.index(part) for part in ('class="facts"', "<figure", 'data-widget="rank"', 'class="lesson-list"')]
    assert places == sorted(places)
    assert found.startswith(HEAD)


@pytest.mark.parametrize("asked", ["figure 09 loss.plot", "figure 07 loss.plott", "widget: ranks", "widget: rank a=1"])
def test_what_is_not_there_is_an_error_at_its_line(asked: str) -> None:
    with pytest.raises(CourseError, match=r"index\.md:9: "):
        filled(f"<!-- lessons -->\n\n<!-- {asked} -->\n")


def test_a_formula_that_cannot_be_shown_is_an_error_at_its_line() -> None:
    with pytest.raises(CourseError, match=r"index\.md:9: The formula \$\\foo\$ cannot be shown"):
        filled("Of $x$\n\nand $\\foo$.\n")


@pytest.mark.parametrize(
    ("uri", "address"),
    [("index.md", "lessons/"), ("a.md", "../lessons/"), ("a/b.md", "../../lessons/"), ("a/index.md", "../lessons/")],
)
def test_links_lead_from_the_page_to_the_lessons(uri: str, address: str) -> None:
    assert f'href="{address}07_sample/' in filled("<!-- lessons -->", uri)


def test_the_zip_is_offered_where_one_is_made() -> None:
    assert "href" not in filled("<!-- zip -->")
    assert 'href="../downloads/name.zip"' in filled("<!-- zip -->", "offline.md", "name")
