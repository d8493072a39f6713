"""The bench: experiments that learn something on two cores.

Frozen lower blocks are computed once and kept on disk; the upper blocks are trained from these states, with logits at
labeled positions only; rates are searched on tuning data; arms are paired by seed; a bridge repeats a contrast on the whole
model.
"""

from course.bench.contrast import Bridge, Contender, Contrast, bridge, contrast
from course.bench.items import Field, Item, balanced, held_out, items
from course.bench.search import Search, Trial, halving
from course.bench.states import kept_states
from course.bench.training import Arm, Bench, Recipe, Run, Scores, score, train

__all__ = [
    "Arm",
    "Bench",
    "Bridge",
    "Contender",
    "Contrast",
    "Field",
    "Item",
    "Recipe",
    "Run",
    "Scores",
    "Search",
    "Trial",
    "balanced",
    "bridge",
    "contrast",
    "halving",
    "held_out",
    "items",
    "kept_states",
    "score",
    "train",
]
