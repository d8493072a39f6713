"""Kept states are found again, verified, and bounded; what differs in anything that decides them is another file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from course import upper
from course.bench import states
from course.bench.states import folder, kept_states
from course.chat import Encoded, collate
from course.upper import Kept

EXAMPLES = [Encoded((5, 6, 7, 8, 9, 1), 3), Encoded((5, 6, 1), 2), Encoded((5, 9, 9, 9, 8, 7, 1), 4)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2, pad_token_id=0
    )
    return LlamaForCausalLM(config).eval().to(collate(EXAMPLES, 0)["input_ids"].device)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many examples were computed, one entry a time."""
    calls: list[int] = []
    real = upper.keep

    def keep(model: Any, examples: list[Encoded], *rest: Any) -> list[Kept]:
        calls.append(len(examples))
        return real(model, examples, *rest)

    monkeypatch.setattr(states, "keep", keep)
    return calls


def files() -> list[Path]:
    return sorted(folder().glob("*"))


def test_they_are_computed_once_and_come_back_bit_for_bit(model: Any, counted: list[int]) -> None:
    first = kept_states(model, EXAMPLES, 0, 1)
    again = kept_states(model, EXAMPLES, 0, 1)
    assert counted == [3]
    for a, b, example in zip(first, again, EXAMPLES, strict=True):
        assert torch.equal(a.hidden, b.hidden)
        assert a.labels.tolist() == b.labels.tolist() == list(example.labels)


def test_what_decides_them_is_in_their_name(model: Any, counted: list[int]) -> None:
    kept_states(model, EXAMPLES, 0, 1)
    kept_states(model, EXAMPLES, 0, 2)
    kept_states(model, EXAMPLES[:2], 0, 1)
    kept_states(model, [*EXAMPLES[:2], Encoded(EXAMPLES[2].input_ids, 3)], 0, 1)
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[0, 0] += 1e-3
    kept_states(model, EXAMPLES, 0, 1)
    assert len(counted) == len(files()) == 5


def test_weights_above_the_cut_do_not_count(model: Any, counted: list[int]) -> None:
    kept_states(model, EXAMPLES, 0, 1)
    with torch.no_grad():
        model.model.layers[2].mlp.up_proj.weight.add_(1)
        model.model.norm.weight.add_(1)
    kept_states(model, EXAMPLES, 0, 1)
    assert counted == [3]


@pytest.mark.parametrize("at", [40, -3])
def test_a_damaged_file_is_computed_again(model: Any, counted: list[int], at: int) -> None:
    first = kept_states(model, EXAMPLES, 0, 1)
    (path,) = files()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert torch.equal(kept_states(model, EXAMPLES, 0, 1)[2].hidden, first[2].hidden)
    assert counted == [3, 3]
    kept_states(model, EXAMPLES, 0, 1)
    assert counted == [3, 3]


def test_what_was_used_longest_ago_goes_first(model: Any) -> None:
    made: dict[int, Path] = {}
    for count in (1, 2, 3):
        kept_states(model, EXAMPLES[:count], 0, 1)
        (made[count],) = set(files()) - set(made.values())
        os.utime(made[count], (count, count))
    kept_states(model, EXAMPLES[:1], 0, 1)  # the oldest is used now
    size = made[3].stat().st_size
    kept_states(model, EXAMPLES, 0, 2, limit=3 * size - made[2].stat().st_size)
    assert made[1] in files()
    assert made[2] not in files()
    assert sum(path.stat().st_size for path in files()) <= 3 * size


def test_what_is_larger_than_the_limit_is_not_kept(model: Any) -> None:
    kept_states(model, EXAMPLES, 0, 1)
    assert len(kept_states(model, EXAMPLES[:2], 0, 1, limit=100)) == 2
    assert len(files()) == 1


def test_a_folder_that_cannot_be_made_costs_time_alone(
    model: Any, counted: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file"))
    kept_states(model, EXAMPLES, 0, 1)
    kept_states(model, EXAMPLES, 0, 1)
    assert counted == [3, 3]


def test_nothing_and_too_deep_are_refused(model: Any) -> None:
    with pytest.raises(ValueError, match="no examples"):
        kept_states(model, [], 0, 1)
    with pytest.raises(ValueError, match="has 3"):
        kept_states(model, EXAMPLES, 0, 4)
