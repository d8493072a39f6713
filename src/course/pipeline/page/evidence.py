"""The evidence behind bound numbers: for each captured value that a page shows, its kind and the cell that recorded it.

A number's own element carries its exact value, its expression and the keys that this reads. What many numbers share, the
run and its cells, is on the page once, as a block of data for the script that shows it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Any

from course.pipeline.results.capture import RELATIVE, Capture, Provenance
from course.pipeline.text import markup

KINDS = {
    "exact": "Exact: every run gives this value.",
    "relative": f"Relative: another machine may differ by up to {RELATIVE:.0%}.",
    "band": "Measured: time or memory, different from run to run.",
}


def facts(capture: Capture, keys: Collection[str], page: str) -> dict[str, Any]:
    """What a page says of the values ``keys`` of one lesson.

    Args:
        page: the address of the lesson's page, relative to the page that shows the values; empty on its own.
    """
    items = sorted((capture.items[key] for key in keys), key=lambda item: (item.cell, item.kind, item.key))
    return {
        "page": page,
        "run": _run(capture.provenance),
        "cells": [
            [cell, kind, [item.key for item in group]]
            for (cell, kind), group in groupby(items, key=lambda item: (item.cell, item.kind))
        ],
    }


def _run(run: Provenance) -> str:
    return f"Ran {run.date} on {run.device}, {run.processor}, {run.threads} threads; profile {run.profile}."


def block(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The data of a page: the label of a lesson → its :func:`facts`. A number inside ``data-run`` belongs to that lesson."""
    kinds = {kind for lesson in found.values() for _, kind, _ in lesson["cells"]}
    told = {kind: text for kind, text in KINDS.items() if kind in kinds}
    return markup.data({"kinds": told, "runs": found}, "evidence") if kinds else ""
