"""The lessons that are still to be rebuilt on the course's standard of evidence. This list only shrinks."""

from __future__ import annotations

from course.pipeline.lesson.model import Lesson

OLD_STANDARD = frozenset(
    {
        "01_what_fine_tuning_changes",
        "02_where_the_memory_goes",
        "03_features_or_fine_tuning",
        "04_learning_without_forgetting",
        "05_instruction_tuning",
        "06_the_training_recipe",
        "07_lora_from_scratch",
        "08_rank_or_target_modules",
        "13_direct_preference_optimization",
    }
)
"""Slugs. Every rule of :mod:`course.pipeline.results.standard` excuses these, and none excuses a lesson by itself."""


def is_excused(lesson: Lesson) -> bool:
    """Whether ``lesson`` need not keep the rules yet."""
    return lesson.slug in OLD_STANDARD
