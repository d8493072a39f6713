"""A training step as a timeline: what is alive at each of its moments, in bytes. The peak is a maximum, not a sum.

Gradients appear while activations go, and the optimizer works when these are gone; so weights, gradients, optimizer
states and activations are never all at their largest together. :func:`timeline` follows one step through its moments,
:func:`rows` derives what a block keeps for its backward pass, term by term. ``course measure`` holds both against
PyTorch's own memory tracker (:mod:`course.step_tracker`).

Counted are tensors. Not counted: what the allocator cannot reuse, the CUDA context, kernels' workspaces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from course.shapes import LINEAR, Shapes

Method = Literal["full", "lora", "qlora"]
Precision = Literal["bf16", "mixed", "plain", "fp32"]
Optimizer = Literal["adamw_torch_fused", "adamw_torch", "adamw_8bit", "paged_adamw_8bit", "sgd"]
Loss = Literal["tiles", "whole"]
Sharding = Literal["ddp", "zero1", "zero2", "zero3"]

PHASES = ("forward", "backward", "optimizer")

NF4_BYTES = 4.127 / 8
"""Bytes a weight in NF4 with double quantization: 4 bits + 8/64 + 32/(64 · 256) (Dettmers et al., arXiv:2305.14314)."""

TILE = (4096, 32768)
"""Tokens and words of a tile of logits: ``TOKEN_CHUNK_SIZE`` and ``_CHUNKED_LOGPROB_CHUNK_SIZE`` of TRL 1.16."""

SHARDINGS: Sequence[Sharding] = ("ddp", "zero1", "zero2", "zero3")
"""Every card has all; optimizer states divided; gradients too; weights too, which is FSDP."""


@dataclass(frozen=True)
class Setup:
    """One way to tune one model.

    Attributes:
        precision: ``bf16``: weights in bf16, under autocast, as ``SFTConfig(bf16=True)`` runs a model loaded in bf16;
            ``mixed``: the same with weights in fp32; ``plain``: bf16 in a loop of one's own, without autocast; ``fp32``.
            QLoRA runs as ``bf16``.
        targets: matrices with an adapter.
        batch: sequences on a card at once, each of ``sequence`` tokens, none of them padding.
        loss: ``tiles`` as TRL 1.16 computes it, or from ``whole`` logits in fp32, as transformers' models do.
        accumulate: gradients of an earlier part of the batch are there already.
        cards: each holds its share of what ``sharding`` divides.
    """

    shapes: Shapes
    method: Method = "full"
    precision: Precision = "bf16"
    optimizer: Optimizer = "adamw_torch_fused"
    rank: int = 16
    targets: Sequence[str] = LINEAR
    batch: int = 1
    sequence: int = 2048
    checkpointing: bool = False
    loss: Loss = "tiles"
    accumulate: bool = False
    cards: int = 1
    sharding: Sharding = "ddp"

    @property
    def tokens(self) -> int:
        """Tokens on a card at once."""
        return self.batch * self.sequence

    @property
    def autocast(self) -> bool:
        """Whether matrices multiply in bf16 whatever their type is."""
        return self.method == "qlora" or self.precision in ("bf16", "mixed")

    @property
    def weight_bytes(self) -> int:
        """Bytes of a weight that is not quantized; the residual stream has the same type."""
        return 4 if self.method != "qlora" and self.precision in ("mixed", "fp32") else 2

    @property
    def compute_bytes(self) -> int:
        """Bytes of a number that comes out of a matrix."""
        return 4 if self.method != "qlora" and self.precision == "fp32" else 2

    @property
    def casts(self) -> bool:
        """Whether autocast makes a copy in bf16 of every weight that it multiplies with."""
        return self.autocast and self.weight_bytes == 4

    @property
    def trained_bytes(self) -> int:
        """Bytes of a trained parameter. PEFT makes adapters in fp32; SFTTrainer turns those of QLoRA into bf16."""
        return {"full": self.weight_bytes, "lora": 4, "qlora": 2}[self.method]

    @property
    def adapted(self) -> Mapping[str, tuple[int, int]]:
        """``(d_out, d_in)`` of the matrices of a block that have an adapter."""
        return {name: shape for name, shape in self.shapes.matrices.items() if name in self.targets}

    @property
    def trained_block(self) -> int:
        """Trained parameters of a block: of an adapter ``r · (d_in + d_out)``."""
        if self.method == "full":
            return self.shapes.block
        return sum(self.rank * (out + into) for out, into in self.adapted.values())

    @property
    def trained(self) -> int:
        """Trained parameters."""
        return self.shapes.parameters if self.method == "full" else self.shapes.layers * self.trained_block


@dataclass(frozen=True)
class Row:
    """What one operation keeps for its backward pass: bytes a token and block, and who says so."""

    what: str
    size: int
    source: str


def rows(setup: Setup) -> list[Row]:
    """What a block keeps for its backward pass. Their sum is the memory of activations, in bytes a token."""
    shapes, full, e, w = setup.shapes, setup.method == "full", setup.compute_bytes, setup.weight_bytes
    d, q, kv, f = shapes.d_model, shapes.q, shapes.kv, shapes.d_ff
    found = [
        Row("norms: their input and 1/rms, in fp32", 2 * (4 * d + 4), "LlamaRMSNorm"),
        Row("norms: the normalized value, for the gradient of the norm's weight", 2 * w * d * full, "LlamaRMSNorm"),
    ]
    if shapes.qk_norm:
        heads = shapes.heads + shapes.kv_heads
        size = 4 * (q + kv) + 4 * heads + e * (q + kv) * full
        found.append(Row("norms of queries and keys", size, "Qwen3Attention"))
    found += [
        Row("attention: q, k, v, its output, one number a head", e * 2 * (q + kv) + 4 * shapes.heads, "FlashAttention"),
        *_inputs(setup),
    ]
    if f:
        found.append(Row("MLP: gate, SiLU of it, up", 3 * e * f, "LlamaMLP"))
        found.append(Row("MLP: their product, the input of down", e * f * full, "torch.nn.Linear"))
    if shapes.experts:
        k, m = shapes.active, shapes.expert_ff
        found += [
            Row("router: probabilities, choices", 4 * shapes.experts + 12 * k, "Qwen3MoeTopKRouter"),
            Row("experts: gate and up, SiLU", 3 * e * k * m, "grouped_mm_experts_forward"),
            Row("experts: their outputs, to be weighted", e * k * d, "grouped_mm_experts_forward"),
            Row("experts: inputs, one for each choice", e * k * (d + m) * full, "grouped_mm_experts_forward"),
        ]
    return [row for row in found if row.size]


def _inputs(setup: Setup) -> list[Row]:
    """Inputs of the matrices of a block: kept where a weight that reads them, or an adapter, is trained."""
    e, shapes, adapted = setup.compute_bytes, setup.shapes, setup.adapted
    d = shapes.d_model
    readers = [
        names for names in (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj")) if names[0] in shapes.matrices
    ]
    if setup.method == "full":
        copies = sum(map(len, readers)) if setup.casts else len(readers)  # autocast copies an input for each reader
        return [Row("inputs of the matrices that read a norm", copies * e * d, "torch.nn.Linear")]
    heard = Row("adapters: Ax", len(adapted) * setup.rank * (2 if setup.autocast else 4), "peft.tuners.lora.Linear")
    if setup.trained_bytes == e:  # the adapter's input needs no copy; one that attention or a norm made is shared
        shared = sum(e * d for names in readers if any(name in adapted for name in names))
        shared += e * shapes.d_ff * ("down_proj" in adapted)
        return [Row("adapters: their inputs", shared, "peft.tuners.lora"), heard]
    copied = sum(into for _, into in adapted.values()) * (2 if setup.autocast else 4)
    return [Row("adapters: an own copy of each input", copied, "peft.tuners.lora.Linear"), heard]


@dataclass(frozen=True)
class Moment:
    """A moment of a step, in bytes.

    ``work`` is what lives only now: gradients of activations, copies, tiles of logits.
    """

    name: str
    phase: str
    weights: int
    gradients: int
    optimizer: int
    activations: int
    work: int

    @property
    def total(self) -> int:
        """All that is alive."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.work


