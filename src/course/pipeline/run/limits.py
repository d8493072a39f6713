"""What one run of a lesson may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Seconds a cell and a lesson, bytes of output a cell, MiB of memory a lesson (``None``: what the machine has)."""

    cell_seconds: int = 7200
    lesson_seconds: int = 4 * 3600
    output_bytes: int = 1_000_000
    memory_mib: int | None = None
