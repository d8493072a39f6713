"""The two files of a new lesson."""

from __future__ import annotations

import re
from pathlib import Path

from course.pipeline.base.errors import CourseError
from course.pipeline.base.files import write_atomic
from course.pipeline.lesson.course_format import find
from course.pipeline.lesson.model import MODULES

LESSON = """\
# ---
# title: {title}
# module: {module}
# summary: One sentence that says what the reader will find out.
# objectives:
#   - predict …
# ---

# %% [markdown]
# The question, and the result this lesson will show: {{{{ example.answer | int }}}}.

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %% [markdown]
# ## The result
#
# What is measured, and how.

# %%
from course import record

answer = record.value("example.answer", 6 * 7)

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->
"""

QUESTION = """\
  - id: {slug}-{n}
    ask: A question that can be answered from the page?
    options:
      - text: The right answer.
        right: true
        why: Say why, and link to the section that shows it.
      - text: A tempting wrong answer.
        why: Say why not, and link to the section that shows it, as [here](#the-result).
"""


def new(folder: Path, number: int, slug: str, module: int) -> tuple[Path, Path]:
    """Make the source and quiz of a lesson below ``folder`` and return their paths.

    Raises:
        CourseError: a bad number, slug or module, or a number that is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", slug):
        raise CourseError(f"{slug!r} is not a slug.", hint="Use lower-case words joined by underscores: soft_prompts.")
    if not 1 <= number <= 99:
        raise CourseError(f"{number} is not a lesson number.", hint="Use 1 to 99.")
    if module not in MODULES:
        raise CourseError(f"There is no module {module}.", hint=f"Modules are 1 to {max(MODULES)}.")
    for path in find(folder):
        if int(path.name[:2]) == number:
            raise CourseError(f"The number {number:02} is taken.", path, hint="Choose another number.")
    home = next(iter(sorted(folder.glob(f"{module}_*"))), None)
    home = home or folder / f"{module}_{re.sub(r'[^a-z]+', '_', MODULES[module].lower())}"
    source = home / f"{number:02}_{slug}.py"
    quiz = source.with_suffix(".quiz.yml")
    title = slug.replace("_", " ").capitalize()
    write_atomic(source, LESSON.format(title=title, module=module))
    questions = "".join(QUESTION.format(slug=slug.replace("_", "-"), n=n) for n in range(1, 6))
    write_atomic(quiz, f"questions:\n{questions}")
    return source, quiz
