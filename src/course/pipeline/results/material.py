"""What a rule of the standard looks at: a lesson with everything its author wrote and what its run recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course.pipeline.lesson.model import Lesson
from course.pipeline.results.capture import Capture
from course.pipeline.results.claims import Claim
from course.pipeline.results.predict import Prediction
from course.pipeline.results.quiz import Question


@dataclass(frozen=True)
class Material:
    """A lesson as rules see it. ``registered`` and ``predictions`` go by the index of their cell."""

    lesson: Lesson
    questions: Sequence[Question]
    registered: Mapping[int, Sequence[Claim]]
    predictions: Mapping[int, Prediction]
    capture: Capture
