"""What a page says of lessons and questions so that the reader's browser can show progress: names, texts, addresses.

Progress itself is the browser's (``docs/assets/learn/``). It is kept under a question's id and the hash of its text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import partial

from course.pipeline.page import wheel
from course.pipeline.results.bundle import Bundle
from course.pipeline.text import markup
from course.pipeline.widgets import memory

_LINK = re.compile(r"</?a\b[^>]*>")


def named(bundle: Bundle) -> str:
    """Attributes of an element that shows the reader's progress in a lesson."""
    slug = bundle.lesson.slug
    names = {
        "lesson": slug,
        "questions": " ".join(f"{asked.id}:{asked.hash}" for asked in bundle.asked),
        "predictions": " ".join(f"{slug}/{asked.id}:{asked.hash}" for asked in bundle.predicted.values()),
    }
    return " ".join(f'data-{name}="{value}"' for name, value in names.items() if value)


def line(bundle: Bundle) -> str:
    """The line at a lesson's head, which the script fills, with the version that a report of a problem names."""
    version = html.escape(f"{wheel.VERSION}, results of {bundle.run.commit}")
    return f'<p class="lesson-progress" {named(bundle)} data-version="{version}"></p>'


def overview(bundles: Sequence[Bundle], prefix: str) -> str:
    """All lessons with places for what was read, guessed and answered, then all questions, folded.

    Args:
        prefix: address of the lessons from the page.
    """
    parts = [bundle.recall("progress", prefix, partial(_parts, bundle, prefix), tuple[str, str]) for bundle in bundles]
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Lesson", "Read", "Guessed", "Quiz"))
    rows, lists = "".join(row for row, _ in parts), "".join(questions for _, questions in parts)
    table = (
        f'<div class="table-scroll" tabindex="0" role="region" aria-label="Progress by lesson"><table class="progress">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    folded = (
        f'<details class="abstract" data-search-exclude><summary>All questions, by lesson</summary>{lists}</details>'
    )
    return table + (folded if lists else "")


def _parts(bundle: Bundle, prefix: str) -> tuple[str, str]:
    """The lesson's row, and the list of its questions."""
    lesson = bundle.lesson
    title = html.escape(lesson.header.title if lesson.is_plain else f"{lesson.number:02} {lesson.header.title}")
    href = f"{prefix}{lesson.slug}/"
    cells = "".join(f'<td data-shows="{name}">–</td>' for name in ("read", "guessed", "quiz"))
    row = f'<tr {named(bundle)}><th scope="row"><a href="{href}">{title}</a></th>{cells}</tr>'
    items = "".join(
        f'<li data-question data-id="{asked.id}" data-hash="{asked.hash}">'
        f'<a href="{href}#q-{asked.id}">{_LINK.sub("", markup.inline_html(asked.ask))}</a></li>'
        for asked in bundle.asked
    )
    questions = f'<p class="progress-title">{title}</p><ul data-questions-of="{title}">{items}</ul>' if items else ""
    return row, questions


def card(_bundles: Sequence[Bundle], _prefix: str) -> str:
    """The reader's card, chosen once for every page."""
    options = "".join(f'<option value="{size}">{html.escape(label)}</option>' for size, label in memory.GPUS.items())
    return (
        '<p class="my-card"><label for="my-card">My GPU</label> '
        f'<select id="my-card" data-my="gpu" autocomplete="off">{options}</select></p>'
    )
