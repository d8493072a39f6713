"""Where questions stand: each once, in the order of reading, and errors that name the marker."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.model import Lesson
from course.pipeline.results.placing import place
from course.pipeline.results.quiz import Question

from ..samples import lesson, line_of, source

QUESTIONS = [Question(name, "?", Path("07_sample.quiz.yml"), 1) for name in ("one", "two", "three")]
SECTION = "# %% [markdown]\n# ## A section\n#\n# Read.\n#\n# <!-- quiz: two -->\n#\n# More."
REST = "# %% [markdown]\n# <!-- quiz -->"


def ids(made: Lesson) -> list[list[str]]:
    return [[question.id for question in group] for group in place(made, QUESTIONS)]


def test_questions_stand_in_sections_and_the_others_together() -> None:
    assert ids(lesson(SECTION, REST)) == [["two"], ["one", "three"]]
    assert ids(lesson(REST, SECTION)) == [["one", "three"], ["two"]]
    assert ids(lesson(REST)) == [["one", "two", "three"]]
    assert ids(lesson("# %% [markdown]\n# Write:\n#\n#     <!-- quiz: one -->")) == []  # shown as code


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ((SECTION.replace("two", "four"), REST), "no question 'four'"),
        ((SECTION, REST, "# %% [markdown]\n# Again\n#\n# <!-- quiz: two -->  "), "'two' stands twice"),
        ((SECTION, REST, "# %% [markdown]\n# Again\n#\n# <!-- quiz -->"), "The knowledge check stands twice"),
    ],
)
def test_a_wrong_marker_names_its_line(cells: tuple[str, ...], message: str) -> None:
    with pytest.raises(CourseError, match=message) as caught:
        place(lesson(*cells), QUESTIONS)
    lines = source(*cells).split("\n")
    assert caught.value.line
    assert "<!-- quiz" in lines[caught.value.line - 1]


def test_a_place_without_questions_is_told() -> None:
    everywhere = [SECTION.replace("two", question.id) for question in QUESTIONS]
    cells = (*everywhere, REST)
    with pytest.raises(CourseError, match="No question is left") as caught:
        place(lesson(*cells), QUESTIONS)
    assert caught.value.line == line_of(source(*cells), "<!-- quiz -->")
    assert ids(lesson(*everywhere)) == [["one"], ["two"], ["three"]]
