"""The quiz inside a notebook: answers are judged and explained, wrong input gets help instead of a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.quiz import Quiz

CHOICE: dict[str, Any] = {
    "ask": "Which?", "unit": "",
    "options": [{"text": "This", "why": "It is.", "right": True},
                {"text": "That", "why": "It is not.", "right": False}],
}  # fmt: skip
NUMBER: dict[str, Any] = {
    "ask": "How many?", "options": [], "number": -1536.0, "number_text": "−1,536 bytes", "tolerance": 0.01,
    "unit": "bytes", "why": "A sum.", "hint": "More.",
}  # fmt: skip


@pytest.fixture
def quiz() -> Quiz:
    return Quiz([CHOICE, NUMBER])


@pytest.mark.parametrize(
    ("number", "given", "printed", "right"),
    [
        (1, "A", "Right. It is.\n   B  Not this. It is not.", True),
        (1, " a ", "Right. It is.\n   B  Not this. It is not.", True),
        (1, "B", "Not this. It is not.\n   A  Right. It is.", False),
        (1, "C", "Answer with one letter from A to B.", None),
        (1, "AB", "Answer with one letter from A to B.", None),
        (1, "", "Answer with one letter from A to B.", None),
        (1, 1, "Answer with one letter from A to B.", None),
        (2, "−1.536 Bytes", "Right. −1,536 bytes. A sum.", True),
        (2, -1.536, "Not this. More.", False),  # a number, not a notation
        (2, -1536, "Right. −1,536 bytes. A sum.", True),
        (2, "-1,536", "Right. −1,536 bytes. A sum.", True),
        (2, "−1,536", "Right. −1,536 bytes. A sum.", True),  # copied from the page
        (2, -1536 * 1.009, "Right. −1,536 bytes. A sum.", True),
        (2, -1536 * 1.011, "Not this. More.", False),
        (2, 1536, "Not this. More.", False),
        (2, float("nan"), "Not this. More.", False),
        (
            2,
            "many",
            "I could not read “many” as a number (bytes). Write digits: 9216, 9,216, 0.25, 1/8 or 1.2e6.",
            None,
        ),
        (2, "", "I could not read “” as a number (bytes). Write digits: 9216, 9,216, 0.25, 1/8 or 1.2e6.", None),
        (3, "A", "There is no question 3: they are numbered 1 to 2.", None),
        (0, "A", "There is no question 0: they are numbered 1 to 2.", None),
        (-1, "A", "There is no question -1: they are numbered 1 to 2.", None),
    ],
)
def test_answers(
    quiz: Quiz, capsys: pytest.CaptureFixture[str], number: int, given: str | float, printed: str, right: bool | None
) -> None:
    quiz.answer(number, given)
    assert capsys.readouterr().out.strip() == printed
    assert quiz.given == ({} if right is None else {number: right})


def test_an_exact_answer() -> None:
    assert Quiz._number({**NUMBER, "tolerance": 0.0}, -1536)[0] is True
    assert Quiz._number({**NUMBER, "tolerance": 0.0}, -1536.001)[0] is False


def test_score_counts_the_last_answers(quiz: Quiz, capsys: pytest.CaptureFixture[str]) -> None:
    def score() -> str:
        capsys.readouterr()
        quiz.score()
        return capsys.readouterr().out.strip()

    assert score() == "0 of 2 right. Try again: 1, 2."
    quiz.answer(1, "A")
    assert score() == "1 of 2 right. Try again: 2."
    quiz.answer(2, 5)
    assert score() == "1 of 2 right. Try again: 2."
    quiz.answer(2, -1536)
    assert score() == "2 of 2 right. All done."
    quiz.answer(1, "B")
    assert score() == "1 of 2 right. Try again: 1."


def test_ask_shows_options_and_unit_but_no_answers(quiz: Quiz, capsys: pytest.CaptureFixture[str]) -> None:
    quiz.ask()
    printed = capsys.readouterr().out
    assert printed.split() == [
        *("1.", "Which?", "A", "This", "B", "That"),
        *("2.", "How", "many?", "(a", "number,", "in", "bytes)"),
    ]
    quiz.ask(2)
    assert capsys.readouterr().out.startswith("2. How many?")
    quiz.ask(9)
    assert "There is no question 9" in capsys.readouterr().out


@settings(deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"ask": st.text(), "options": st.just([]), "number": st.floats(allow_nan=False)}))
)
def test_encoding_is_lossless_and_one_line(questions: list[dict[str, Any]]) -> None:
    text = Quiz(questions).encode()
    assert Quiz.decode(text).questions == questions
    assert text.isascii()
    assert not set(text) & set('\n"\\')


def test_the_encoding_hides_the_answers(quiz: Quiz) -> None:
    assert "It is" not in quiz.encode()
