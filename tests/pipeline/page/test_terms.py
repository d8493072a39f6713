"""Terms are marked in pages that ask for it, in what was written as prose."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown import Markdown

from course.pipeline.page.terms import NAME, asked
from course.pipeline.text.verbatim import block

LINK = '<a class="term" href="../../glossary/#rank">rank</a>'


@pytest.fixture
def converter(tmp_path: Path) -> Markdown:
    path = tmp_path / "glossary.yml"
    path.write_text("- topic: Adapters\n  terms:\n    - term: Rank\n      means: A number.\n", encoding="utf-8")
    return Markdown(
        extensions=[NAME, "course.pipeline.text.verbatim"],
        extension_configs={NAME: {"glossary": str(path)}},
    )


def test_a_page_that_asks_has_marks(converter: Markdown) -> None:
    made = converter.convert(f"{asked('../../glossary/')}\n\nThe rank.\n\n{block('<p>No rank</p>')}")
    assert made == f"<p>The {LINK}.</p>\n<p>No rank</p>"


def test_another_page_has_none(converter: Markdown) -> None:
    converter.convert(f"{asked('../../glossary/')}\n\nThe rank.")
    for text in ("The rank.", f"The rank.\n\n{asked('../../glossary/')}", ""):
        assert 'class="term"' not in converter.reset().convert(text)


def test_without_a_glossary_nothing_is_marked(tmp_path: Path) -> None:
    path = {"glossary": str(tmp_path / "none.yml")}
    made = Markdown(extensions=[NAME], extension_configs={NAME: path})
    assert made.convert(f"{asked('g')}\n\nThe rank.") == "<p>The rank.</p>"
