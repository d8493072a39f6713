"""Terms are marked where prose uses them and nowhere else; what is wrong with an entry is told with its line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.course_format import find
from course.pipeline.lesson.read import read
from course.pipeline.page import glossary
from course.pipeline.page.glossary import Glossary

from ..samples import HEADER, lesson

ENTRIES = """\
- topic: Adapters
  terms:
    - term: Rank
      means: How many `directions` a matrix has.
      lesson: "07#what-rank-measures"
    - term: LoRA
      means: Two thin matrices.
- topic: Preferences
  terms:
    - term: KL divergence
      forms: [KL divergence, KL]
      means: How far two distributions are apart.
"""


def made(text: str, folder: Path) -> Glossary:
    path = folder / glossary.FILE
    path.write_text(text, encoding="utf-8")
    return glossary.read(path)


def words(html: str) -> list[tuple[str, str]]:
    return re.findall(r'<a class="term" href="([^"]*)">([^<]*)</a>', html)


@pytest.fixture
def small(tmp_path: Path) -> Glossary:
    return made(ENTRIES, tmp_path)


def test_the_first_use_leads_to_the_definition(small: Glossary) -> None:
    page = "<p>A rank, a rank.</p><h2 id='a'>Next</h2><p>The <em>rank</em> again.</p>"
    link = '<a class="term" href="../../glossary/#rank">rank</a>'
    assert small.mark(page, "../../glossary/") == (
        f"<p>A {link}, a rank.</p><h2 id='a'>Next</h2><p>The <em>rank</em> again.</p>"
    )


def test_a_form_stands_for_its_plural_and_in_lower_case_for_a_capital(small: Glossary) -> None:
    assert words(small.mark("<p>Ranks.</p>", "g")) == [("g#rank", "Ranks")]
    assert words(small.mark("<p>lora, Lora, LoRAs</p>", "g")) == [("g#lora", "LoRAs")]


def test_the_longest_form_wins(small: Glossary) -> None:
    assert words(small.mark("<p>the KL divergence</p>", "g")) == [("g#kl-divergence", "KL divergence")]
    assert words(small.mark("<p>the KL is</p>", "g")) == [("g#kl-divergence", "KL")]


@pytest.mark.parametrize(
    "html",
    [
        "<pre><code>rank</code></pre>",
        '<p><code>rank</code> <a href="x">rank</a></p>',
        '<h2 id="rank">The rank</h2><h3>rank</h3>',
        "<p><math><mtext>KL</mtext><mo>&lt;</mo><mtext>rank</mtext></math></p>",
        '<p class="admonition-title">rank</p>',
        "<details><summary>rank <em>rank</em></summary><p>rank</p></details>",
        "<p>low-rank, ranking, rank_8, prank</p>",
        '<p><img alt="a > rank" src="rank.png"><!-- rank --></p>',
        '<data value="rank">rank</data>',
        '<table><tr><th scope="col">rank</th></tr></table>',
        "<pre>never closed: rank",
    ],
)
def test_what_is_not_prose_stays_as_it_is(small: Glossary, html: str) -> None:
    assert small.mark(html, "g") == html


def test_exercises_and_what_follows_do_not_give_answers_away(small: Glossary) -> None:
    asked = '<h2 data-line="9" id="exercises">Exercises</h2><p>What is the rank?</p><h2 id="more">More</h2><p>rank</p>'
    assert small.mark(f"<p>rank</p>{asked}", "g").endswith(asked)


def test_the_page_has_a_heading_for_each_term_and_links_to_lessons_there_are(small: Glossary) -> None:
    page = small.page([lesson(path=Path("07_lora.py"))])
    assert "## Adapters\n\n### Rank { #rank }\n\nHow many `directions`" in page
    assert "Lesson 07: [A sample](lessons/07_lora.md#what-rank-measures)" in page
    assert "lessons/" not in small.page([lesson(path=Path("08_other.py"))])


def test_the_module_has_definitions_as_plain_text(small: Glossary) -> None:
    module = small.module().removeprefix("export const TERMS = ").removesuffix(";\n")
    assert json.loads(module)["rank"] == ["Rank", "How many directions a matrix has."]


def test_rewording_a_definition_leaves_the_lessons_alone(small: Glossary, tmp_path: Path) -> None:
    assert made(ENTRIES.replace("Two thin", "A pair of thin"), tmp_path).key == small.key
    assert made(ENTRIES.replace("KL]", "KL, nats]"), tmp_path).key != small.key


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("- term: LoRA", "- term: Rank", 6, "'#rank' stands for 'Rank' already"),
        ("KL divergence, KL]", "KL divergence, rank]", 10, "'rank' stands for 'Rank' already"),
        ('"07#what-rank-measures"', '"LoRA from scratch"', 5, "names no section"),
        ("means: Two", "meaning: Two", 7, "unknown field 'meaning'"),
        ("      means: Two thin matrices.\n", "", 6, "lacks the field 'means'"),
    ],
)
def test_a_wrong_entry_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in ENTRIES
    with pytest.raises(CourseError, match=message) as caught:
        made(ENTRIES.replace(old, new, 1), tmp_path)
    assert caught.value.line == line


def test_a_tag_must_be_a_term(small: Glossary) -> None:
    tagged = lesson(header=HEADER.replace("# fork", "# tags: [rank]\n# fork"))
    with pytest.raises(CourseError, match="'rank' is not in the glossary") as caught:
        glossary.check_tags(tagged, small)
    assert "'Rank'" in caught.value.hint


def test_topics_list_the_lessons_about_them(small: Glossary) -> None:
    tags = {"07_one.py": "[Rank]", "08_two.py": "[LoRA, Rank]", "09_three.py": "[]"}
    lessons = [
        lesson(header=HEADER.replace("# fork", f"# tags: {names}\n# fork"), path=Path(name))
        for name, names in tags.items()
    ]
    page = small.topics(lessons)
    assert page.startswith("## Adapters\n\n### Rank { #rank }")
    assert "- Lesson 07: [A sample](lessons/07_one.md)\n- Lesson 08: [A sample](lessons/08_two.md)" in page
    assert "Preferences" not in page
    assert "09_three" not in page


def test_the_courses_glossary_is_in_order(root: Path) -> None:
    found = glossary.read(root / "docs" / glossary.FILE)
    lessons = {made.number: made for made in map(read, find(root / "src/course/lessons"))}
    assert 50 <= len(found.terms) <= 120
    assert all(len(term.text.split()) <= 75 for term in found.terms)
    assert {term.lesson for term in found.terms if term.lesson} <= set(lessons)
    for made_ in lessons.values():
        assert made_.header.tags
        glossary.check_tags(made_, found)
