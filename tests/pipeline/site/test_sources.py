"""Where the repository is known, a page is edited where it is written: a lesson in its source."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment
from mkdocs.config import load_config

from course.pipeline.base import cache
from course.pipeline.results.bundle import load_all
from course.pipeline.site.pages import Pages
from course.pipeline.site.source import of_repository
from course.pipeline.text import front_matter

REPOSITORY = "https://example.org/course"


@pytest.fixture
def written(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The file that a reader edits, by the page's path below ``docs``, as the page's metadata say."""
    monkeypatch.chdir(root)
    pages = Pages(Path(), of_repository(Path()), load_all(), cache.opened(root))
    found = {}
    for entry in pages.entries(zipped=False):
        if entry.is_page:
            text = entry.make()
            assert isinstance(text, str)
            found[entry.uri.removeprefix("docs/")] = front_matter.split(text)[0]["source"]
    return found


@pytest.fixture
def theme(root: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("REPO_URL", REPOSITORY)
    environment: Environment = load_config(str(root / "mkdocs.yml")).theme.get_env()
    return environment


def shown(theme: Environment, template: str, source: str) -> str:
    page = {"meta": {"source": source}}
    config = {"repo_url": REPOSITORY, "theme": {"icon": {}}}
    found = theme.get_template(template)
    return found.render(page=page, config=config, features=["content.action.edit"], lang={"t": str})


def test_a_page_names_the_file_it_is_written_in(written: dict[str, str], root: Path) -> None:
    assert written["claims.md"] == "docs/claims.md"
    sources = sorted(root.glob("src/course/lessons/*/[0-9][0-9]_*.py"))
    assert sources
    for path in sources:
        expected = path.relative_to(root).as_posix()
        assert written[f"lessons/{path.stem}.md"] == expected
        assert written[f"lessons/{path.stem}/notebook.md"] == expected


def test_the_button_edits_that_file(theme: Environment) -> None:
    assert f'href="{REPOSITORY}/edit/main/docs/claims.md"' in shown(theme, "partials/actions.html", "docs/claims.md")
    assert "href" not in shown(theme, "partials/actions.html", "")


def test_a_lesson_says_where_its_lines_are_seen(theme: Environment) -> None:
    source = "src/course/lessons/1_foundations/01_lesson.py"
    assert f'data-lines="{REPOSITORY}/blob/main/{source}"' in shown(theme, "partials/page-source.html", source)
    assert "page-source" not in shown(theme, "partials/page-source.html", "docs/claims.md")


def test_the_link_to_the_repository_asks_its_host_nothing(theme: Environment) -> None:
    partial = theme.get_template("partials/source.html")
    assert "data-md-component" not in partial.render(
        config={"repo_url": REPOSITORY, "repo_name": "Course"}, lang={"t": str}
    )
