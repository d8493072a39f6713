"""A site rendered step by step has the bytes of one rendered at once, and only what changed is rendered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from course.pipeline.base import cache
from course.pipeline.base.errors import CourseError
from course.pipeline.site.build import Site

from .courses import Course, copy_unrendered
from .sandbox import edit
from .synthetic import write_capture, write_lesson


def in_turn(*steps: Callable[[], object]) -> None:
    for step in steps:
        step()


def remove(course: Course, n: int) -> None:
    path = course.lesson(n)
    path.unlink()
    path.with_suffix(".quiz.yml").unlink()


EDITS: dict[str, Callable[[Course], object]] = {
    "prose": lambda c: edit(c.lesson(2), "The question of", "A question of"),
    "nothing": lambda c: None,
    "glossary": lambda c: in_turn(
        lambda: edit(c.root / "docs/glossary.md", "page\n", "page\n\n## Question\n"),
        lambda: edit(
            c.root / "docs/glossary.yml",
            "    - term: Token\n",
            "    - term: Question\n      means: Asks.\n    - term: Token\n",
        ),
    ),
    "title": lambda c: edit(c.lesson(1), "title: Lesson 1", "title: The first lesson"),
    "heading": lambda c: edit(c.lesson(3), "## The result", "## What came out"),
    "quiz": lambda c: edit(c.lesson(3).with_suffix(".quiz.yml"), "Which?", "Which one?"),
    "captured value": lambda c: in_turn(
        lambda: write_capture(c.root, c.lesson(2), 22),
        lambda: edit(c.lesson(2), "for: synthetic.answer == 2", "for: synthetic.answer == 22"),
        lambda: edit(c.lesson(2), "against: synthetic.answer != 2", "against: synthetic.answer != 22"),
    ),
    "claim": lambda c: edit(c.lesson(3), "text: The number of", "text: The secret number of"),
    "added lesson": lambda c: write_lesson(c.root, 4),
    "link": lambda c: edit(c.lesson(1), "A table and a figure.", "As in [another](lesson:04#the-result)."),
    "removed lesson": lambda c: in_turn(lambda: remove(c, 3), lambda: edit(c.lesson(1), "lesson:04", "lesson:02")),
    "page": lambda c: edit(c.root / "docs/index.md", "# The index page", "# Home\n\nSee [claims](claims.md)."),
    "new page": lambda c: in_turn(
        lambda: (c.root / "docs/more.md").write_text("# More\n"),
        lambda: edit(c.root / "mkdocs.yml", "\nnav:\n", "\nnav:\n  - more.md\n"),
    ),
    "styles": lambda c: edit(c.root / "docs/assets/site.css", ":root", "math { color: red }\n:root"),
    "theme": lambda c: edit(c.root / "docs/overrides/main.html", "theme-color", "theme-colour"),
    "configuration": lambda c: edit(c.root / "mkdocs.yml", "site_name: ", "site_name: The new "),
    "library": lambda c: edit(c.root / "src/course/figures.py", '"""', '"""Now: '),
    "back again": lambda c: edit(c.lesson(2), "A question of", "The question of"),
}  # fmt: skip


def test_a_sequence_of_edits_gives_the_bytes_of_a_full_render(course: Course, tmp_path: Path) -> None:
    for name, change in EDITS.items():
        before = course.site()
        change(course)
        course.render()
        whole = Course(copy_unrendered(course.root, tmp_path / "whole"))
        whole.render()
        found, expected = course.site(), whole.site()
        assert sorted(found) == sorted(expected), name
        assert [path for path in found if found[path] != expected[path]] == [], name
        assert (found == before) == (name == "nothing"), name
        shutil.rmtree(whole.root)


def test_only_what_changed_is_written(course: Course) -> None:
    course.render()
    before = course.kept()
    edit(course.lesson(2), "The question of", "A question of")
    course.render()
    after = course.kept()
    assert after.keys() == before.keys()
    changed = {path for path in after if after[path] != before[path]}
    # Its worksheet, which holds no prose, stays.
    assert changed == {path for path in after if path.startswith("02_synthetic/") and "/worksheet/" not in path}


def test_a_file_touched_in_the_site_is_not_kept(course: Course) -> None:
    expected = course.site()
    page, download = (course.root / "site/lessons/01_synthetic" / name for name in ("index.html", "rows.csv"))
    page.write_text("damaged")
    download.unlink()
    assert not Site(course.root, course.bundles()).is_current()
    course.render()
    assert course.site() == expected


def test_nothing_that_other_code_made_is_kept(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the cache knows the pages already."""
    edit(course.lesson(1), "The question", "The first question")
    course.render()
    before = course.kept()
    monkeypatch.setattr(cache, "generation", lambda: "other code")
    cache.opened.cache_clear()  # as in another process
    for bundle in course.bundles():
        Site(course.root, course.bundles()).prepare(bundle)
    course.render()
    after = course.kept()
    assert not [name for name, inode in after.items() if inode == before[name]]


def test_a_previous_site_is_never_written_to(course: Course) -> None:
    """Its files are linked, so one that were opened for writing would change under a reader of the old site."""
    copy = course.root / "copy"
    shutil.copytree(course.root / "site", copy, copy_function=os.link)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    edit(course.lesson(1), "title: Lesson 1", "title: The first lesson")
    course.render()
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_a_broken_link_is_told_each_time(course: Course) -> None:
    """Also when the page with the link was converted before and comes from the cache."""
    before = course.site()
    edit(course.lesson(1), "A table and a figure.", "As [here](absent.md) and [here](02_synthetic.md#absent).")
    for _ in range(2):
        with pytest.raises(CourseError, match=r"(?s)'absent.md'.*#absent"):
            course.render()
    assert course.site() == before


@pytest.mark.parametrize("content", [b"", b"no database at all", None], ids=["empty", "garbage", "damaged"])
def test_an_unreadable_cache_is_a_miss(course: Course, content: bytes | None) -> None:
    expected = course.site()
    for path in (course.root / "build/cache").iterdir():
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2) if content is None else content)
    shutil.rmtree(course.root / "site")
    course.render()
    assert course.site() == expected


def test_pages_prepared_while_others_run_are_the_same(course: Course, tmp_path: Path) -> None:
    edit(course.lesson(2), "The question of", "A question of")
    whole = Course(copy_unrendered(course.root, tmp_path / "whole"))
    course.render()
    bundles = whole.bundles()
    site = Site(whole.root, bundles)
    for bundle in reversed(bundles):
        site.prepare(bundle)
    site.render()
    assert whole.site() == course.site()
