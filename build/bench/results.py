"""What was measured and found out, kept in one file that is replaced as a whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """Wall and processor seconds of one build, made by the code of ``commit``.

    ``load`` is the machine's load average (one minute) before it.
    """

    system: str
    lessons: int
    row: str
    repeat: int
    seconds: float
    cpu: float
    load: float
    commit: str

    @property
    def key(self) -> tuple[str, int, str, int]:
        return self.system, self.lessons, self.row, self.repeat


@dataclass(frozen=True)
class Finding:
    """What pages showed: how many have a changed module's output after the next build, and one process's most visits."""

    system: str
    lessons: int
    pages_with_new_label: int
    visits: int


@dataclass
class Document:
    """Everything that was measured."""

    machine: dict[str, Any] = field(default_factory=dict)
    measurements: dict[tuple[str, int, str, int], Measurement] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Document:
        if not path.is_file():
            return cls()
        raw = json.loads(path.read_text())
        measured = [Measurement(**entry) for entry in raw["measurements"]]
        found = [Finding(**entry) for entry in raw["findings"]]
        return cls(raw["machine"], {entry.key: entry for entry in measured}, {entry.system: entry for entry in found})

    def save(self, path: Path) -> None:
        raw = {
            "machine": self.machine,
            "measurements": [asdict(self.measurements[key]) for key in sorted(self.measurements)],
            "findings": [asdict(self.findings[name]) for name in sorted(self.findings)],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(raw, indent=1) + "\n")
        temporary.replace(path)

    def seconds(self, system: str, lessons: int, row: str) -> float | None:
        """The median over repeats; ``None`` if it was not measured."""
        found = [
            m.seconds for m in self.measurements.values() if (m.system, m.lessons, m.row) == (system, lessons, row)
        ]
        return median(found) if found else None

    def ratio(self, system: str, other: str, lessons: int, row: str = "cold") -> float | None:
        """``system`` ÷ the cold build of ``other``, the median over rounds: a machine may be slower in one than in another."""
        rounds = {
            m.repeat: m.seconds
            for m in self.measurements.values()
            if (m.system, m.lessons, m.row) == (other, lessons, "cold")
        }
        found = [
            m.seconds / rounds[m.repeat]
            for m in self.measurements.values()
            if (m.system, m.lessons, m.row) == (system, lessons, row) and m.repeat in rounds
        ]
        return median(found) if found else None
