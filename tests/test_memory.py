"""The memory arithmetic against real modules: counts on the meta device, saved bytes on small random models."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoConfig, AutoModelForCausalLM

from course.memory import ARCHITECTURES, Architecture, Attention, activations, estimate

# PEFT 0.21 asks transformers 5.23 for this attribute by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

SMALL = Architecture("small", 64, 96, 3, 4, 2, 16, 200)


def _build(arch: Architecture, device: str, dtype: torch.dtype = torch.float32, attention: str = "sdpa") -> Any:
    config = AutoConfig.for_model(
        "qwen2" if arch.qkv_bias else "llama",
        hidden_size=arch.d_model, intermediate_size=arch.d_ff, num_hidden_layers=arch.layers,
        num_attention_heads=arch.heads, num_key_value_heads=arch.kv_heads, head_dim=arch.head_dim,
        vocab_size=arch.vocab, tie_word_embeddings=arch.tied, use_cache=False,
        bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    config._attn_implementation = attention
    assert Architecture.from_config(config).shapes == arch.shapes
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config, dtype=dtype).train()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_parameters_equal_the_modules_on_the_meta_device(name: str) -> None:
    arch = ARCHITECTURES[name]
    model = _build(arch, "meta")
    assert sum(p.numel() for p in model.parameters()) == arch.parameters().total


@pytest.mark.parametrize("name", ["Llama-3.1-8B", "Qwen2.5-7B"])
def test_lora_parameters_equal_peft(name: str) -> None:
    arch = ARCHITECTURES[name]
    with torch.device("meta"):
        tuned = get_peft_model(_build(arch, "meta"), LoraConfig(r=16, target_modules="all-linear"))
    assert sum(p.numel() for p in tuned.parameters() if p.requires_grad) == arch.lora_parameters(16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("attention", ["fused", "eager"])
@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_activations_equal_what_autograd_saves(
    dtype: torch.dtype, attention: Attention, rank: int, checkpointing: bool
) -> None:
    model = _build(SMALL, "cpu", dtype, "sdpa" if attention == "fused" else "eager")
    if rank:
        model = get_peft_model(model, LoraConfig(r=rank, target_modules="all-linear", lora_dropout=0.0))
    if checkpointing:
        if rank:
            model.enable_input_require_grads()
        model.activation_checkpointing_enable()
    parameters = {p.untyped_storage()._cdata for p in model.parameters()}
    held: dict[int, Any] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in parameters:
            held[storage._cdata] = storage
        return tensor

    ids = torch.ones(2, 24, dtype=torch.long)
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        model(input_ids=ids, labels=ids)
    expected = activations(
        SMALL, 2, 24, element=dtype.itemsize, method="lora" if rank else "full", rank=rank,
        attention=attention, checkpointing=checkpointing,
    )  # fmt: skip
    assert sum(s.nbytes() for s in held.values()) == expected.saved


def test_mixed_precision_adam_takes_sixteen_bytes_a_parameter() -> None:
    arch = ARCHITECTURES["Llama-3.1-8B"]
    cost = estimate(arch)
    assert cost.weights + cost.gradients + cost.optimizer == 16 * arch.parameters().total


def test_eight_bit_and_paged_states_are_about_a_quarter() -> None:
    arch = ARCHITECTURES["Llama-3.1-8B"]
    eight, paged = (estimate(arch, precision="fp32", optimizer=o) for o in ("adamw8bit", "paged_adamw8bit"))
    assert eight.optimizer / estimate(arch, precision="fp32").optimizer == pytest.approx(0.254, abs=1e-3)
    assert eight.paged == 0
    assert paged.paged == paged.optimizer == eight.optimizer


def test_quantizing_the_base_leaves_the_embedding_alone() -> None:
    arch = ARCHITECTURES["Llama-3.2-1B"]
    assert estimate(arch, "qlora").weights > arch.parameters().embedding * 2
    assert estimate(arch, "qlora").weights < estimate(arch, "lora").weights
