"""The tree of pages belongs to no site generator: ProperDocs makes the same pages of it as MkDocs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.site.build import Site

from .courses import Course

NAMES = re.compile(r'content="mkdocs-[^"]*"')


def pages(site: Path) -> dict[str, str]:
    """Every page by its path, but for the name of what made it."""
    found = {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    return {name: NAMES.sub("", text) for name, text in found.items()}


def render(course: Course, generator: str) -> None:
    Site(course.root, course.bundles(), None, generator).render()


def test_properdocs_makes_the_same_pages(course: Course) -> None:
    expected = pages(course.root / "site")
    render(course, "properdocs")
    found = pages(course.root / "site")
    assert "ProperDocs" in (course.root / "site/lessons/01_synthetic/index.html").read_text(encoding="utf-8")
    assert "<math" in found["lessons/01_synthetic/index.html"]
    assert found == expected


def test_properdocs_keeps_pages_too(course: Course) -> None:
    render(course, "properdocs")
    before = course.kept()
    path = course.lesson(2)
    path.write_text(path.read_text(encoding="utf-8").replace("The question of", "A question of"), encoding="utf-8")
    render(course, "properdocs")
    after = course.kept()
    assert {name for name in after if after[name] != before[name]} == {
        n for n in after if n.startswith("02_synthetic/") and "/worksheet/" not in n
    }
    assert "A question of" in pages(course.root / "site")["lessons/02_synthetic/index.html"]


def test_a_generator_that_is_not_there_is_named(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course.pipeline.site.generator.GENERATORS", {"absent-generator": lambda tree, site: []})
    with pytest.raises(CourseError, match=r"absent-generator is not installed(?s:.)*pip install absent-generator"):
        render(course, "absent-generator")
