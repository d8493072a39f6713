"""Small tools for lessons that change a model by hand: exchange modules, train parameters, build empty models."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from course.chat import Encoded, batches

# Vocabulary, width, inner width of the MLP, blocks, query heads, key/value heads: from the published configurations
# (arXiv:2307.09288 and arXiv:2407.21783, and the config.json of each model).
LLAMA_SHAPES = {
    "Llama-2-7B": (32000, 4096, 11008, 32, 32, 32),
    "Llama-2-13B": (32000, 5120, 13824, 40, 40, 40),
    "Llama-3-8B": (128256, 4096, 14336, 32, 32, 8),
    "Llama-3-70B": (128256, 8192, 28672, 80, 64, 8),
}


def swap(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` in the place of the submodule called ``name``."""
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, module)


def train(
    model: Any,
    parameters: Iterable[nn.Parameter],
    examples: Sequence[Encoded],
    *,
    learning_rate: float,
    steps: int,
    batch_size: int,
    pad_id: int,
    seed: int,
    warmup: int = 4,
) -> tuple[list[float], float]:
    """Train ``parameters`` with AdamW (no weight decay) after a linear warmup, on the completions of ``examples``.

    Returns:
        The loss of every step, and the mean seconds a step took.
    """
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
    losses, began = [], time.perf_counter()
    for step, batch in enumerate(batches(examples, batch_size, steps, pad_id, seed), start=1):
        optimizer.param_groups[0]["lr"] = learning_rate * min(1, step / warmup)
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses, (time.perf_counter() - began) / steps


def empty_llama(name: str) -> Any:
    """A causal language model with the shape of ``name`` on the meta device: it has parameters and takes no memory.

    Raises:
        KeyError: a name that is not in :data:`LLAMA_SHAPES`.
    """
    from transformers import AutoModelForCausalLM, LlamaConfig

    vocabulary, width, inner, blocks, heads, kv_heads = LLAMA_SHAPES[name]
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=blocks,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        tie_word_embeddings=False,
    )
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)
