"""What machine and which library versions a run used."""

from __future__ import annotations

import functools
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

LIBRARIES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "numpy")


def environment() -> dict[str, Any]:
    """Device, processor, threads, dtype, Python, library versions and peak memory (MiB) of this process."""
    torch = sys.modules.get("torch")
    return {
        "device": _device(torch),
        "processor": _processor(),
        "threads": torch.get_num_threads() if torch else os.cpu_count() or 1,
        "dtype": str(torch.get_default_dtype()).removeprefix("torch.") if torch else "none",
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := version_of(name))},
        "peak_mib": _peak_mib(),
    }


def _device(torch: Any) -> str:
    if torch is None or not torch.accelerator.is_available():
        return "cpu"
    return (
        str(torch.cuda.get_device_name()) if torch.cuda.is_available() else str(torch.accelerator.current_accelerator())
    )


def _processor() -> str:
    """The processor's name and number of usable cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:  # not Linux: the architecture has to do
        pass
    return f"{name}, {cores} cores"


@functools.cache
def version_of(name: str) -> str:
    """The installed version of a distribution, empty if there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _peak_mib() -> int:
    try:
        import resource
    except ImportError:  # Windows has no resource module
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)  # macOS counts bytes, Linux KiB
