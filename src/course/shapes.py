"""The numbers of a ``config.json`` that decide how large a decoder is: dense, or with routed experts."""

from __future__ import annotations

from dataclasses import dataclass

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


MODELS: dict[str, Shapes] = {
    shapes.name: shapes
    for shapes in (
        Shapes("Llama-3.2-1B", 2048, 8192, 16, 32, 8, 64, 128256, tied=True, source="meta-llama/Llama-3.2-1B"),
        Shapes("Llama-3.1-8B", 4096, 14336, 32, 32, 8, 128, 128256, source="meta-llama/Llama-3.1-8B"),
        Shapes("Llama-3.1-70B", 8192, 28672, 80, 64, 8, 128, 128256, source="meta-llama/Llama-3.1-70B"),
    )
}
"""Real models, by name."""
