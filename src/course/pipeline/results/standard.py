"""The course's standard of evidence, as rules that ``course check`` holds a lesson to.

A rule is a function in a module of its own that yields what is wrong; to add one, add it to :data:`RULES`. Lessons that
have not been rebuilt yet stand in :data:`course.pipeline.lesson.old_standard.OLD_STANDARD`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.old_standard import is_excused
from course.pipeline.results.budget import budget, rates
from course.pipeline.results.headlines import headlines, verdicts
from course.pipeline.results.material import Material

Rule = Callable[[Material], Iterator[CourseError]]
RULES: tuple[Rule, ...] = (verdicts, headlines, budget, rates)


def problems(material: Material) -> list[CourseError]:
    """Everything in which a lesson falls short of the standard; nothing while it is excused, and has to be."""
    found = [problem for rule in RULES for problem in rule(material)]
    if not is_excused(material.lesson):
        return found
    if found:
        return []
    hint = "Take it out of OLD_STANDARD in src/course/pipeline/lesson/old_standard.py."
    return [material.lesson.error("This lesson keeps the standard and is still excused from it.", hint=hint)]
