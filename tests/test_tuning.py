import math
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from course.chat import IGNORE, Encoded, collate, completion_loss
from course.tuning import evaluate, labeled_logits, tune

EXAMPLES = [Encoded((5, 6, 7, 8, 9, 1), 3), Encoded((5, 6, 8, 7, 1), 3), Encoded((5, 9, 9, 9, 8, 7, 1), 4)]


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, pad_token_id=0
    )
    return LlamaForCausalLM(config).eval()


def test_labeled_logits_are_those_of_the_whole_forward_pass(model: Any) -> None:
    batch = collate(EXAMPLES, 0)
    model.to(batch["input_ids"].device)
    logits, targets, mask = labeled_logits(model, batch)
    whole = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    torch.testing.assert_close(logits, whole[batch["labels"][:, 1:] != IGNORE])
    assert targets.tolist() == [8, 9, 1, 7, 1, 8, 7, 1]
    assert mask.sum(dim=1).tolist() == [3, 2, 3]


def test_the_loss_is_that_of_the_completions(model: Any) -> None:
    model.to(collate(EXAMPLES, 0)["input_ids"].device)
    score = evaluate(model, EXAMPLES, 0, position=0, candidates=(7, 8), batch_size=2)
    assert score.loss == pytest.approx(completion_loss(model, EXAMPLES, 0), rel=1e-5)


def test_accuracy_looks_at_the_named_position_of_every_example(model: Any) -> None:
    model.to(collate(EXAMPLES, 0)["input_ids"].device)
    right = 0
    for example in EXAMPLES:
        with torch.no_grad():
            logits, targets, _ = labeled_logits(model, collate([example], 0))
        right += (7 if logits[0, 7] > logits[0, 8] else 8) == int(targets[0])
    assert evaluate(model, EXAMPLES, 0, position=0, candidates=(7, 8)).accuracy == pytest.approx(right / 3)


def test_a_diverged_model_scores_as_a_uniform_guess(model: Any) -> None:
    device = collate(EXAMPLES, 0)["input_ids"].device
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    assert evaluate(model.to(device), EXAMPLES, 0, 0, (7, 8)).loss == pytest.approx(math.log(16))


def test_tuning_lowers_the_loss_and_repeats_exactly(model: Any) -> None:
    model.to(collate(EXAMPLES, 0)["input_ids"].device)
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def run() -> list[float]:
        model.load_state_dict(start)
        losses: list[float] = tune(model, torch.optim.AdamW(model.parameters(), lr=1e-2), EXAMPLES, 12, 2, 0, seed=0)
        return losses

    losses = run()
    assert losses[-1] < 0.7 * losses[0]
    assert run() == losses
    assert not model.training
