"""Where the repository is known, a page is edited where it is written: a lesson in its source."""

from __future__ import annotations

from pathlib import Path

import pytest
from mkdocs.structure.files import File

from course.pipeline.results.bundle import load_all
from course.pipeline.site import build

REPOSITORY = "https://example.org/course"


@pytest.fixture
def files(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, File]:
    """The pages of the site, by their path below ``docs``, with ``template`` to show what they are written in."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("REPO_URL", REPOSITORY)
    opened = build._Open(build._configured(root, load_all()))
    return {file.src_uri: file for file in opened.files.documentation_pages()}


def edited(files: dict[str, File], uri: str) -> str | None:
    page = files[uri].page
    assert page is not None
    return page.edit_url


def test_a_page_is_edited_where_it_is_written(files: dict[str, File], root: Path) -> None:
    assert edited(files, "claims.md") == f"{REPOSITORY}/edit/main/docs/claims.md"
    sources = sorted(root.glob("src/course/lessons/*/[0-9][0-9]_*.py"))
    assert sources
    for path in sources:
        expected = f"{REPOSITORY}/edit/main/{path.relative_to(root).as_posix()}"
        assert edited(files, f"lessons/{path.stem}.md") == expected
        assert edited(files, f"lessons/{path.stem}/notebook.md") == expected


def test_a_lesson_says_where_its_lines_are_seen(files: dict[str, File], root: Path) -> None:
    config = build._configured(root, [])
    template = config.theme.get_env().get_template("partials/page-source.html")
    (uri,) = (uri for uri in files if uri.startswith("lessons/07") and not uri.endswith("notebook.md"))
    text = template.render(page=files[uri].page)
    (path,) = root.glob(f"src/course/{uri.removesuffix('.md').replace('lessons/', 'lessons/*/')}.py")
    assert f'data-lines="{REPOSITORY}/blob/main/{path.relative_to(root).as_posix()}"' in text
    assert "page-source" not in template.render(page=files["claims.md"].page)


def test_the_link_to_the_repository_asks_its_host_nothing(root: Path) -> None:
    partial = build._configured(root, []).theme.get_env().get_template("partials/source.html")
    assert "data-md-component" not in partial.render(
        config={"repo_url": REPOSITORY, "repo_name": "Course"}, lang={"t": str}
    )
