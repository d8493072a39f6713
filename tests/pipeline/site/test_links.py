"""Every link leads to a file of the site, and to a place that is there."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from course.pipeline.site.links import Links, broken, read

HOME = '<nav><a href="nowhere/">N</a></nav><article><h1 id=top>T</h1><a name="old"></a>{}</article>'
OTHER = '<article><h2 id="a b">Two</h2></article>'


def told(content: str) -> list[str]:
    pages: Mapping[str, Links] = {"index.html": read(HOME.format(content)), "a/b/index.html": read(OTHER)}
    return broken(pages, {*pages, "a/data.csv"})


@pytest.mark.parametrize(
    "address",
    [
        "#top", "#old", "a/b/", "a/b/index.html", "a/b/#a%20b", "./a/data.csv", "a/data.csv?v=1", "https://example.org/x",
        "mailto:someone@example.org", "//example.org", "#__search", "",
    ],
)  # fmt: skip
def test_links_that_lead_somewhere(address: str) -> None:
    assert told(f'<a href="{address}">x</a>') == []


@pytest.mark.parametrize("address", ["absent/", "a/b/c", "#absent", "a/b/#absent", "../index.html", "data.csv"])
def test_links_that_lead_nowhere_are_named_with_their_page(address: str) -> None:
    (problem,) = told(f"<a href='{address}'>x</a>")
    assert "index.html" in problem
    assert repr(address) in problem


def test_attributes_need_no_quotes_and_may_hold_signs() -> None:
    assert read('<article><a title="a > b" href=x/#y>x</a></article>').addresses == {"x/#y"}


def test_only_the_content_counts() -> None:
    assert told("") == []
