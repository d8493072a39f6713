"""What a fine-tune keeps in memory, as arithmetic: parameters, gradients, optimizer states, activations.

All sizes are bytes, all counts exact for Llama-style decoders (RMSNorm, rotary positions, grouped-query attention,
gated MLP) as transformers 5 builds them. The activation formulas count the tensors that autograd *saves for backward*;
they leave out temporaries, allocator slack and the CUDA context. Lesson 02 derives each formula and checks it against
a real model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Method = Literal["full", "lora", "qlora"]
Precision = Literal["fp32", "mixed", "bf16"]
Optimizer = Literal["adamw", "adamw8bit", "paged_adamw8bit", "sgd"]
Attention = Literal["fused", "eager"]

LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The seven weight matrices of a block."""

NF4_BYTES = 4.127 / 8
"""Bytes a weight in NF4 with double quantization: 4 bits + 8/64 + 32/(64 · 256) (Dettmers et al., arXiv:2305.14314)."""


@dataclass(frozen=True)
class Parameters:
    """Number of parameters by component. ``head`` is 0 where the output head shares the embedding."""

    embedding: int
    attention: int
    mlp: int
    norms: int
    head: int

    @property
    def total(self) -> int:
        """All components together."""
        return self.embedding + self.attention + self.mlp + self.norms + self.head


@dataclass(frozen=True)
class Architecture:
    """The numbers of a ``config.json`` that decide its size. ``source`` is the hub id they were read from."""

    name: str
    d_model: int
    d_ff: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    tied: bool = False
    qkv_bias: bool = False
    source: str = ""

    @classmethod
    def from_config(cls, config: Any, name: str = "") -> Architecture:
        """Read a transformers config of the Llama, Mistral or Qwen2 family."""
        heads = config.num_attention_heads
        return cls(
            name=name or config.model_type,
            d_model=config.hidden_size,
            d_ff=config.intermediate_size,
            layers=config.num_hidden_layers,
            heads=heads,
            kv_heads=config.num_key_value_heads,
            head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
            vocab=config.vocab_size,
            tied=config.tie_word_embeddings,
            qkv_bias=config.model_type == "qwen2" or bool(getattr(config, "attention_bias", False)),
        )

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """``(d_out, d_in)`` of each of the seven matrices of a block."""
        d, q, kv, f = self.d_model, self.heads * self.head_dim, self.kv_heads * self.head_dim, self.d_ff
        return dict(zip(LINEAR, [(q, d), (kv, d), (kv, d), (d, q), (f, d), (f, d), (d, f)], strict=True))

    def parameters(self) -> Parameters:
        """Exact parameter counts: a linear layer has ``d_out · d_in``, a norm ``d``, an embedding ``V · d``."""
        size = {name: out * into for name, (out, into) in self.shapes.items()}
        biases = (self.heads + 2 * self.kv_heads) * self.head_dim if self.qkv_bias else 0
        return Parameters(
            embedding=self.vocab * self.d_model,
            attention=self.layers * (sum(size[n] for n in LINEAR[:4]) + biases),
            mlp=self.layers * sum(size[n] for n in LINEAR[4:]),
            norms=(2 * self.layers + 1) * self.d_model,
            head=0 if self.tied else self.vocab * self.d_model,
        )

    def lora_parameters(self, rank: int, targets: Sequence[str] = LINEAR) -> int:
        """``r · (d_in + d_out)`` for every target matrix of every layer."""
        return self.layers * sum(rank * sum(self.shapes[name]) for name in targets)


@dataclass(frozen=True)
class Activations:
    """Bytes saved for backward: ``blocks``, ``head`` (last norm, logits), what is ``shared``, and ``recompute``.

    ``recompute`` is the one block that lives again during a checkpointed backward pass; 0 without checkpointing.
    """

    blocks: int
    head: int
    shared: int
    recompute: int = 0

    @property
    def saved(self) -> int:
        """What the forward pass leaves behind."""
        return self.blocks + self.head + self.shared

    @property
    def total(self) -> int:
        """The most that is held at once."""
        return self.saved + self.recompute


