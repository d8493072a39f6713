"""The calculator's script, run as it stands on a tiny model: it trains, and nothing warns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course.pipeline.widgets import memory

TINY = """
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

words = {word: index for index, word in enumerate("<unk> <s> </s> My parcel has not arrived . I am sorry What is".split())}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
PreTrainedTokenizerFast(
    tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
).save_pretrained("path/to/model")
LlamaForCausalLM(LlamaConfig(
    hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=16,
    bos_token_id=1, eos_token_id=2, pad_token_id=2,
)).save_pretrained("path/to/model")
"""


@pytest.mark.integration
@pytest.mark.parametrize(
    "settings",
    [
        {"method": "full", "precision": "mixed", "checkpointing": False},
        {"method": "lora", "precision": "bf16", "targets": "attention", "accumulate": True},
        {"method": "qlora", "optimizer": "adamw_torch"},
    ],
    ids=lambda settings: settings["method"],
)
def test_the_script_trains_and_warns_of_nothing(settings: dict[str, object], tmp_path: Path) -> None:
    state = {**memory.settle({**memory.PIECE.start, **settings, "sequence": 64}), "model": "custom"}
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    script = memory.snippet(state).replace(
        'output_dir="tune",', 'output_dir="tune", use_cpu=True,'
    )  # GPUs need no word
    for name, text in (("tiny.py", TINY), ("tune.py", script)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "arning" in line]
    assert told == []
    assert list((tmp_path / "tune").glob("*.safetensors"))
