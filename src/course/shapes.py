"""The numbers of a ``config.json`` that decide how large a decoder is: dense, or with routed experts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
LINEAR = ATTENTION + MLP
"""The weight matrices of a block with a gated MLP."""


@dataclass(frozen=True)
class Shapes:
    """A decoder of the Llama kind: RMSNorm, rotary positions, grouped-query attention, gated MLP.

    Attributes:
        d_ff: width of the dense MLP; with experts, of the one that all tokens pass besides (0 if there is none).
        qkv_bias: query, key and value projections have a bias (Qwen2).
        qk_norm: each head's queries and keys are normalized (Qwen3).
        experts: routed experts a block, 0 in a dense model; ``active`` of them see a token, each ``expert_ff`` wide.
        source: the hub id whose ``config.json`` this is.
    """

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
    qk_norm: bool = False
    experts: int = 0
    active: int = 0
    expert_ff: int = 0
    source: str = ""

    @property
    def q(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.head_dim

    @property
    def kv(self) -> int:
        """Width of all key heads together; values are as wide."""
        return self.kv_heads * self.head_dim

    @property
    def matrices(self) -> dict[str, tuple[int, int]]:
        """``(d_out, d_in)`` of each matrix of a block that every token passes."""
        d, q, kv, f = self.d_model, self.q, self.kv, self.d_ff
        attention = dict(zip(ATTENTION, [(q, d), (kv, d), (kv, d), (d, q)], strict=True))
        return attention | (dict(zip(MLP, [(f, d), (f, d), (d, f)], strict=True)) if f else {})

    @property
    def linear(self) -> int:
        """Weights in the matrices of a block that every token passes."""
        return sum(out * into for out, into in self.matrices.values())

    @property
    def routed(self) -> int:
        """Weights in the experts of a block."""
        return 3 * self.experts * self.d_model * self.expert_ff

    @property
    def block(self) -> int:
        """Parameters of a block: matrices, biases, experts with their router, two norms (four with ``qk_norm``)."""
        biases = (self.q + 2 * self.kv) * self.qkv_bias
        norms = 2 * self.d_model + 2 * self.head_dim * self.qk_norm
        return self.linear + biases + self.routed + self.experts * self.d_model + norms

    @property
    def embedding(self) -> int:
        """Parameters of the embedding, or of the output head."""
        return self.vocab * self.d_model

    @property
    def parameters(self) -> int:
        """All parameters, exactly."""
        return self.embedding * (1 if self.tied else 2) + self.layers * self.block + self.d_model

    @property
    def active_parameters(self) -> int:
        """Parameters that a token passes."""
        return self.parameters - self.layers * 3 * (self.experts - self.active) * self.d_model * self.expert_ff


FAMILIES: Mapping[str, Mapping[str, bool]] = {
    "llama": {}, "mistral": {}, "ministral3": {}, "smollm3": {}, "mixtral": {},
    "qwen2": {"qkv_bias": True}, "qwen3": {"qk_norm": True}, "qwen3_moe": {"qk_norm": True},
}  # fmt: skip
"""``model_type`` of the families whose blocks are of this kind, with what sets them apart."""


def from_config(config: Mapping[str, Any], name: str = "custom") -> Shapes:
    """Read a ``config.json``.

    Raises:
        ValueError: a family of another kind, or a number is missing; the message says which.
    """
    family = str(config.get("model_type"))
    if family not in FAMILIES:
        raise ValueError(f"model_type {family!r} is not one of {', '.join(FAMILIES)}")
    try:
        d, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        experts = int(config.get("num_experts") or config.get("num_local_experts") or 0)
        expert_ff = int(config.get("moe_intermediate_size") or config["intermediate_size"]) if experts else 0
        return Shapes(
            name,
            d_model=d,
            d_ff=0 if experts else int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or d // heads),
            vocab=int(config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings", family == "smollm3")),
            qkv_bias=FAMILIES[family].get("qkv_bias", False) or bool(config.get("attention_bias")),
            qk_norm=FAMILIES[family].get("qk_norm", False),
            experts=experts,
            active=int(config["num_experts_per_tok"]) if experts else 0,
            expert_ff=expert_ff,
        )
    except KeyError as error:
        raise ValueError(f"{error.args[0]} is missing") from error


MODELS: dict[str, Shapes] = {
    shapes.name: shapes
    for shapes in (
        Shapes("SmolLM2-135M", 576, 1536, 30, 9, 3, 64, 49152, tied=True, source="HuggingFaceTB/SmolLM2-135M"),
        Shapes("SmolLM3-3B", 2048, 11008, 36, 16, 4, 128, 128256, tied=True, source="HuggingFaceTB/SmolLM3-3B"),
        Shapes("Llama-3.2-1B", 2048, 8192, 16, 32, 8, 64, 128256, tied=True, source="meta-llama/Llama-3.2-1B"),
        Shapes("Llama-3.1-8B", 4096, 14336, 32, 32, 8, 128, 128256, source="meta-llama/Llama-3.1-8B"),
        Shapes("Llama-3.1-70B", 8192, 28672, 80, 64, 8, 128, 128256, source="meta-llama/Llama-3.1-70B"),
        Shapes("Mistral-7B", 4096, 14336, 32, 32, 8, 128, 32000, source="mistralai/Mistral-7B-v0.1"),
        Shapes("Qwen2.5-7B", 3584, 18944, 28, 28, 4, 128, 152064, qkv_bias=True, source="Qwen/Qwen2.5-7B"),
        Shapes("Qwen3-0.6B", 1024, 3072, 28, 16, 8, 128, 151936, tied=True, qk_norm=True, source="Qwen/Qwen3-0.6B"),
        Shapes("Qwen3-4B", 2560, 9728, 36, 32, 8, 128, 151936, tied=True, qk_norm=True, source="Qwen/Qwen3-4B"),
        Shapes("Qwen3-8B", 4096, 12288, 36, 32, 8, 128, 151936, qk_norm=True, source="Qwen/Qwen3-8B"),
        Shapes("Qwen3-14B", 5120, 17408, 40, 40, 8, 128, 151936, qk_norm=True, source="Qwen/Qwen3-14B"),
        Shapes("Qwen3-32B", 5120, 25600, 64, 64, 8, 128, 151936, qk_norm=True, source="Qwen/Qwen3-32B"),
        Shapes(
            "Qwen3-30B-A3B", 2048, 0, 48, 32, 4, 128, 151936, qk_norm=True, experts=128, active=8, expert_ff=768,
            source="Qwen/Qwen3-30B-A3B",
        ),
        Shapes(
            "Mixtral-8x7B", 4096, 0, 32, 32, 8, 128, 32000, experts=8, active=2, expert_ff=14336,
            source="mistralai/Mixtral-8x7B-v0.1",
        ),
    )
}  # fmt: skip
"""Real models, by name. Sizes were read in December 2026 from copies of their ``config.json`` in public repositories (Qwen3,
Qwen2.5, Llama 3.1 8B) and from the configuration classes of transformers 5.23 (SmolLM3, Mistral, Mixtral); the others are
those that lessons use."""