STATE_BYTES: Mapping[Optimizer, float] = {
    "adamw_torch_fused": 2,
    "adamw_torch": 2,
    "adamw_8bit": 2 * (1 + 4 / 256),
    "paged_adamw_8bit": 2 * (1 + 4 / 256),
    "sgd": 0,
}
"""Optimizer states a trained parameter: torch's in its type (two moments), bitsandbytes' in bytes, with fp32 scales."""


def weights(setup: Setup) -> int:
    """Bytes of all weights, adapters included, undivided."""
    shapes, trained = setup.shapes, setup.trained
    if setup.method == "full":
        return trained * setup.weight_bytes
    quantized = shapes.layers * shapes.linear if setup.method == "qlora" else 0
    frozen = math.ceil(quantized * NF4_BYTES) + (shapes.parameters - quantized) * setup.weight_bytes
    return frozen + trained * setup.trained_bytes


def states(setup: Setup) -> int:
    """Bytes of the optimizer's states, undivided."""
    own = setup.trained_bytes if setup.optimizer in ("adamw_torch_fused", "adamw_torch") else 1
    return math.ceil(setup.trained * STATE_BYTES[setup.optimizer] * own)


def _block(setup: Setup) -> int:
    """What one block keeps: its rows, and copies of weights in bf16 where autocast makes them."""
    shapes = setup.shapes
    cast = 2 * (shapes.linear + shapes.routed) * setup.casts
    if setup.method == "lora" and setup.autocast:
        cast += 2 * setup.trained_block
    return setup.tokens * sum(row.size for row in rows(setup)) + cast


