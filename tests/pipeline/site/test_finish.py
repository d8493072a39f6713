"""The last step of a page: nothing a reader sees or a script runs changes, and the policy names every inline script."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.base.errors import CourseError
from course.pipeline.site.finish import compact, finish
from course.pipeline.text.markup import scrolling

PAGE = """

<!doctype html>
<html>
  <head>

    <meta charset="utf-8">
    <meta name="generator" content="mkdocs-material-9.7.0">
    <title>A page</title>
    <script>
      run( 1 )
    </script>
    <script type="module" src="a.js"></script>
    <script type="application/json">{"a": 1}</script>
  </head>
  <body>
    <p>One
       <b>two</b></p>

    <pre><code>if x:

    y</code></pre>
    <script>run(2)</script>
    <script src="../assets/javascripts/bundle.79ae519e.min.js"></script>
  </body>
</html>
"""


def _policy(page: str) -> dict[str, list[str]]:
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    rules = (rule.split() for rule in policy.split("; "))
    return {name: sources for name, *sources in rules}


def test_the_policy_allows_the_scripts_of_the_page_and_no_others() -> None:
    rules = _policy(finish(PAGE))
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(code).digest()).decode()}'"
        for code in (b"\n      run( 1 )\n    ", b"run(2)")
    ]
    assert rules["script-src"] == ["'self'", *hashes]
    assert rules["default-src"] == ["'self'"]
    assert rules["object-src"] == ["'none'"]


def test_the_policy_stands_before_everything_that_it_rules() -> None:
    page = finish(PAGE)
    assert page.startswith("<!doctype html>")
    assert page.index("<meta charset=utf-8>") < page.index("Content-Security-Policy") < page.index("<title>")


def test_code_and_scripts_keep_their_space_and_the_rest_loses_its_indentation() -> None:
    page = finish(PAGE)
    assert ">if x:\n\n    y</code>" in page
    assert "\n      run( 1 )\n    " in page
    assert "<body><p>One\n<b>two</b></p><pre>" in page


def test_what_may_be_wider_than_a_window_scrolls_by_keyboard() -> None:
    boxed = scrolling("<table><caption>Boxed before</caption></table>")
    page = finish(PAGE.replace("<p>One", f"<pre><code>x</code></pre><table></table>{boxed}<p>One"))
    assert "<pre><code tabindex=0>" in page
    assert page.count("<div class=table-scroll tabindex=0 role=group aria-label=Table><table>") == 2
    assert page.count("table-scroll") == 2


def test_quotation_marks_go_only_where_html_needs_none() -> None:
    page = '<a class="one" href="../x/" title="a b">=</a><path d="m1" id="p"/><p id="a.b-1" data-x="">x="y"</p>'
    assert (
        compact(page)
        == '<a class=one href="../x/" title="a b">=</a><path d="m1" id="p"/><p id=a.b-1 data-x="">x="y"</p>'
    )


def test_a_cell_ends_where_the_next_begins() -> None:
    cells = '<tr><th scope="row">a</th>\n <td></td><td class="x">b <b>c</b></td></tr>'
    assert compact(cells) == "<tr><th scope=row>a<td><td class=x>b <b>c</b></tr>"
    assert compact("<p>a</td> b</p>") == "<p>a</td> b</p>"


def test_text_of_code_is_kept_as_it_is() -> None:
    code = '<pre><code tabindex="0"><span class="k">if</span>  x="y":  a[&lt;"b"]\n\n</code></pre>'
    assert compact(code) == code.replace('"0"', "0").replace('"k"', "k")


def test_a_page_that_is_kept_stays_empty() -> None:
    assert finish("") == ""


SEARCH = '<div class="md-search" data-md-component="search" role="dialog">'
MENU = (
    '<nav class="md-nav" aria-labelledby="__nav_2_label" aria-expanded="true">\n'
    '<label class="md-nav__title" for="__nav_2">\n<span class="md-nav__icon"></span>\n  Lessons\n</label>'
)


@pytest.mark.parametrize("search", [SEARCH, SEARCH.replace(">", ' aria-label="Search">')])
def test_what_the_theme_writes_is_repaired(search: str) -> None:
    page = finish(PAGE.replace("<p>One", f"{search}{MENU}{MENU}<p>One"))
    assert "<div class=md-search data-md-component=search role=dialog aria-label=Search>" in page
    assert page.count("<nav class=md-nav aria-label=Lessons aria-expanded=true>") == 2
    assert "<script defer src=" in page


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (PAGE.replace("bundle.", "main."), r"javascripts/bundle.* 0 times.*\n.*a page is shown before its script"),
        (PAGE.replace("<p>One", f"{SEARCH.replace('md-search', 'search')}<p>One"), "a dialog needs a name"),
        (PAGE.replace("<p>One", f"{MENU}{MENU.replace('label>', 'b>')}<p>One"), r" 1 times, but .*__nav_ 2 times"),
        (PAGE.replace('<meta charset="utf-8">', ""), "content-security policy"),
    ],
)
def test_a_theme_that_has_changed_is_told(changed: str, told: str) -> None:
    assert changed != PAGE
    with pytest.raises(CourseError, match=told) as error:
        finish(changed)
    assert "policy" in told or "(mkdocs-material-9.7.0)" in str(error.value)


def words(page: str) -> list[str]:
    """The words and tags of a page; a block ends a word without space."""
    return re.sub(r"(</?p>)", r" \1 ", page).split()


@given(st.lists(st.sampled_from(["a", " ", "\n", "\t", "<b>", "</b>", "<p>", "</p>"]), max_size=30).map("".join))
def test_compact_changes_nothing_but_space_around_line_ends(page: str) -> None:
    made = compact(page)
    assert words(made) == words(page)
    assert compact(made) == made
    assert not re.search(r"\n\s|[ \t]\n", made)


def test_no_script_of_the_content_may_run() -> None:
    content = "<article><p><script>run(3)</script><SCRIPT>run(4)</SCRIPT></article>"
    assert _policy(finish(PAGE.replace("<p>One", f"{content}<p>One"))) == _policy(finish(PAGE))


@pytest.mark.parametrize(
    ("title", "name"),
    [('<h1 id="rank">Rank</h1>', "rank"), ("<h1>Rank</h1>", "title"), ('<h1 class="x" id="r-1">Rank</h1>', "r-1")],
)
def test_the_way_past_the_navigation_leads_to_the_title(title: str, name: str) -> None:
    skip = '<a href="#what-comes-later" class="md-skip">Skip</a>'
    page = finish(PAGE.replace("<p>One", f'{skip}{title}<h2 id="what-comes-later">Later</h2><p>One'))
    assert f'<a href="#{name}" class=md-skip>' in page.replace(f"href=#{name}", f'href="#{name}"')
    assert re.search(rf"<h1[^<>]* id={name}[ >]", page)
    assert page.count(f"id={name}") == 1


def test_a_phone_s_menu_opens_on_the_modules() -> None:
    toggle = '<input class="md-nav__toggle md-toggle " type="checkbox" id="__nav_2{}" checked>'
    page = finish(PAGE.replace("<p>One", f"{toggle.format('')}{toggle.format('_6')}<p>One"))
    assert re.search(r"id=__nav_2 checked", page)
    assert re.search(r"id=__nav_2_6>", page)
