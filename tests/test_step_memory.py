"""The timeline of a step against PyTorch's tracker on a small cell, and against what it must say of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.shapes import LINEAR, MODELS, Shapes, from_config
from course.step_memory import PHASES, SHARDINGS, Setup, peak, rows, states, timeline, weights
from course.step_tracker import as_on_a_gpu, measure, steps

SMALL = Shapes("small", 512, 2048, 2, 8, 2, 64, 8192)
EIGHT = MODELS["Llama-3.1-8B"]


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_small_cell_is_within_two_percent_of_the_tracker(method: Any, precision: Any, checkpointing: bool) -> None:
    setup = Setup(SMALL, method, precision, sequence=1024, checkpointing=checkpointing)
    for first, measured in zip((True, False), measure(setup), strict=True):
        assert peak(setup, first).total == pytest.approx(max(measured.values()), rel=0.02)


@pytest.mark.parametrize("name", ["Qwen3-8B", "Qwen2.5-7B", "Qwen3-30B-A3B", "Mixtral-8x7B", "SmolLM3-3B"])
def test_parameters_equal_the_modules_on_the_meta_device(name: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    shapes = MODELS[name]
    family = {"Qwen3-8B": "qwen3", "Qwen2.5-7B": "qwen2", "Qwen3-30B-A3B": "qwen3_moe", "Mixtral-8x7B": "mixtral"}
    experts = {"num_experts": shapes.experts, "moe_intermediate_size": shapes.expert_ff} if shapes.experts else {}
    config = AutoConfig.for_model(
        family.get(name, "smollm3"), hidden_size=shapes.d_model, intermediate_size=shapes.d_ff or shapes.expert_ff,
        num_hidden_layers=shapes.layers, num_attention_heads=shapes.heads, num_key_value_heads=shapes.kv_heads,
        head_dim=shapes.head_dim, vocab_size=shapes.vocab, tie_word_embeddings=shapes.tied, pad_token_id=None, **experts,
    )  # fmt: skip
    read = from_config(config.to_dict() | {"num_experts_per_tok": shapes.active}, name)
    assert replace(read, source=shapes.source) == shapes
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == shapes.parameters


def test_a_config_of_another_kind_or_with_a_hole_is_named() -> None:
    with pytest.raises(ValueError, match="model_type 'mamba' is not one of llama"):
        from_config({"model_type": "mamba"})
    with pytest.raises(ValueError, match="num_hidden_layers is missing"):
        from_config({"model_type": "llama", "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8})


def test_lora_keeps_more_activations_than_full_tuning_in_bf16_and_fewer_in_fp32() -> None:
    kept = {p: [sum(row.size for row in rows(Setup(EIGHT, m, p))) for m in ("full", "lora")] for p in ("plain", "fp32")}
    assert kept["plain"][1] > 1.4 * kept["plain"][0]
    assert kept["fp32"][1] < kept["fp32"][0]


def test_trainers_cast_qloras_adapters_and_not_loras() -> None:
    lora, qlora = (Setup(EIGHT, method) for method in ("lora", "qlora"))
    assert (lora.trained_bytes, qlora.trained_bytes) == (4, 2)
    assert states(lora) == 2 * states(qlora) == 8 * lora.trained
    assert weights(qlora) < 0.4 * weights(lora)


SETUPS = st.builds(
    Setup,
    st.sampled_from(list(MODELS.values())),
    st.sampled_from(["full", "lora", "qlora"]),
    st.sampled_from(["bf16", "mixed", "plain", "fp32"]),
    st.sampled_from(["adamw_torch_fused", "adamw_torch", "adamw_8bit", "sgd"]),
    st.sampled_from([1, 16, 256]),
    st.sampled_from([LINEAR, LINEAR[:4], ("q_proj", "v_proj")]),
    st.integers(1, 64),
    st.integers(1, 32768),
    st.booleans(),
    st.sampled_from(["tiles", "whole"]),
    st.booleans(),
)


@given(SETUPS)
def test_the_peak_is_a_maximum_and_less_than_the_sum_of_the_largest_parts(setup: Setup) -> None:
    moments = timeline(setup)
    assert {moment.phase for moment in moments} == set(PHASES)
    parts = [
        max(getattr(moment, part) for moment in moments)
        for part in ("weights", "gradients", "optimizer", "activations", "work")
    ]
    assert max(moment.total for moment in moments) == peak(setup).total <= sum(parts)
    assert all(min(moment.weights, moment.gradients, moment.activations, moment.work) >= 0 for moment in moments)


@given(SETUPS)
def test_the_first_step_and_more_cards_never_hold_more(setup: Setup) -> None:
    assert peak(setup, first=True).total <= peak(setup).total
    held = [weights(replace(setup, cards=cards)) + states(setup) for cards in (1, 8)]
    assert held[0] == held[1]  # undivided
    divided = [timeline(replace(setup, cards=8, sharding=sharding)) for sharding in SHARDINGS]
    for part in ("gradients", "optimizer"):
        sizes = [max(getattr(moment, part) for moment in moments) for moments in divided]
        assert sizes == sorted(sizes, reverse=True)


def test_qlora_on_real_tensors_is_within_two_percent(tmp_path: Path) -> None:
    """Fake tensors cannot be quantized, so a small model is, on the processor."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig
    from trl.trainer.utils import add_fused_lm_head

    setup = Setup(replace(SMALL, d_model=1024, heads=16), "qlora", sequence=1024)
    config = LlamaConfig(
        hidden_size=1024, intermediate_size=2048, num_hidden_layers=2, num_attention_heads=16, num_key_value_heads=2,
        head_dim=64, vocab_size=8192, use_cache=False,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(tmp_path)
    four = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    base = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16, quantization_config=four).train()
    model = get_peft_model(base, LoraConfig(r=setup.rank, target_modules=list(LINEAR), lora_dropout=0.0))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.data = parameter.data.to(torch.bfloat16)  # as SFTTrainer does
    add_fused_lm_head(base, outputs=("log_probs", "entropy", "is_top1"))
    with as_on_a_gpu():
        found = steps(setup, model, torch.optim.AdamW(trained, fused=True))
    for first, measured in zip((True, False), found, strict=True):
        assert peak(setup, first).total == pytest.approx(max(measured.values()), rel=0.02)
