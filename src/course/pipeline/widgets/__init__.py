"""Interactive pieces: ``<!-- widget: memory method=qlora -->`` on a line of a page becomes a small calculator.

Everything a piece shows at first is made here, by the same functions that lessons call, so it can be read without a
script, on paper and in a notebook. The script in ``docs/assets/widgets/`` enables the controls and shows other states
in the same places.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from course.pipeline.base.errors import Fail
from course.pipeline.text import markers
from course.pipeline.widgets import beta, cost, forward, ladder, memory, nf4, rank, schedule
from course.pipeline.widgets.view import Piece, State

_MODULES = (memory, rank, forward, beta, schedule, nf4, cost, ladder)
PIECES: dict[str, Piece] = {module.PIECE.name: module.PIECE for module in _MODULES}
"""All pieces, by name."""

_MARKER = re.compile(r"<!-- widget: ([\w-]+)((?: \w+=\S+)*) -->")


@dataclass(frozen=True)
class Placed:
    """A piece on a page, in its first state."""

    piece: Piece
    state: State

    def html(self) -> str:
        """The piece as HTML, complete without a script. Its controls wait for the script."""
        piece, name = self.piece, f"widget-{self.piece.name}"
        groups = "".join(group.html(piece.name, self.state) for group in piece.groups)
        return (
            f'<section class="widget" id="{name}" data-widget="{piece.name}" aria-labelledby="{name}-title" '
            f'data-search-exclude><p class="widget-title" id="{name}-title">{html.escape(piece.title)}</p>'
            f'<form class="widget-form" novalidate><fieldset class="widget-controls" disabled aria-label="Settings">'
            f'{groups}</fieldset><p class="widget-problem" hidden></p></form>'
            f'<div class="widget-result">{piece.view(self.state).fill(piece.template)}</div>'
            f'<p class="widget-foot"><a class="widget-link" href="#{name}">Link to these settings</a>'
            f'<button type="button" class="widget-reset" disabled>Reset</button></p>'
            f'<p class="widget-live" role="status"></p></section>'
        )

    def markdown(self) -> str:
        """The first state as a table, for files that no script runs in."""
        first, *rows = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in self.piece.rows(self.state))
        rule = " | ".join("---" for _ in first.split(" | "))
        lines = "\n".join(f"| {line} |" for line in (first, rule, *rows))
        return f"**{self.piece.title}.** {self.piece.view(self.state).summary}\n\n{lines}"


def pieces(text: str, fail: Fail, seen: set[str]) -> Iterator[tuple[int, str | Placed]]:
    """``text`` divided at its markers: what stands between them, and what they ask for, each with its 0-based line.

    Args:
        seen: names of the pieces that the page has already; those of ``text`` are added.

    Raises:
        CourseError: made by ``fail``; a marker that is not alone on its line, an unknown piece or setting, or a piece that
            the page has already.
    """
    for line, part in markers.divided(text, "widget", fail):
        yield line, part if isinstance(part, str) else _read(part.text, line, fail, seen)


def _read(marker: str, line: int, fail: Fail, seen: set[str]) -> Placed:
    found = _MARKER.fullmatch(marker)
    if not found:
        raise fail(f"The marker {marker!r} cannot be read.", line, "Write: <!-- widget: memory rank=8 -->")
    name, settings = found[1], dict(pair.split("=", 1) for pair in found[2].split())
    if name not in PIECES:
        raise fail(f"There is no interactive piece {name!r}.", line, f"Known: {', '.join(PIECES)}.")
    if name in seen:
        raise fail(f"The piece {name!r} stands twice on this page.", line, "Remove one of the two.")
    seen.add(name)
    piece, controls = PIECES[name], {control.name: control for control in PIECES[name].controls}
    state = dict(piece.start)
    for key, given in settings.items():
        if key not in controls:
            raise fail(f"{name!r} has no setting {key!r}.", line, f"Its settings: {', '.join(controls)}.")
        try:
            state[key] = controls[key].read(given)
        except ValueError as error:
            raise fail(f"{name!r} cannot have {key}={given}.", line, f"Give {error}.") from error
    return Placed(piece, piece.settle(state))
