"""Write the hash-locked requirement files from pyproject.toml. Run by ``make lock``; needs uv.

``lock.txt`` holds everything the course, its build and its tests need, for CPython 3.11 to 3.13. The libraries that only
a CUDA build of torch needs (gigabytes) are split off into ``torch-cuda.txt``: the Makefile installs them where such a
build was chosen. ``torch-cpu.txt`` names torch's CPU builds, tried first: an index that has none is asked for the
usual one. ``learner.txt`` is what a lesson alone needs, a notebook kernel included. ``bench.txt`` is the peers'
environment of ``make bench``, from ``bench.in``.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "requirements"
TORCH = "2.13.0"
# Wheels of torch's own CPU builds, which package indexes may serve instead: same version, no CUDA libraries.
CPU_WHEELS = {"cp311 manylinux_2_28_x86_64": "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"}
CUDA_ONLY = re.compile(r"(nvidia-|cuda-|triton)")


def compiled(*extras: str) -> list[str]:
    """The entries of a universal resolution, one string each."""
    constraint = FOLDER / "torch.in"
    constraint.write_text(f"torch=={TORCH}\n")
    text = resolved("--constraint", str(constraint), *extras, "pyproject.toml")
    constraint.unlink()
    return re.split(r"(?m)^(?=[a-z0-9])", text)[1:]


def resolved(*what: str) -> str:
    """What uv makes of the requirements ``what``."""
    command = [
        *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
        *("--no-header", "--no-annotate", "--no-emit-index-url"),
        *what,
    ]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def main() -> None:
    everything = compiled("--all-extras")
    learner = {entry.split("==")[0] for entry in compiled("--extra", "notebook")}
    usual = [e for e in everything if not CUDA_ONLY.match(e)]
    cpu = "".join(f" \\\n    --hash=sha256:{value}" for value in CPU_WHEELS.values())
    note = "# Written by `make lock`. Install with: pip install --no-deps --require-hashes -r FILE\n"
    (FOLDER / "lock.txt").write_text(note + "".join(usual))
    (FOLDER / "learner.txt").write_text(note + "".join(e for e in usual if e.split("==")[0] in learner))
    (FOLDER / "torch-cpu.txt").write_text(f"{note}torch=={TORCH}+cpu{cpu}\n")
    (FOLDER / "torch-cuda.txt").write_text(note + "".join(e for e in everything if CUDA_ONLY.match(e)))
    (FOLDER / "bench.txt").write_text(note + resolved(str(FOLDER / "bench.in")))


if __name__ == "__main__":
    main()
