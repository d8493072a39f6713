"""Synthetic lessons: numpy, pandas and matplotlib, a plot, a table and a shared module in each, in every peer's form."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Synthetic:
    """One lesson. ``scale`` and ``words`` are what the edits of code and of prose change."""

    number: int
    scale: int = 1
    words: str = "first"

    @property
    def name(self) -> str:
        return f"lesson_{self.number:03}"

    @property
    def title(self) -> str:
        return f"Lesson {self.number}"

    @property
    def prose(self) -> str:
        return f"A walk of {self.number} thousand steps, in its {self.words} wording."

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd\n\nimport shared\n\n"
            f"rng = np.random.default_rng({self.number})\nscale = {self.scale}\nprint(shared.label())",
            "walks = shared.walks(rng, scale)",
            'frame = pd.DataFrame({"walk": range(8), "end": walks[:8, -1].round(3)})\nframe',
            "figure, axes = plt.subplots()\naxes.plot(walks[:8].T, linewidth=0.5)\n"
            'axes.set_xlabel("step")\naxes.set_ylabel("place")\nplt.show()',
        )


SHARED = '''\
"""What all lessons import."""

import numpy as np

LABEL = "label-0"
visits = 0


def label():
    """The label of this version, and how many lessons this interpreter has served."""
    global visits
    visits += 1
    return f"{LABEL} visits-{visits}"


def walks(rng, scale):
    """Random walks, after about a second of arithmetic."""
    for _ in range(230):
        np.sort(rng.standard_normal(100_000))
    return scale * rng.standard_normal((64, 400)).cumsum(axis=1)
'''


def as_percent(lesson: Synthetic) -> str:
    cells = "\n\n".join(f"# %%\n{cell}" for cell in lesson.cells)
    return f"# %% [markdown]\n# # {lesson.title}\n#\n# {lesson.prose}\n\n{cells}\n"


def as_gallery(lesson: Synthetic) -> str:
    """The same as sphinx-gallery and mkdocs-gallery want it: a docstring with the title, text before each block."""
    underline = "=" * len(lesson.title)
    cells = "\n\n".join(f"# %%\n# Next.\n\n{cell}" for cell in lesson.cells)
    return f'"""\n{lesson.title}\n{underline}\n\n{lesson.prose}\n"""\n\n{cells}\n'


def as_notebook(lesson: Synthetic) -> str:
    texts = [("markdown", f"# {lesson.title}\n\n{lesson.prose}"), *(("code", cell) for cell in lesson.cells)]
    code = {"outputs": [], "execution_count": None}
    cells = [
        {"cell_type": kind, "id": f"c{place}", "metadata": {}, "source": text, **(code if kind == "code" else {})}
        for place, (kind, text) in enumerate(texts)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells})
