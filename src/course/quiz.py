"""Take a lesson's knowledge check inside a notebook: offline, nothing installed, nothing sent anywhere.

A downloaded notebook carries its quiz as one encoded line, so that the answers are not in plain sight::

    quiz = Quiz.decode("…")
    quiz.ask()                      # print all questions
    quiz.answer(1, "B")             # explains every option; answer again as often as you like
    quiz.answer(4, 9216)
    quiz.score()
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from course.answers import is_right, readings, unreadable


@dataclass
class Quiz:
    """Questions with their answers so far."""

    questions: list[dict[str, Any]]
    given: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def decode(cls, text: str) -> Quiz:
        """The quiz that :meth:`encode` wrote."""
        return cls(json.loads(zlib.decompress(base64.b64decode(text))))

    def encode(self) -> str:
        """The questions as one line of text."""
        return base64.b64encode(zlib.compress(json.dumps(self.questions, ensure_ascii=False).encode(), 9)).decode()

    def ask(self, number: int | None = None) -> None:
        """Print question ``number`` (from 1), or all of them."""
        for place in range(1, len(self.questions) + 1) if number is None else [number]:
            question = self._question(place)
            if question is None:
                return
            print(f"{place}. {question['ask']}")
            for letter, option in zip("ABCDEF", question["options"], strict=False):
                print(f"   {letter}  {option['text']}")
            if not question["options"]:
                print(f"   (a number{', in ' + question['unit'] if question['unit'] else ''})")
            print()

    def answer(self, number: int, given: str | float) -> None:
        """Check an answer: a letter for a choice, else a number. Prints why it is right or wrong, and every other option."""
        question = self._question(number)
        if question is None:
            return
        right, why = self._choice(question, given) if question["options"] else self._number(question, given)
        if right is not None:
            self.given[number] = right
        print({True: "Right. ", False: "Not this. ", None: ""}[right] + why)

    def score(self) -> None:
        """Print how many answers are right, and which questions to try again."""
        wrong = [place for place in range(1, len(self.questions) + 1) if not self.given.get(place)]
        print(f"{len(self.questions) - len(wrong)} of {len(self.questions)} right.", end=" ")
        print(f"Try again: {', '.join(map(str, wrong))}." if wrong else "All done.")

    def _question(self, number: int) -> dict[str, Any] | None:
        if isinstance(number, int) and 1 <= number <= len(self.questions):
            return self.questions[number - 1]
        print(f"There is no question {number}: they are numbered 1 to {len(self.questions)}.")
        return None

    @staticmethod
    def _choice(question: dict[str, Any], given: str | float) -> tuple[bool | None, str]:
        letters = "ABCDEF"[: len(question["options"])]
        letter = str(given).strip().upper()
        if len(letter) != 1 or letter not in letters:
            return None, f"Answer with one letter from A to {letters[-1]}."
        option = question["options"][letters.index(letter)]
        others = [
            f"\n   {other}  {'Right. ' if one['right'] else 'Not this. '}{one['why']}"
            for other, one in zip(letters, question["options"], strict=True)
            if other != letter
        ]
        return bool(option["right"]), str(option["why"]) + "".join(others)

    @staticmethod
    def _number(question: dict[str, Any], given: str | float) -> tuple[bool | None, str]:
        numbers = (float(given),) if isinstance(given, (int, float)) else readings(str(given), question["unit"])
        if not numbers:
            return None, unreadable(str(given), question["unit"])
        if is_right(numbers, question["number"], question["tolerance"]):
            return True, f"{question['number_text']}. {question['why']}"
        return False, str(question["hint"])
