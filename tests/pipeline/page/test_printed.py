"""What a lesson prints: answers of models become cards, prose wraps, columns stay as they are."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.page.printed import WIDEST, Said, answers, block, is_prose

LONG = "a sentence that goes on and on, " * 4
TWO = f"""TICKET: where is my tent
  untuned: I'm sorry. {LONG}
  tuned: Hello.

Note: this line is what the model said.
— The Trail Desk
TICKET: is it cheap
  untuned: No.
  tuned: Yes.
"""


def test_labeled_answers_are_told_apart_by_question_and_model() -> None:
    first, second = answers(TWO)
    assert first.asked == Said("TICKET", "where is my tent")
    assert [said.label for said in first.given] == ["untuned", "tuned"]
    assert first.given[1].text == "Hello.\n\nNote: this line is what the model said.\n— The Trail Desk"
    assert [said.text for said in second.given] == ["No.", "Yes."]


def test_one_answer_that_is_not_indented() -> None:
    (only,) = answers(f"ticket: where\nhouse reply: {LONG}\n— The Trail Desk\n")
    assert [said.label for said in only.given] == ["house reply"]


def test_what_has_other_labels_each_time_is_not_answers() -> None:
    assert answers(TWO.replace("  tuned: Yes.", "  other: Yes.")) == ()
    assert answers(f"right: 78.3% {LONG}\nA bicycle is a device.\n") == ()
    assert answers(f"a: {LONG}  1  2\n  b: 2\n") == ()


def test_only_long_lines_without_columns_wrap() -> None:
    assert is_prose(LONG)
    assert is_prose(f"  indented {LONG}")
    assert not is_prose("step 10 loss 0.5\nstep 20 loss 0.4")
    assert not is_prose("x" * WIDEST)
    assert is_prose("x" * (WIDEST + 1))
    assert not is_prose(f"right      0.5 {LONG}")
    assert not is_prose(f"right\t0.5 {LONG}")


LINES = st.lists(
    st.text("ab :<&'\t", max_size=12) | st.sampled_from(["TICKET: x", "  base: y", "  SFT: z", f"  base: {LONG}", ""]),
    max_size=12,
).map("\n".join)


@given(LINES)
def test_nothing_that_was_printed_is_lost(text: str) -> None:
    made = html.unescape(re.sub(r"<[^>]*>", "", block(text)))
    letters = re.sub(r"[\s:]", "", text)
    assert re.sub(r"[\s:]", "", made) == letters
    assert ('tabindex="0"' in block(text)) == (not is_prose(text)), "what does not wrap scrolls by keyboard"