def _head(setup: Setup) -> int:
    """What the last norm and the loss keep."""
    shapes, tokens, w, full = setup.shapes, setup.tokens, setup.weight_bytes, setup.method == "full"
    d = shapes.d_model
    norm = tokens * (4 * d + 4 + w * d * full)
    if setup.loss == "tiles":  # the states, and a target and three statistics of each
        return norm + tokens * (w * d + 24)
    logits = tokens * (4 * shapes.vocab + 8 + setup.compute_bytes * d * full)  # log-probabilities in fp32
    return norm + logits + 2 * shapes.embedding * setup.casts


def _loss(setup: Setup) -> tuple[int, int]:
    """What lives only while the loss is computed, and while its gradient is."""
    d, v, e, w = setup.shapes.d_model, setup.shapes.vocab, setup.compute_bytes, setup.weight_bytes
    tokens = setup.tokens
    if setup.loss == "whole":  # logits and, of bf16, their copy in fp32; then two gradients in fp32
        return tokens * v * (4 if e == 4 else 6), 8 * tokens * v
    tile = e * min(tokens, TILE[0]) * TILE[1]
    chunk = 2 * min(v, TILE[1]) * d * setup.casts  # of the head's weight in bf16: the next is made before the last goes
    states, weight = 4 * tokens * d, 4 * v * d * (setup.method == "full")  # gradients, summed up in fp32
    rounded = (states + weight) // 2 if w == 2 else 0
    return tile + chunk + 28 * tokens, tile + 2 * chunk + states + weight + rounded


