"""Names under which the browser keeps progress, and the page that lists them."""

from __future__ import annotations

import re
from pathlib import Path

from course.pipeline.page.progress_marks import card, line, named, overview
from course.pipeline.results import quiz
from course.pipeline.results.bundle import Bundle

from ..samples import NUMBER, bundle, capture, lesson, quiz_text, value

LINKED = """\
  - id: sample-linked
    ask: Is *B* [zero](#zero)? {{ lora.trainable | int }} are trained.
    options:
      - text: Yes.
        right: true
        why: It is.
      - text: No.
        why: It is.
"""


def _made(tmp_path: Path) -> Bundle:
    path = tmp_path / "07_sample.quiz.yml"
    path.write_text(quiz_text(LINKED, NUMBER), encoding="utf-8")
    return bundle(lesson("# %%\nx = 1"), capture(value("lora.trainable", 9216)), quiz.read(path))


def test_a_lesson_names_its_questions_as_the_quiz_does(tmp_path: Path) -> None:
    made = _made(tmp_path)
    assert f'data-lesson="07_sample" data-questions="sample-linked:{made.asked[0].hash} sample-number:' in named(made)
    assert "data-predictions" not in named(made)
    assert re.search(r'data-version="\d+\.\d+\S*, results of 0123456789ab"', line(made))


def test_the_overview_has_a_row_and_every_question_as_one_link(tmp_path: Path) -> None:
    shown = overview([_made(tmp_path)], "../lessons/")
    assert shown.count("<tr data-lesson=") == 1
    assert shown.count("<li data-question ") == 5
    assert (
        '<a href="../lessons/07_sample/#q-sample-linked">Is <em>B</em> zero? 9,216 are trained.</a>'
        in shown  # a link in a question would end the link around it
    )


def test_a_course_without_lessons_has_an_empty_overview() -> None:
    assert "<li" not in overview([], "")


def test_the_card_can_be_left_open() -> None:
    assert '<option value="">not chosen</option>' in card([], "")
