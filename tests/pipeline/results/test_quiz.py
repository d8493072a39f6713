"""Quizzes: every schema error names file and line, answers are computed, progress is kept by content."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.results.quiz import Option, Question, ask, given_away, read, unique

from ..samples import CHOICE, NUMBER, line_of, quiz_text

VALUES = {"lora.trainable": 9216, "lora.loss": 0.03125}


def write(folder: Path, text: str) -> Path:
    path = folder / "07_sample.quiz.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_quiz(tmp_path: Path) -> None:
    text = quiz_text(NUMBER)
    questions = read(write(tmp_path, text))
    assert [question.id for question in questions] == ["sample-number", *(f"sample-{n}" for n in range(1, 5))]
    number, choice = questions[:2]
    assert not number.is_choice
    assert (number.answer, number.tolerance, number.unit) == ("lora.trainable / 2", 0.01, "parameters")
    assert choice.is_choice
    assert [(option.text, option.right) for option in choice.options] == [("This.", True), ("That.", False)]
    assert all(option.why for option in choice.options)
    assert [question.line for question in questions] == [line_of(text, f"id: {q.id}") for q in questions]


GOOD = quiz_text(CHOICE.format(n="x"), NUMBER)


@pytest.mark.parametrize(
    ("old", "new", "needle", "message"),
    [
        ("    ask: Which one is it?\n", "", "id: sample-x", "lacks the field 'ask'"),
        ("        why: It is not.\n", "", "text: That.", "lacks the field 'why'"),
        ("why: It is not.", "why:", "why:\n", "why must be text"),
        ("why: It is not.", "why: ''", "why: ''", "why is empty"),
        ("text: That.", "text: no", "text: no", "text must be text"),
        ("right: true", "right: yes please", "yes please", "right must be true or false"),
        ("        right: true\n", "", "- text: This.", "Exactly one option must be right, not 0"),
        ("why: It is not.", "why: It is not.\n        right: true", "- text: This.", "must be right, not 2"),
        ("text: That.", "text: This.", "- text: This.\n        right", "same text"),
        ("      - text: That.\n        why: It is not.\n", "", "- text: This.", "two to six options, not 1"),
        ("id: sample-x", "id: Sample x", "Sample x", "is not an id"),
        ("id: sample-x", "id: a\"b", "a\"b", "is not an id"),
        ("id: sample-x", "id: sample-2", "id: sample-2\n    ask: Which", "already used at"),
        ("id: sample-x", "id: sample-x\n    points: 2", "points", "unknown field 'points'"),
        ("id: sample-x", "id: sample-x\n    hint: Think.", "id: sample-x", "has no 'hint'"),
        ("    hint: Fewer.\n", "", "id: sample-number", "lacks the field 'hint'"),
        ("    format: int\n", "", "id: sample-number", "lacks the field 'format'"),
        ("format: int", "format: pct1", "format: pct1", "not what a learner would type"),
        ("format: int", "format: gb1", "format: gb1", "not what a learner would type"),
        ("answer: lora.trainable / 2", "answer: ''", "answer: ''", "answer is empty"),
        ("answer: lora.trainable / 2", "answer: [1]", "answer: [1]", "answer must be text"),
        ("tolerance: 0.01", "tolerance: -0.01", "tolerance", "from 0 (exact) to below 1"),
        ("tolerance: 0.01", "tolerance: .nan", "tolerance", "from 0 (exact) to below 1"),
        ("tolerance: 0.01", "tolerance: much", "tolerance", "must be a number"),
        ("questions:\n", "question:\n", "question:", "unknown field 'question'"),
        ("    ask: How many?", "   ask: How many?", "   ask: How many?", "Not valid YAML"),
        ("ask: How many?", "ask: 'How many?", None, "Not valid YAML"),
        ("ask: How many?", "ask: How: many?", "How: many", "Not valid YAML"),
    ],
)  # fmt: skip
def test_a_broken_quiz_names_file_and_line(
    tmp_path: Path, old: str, new: str, needle: str | None, message: str
) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(CourseError, match=re.escape(message)) as caught:
        read(write(tmp_path, text))
    error = caught.value
    assert error.path == tmp_path / "07_sample.quiz.yml"
    assert error.line is not None
    if needle and "already used" in message:  # the second of the two
        assert error.line == text[: text.rindex("id: sample-2")].count("\n") + 1
    elif needle:
        assert error.line == text[: text.index(needle)].count("\n") + 1
    assert f"07_sample.quiz.yml:{error.line}: " in str(error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("questions: 5\n", "must be a list"),
        ("- a\n", "must be a mapping"),
        (quiz_text(CHOICE.format(n=0), fill=False), "has 1 questions; it needs 5"),
        (quiz_text(*(CHOICE.format(n=n) for n in range(6))), "has 6 questions; it needs 5"),
    ],
)
def test_a_quiz_that_is_no_list_of_five(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CourseError, match=message) as caught:
        read(write(tmp_path, text))
    assert caught.value.line is not None


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "07_sample.quiz.yml"
    with pytest.raises(CourseError, match="has no quiz") as caught:
        read(path)
    assert caught.value.hint
    path.write_bytes(b"questions: \xff")
    with pytest.raises(CourseError, match="not UTF-8"):
        read(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(CourseError, match="Cannot read the quiz"):
        read(path)


NUMERIC = Question(
    id="a-number", ask="Of {{ lora.trainable | int }}, how many?", path=Path("07_sample.quiz.yml"), line=12,
    answer="lora.trainable / 2", tolerance=0.01, format="int", unit="parameters",
    why="Half of {{ lora.trainable | int }}.", hint="Below {{ lora.trainable | int }}.",
)  # fmt: skip


def test_ask_fills_in_numbers_and_computes_the_answer() -> None:
    asked = ask(NUMERIC, VALUES)
    assert asked.ask == "Of 9,216, how many?"
    assert (asked.number, asked.number_text) == (4608.0, "4,608 parameters")
    assert (asked.why, asked.hint) == ("Half of 9,216.", "Below 9,216.")
    assert asked.options == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"answer": "lora.trainble"}, "did you mean 'lora.trainable'"),
        ({"answer": "1 / 0"}, "division by zero"),
        ({"answer": "'many'"}, "could not convert"),
        ({"answer": "exp(1000)"}, "cannot compute"),
        ({"answer": "lora.loss"}, "not a whole number"),
        ({"format": "integer"}, "unknown format"),
        ({"ask": "{{ lora.trainable }}"}, "has no format"),
        ({"why": "{{ zebra | int }}"}, "no captured value"),
        ({"hint": "{{ lora.loss | int }}"}, "not a whole number"),
    ],
)
def test_what_cannot_be_asked_names_question_file_and_line(changed: dict[str, str], message: str) -> None:
    with pytest.raises(CourseError, match=message) as caught:
        ask(replace(NUMERIC, **changed), VALUES)  # type: ignore[arg-type]  # fields of several types
    assert (caught.value.path, caught.value.line) == (NUMERIC.path, 12)
    assert "'a-number'" in caught.value.message


def test_the_hash_changes_with_anything_a_learner_reads_or_is_judged_by(tmp_path: Path) -> None:
    def hashes(text: str, values: dict[str, float] = VALUES) -> list[str]:
        return [ask(question, values).hash for question in read(write(tmp_path, text))][:2]

    choice, number = hashes(GOOD)
    assert choice != number
    for old, new in (
        ("Which one", "Which"),
        ("text: That.", "text: Those."),
        ("why: It is not", "why: No"),
        ("      - text: This.\n        right: true", "      - text: This."),
        ("id: sample-x", "id: sample-y"),
    ):
        text = GOOD.replace(old, new, 1)
        if "right" in old:
            text = text.replace("text: That.", "text: That.\n        right: true", 1)
        after = hashes(text)
        assert after[0] != choice, old
        assert after[1] == number, old
    for old, new in (
        ("How many", "How much"),
        ("0.01", "0.02"),
        ("unit: parameters", "unit: numbers"),
        ("trainable / 2", "trainable / 4"),
        ("why: Half", "why: A half"),
        ("Fewer.", "Less."),
        ("format: int", "format: f1"),
    ):
        after = hashes(GOOD.replace(old, new, 1))
        assert after == [choice, after[1]], old
        assert after[1] != number, old
    assert hashes(GOOD, {**VALUES, "lora.trainable": 4608})[1] != number


def test_the_hash_does_not_depend_on_place_layout_or_unrelated_values(tmp_path: Path) -> None:
    before = {q.id: ask(q, VALUES).hash for q in read(write(tmp_path, GOOD))}
    moved = quiz_text(NUMBER, CHOICE.format(n="x")).replace("questions:\n", "# a comment\nquestions:\n\n")
    moved = moved.replace("ask: Which one is it?", 'ask: "Which one is it?"')
    after = {q.id: ask(q, {**VALUES, "lora.loss": 1.0}).hash for q in read(write(tmp_path, moved))}
    assert after == before


def test_ids_are_unique_across_lessons() -> None:
    other = replace(NUMERIC, path=Path("08_other.quiz.yml"), line=3)
    unique([NUMERIC, replace(other, id="another")])
    with pytest.raises(CourseError, match=re.escape("'a-number' is already used at 07_sample.quiz.yml:12")) as caught:
        unique([NUMERIC, other])
    assert (caught.value.path, caught.value.line) == (Path("08_other.quiz.yml"), 3)


def choices(longest: int, of: int) -> list[Question]:
    """Choice questions of which ``longest`` have a right option that is longer than the others."""
    wrong = Option("Something of a length.", "No.", right=False)
    right = [Option("x" * (30 if n < longest else 22), "Yes.", right=True) for n in range(of)]
    made = (replace(NUMERIC, id=f"q-{n}", line=n + 1, answer="", options=(wrong, one)) for n, one in enumerate(right))
    return list(made)


def test_the_right_option_must_not_be_the_longest_as_a_rule() -> None:
    assert given_away([*choices(7, 20), NUMERIC]) == []
    assert given_away(choices(19, 19)) == []  # so few say nothing
    (problem,) = given_away([NUMERIC, *choices(8, 20)])
    assert "longest in 8 of the course's 20 choice questions" in problem.message
    assert (problem.path, problem.line) == (NUMERIC.path, 1)
    assert problem.hint.endswith("q-6, q-7.")
