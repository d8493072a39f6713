"""The syllabus: for each lesson its outcomes, times, prerequisites, worksheet and sections, as its source says."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial

from course.pipeline.lesson import reading_time
from course.pipeline.lesson.model import MODULES
from course.pipeline.page import listings
from course.pipeline.page.fragments import duration
from course.pipeline.results.anchors import sections
from course.pipeline.results.bundle import Bundle
from course.pipeline.text import markup


def syllabus(bundles: Sequence[Bundle], prefix: str) -> str:
    """All lessons that are not plain, module by module."""
    return "".join(
        f'<section class="module"><h3 id="module-{module}">{MODULES[module]}</h3>{listings.times(group)}'
        + "".join(bundle.recall("syllabus", prefix, partial(_lesson, bundle, prefix), str) for bundle in group)
        + "</section>"
        for module, group in listings.by_module(bundles).items()
    )


def _lesson(bundle: Bundle, prefix: str) -> str:
    lesson, address = bundle.lesson, f"{prefix}{bundle.lesson.slug}/"
    header = lesson.header
    before = ", ".join(f'<a href="#lesson-{number:02}">{number:02}</a>' for number in header.prerequisites) or "none"
    goals = "".join(f"<li>{markup.inline_html(goal)}</li>" for goal in header.objectives)
    links = "".join(f'<li><a href="{address}#{name}">{title}</a></li>' for name, title in sections(lesson))
    return (
        f'<h4 id="lesson-{lesson.number:02}"><a href="{address}">{lesson.number:02} {html.escape(header.title)}</a></h4>'
        f"<p>Read {reading_time.reading(lesson)} · run {duration(bundle.run.seconds)} · lessons before: {before} · "
        f'<a href="{address}worksheet/">Worksheet</a></p>'
        f'<ul>{goals}</ul><details class="abstract"><summary>Sections</summary><ol>{links}</ol></details>'
    )
