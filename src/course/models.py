"""Load a model and its tokenizer by name, and find which of its modules can carry an adapter."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from course.weights import MINILM, SMOLLM2, resolve

# PEFT 0.21 asks transformers 5.23 for this attribute by its old name; nothing a reader wrote, nothing they can change.
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)

__all__ = [
    "MINILM",
    "SMOLLM2",
    "count_parameters",
    "device",
    "linear_modules",
    "load_causal_lm",
    "load_encoder",
    "seed_everything",
]


def device() -> torch.device:
    """The accelerator when the machine has one that works, else the CPU."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def seed_everything(seed: int) -> None:
    """Seed Python's and torch's random numbers (all devices)."""
    random.seed(seed)
    torch.manual_seed(seed)


def load_causal_lm(
    name: str = SMOLLM2, dtype: torch.dtype = torch.float32, blocks: int | None = None, **kwargs: Any
) -> tuple[Any, Any]:
    """Return ``(model, tokenizer)`` for a causal language model, on :func:`device`, in eval mode.

    ``name`` is what :func:`course.weights.resolve` takes: a model of the course, a folder, or a hub id.
    ``blocks`` keeps only the first so many blocks: the code runs as ever, in a fraction of the time, on a model that
    is of no use. ``kwargs`` go to ``from_pretrained`` (for example ``quantization_config``).

    Raises:
        course.weights.WeightsError: if the weights cannot be had.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, logging

    logging.disable_progress_bar()
    path = resolve(name)
    tokenizer = AutoTokenizer.from_pretrained(path)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, **kwargs)
    if blocks is not None:
        model.model.layers = model.model.layers[:blocks]
        model.config.num_hidden_layers = blocks
    return model.to(device()).eval(), tokenizer


def load_encoder(name: str = MINILM, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
    """Return ``(model, tokenizer)`` for a sentence encoder, on :func:`device`, in eval mode.

    Raises:
        course.weights.WeightsError: if the weights cannot be had.
    """
    from transformers import AutoModel, AutoTokenizer, logging

    logging.disable_progress_bar()
    path = resolve(name)
    return AutoModel.from_pretrained(path, dtype=dtype).to(device()).eval(), AutoTokenizer.from_pretrained(path)


def count_parameters(model: nn.Module, trainable_only: bool = False) -> int:
    """Number of parameters, tied ones counted once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable_only)


def linear_modules(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield ``(name, module)`` for every weight matrix inside the transformer blocks, found by inspection.

    Covers ``nn.Linear`` and GPT-2's ``Conv1D``; leaves out the output head and embeddings, which sit outside the
    blocks.
    """
    from transformers.pytorch_utils import Conv1D

    blocks = tuple(name for name, child in model.named_modules() if isinstance(child, nn.ModuleList))
    for name, module in model.named_modules():
        if isinstance(module, (nn.Linear, Conv1D)) and name.startswith(blocks):
            yield name, module
