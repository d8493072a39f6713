"""What frozen lower blocks give for examples, computed once and kept on disk for every lesson and profile that asks.

A file is named by a digest of all that decides its content: the weights below the cut, the token ids, the depth, the
versions that compute, the kind of device. It holds tensors alone, with a digest of their bytes that is checked when they
are read: a file that was damaged is computed again. The folder is bounded: what was used longest ago goes first.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from course.chat import Encoded
from course.upper import Kept, keep
from course.weights import cache_dir

LIMIT = 2 * 10**9
"""Bytes that the folder of kept states may take. A ticket of 63 tokens takes 145 kB at a width of 576 in float32."""


def folder() -> Path:
    """Where states are kept: beside the weights."""
    return cache_dir() / "states"


def kept_states(
    model: Any, examples: Sequence[Encoded], pad_id: int, blocks: int, *, batch_size: int = 16, limit: int = LIMIT
) -> list[Kept]:
    """Each example where it enters the last ``blocks`` blocks of ``model``, in the order given: read, or computed and kept.

    Batches are made of examples of like length, so little is spent on padding. The result depends on the arguments alone,
    not on what was kept before. A disk that cannot be written to costs the next run its time and nothing else.

    Args:
        limit: bytes that the folder may take afterwards.

    Raises:
        ValueError: a number of blocks that the model lacks, or no example.
    """
    if not examples:
        raise ValueError("There are no examples to keep states of.")
    path = folder() / f"{_key(model, examples, blocks)}.safetensors"
    hidden = _read(path)
    if hidden is None:
        order = sorted(range(len(examples)), key=lambda i: len(examples[i].input_ids))
        made = keep(model, [examples[i] for i in order], pad_id, blocks, batch_size)
        by_place = dict(zip(order, made, strict=True))
        rows = [by_place[i] for i in range(len(examples))]
        _write(path, torch.cat([row.hidden for row in rows]).cpu(), limit)
        return rows
    parts = hidden.to(next(model.parameters()).device).split([len(example.input_ids) for example in examples])
    return [
        Kept(part, torch.tensor(example.labels, device=part.device))
        for part, example in zip(parts, examples, strict=True)
    ]


def _key(model: Any, examples: Sequence[Encoded], blocks: int) -> str:
    body = model.base_model
    layers = len(body.layers)
    below = (
        (name, tensor)
        for name, tensor in body.state_dict().items()
        if not name.startswith("norm.")
        and (not name.startswith("layers.") or int(name.split(".")[1]) < layers - blocks)
    )
    said = [
        *(torch.__version__, transformers.__version__, next(model.parameters()).device.type),
        *(str(layers - blocks), str(torch.get_num_threads()), _digest(below)),
        *(f"{example.prompt_length}:{','.join(map(str, example.input_ids))}" for example in examples),
    ]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]


def _digest(tensors: Iterable[tuple[str, torch.Tensor]]) -> str:
    """SHA-256 of names, types, shapes and bytes."""
    found = hashlib.sha256()
    for name, tensor in tensors:
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return found.hexdigest()


def _read(path: Path) -> torch.Tensor | None:
    """The states in the file; ``None`` if it is missing or does not hold what was written."""
    try:
        with safe_open(path, framework="pt") as opened:
            hidden: torch.Tensor = opened.get_tensor("hidden")
            digest = (opened.metadata() or {}).get("sha256")
        if digest != _digest([("hidden", hidden)]):
            return None
        path.touch()  # used now
        return hidden
    except (OSError, SafetensorError):
        return None


def _write(path: Path, hidden: torch.Tensor, limit: int) -> None:
    """Keep ``hidden`` unless it is larger than ``limit`` or the disk refuses. A reader sees all of a file or none."""
    size = hidden.numel() * hidden.element_size()
    if size > limit:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_room(path.parent, limit - size)
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as scratch:
            save_file({"hidden": hidden}, Path(scratch) / "states", {"sha256": _digest([("hidden", hidden)])})
            os.replace(Path(scratch) / "states", path)
    except (OSError, SafetensorError):
        return


def _make_room(folder: Path, limit: int) -> None:
    """Delete what was used longest ago until at most ``limit`` bytes are taken."""
    files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob("*.safetensors"))
    taken = sum(size for _, size, _ in files)
    for _, size, path in files:
        if taken <= limit:
            return
        path.unlink(missing_ok=True)
        taken -= size
