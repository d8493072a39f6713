"""The memory model beside the tracker, and the models that the calculator knows, as tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from course.pipeline.results.measured import Cell, Measured
from course.pipeline.text.expressions import form
from course.shapes import MODELS

METHODS = {"full": "full", "lora": "LoRA", "qlora": "QLoRA"}


def table(found: Measured) -> str:
    """Every measured setup: PyTorch's peak, ours and the difference; above it, the largest difference."""
    worst = max((cell.error for cell in found.cells), key=abs)
    libraries = found.provenance.get("libraries", {})
    versions = ", ".join(
        f"{name} {libraries[name]}" for name in ("torch", "transformers", "peft", "trl") if name in libraries
    )
    head = (
        "Model",
        "Method",
        "Precision",
        "Loss",
        "Tokens",
        "Checkpointing",
        "Accumulates",
        "Tracker",
        "Here",
        "Difference",
    )
    summary = (
        f"<p>{len(found.cells)} setups; the largest difference of a peak is <strong>{form(worst, 'pct2')}</strong>. "
        f"Measured on {found.provenance.get('date', '')} with {html.escape(versions)}, commit "
        f"{html.escape(str(found.provenance.get('commit', '')))}.</p>"
    )
    return summary + _table(head, map(_row, found.cells), "The model of a step beside PyTorch's tracker")


def _row(cell: Cell) -> Sequence[str]:
    setup = cell.setup
    yes = {True: "yes", False: "no"}
    return (
        setup.shapes.name, METHODS[setup.method], setup.precision, setup.loss, f"{setup.batch} × {setup.sequence:,}",
        yes[setup.checkpointing], yes[setup.accumulate], form(cell.measured, "gb2"), form(cell.modeled, "gb2"),
        form(cell.error, "pct2"),
    )  # fmt: skip


def models() -> str:
    """The models that the calculator knows, with their exact numbers of parameters."""
    head = ("Model", "Parameters", "A token passes", "Layers", "Width", "Vocabulary", "Read from")
    rows = (
        (
            name, form(shapes.parameters, "int"), form(shapes.active_parameters, "int"), str(shapes.layers),
            form(shapes.d_model, "int"), form(shapes.vocab, "int"), shapes.source,
        )
        for name, shapes in MODELS.items()
    )  # fmt: skip
    return _table(head, rows, "Models of the calculator")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], label: str) -> str:
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>{"".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        f'<div class="table-scroll" tabindex="0" role="region" aria-label="{label}"><table><thead><tr>{names}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
