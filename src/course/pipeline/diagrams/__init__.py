"""Diagrams: ``<!-- diagram: lora-forward -->`` on a line of a page becomes a drawing in the colors of its theme.

A figure is drawn from what a lesson measured; a diagram shows how something works, and is the same in every run. A new one
is a module with a ``DIAGRAM``, and its entry here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from course.pipeline.base.errors import Fail
from course.pipeline.diagrams import dpo_margins, lora_forward, nf4_grid, step_memory
from course.pipeline.diagrams.diagram import Diagram
from course.pipeline.text import markers

_MODULES = (lora_forward, step_memory, dpo_margins, nf4_grid)
DIAGRAMS: dict[str, Diagram] = {module.DIAGRAM.name: module.DIAGRAM for module in _MODULES}
"""All diagrams, by name."""

_MARKER = re.compile(r"<!-- diagram: ([\w-]+) -->")


def pieces(text: str, fail: Fail) -> Iterator[tuple[int, str | Diagram]]:
    """``text`` divided at its markers: what stands between them, and the diagrams, each with its 0-based line.

    Raises:
        CourseError: made by ``fail``; a marker that is not alone on its line, or names no diagram.
    """
    for line, part in markers.divided(text, "diagram", fail):
        if isinstance(part, str):
            yield line, part
            continue
        found = _MARKER.fullmatch(part.text)
        if not found:
            raise fail(f"The marker {part.text!r} cannot be read.", line, "Write: <!-- diagram: lora-forward -->")
        if found[1] not in DIAGRAMS:
            raise fail(f"There is no diagram {found[1]!r}.", line, f"Known: {', '.join(DIAGRAMS)}.")
        yield line, DIAGRAMS[found[1]]