def timeline(setup: Setup, first: bool = False) -> list[Moment]:
    """One step on one card, moment by moment: those among which the peak is.

    Args:
        setup: what is tuned, and how.
        first: the first step, before the optimizer has states.
    """
    shapes, tokens, full = setup.shapes, setup.tokens, setup.method == "full"
    d, layers, e, w = shapes.d_model, shapes.layers, setup.compute_bytes, setup.weight_bytes
    share = _shares(setup)
    whole = share.weights(weights(setup)) + share.gathered
    held = 0 if first else states(setup)
    all_gradients, block_gradients = (n * setup.trained_bytes for n in (setup.trained, setup.trained_block))
    embedding = shapes.embedding * w * full
    found: list[Moment] = []

    def moment(name: str, phase: str, gradients: int, activations: int, work: int, optimizer: int = held) -> None:
        made = all_gradients if setup.accumulate else gradients  # added to those of earlier parts of the batch
        found.append(
            Moment(
                name, phase, whole, share.gradients(made), share.optimizer(optimizer), activations, work + share.reduced
            )
        )

    block, head, (forward, backward) = _block(setup), _head(setup), _loss(setup)
    kept, again = (tokens * d * w, block) if setup.checkpointing else (block, 0)
    shared = 2 * shapes.head_dim * w * setup.sequence + 8 * tokens  # angles of positions, ids
    saved = layers * kept + shared
    if not full and not setup.checkpointing:
        saved -= tokens * (4 * d + 4)  # below the first adapter nothing is trained: its norm keeps nothing
    # Autocast keeps its copies of trained weights until the forward pass ends, even those that blocks do not keep.
    copies = layers * (block - tokens * sum(row.size for row in rows(setup))) if again and (full or w == 2) else 0
    stream = tokens * d * w  # the gradient that flows back
    f = max(shapes.d_ff, shapes.active * shapes.expert_ff)
    widest = w * d * max(shapes.d_ff, shapes.experts * shapes.expert_ff) * full  # gradient of a weight
    mlp = stream + 2 * e * tokens * f + widest

    moment("forward pass", "forward", 0, saved + head + copies, forward)
    moment("loss", "backward", 0, saved + head, backward)
    moment("last norm", "backward", embedding, saved + 4 * tokens * d, 22 * tokens * d)
    if setup.checkpointing:
        moment("last block, computed again", "backward", embedding, saved + again, stream + _unkept(setup))
    moment("last block", "backward", embedding, saved + again, mlp)
    moment("first block", "backward", embedding + (layers - 1) * block_gradients, kept + again + shared, mlp)
    # Tied: the head's gradient, the embedding's and their sum.
    moment("embedding", "backward", all_gradients, shared, embedding * (2 if shapes.tied else setup.accumulate))
    moment("optimizer", "optimizer", all_gradients, 0, share.optimizer(_roots(setup)), states(setup))
    return found


def _unkept(setup: Setup) -> int:
    """What lives beside a block's kept tensors when its last adapter computes: values that no backward pass needs."""
    if setup.method != "lora" or "down_proj" not in setup.adapted or setup.precision == "fp32":
        return 0
    d, f, e = setup.shapes.d_model, setup.shapes.d_ff, setup.compute_bytes
    if setup.autocast:  # the input of down and its copy in fp32; the outputs of down, norm and attention, the residual
        return setup.tokens * ((4 + e) * f + 4 * e * d)
    return setup.tokens * (e * f + (3 * 4 + 3 * e) * d)  # its output, that scaled and their sum, in fp32


def _roots(setup: Setup) -> int:
    """Copies that the optimizer makes: torch's AdamW, unfused, takes the roots of all second moments at once."""
    return setup.trained * setup.trained_bytes if setup.optimizer == "adamw_torch" else 0


@dataclass(frozen=True)
class _Shares:
    """What a card holds of weights, gradients and optimizer states (ZeRO, arXiv:1910.02054; FSDP as its stage 3)."""

    cards: int = 1
    stage: int = 0
    gathered: int = 0  # whole weights of what is computed now
    reduced: int = 0  # whole gradients on their way to other cards

    def _share(self, size: int, stage: int) -> int:
        return math.ceil(size / self.cards) if self.stage >= stage else size

    def weights(self, size: int) -> int:
        return self._share(size, 3)

    def gradients(self, size: int) -> int:
        return self._share(size, 2)

    def optimizer(self, size: int) -> int:
        return self._share(size, 1)


def _shares(setup: Setup) -> _Shares:
    if setup.cards == 1:
        return _Shares()
    stage = SHARDINGS.index(setup.sharding)
    if stage < 2:  # buckets beside the gradients: DistributedDataParallel's gradient_as_bucket_view is off
        return _Shares(setup.cards, stage, 0, setup.trained * setup.trained_bytes)
    unit, gathered = setup.trained_block * setup.trained_bytes, 0
    if stage == 3:  # a block at work and the next one, or the head
        ends = setup.shapes.embedding * setup.weight_bytes
        blocks = weights(setup) - ends * (1 if setup.shapes.tied else 2)
        gathered = max(2 * (blocks // setup.shapes.layers), ends)
    return _Shares(setup.cards, stage, gathered, unit)


def peak(setup: Setup, first: bool = False) -> Moment:
    """The moment of a step when most is alive."""
    return max(timeline(setup, first), key=lambda moment: moment.total)
