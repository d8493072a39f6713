"""Measure the build of this course's pipeline beside its peers', and write what was found. Run by ``make bench``.

Synthetic courses (numpy, pandas and matplotlib; a plot, a table and a shared module in every lesson) are built by each
system in turn: A B C, A B C. Every measurement is stored in ``build/bench.json`` as it is made, so that an interrupted
run goes on where it was; ``docs/contribute/bench.md`` is generated from that file, its sentences included.

    python build/bench             # what is missing, then the page
    python build/bench --only ours # one system, or "real" for the course's own lessons
    python build/bench --quick     # two lessons, once, into build/scratch/: does everything work?
    python build/bench --page      # the page alone
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from measure import ROOT, cell_cpu, find_out, machine, make_peers, measure, measured, real_lessons
from page import ROWS, page
from results import Document, Measurement
from systems import SCRATCH, SYSTEMS

RESULTS = ROOT / "build" / "bench.json"
PAGE = ROOT / "docs" / "contribute" / "bench.md"
DIVIDED = ("scripts", "ours")
"""Measured last, next to one another and to the cells alone, because the speed of a machine changes within minutes."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", action="append", choices=[*SYSTEMS, "cells", "real"], help="repeatable")
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--page", action="store_true")
    arguments.add_argument("--repeats", type=int, default=3)
    chosen = arguments.parse_args()
    results, target = (SCRATCH / "quick.json", SCRATCH / "quick.md") if chosen.quick else (RESULTS, PAGE)
    document = Document.load(results)
    if not chosen.page:
        make_peers()
        document.machine = machine()
        _measure_missing(document, results, chosen.only or [*SYSTEMS, "cells", "real"], chosen.quick, chosen.repeats)
    target.write_text(page(document))
    print(f"Wrote {target.relative_to(ROOT)}.")


def _measure_missing(document: Document, results: Path, only: Sequence[str], quick: bool, repeats: int) -> None:
    def store(made: Measurement) -> None:
        document.measurements[made.key] = made
        document.save(results)
        print(
            f"{made.system:18} {made.lessons:4} {made.row:6} {made.seconds:8.2f} s  (CPU {made.cpu:.2f} s)", flush=True
        )

    # First, so that every environment has run once (compiled, font caches made) before a time counts.
    for system in (SYSTEMS[name] for name in only if name in SYSTEMS and SYSTEMS[name].is_incremental):
        if system.name not in document.findings:
            document.findings[system.name] = find_out(system, 2 if quick else 10)
            document.save(results)
    for size in (2,) if quick else (10, 50, 500):
        for repeat in range(1 if quick or size == 500 else repeats):
            for system in sorted(
                (SYSTEMS[name] for name in only if name in SYSTEMS), key=lambda each: each.name in DIVIDED
            ):
                rows = ROWS if system.is_incremental else ROWS[:1]
                done = all((system.name, size, row, repeat) in document.measurements for row in rows)
                if (quick or size in system.sizes) and not done:
                    measure(system, size, repeat, store)
            if "cells" in only and size != 500 and ("cells", size, "cold", repeat) not in document.measurements:
                seconds = cell_cpu(size)
                store(measured("cells", size, "cold", repeat, seconds, seconds, os.getloadavg()[0]))
    if "real" in only and not quick:
        for repeat in range(repeats):
            if ("real ours", repeat) not in {(m.system, m.repeat) for m in document.measurements.values()}:
                real_lessons(repeat, store)


if __name__ == "__main__":
    main()