def activations(
    arch: Architecture,
    batch: int,
    sequence: int,
    *,
    element: int = 4,
    method: Method = "full",
    rank: int = 16,
    checkpointing: bool = False,
    attention: Attention = "fused",
) -> Activations:
    """Bytes that autograd saves in one forward pass with loss.

    Args:
        element: bytes of one activation: 4 (fp32) or 2 (bf16). Norms, softmax statistics and the loss are in fp32.
        method: with adapters (``lora`` on all seven matrices, in fp32, no dropout) frozen layers save less, but in bf16
            each adapter saves its own fp32 copy of its input. ``qlora`` is taken to save what ``lora`` saves.
        attention: ``fused`` keeps one statistic a head and token; ``eager`` keeps the ``T * T`` probabilities.
    """
    d, f, h, e, t = arch.d_model, arch.d_ff, arch.heads, element, sequence
    q, kv = arch.heads * arch.head_dim, arch.kv_heads * arch.head_dim
    full = method == "full"
    fused, eager = e * (2 * q + 2 * kv) + 4 * h, e * 4 * q + (4 + (e if e < 4 else 0)) * h * t
    attend = fused if attention == "fused" else eager
    norm = 4 * d + 4  # its input and 1/rms, both fp32
    if full:
        block = 2 * (norm + 2 * e * d) + attend + e * 4 * f
    elif e == 4:
        block = 2 * (norm + e * d) + attend + e * 4 * f + 7 * 4 * rank
    else:
        if attention == "eager":
            attend -= e * q  # the input of the frozen o_proj
        block = 2 * norm + attend + e * 3 * f + 4 * (5 * d + q + f) + 7 * 4 * rank
    head = norm + 4 * arch.vocab + 8 + (2 * e * d if full else 0)
    tokens, ids = batch * sequence, 8 if full else 0
    if checkpointing:
        return Activations(tokens * arch.layers * e * d, tokens * head + 4, tokens * ids, tokens * block)
    first = 0 if full else norm  # nothing below the first adapter needs a gradient
    rotary = 2 * arch.head_dim * e * sequence
    return Activations(tokens * (arch.layers * block - first), tokens * head + 4, tokens * ids + rotary)


@dataclass(frozen=True)
class Estimate:
    """Bytes by category. ``paged`` is the part of ``optimizer`` that may move to host memory under pressure."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    paged: int = 0

    @property
    def total(self) -> int:
        """All categories together."""
        return self.weights + self.gradients + self.optimizer + self.activations


STATE_BYTES: Mapping[Optimizer, float] = {
    "adamw": 8,
    "adamw8bit": 2 * (1 + 4 / 256),  # two 8-bit moments, each with one fp32 scale a block of 256
    "paged_adamw8bit": 2 * (1 + 4 / 256),
    "sgd": 0,
}
"""Bytes of optimizer state a trained parameter (fp32 moments for AdamW; small tensors stay 32-bit in 8-bit AdamW)."""


def estimate(
    arch: Architecture,
    method: Method = "full",
    *,
    precision: Precision = "mixed",
    optimizer: Optimizer = "adamw",
    rank: int = 16,
    batch: int = 1,
    sequence: int = 2048,
    checkpointing: bool = False,
) -> Estimate:
    """Bytes of one training step.

    Full tuning: ``fp32`` holds 4-byte weights and gradients; ``mixed`` holds 2 + 2 and a 4-byte master copy (counted
    with the optimizer); ``bf16`` holds 2 + 2 and no master copy, with AdamW's moments in bf16 too (4 bytes). Adapters
    are trained in fp32 (weight 4, gradient 4) in every precision; the frozen base takes 4 bytes in ``fp32``, else 2,
    and with ``qlora`` :data:`NF4_BYTES` in the seven matrices.
    """
    count = arch.parameters()
    element = 4 if precision == "fp32" else 2
    saved = activations(
        arch, batch, sequence, element=element, method=method, rank=rank, checkpointing=checkpointing
    ).total
    if method == "full":
        trained, weights, gradient = count.total, count.total * element, element
        state = STATE_BYTES[optimizer]
        if precision == "bf16" and optimizer == "adamw":
            state = 4
        master = 4 if precision == "mixed" else 0
    else:
        trained, gradient, state, master = arch.lora_parameters(rank), 4, STATE_BYTES[optimizer], 0
        base = count.total * element
        if method == "qlora":
            matrices = arch.layers * sum(out * into for out, into in arch.shapes.values())
            base = math.ceil(matrices * NF4_BYTES) + (count.total - matrices) * element
        weights = base + trained * 4
    states = math.ceil(trained * state)
    paged = states if optimizer.startswith("paged") else 0
    return Estimate(weights, trained * gradient, states + trained * master, saved, paged)


ARCHITECTURES: dict[str, Architecture] = {
    a.name: a
    for a in (
        Architecture("SmolLM2-135M", 576, 1536, 30, 9, 3, 64, 49152, True, False, "HuggingFaceTB/SmolLM2-135M"),
        Architecture("Llama-3.2-1B", 2048, 8192, 16, 32, 8, 64, 128256, True, False, "meta-llama/Llama-3.2-1B"),
        Architecture("Llama-2-7B", 4096, 11008, 32, 32, 32, 128, 32000, False, False, "meta-llama/Llama-2-7b-hf"),
        Architecture("Mistral-7B", 4096, 14336, 32, 32, 8, 128, 32000, False, False, "mistralai/Mistral-7B-v0.1"),
        Architecture("Qwen2.5-7B", 3584, 18944, 28, 28, 4, 128, 152064, False, True, "Qwen/Qwen2.5-7B"),
        Architecture("Llama-3.1-8B", 4096, 14336, 32, 32, 8, 128, 128256, False, False, "meta-llama/Llama-3.1-8B"),
        Architecture("Llama-3.1-70B", 8192, 28672, 80, 64, 8, 128, 128256, False, False, "meta-llama/Llama-3.1-70B"),
    )
}
"""Real architectures, by name: the numbers of their public ``config.json``."""
