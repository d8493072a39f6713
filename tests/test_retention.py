import math
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from course.case import ChoiceItem, general_items
from course.chat import Encoded
from course.models import device
from course.retention import (
    at_level,
    choice_logprobs,
    drift,
    general_prompts,
    next_token_logprobs,
    own_replies,
    retention,
    walk,
)


class Letters:
    """A tokenizer that knows letters: one token each."""

    pad_token_id, eos_token_id = 0, 1

    def __call__(self, text: str, add_special_tokens: bool = False) -> dict[str, list[int]]:
        return {"input_ids": [2 + ord(c) % 60 for c in text]}

    def apply_chat_template(self, messages: list[dict[str, str]], **_: Any) -> str:
        return "".join(m["content"] for m in messages)

    def decode(self, ids: torch.Tensor, skip_special_tokens: bool = True) -> str:
        return "".join(chr(60 + int(i) - 2) for i in ids if not (skip_special_tokens and int(i) < 2))


ITEMS = (  # the empty choice is one token, a space; the others go on
    ChoiceItem("The sky is", ("blue", "red", "", "no"), 0, "x"),
    ChoiceItem("Two and two are", ("five", "four", "six", "seven"), 1, "x"),
)


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, pad_token_id=0
    )
    return LlamaForCausalLM(config).eval().to(device())


def test_choices_score_as_in_whole_forward_passes(model: Any) -> None:
    tokenizer, scores = Letters(), choice_logprobs(model, Letters(), ITEMS)
    for row, item in enumerate(ITEMS):
        for column, choice in enumerate(item.choices):
            head = tokenizer(item.question)["input_ids"]
            ids = torch.tensor([[*head, *tokenizer(f" {choice}")["input_ids"]]], device=device())
            with torch.no_grad():
                logprobs = model(input_ids=ids).logits.log_softmax(-1)[0, len(head) - 1 : -1]
            whole = logprobs.gather(1, ids[0, len(head) :, None]).sum()
            assert float(scores[row, column]) == pytest.approx(float(whole), rel=1e-4)


def test_retention_is_accuracy_and_cross_entropy_over_the_choices(model: Any) -> None:
    scores, found = choice_logprobs(model, Letters(), ITEMS), retention(model, Letters(), ITEMS)
    right = [int(scores[i].argmax()) == item.answer for i, item in enumerate(ITEMS)]
    assert found.accuracy == sum(right) / len(ITEMS)
    assert found.right == tuple(right)
    by_hand = [-float(scores[i].log_softmax(0)[item.answer]) for i, item in enumerate(ITEMS)]
    assert found.losses == pytest.approx(by_hand, rel=1e-5)
    assert found.loss == pytest.approx(sum(by_hand) / len(ITEMS), rel=1e-5)


def test_a_diverged_model_is_a_blind_guess(model: Any) -> None:
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    found = retention(model, Letters(), ITEMS)
    assert found.accuracy == 0.25
    assert found.loss == pytest.approx(math.log(4))


def test_prompts_of_the_two_splits_share_no_topic_and_no_item() -> None:
    rehearsal, held_out = general_prompts("rehearsal"), general_prompts("held-out")
    assert len({*rehearsal, *held_out}) == len(rehearsal) + len(held_out)
    assert general_prompts("rehearsal", 3) == rehearsal[:3]
    text = " ".join((*rehearsal, *held_out)).lower()
    assert not any(item.question.lower() in text for item in general_items())


def test_a_reply_that_was_cut_has_no_end_of_turn(model: Any) -> None:
    (reply,) = own_replies(model, Letters(), ["hello"], max_new_tokens=4)
    answered = reply.input_ids[reply.prompt_length :]
    assert len(answered) <= 5
    assert answered[-1] != Letters.eos_token_id or len(answered) < 4


def test_a_walk_is_measured_by_block_and_by_its_farthest_weight(model: Any) -> None:
    home = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert walk(model, home) == ([0.0, 0.0], 0.0)
    with torch.no_grad():
        for parameter in model.model.layers[1].parameters():
            parameter.mul_(1.5)
    blocks, farthest = walk(model, home)
    assert blocks == pytest.approx([0.0, 0.5])
    assert farthest == pytest.approx(0.5)  # the weights of the norms are 1


def test_a_frontier_is_read_between_its_points() -> None:
    points = [(1.0, 0.0), (0.01, 2.0), (0.1, 0.4)]
    assert at_level(points, 0.1) == pytest.approx(0.4)
    assert at_level(points, math.sqrt(0.1)) == pytest.approx(0.2)
    assert at_level(points, math.sqrt(0.001), log_y=True) == pytest.approx(math.sqrt(0.4 * 2.0))
    assert at_level(points, math.sqrt(0.1), log_y=True) == pytest.approx(0.2)  # next to a zero: a straight line
    with pytest.raises(ValueError, match="does not reach"):
        at_level(points, 0.001)


def test_drift_is_the_divergence_from_the_reference(model: Any) -> None:
    examples = [Encoded((5, 6, 7, 8, 9, 1), 3), Encoded((5, 9, 9, 8, 1), 2)]
    before = next_token_logprobs(model, examples, 0)
    assert before.shape == (6, 64)
    assert drift(model, examples, before, 0) == pytest.approx(0.0, abs=1e-6)
    with torch.no_grad():
        model.lm_head.weight.mul_(2)
    after = next_token_logprobs(model, examples, 0)
    by_hand = torch.distributions.kl_divergence(
        torch.distributions.Categorical(logits=before), torch.distributions.Categorical(logits=after)
    )
    assert drift(model, examples, before, 0) == pytest.approx(float(by_hand.mean()), rel=1e-4)
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    assert drift(model, examples, before, 0) == pytest.approx(math.log(64))
