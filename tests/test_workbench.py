import pytest
import torch
from torch import nn

from course.chat import Encoded
from course.models import count_parameters
from course.workbench import LLAMA_SHAPES, empty_llama, swap, train


class TinyModel(nn.Module):
    """Five tokens, each predicting the next one; the output form of transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 5)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor) -> object:
        logits = self.table(input_ids)
        loss = nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=-100)
        return type("Out", (), {"loss": loss})()


def test_swap_replaces_a_nested_module() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 3)))
    new = nn.Linear(2, 3)
    swap(model, "0.0", new)
    assert model.get_submodule("0.0") is new


def test_train_changes_only_the_given_parameters_and_is_repeatable() -> None:
    examples = [Encoded((0, 1, 2, 3), 1), Encoded((3, 2, 1), 1)]

    def run() -> list[float]:
        torch.manual_seed(0)
        model = TinyModel().to(torch.accelerator.current_accelerator() or "cpu")
        losses, seconds = train(
            model, model.parameters(), examples, learning_rate=0.1, steps=20, batch_size=2, pad_id=4, seed=0
        )
        assert seconds > 0
        return losses

    first = run()
    assert len(first) == 20
    assert first[-1] < first[0]
    assert run() == first


@pytest.mark.parametrize(("name", "parameters"), [("Llama-2-7B", 6_738_415_616), ("Llama-3-8B", 8_030_261_248)])
def test_empty_llama_has_the_published_number_of_parameters(name: str, parameters: int) -> None:
    model = empty_llama(name)
    assert count_parameters(model) == parameters
    assert all(p.is_meta for p in model.parameters())


def test_unknown_shape() -> None:
    assert "Llama-9" not in LLAMA_SHAPES
    with pytest.raises(KeyError):
        empty_llama("Llama-9")
