"""The syllabus says what the lessons say, in their order, with a link to each section."""

from __future__ import annotations

import re

from course.pipeline.page import listings
from course.pipeline.page.syllabus import syllabus

from .test_listings import made, words

PROSE = "# %% [markdown]\n# ## The idea\n#\n# ### Aside\n#\n# ## By hand { #as-before }"


def test_each_lesson_has_outcomes_times_prerequisites_and_sections() -> None:
    found = syllabus([made(8, 4), made(2, 1, cells=(PROSE,))], "../lessons/")
    assert re.findall(r'<h4 id="(lesson-\d+)">', found) == ["lesson-02", "lesson-08"]
    assert "02 Sample 2 &amp; more" in found
    assert "Read 5 min · run 12 s · lessons before: none · Worksheet predict" in words(found)
    assert re.findall(r'href="\.\./lessons/02_sample/#([^"]+)">([^<]+)<', found) == [
        ("the-idea", "The idea"),
        ("as-before", "By hand"),
    ]
    assert 'href="../lessons/02_sample/worksheet/"' in found


def test_the_start_names_the_first_lesson() -> None:
    assert listings.start([made(1, 1), made(2, 1)], "lessons/").count("<a ") == 1
    assert '<a href="lessons/01_sample/">Start with lesson 01: Sample 1 &amp; more</a>' in listings.start(
        [made(1, 1), made(2, 1)], "lessons/"
    )
    assert listings.start([], "lessons/") == ""
