from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from course.chat import IGNORE, Encoded, collate
from course.upper import cut, keep, labeled, nats, stack, token_losses

EXAMPLES = [Encoded((5, 6, 7, 8, 9, 1), 3), Encoded((5, 6, 8, 7, 1), 3), Encoded((5, 9, 9, 9, 8, 7, 1), 4)]


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2, pad_token_id=0
    )
    return LlamaForCausalLM(config).eval().to(collate(EXAMPLES, 0)["input_ids"].device)


@pytest.mark.parametrize("blocks", [1, 2])
def test_the_upper_blocks_give_the_loss_of_the_whole_model(model: Any, blocks: int) -> None:
    with torch.no_grad():
        whole = model(**collate(EXAMPLES, 0)).loss
        kept = keep(model, EXAMPLES, 0, blocks, batch_size=2)
        cut(model, blocks)
        torch.testing.assert_close(model(**stack(kept)).loss, whole)


def test_keeping_leaves_the_model_as_it_was(model: Any) -> None:
    layers, norm = model.model.layers, model.model.norm
    keep(model, EXAMPLES, 0, 1)
    assert model.model.layers is layers
    assert model.model.norm is norm


def test_a_stack_is_padded_on_the_right(model: Any) -> None:
    batch = stack(keep(model, EXAMPLES, 0, 1))
    assert batch["inputs_embeds"].shape == (3, 7, 16)
    assert batch["attention_mask"].sum(dim=1).tolist() == [6, 5, 7]
    assert batch["labels"][1].tolist() == [IGNORE] * 3 + [7, 1] + [IGNORE] * 2
    assert not batch["inputs_embeds"][1, 5:].any()


def test_losses_are_kept_apart_by_token_and_by_example(model: Any) -> None:
    with torch.no_grad():
        mean = model(**collate(EXAMPLES, 0)).loss
        kept = keep(model, EXAMPLES, 0, 1)
        cut(model, 1)
        losses, counts = token_losses(model, kept)
    assert counts.tolist() == [labeled(row) for row in kept] == [3, 2, 3]
    torch.testing.assert_close(losses.mean(), mean)
    torch.testing.assert_close(nats(model, kept, batch_size=2)[1], losses[3:5].sum())


@pytest.mark.parametrize("blocks", [0, 4])
def test_a_number_of_blocks_that_the_model_lacks_is_refused(model: Any, blocks: int) -> None:
    with pytest.raises(ValueError, match="has 3"):
        keep(model, EXAMPLES, 0, blocks)
    with pytest.raises(ValueError, match="has 3"):
        cut(model, blocks)
