"""The bench on real weights, at smoke size: it computes what the plain whole model computes, and it learns."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from course.bench import Bench, Contender, Item, Recipe, bridge, held_out, items, score
from course.bench.states import folder
from course.bench.training import batches
from course.case import tickets
from course.chat import collate
from course.models import load_causal_lm
from course.upper import Kept, token_losses

RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""Tolerances against the plain computation: padding and the order of sums differ, nothing else does."""


@pytest.fixture(scope="module")
def loaded() -> tuple[Any, Any]:
    """The first four blocks of the course's model, and its tokenizer."""
    return load_causal_lm(blocks=4)


@pytest.fixture(scope="module", autouse=True)
def cache(loaded: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def few(loaded: tuple[Any, Any]) -> list[Item]:
    return items(loaded[1], tickets("train", 8))


@pytest.fixture
def bench(loaded: tuple[Any, Any]) -> Bench:
    return Bench.of(loaded[0], loaded[1].pad_token_id, 2)


def last_mlp(model: Any) -> list[torch.nn.Parameter]:
    return list(model.base_model.layers[-1].mlp.requires_grad_(True).parameters())


def test_losses_and_gradients_are_those_of_the_plain_model(
    loaded: tuple[Any, Any], bench: Bench, few: list[Item]
) -> None:
    model, tokenizer = loaded
    encoded = [item.encoded for item in few]
    plain = model(**collate(encoded, tokenizer.pad_token_id)).loss
    wanted = torch.autograd.grad(plain, model.model.layers[-1].mlp.down_proj.weight)[0]
    weight = bench.upper.base_model.layers[-1].mlp.down_proj.weight.requires_grad_(True)
    loss = token_losses(bench.upper, bench.keep(encoded))[0].mean()
    torch.testing.assert_close(loss, plain, rtol=RELATIVE, atol=ABSOLUTE)
    torch.testing.assert_close(torch.autograd.grad(loss, weight)[0], wanted, rtol=RELATIVE, atol=ABSOLUTE)
    weight.requires_grad_(False)


def test_a_run_is_what_the_plain_model_gives_when_it_is_trained_alike(
    loaded: tuple[Any, Any], bench: Bench, few: list[Item]
) -> None:
    encoded = [item.encoded for item in few]
    run = bench.run(last_mlp, bench.keep(encoded), Recipe(rate=1e-3, steps=3, batch_size=8, warmup=0.34), seed=0)
    plain = copy.deepcopy(loaded[0]).requires_grad_(False)
    optimizer = torch.optim.AdamW(last_mlp(plain), lr=1e-3, weight_decay=0.0)
    losses = []
    for share in (1, 1, 0.5):  # one step of warmup, then down to zero
        optimizer.param_groups[0]["lr"] = 1e-3 * share
        loss = plain(**collate(encoded, bench.pad_id)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in plain.parameters() if p.requires_grad], 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    torch.testing.assert_close(run.losses, tuple(losses), rtol=1e-3, atol=1e-5)


def test_runs_of_one_seed_are_alike_and_leave_the_bench_as_it_was(bench: Bench, few: list[Item]) -> None:
    rows = bench.keep([item.encoded for item in few])
    before = {name: tensor.clone() for name, tensor in bench.upper.state_dict().items()}
    first, again, other = (bench.run(last_mlp, rows, Recipe(1e-3, 4, batch_size=4), seed) for seed in (0, 0, 1))
    assert first.losses == again.losses != other.losses
    assert all(torch.equal(before[name], tensor) for name, tensor in bench.upper.state_dict().items())


def test_scores_add_up_and_say_what_was_preferred(loaded: tuple[Any, Any], bench: Bench, few: list[Item]) -> None:
    model, tokenizer = loaded
    found = score(bench.upper, bench.keep([item.encoded for item in few]), few, batch_size=3)
    for place, item in enumerate(few):
        with torch.no_grad():
            logits = model(**collate([item.encoded], tokenizer.pad_token_id)).logits[0]
        completion = torch.tensor(item.encoded.input_ids[item.encoded.prompt_length :], device=logits.device)
        losses = F.cross_entropy(logits[item.encoded.prompt_length - 1 : -1], completion, reduction="none")
        assert sum(part[place] for part in found.nats.values()) == pytest.approx(float(losses.sum()), rel=1e-4)
        field = next(field for field in item.fields if field.name == "intent")
        at = logits[item.encoded.prompt_length - 1 + field.start, list(field.options)]
        assert found.right["intent"][place] == (field.options[int(at.argmax())] == int(completion[field.start]))
    assert found.loss == pytest.approx(sum(map(sum, found.nats.values())) / sum(found.tokens))


def test_it_learns_its_few_items(bench: Bench, few: list[Item]) -> None:
    rows = bench.keep([item.encoded for item in few])

    def both(model: Any) -> list[torch.nn.Parameter]:
        return list(model.base_model.layers.requires_grad_(True).parameters())

    run = bench.run(both, rows, Recipe(1e-3, 6), seed=0)
    assert score(run.model, rows, few).loss < 0.5 * score(bench.upper, rows, few).loss


def test_trained_blocks_rejoin_the_whole_model(loaded: tuple[Any, Any], bench: Bench, few: list[Item]) -> None:
    model, tokenizer = loaded
    batch = collate([few[0].encoded], tokenizer.pad_token_id)
    rows = bench.keep([few[0].encoded])
    run = bench.run(last_mlp, rows, Recipe(1e-3, 2, batch_size=1), seed=0)
    with torch.no_grad():
        before = model(**batch).loss
        with bench.rejoined(run.model) as joined:
            after = joined(**batch).loss
        torch.testing.assert_close(model(**batch).loss, before)
    assert float(after) == pytest.approx(score(run.model, rows, few[:1]).loss, rel=1e-4)
    assert after < before


def test_a_bridge_repeats_the_contrast_on_all_blocks(bench: Bench, few: list[Item]) -> None:
    few = few[:4]
    encoded = [item.encoded for item in few]
    slow, fast = (Contender(last_mlp, Recipe(rate, 2, batch_size=4)) for rate in (1e-6, 1e-3))

    def loss(model: Any, rows: Sequence[Kept]) -> float:
        return score(model, rows, few).loss

    found = bridge(bench, slow, fast, encoded, encoded, loss, seeds=[0, 1])
    assert found.agrees
    assert found.whole.difference.mean == pytest.approx(found.upper.difference.mean, rel=1e-2)  # the same arm in both
    assert found.whole.difference.n == 2


def test_batches_hold_every_row_once_an_epoch_and_like_lengths_together() -> None:
    rows = [Kept(torch.zeros(length, 1), torch.zeros(length)) for length in range(1, 65)]
    found = list(batches(rows, 8, 16, seed=0))
    for epoch in (found[:8], found[8:]):
        assert sorted(len(row.labels) for row in chain(*epoch)) == list(range(1, 65))
        assert all(max(len(r.labels) for r in b) - min(len(r.labels) for r in b) == 7 for b in epoch)
    assert [len(b[0].labels) for b in found[:8]] != [len(b[0].labels) for b in found[8:]]
    with pytest.raises(ValueError, match="64 rows do not fill a batch of 65"):
        next(batches(rows, 65, 1, seed=0))


def test_a_field_is_where_its_value_stands(loaded: tuple[Any, Any], few: list[Item]) -> None:
    for item in few:
        completion = item.encoded.input_ids[item.encoded.prompt_length :]
        texts = {field.name: loaded[1].decode(completion[field.start : field.stop]) for field in item.fields}
        assert texts == {name: getattr(item.ticket, name) for name in ("intent", "product", "urgency")}


def test_held_out_items_are_balanced_by_decision(loaded: tuple[Any, Any]) -> None:
    found = held_out(loaded[1], "test", 36, longest=76)
    decisions = [(item.ticket.intent, item.ticket.urgency) for item in found]
    assert {decisions.count(pair) for pair in decisions} == {2}
    assert len(set(decisions)) == 18
    assert max(len(item.encoded.input_ids) for item in found) <= 76
    with pytest.raises(ValueError, match="20 rows cannot be balanced over 18 decisions"):
        held_out(loaded[1], "test", 20)
    with pytest.raises(ValueError, match=r"has 0 rows, and 2 are needed"):
        held_out(loaded[1], "test", 36, longest=64)


def test_the_cache_holds_what_was_kept(bench: Bench, few: list[Item]) -> None:
    bench.keep([item.encoded for item in few])
    assert list(folder().glob("*.safetensors"))
