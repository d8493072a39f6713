"""What the search index is told of a page: prose, headings, claims and captions.

A reader who searches for an idea is not helped by code, by numbers of a table or by the buttons of a calculator, and a
search must not give away the answer of a question.
"""

from __future__ import annotations

import re

from course.pipeline.text.html_pieces import pieces

_CLASS = re.compile(r'class="([^"]*)"')
_ELEMENTS = frozenset({"button", "form", "script", "style", "svg"})
_CLASSES = frozenset({"data-link", "data-table", "downloads", "output", "predict", "quiz", "widget"})
"""What is left out of every page."""
_IN_LESSONS = frozenset(
    {"abstract", "highlight", "lesson-evidence", "lesson-kicker", "lesson-times", "provenance", "reveal", "success"}
)
"""What is left out of lessons beside that: code, results to be guessed, solutions, facts about the page."""


def searched(html: str, is_lesson: bool) -> str:
    """The converted page without what should not be found."""
    unwanted = _CLASSES | _IN_LESSONS if is_lesson else _CLASSES

    def apart(name: str, attributes: str) -> bool:
        written = _CLASS.search(attributes)
        return name in _ELEMENTS or bool(written and unwanted & set(written[1].split()))

    # What stands before the title, if only a space, would become a section of its own.
    return "".join(text if whole else text + rest for text, rest, whole in pieces(html, apart)).lstrip()
