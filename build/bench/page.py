"""The page about the benchmark, every sentence with a number made from the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from results import Document
from systems import SYSTEMS

ROWS = ("cold", "no-op", "code", "prose")


def page(document: Document) -> str:
    """The page, every sentence with a number made from the numbers."""
    sizes = sorted({m.lessons for m in document.measurements.values() if m.system in SYSTEMS})
    compared = [size for size in sizes if document.seconds("scripts", size, "cold")]
    parts = [INTRODUCTION, *(_comparison(document, size) for size in compared)]
    parts += [_growth(document, sizes), _real(document), _honest(document), _method(document)]
    return "\n\n".join(part for part in parts if part) + "\n"


INTRODUCTION = """\
---
title: How fast is a build?
---

# How fast is a build?

This page is written by `make bench` from what it measured; `build/bench.json` has every number. Times are medians in seconds of
wall clock; take differences under 20 % for noise."""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _comparison(document: Document, size: int) -> str:
    cores = document.machine["cores"]
    rows = []
    for system in SYSTEMS.values():
        cold = document.seconds(system.name, size, "cold")
        if cold is None:
            continue
        scripts, cells = (document.ratio(system.name, other, size) for other in ("scripts", "cells"))
        others = [_number(document.seconds(system.name, size, row)) for row in ROWS[1:]]
        if not system.is_incremental:
            others = ["= cold"] * len(others)
        bound = _number(cells * cores) if cells else ""
        rows.append([system.shown, _number(cold), _number(scripts), bound, *others])
    head = [
        f"{size} lessons",
        "cold",
        "÷ scripts in series",
        "÷ (cell CPU ÷ cores)",
        "no-op",
        "code edit",
        "prose edit",
    ]
    return f"## {size} lessons\n\n{_table(head, rows)}{_goals(document, size)}"


@dataclass(frozen=True)
class Goal:
    """A limit that the build set itself: ``value`` of the numbers, at most ``limit``."""

    size: int
    text: str
    limit: float
    value: Callable[[Document, int], float | None]


def _ours(row: str) -> Callable[[Document, int], float | None]:
    return lambda document, size: document.seconds("ours", size, row)


def _of_cells_per_core(document: Document, size: int) -> float | None:
    ratio = document.ratio("ours", "cells", size)
    return None if ratio is None else ratio * document.machine["cores"]


def _beyond_own_time(document: Document, size: int) -> float | None:
    code, scripts = document.seconds("ours", size, "code"), document.seconds("scripts", size, "cold")
    return code - scripts / size if code is not None and scripts else None


OF_SCRIPTS = 0.27
GOALS = (
    Goal(
        50, "cold, of the scripts in series", OF_SCRIPTS, lambda document, size: document.ratio("ours", "scripts", size)
    ),
    Goal(50, "cold, of cell CPU ÷ cores", 1.35, _of_cells_per_core),
    Goal(50, "no-op, seconds", 0.15, _ours("no-op")),
    Goal(50, "prose edit, seconds", 1.6, _ours("prose")),
    Goal(50, "code edit beyond one script's time, seconds", 3.5, _beyond_own_time),
    Goal(500, "no-op, seconds", 0.15, _ours("no-op")),
    Goal(500, "prose edit, seconds", 3.0, _ours("prose")),
)


def _goals(document: Document, size: int) -> str:
    rows = [
        [goal.text, _number(goal.limit), _number(value), "met" if value <= goal.limit else "missed"]
        for goal in GOALS
        if goal.size == size and (value := goal.value(document, size)) is not None
    ]
    head = ["goal of `course build`", "at most", "measured", ""]
    return f"\n\n{_table(head, rows)}{_bound(document, size)}" if rows else ""


def _bound(document: Document, size: int) -> str:
    """What no build can be faster than, where the goal is below that."""
    ratio, cores = document.ratio("cells", "scripts", size), document.machine["cores"]
    if ratio is None or ratio / cores < OF_SCRIPTS:
        return ""
    return (
        f"\n\nOn this machine the cells alone, on all cores, without kernels or pages, take {_number(ratio / cores)} of the "
        f"time of the scripts, so {_number(OF_SCRIPTS)} is out of reach here. How much of a script is imports, which a warm "
        "kernel saves, and how much is cells differs between machines; the second goal does not depend on it."
    )


def _growth(document: Document, sizes: Sequence[int]) -> str:
    rows = [
        [str(size), *(_number(document.seconds("ours", size, row)) for row in ROWS)]
        for size in sizes
        if document.seconds("ours", size, "cold") is not None
    ]
    if len(rows) < 2:
        return ""
    only = [size for size in sizes if document.seconds("scripts", size, "cold") is None]
    goals = "".join(_goals(document, size) for size in only)
    return f"## Growth\n\n{_table(['lessons', 'cold', 'no-op', 'code edit', 'prose edit'], rows)}{goals}"


def _real(document: Document) -> str:
    found = {m.system: m.lessons for m in document.measurements.values() if m.system.startswith("real ")}
    if set(found) != {"real scripts", "real ours"}:
        return ""
    size = found["real ours"]
    scripts, ours = (document.seconds(f"real {name}", size, "cold") for name in ("scripts", "ours"))
    ratio = document.ratio("real ours", "real scripts", size)
    assert scripts is not None
    assert ours is not None
    assert ratio is not None
    return (
        f"## The course's own lessons\n\nExecuting all {size} lessons with the profile *smoke* took {_number(ours)} s; their "
        f"scripts, one by one, {_number(scripts)} s: {_number(ratio)} of it (goal: at most 0.6, "
        f"{'met' if ratio <= 0.6 else 'missed'})."
    )


def _honest(document: Document) -> str:
    rows = []
    for system in SYSTEMS.values():
        if finding := document.findings.get(system.name):
            isolation = "one for several lessons" if finding.visits > 1 else "one a lesson"
            stale = finding.lessons - finding.pages_with_new_label
            told = f"{stale} of {finding.lessons} pages stale" if stale else "all pages right"
            rows.append([system.shown, isolation, told])
    if not rows:
        return ""
    return (
        "## What the times do not show\n\nThe shared module of a course was changed and the course built again; the pages were "
        "read before and after. Interpreters that serve several lessons skip imports, and let one lesson see what another "
        f"left behind.\n\n{_table(['', 'interpreter', 'after an edit of the shared module'], rows)}"
    )


def _work(document: Document) -> str:
    """How long the cells of a lesson take."""
    found = [seconds / size for size in (10, 50) if (seconds := document.seconds("cells", size, "cold"))]
    return f" ({_number(found[-1])} s of a processor here)" if found else ""


def _method(document: Document) -> str:
    machine = document.machine
    synthetic = [m for m in document.measurements.values() if m.system in SYSTEMS]
    if not machine or not synthetic:
        return ""
    courses = {(m.system, m.lessons) for m in synthetic}
    repeats = sorted({1 + max(m.repeat for m in synthetic if (m.system, m.lessons) == course) for course in courses})
    commits = sorted({m.commit for m in document.measurements.values()})
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    rounds = f"{repeats[0]}" if len(repeats) == 1 else f"{repeats[0]} to {repeats[-1]}"
    times = f"there was {rounds} such round" if repeats[-1] == 1 else f"there were {rounds} such rounds"
    return f"""\
## Method

Each lesson sorts random numbers, shows a table and a plot{_work(document)}, and imports numpy, pandas, matplotlib and a module that all
lessons share. Each system gets the same cells in the form it reads. In turn, each builds a new folder (cold), builds again (no-op), again after
an edit of one lesson's code, and again after an edit of its prose; then the next system has its turn; {times}. *Cell CPU* is the
processor time of the cells alone, in processes that have the libraries imported, as many at a time as there are cores. Ratios are of
times of the same round. The load of the machine before a measurement
was at most {max(m.load for m in synthetic):.1f}.

Machine: {machine["processor"]}, {machine["cores"]} cores, {machine["memory_gib"]} GiB, {machine["system"]}, Python {machine["python"]}; \
commit{"s" * (len(commits) > 1)} {" and ".join(commits)}, {machine["date"]}. Peers: {versions}."""
