from dataclasses import dataclass
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from course.models import device
from course.preferences import kl_to_reference, pair_batch, restart, score_pairs

# PEFT 0.21 asks transformers 5.23 for this attribute by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@dataclass(frozen=True)
class Pair:
    prompt: str
    chosen: str
    rejected: str


class Letters:
    """A tokenizer of single letters, with as much of a tokenizer's interface as the module uses."""

    pad_token_id, eos_token_id = 0, 1

    def apply_chat_template(self, messages: list[dict[str, str]], **options: Any) -> str:
        return messages[-1]["content"] + ":"

    def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
        return {"input_ids": [2 + ord(letter) % 30 for letter in text]}


PAIRS = [Pair("ask", "yes", "no"), Pair("why", "so", "because"), Pair("a", "b", "c"), Pair("if", "then", "else")]


@pytest.fixture
def policy() -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, pad_token_id=0
    )
    model: Any = LlamaForCausalLM(config)
    model.to(device()).eval()
    return get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))


def test_a_batch_holds_the_chosen_answers_first() -> None:
    labels = pair_batch(Letters(), PAIRS[:2])["labels"]
    assert (labels != -100).sum(dim=1).tolist() == [4, 3, 3, 8]  # answers and their end token


def test_scores_do_not_depend_on_the_batch_size(policy: Any) -> None:
    one, length = score_pairs(policy, Letters(), PAIRS, batch_size=1)
    three, _ = score_pairs(policy, Letters(), PAIRS, batch_size=3)
    torch.testing.assert_close(one, three)
    assert one.shape == length.shape == (4, 2)
    assert length[1].tolist() == [3, 8]


def test_a_restarted_adapter_is_the_reference_again(policy: Any) -> None:
    with policy.disable_adapter():
        reference, _ = score_pairs(policy, Letters(), PAIRS)
    for name, parameter in policy.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_()
    assert kl_to_reference(policy, Letters(), PAIRS) > 1e-4
    restart(policy, seed=1)
    torch.testing.assert_close(score_pairs(policy, Letters(), PAIRS)[0], reference)
    assert kl_to_reference(policy, Letters(), PAIRS) == pytest.approx(0, abs=1e-6)
