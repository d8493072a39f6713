from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import torch

from course.case import CUES, PRODUCTS, SPLITS, TEMPLATES, Ticket, tickets
from course.case.noise import add_noise
from course.probing import bag_of_words, batch_rows, cue, grouped_interval, short_tickets, words


class WordTokenizer:
    """Counts words as tokens, in the shape that a tokenizer of transformers has."""

    def __call__(self, text: Any, padding: bool = False, return_tensors: str | None = None) -> Any:
        if isinstance(text, str):
            return {"input_ids": text.split()}
        longest = max(len(t.split()) for t in text)
        mask = torch.tensor([[1] * len(t.split()) + [0] * (longest - len(t.split())) for t in text])

        class Batch(dict[str, torch.Tensor]):
            def to(self, _: object) -> Batch:
                return self

        return Batch(input_ids=mask * 7, attention_mask=mask)


def test_short_tickets_keep_their_order_and_their_length() -> None:
    texts = short_tickets(WordTokenizer(), "train", 30, 18)
    assert len(texts.tickets) == len(texts.ids) == len(texts.mask) == 30
    assert max(len(ticket.text.split()) for ticket in texts.tickets) <= 18
    whole = [ticket.id for ticket in tickets("train", 120) if len(ticket.text.split()) <= 18]
    assert [ticket.id for ticket in texts.tickets] == whole[:30]


def test_too_few_short_tickets_are_an_error() -> None:
    with pytest.raises(ValueError, match="only 0 tickets"):
        short_tickets(WordTokenizer(), "test", 5, 2)


def test_batches_hold_every_row_once_before_any_comes_again() -> None:
    batches = list(batch_rows(10, 4, 5, seed=0))
    assert [len(batch) for batch in batches] == [4] * 5
    assert sorted(row for batch in batches for row in batch) == sorted(list(range(10)) * 2)
    assert batches == list(batch_rows(10, 4, 5, seed=0)) != list(batch_rows(10, 4, 5, seed=1))
    assert [sorted(batch) for batch in batch_rows(3, 8, 2, seed=0)] == [[0, 1, 2]] * 2


def test_a_bag_of_words_knows_only_the_words_of_its_training_tickets() -> None:
    train, test = tickets("train", 12), tickets("test", 6)
    bag, other = bag_of_words(train, test)
    vocabulary = {word for ticket in train for word in words(ticket.text)}
    assert bag.shape == (12, len(vocabulary))
    assert other.shape == (6, len(vocabulary))
    assert bag.sum(dim=1).tolist() == [len(set(words(ticket.text))) for ticket in train]
    assert other[0].sum() == len(set(words(test[0].text)) & vocabulary)


@pytest.mark.parametrize("split", SPLITS)
def test_the_cue_is_found_through_the_noise(split: str) -> None:
    rng, wrong = random.Random(0), Counter[str]()
    product = PRODUCTS[split][0]
    for template in (t for t in TEMPLATES if t.split == split):
        for urgency, sentences in CUES[split].items():
            for sentence in sentences:
                text = add_noise(f"{template.text.format(product=product)} {sentence}".strip(), product, rng)
                ticket = Ticket("x", text, template.intent, product, urgency, template.id, split)
                wrong[sentence] += cue(ticket) != sentence
    assert len(wrong) > 3
    assert wrong.total() == 0, wrong


def test_equal_gains_have_an_interval_without_width() -> None:
    assert grouped_interval(torch.full((3, 8), 0.25), list("aabbccdd")) == pytest.approx((0.25, 0.25))


def test_copies_of_a_row_do_not_narrow_the_interval() -> None:
    gains = torch.tensor([[0.0, 1.0, 0.0, 1.0, 1.0, 0.0]])
    few = grouped_interval(gains, list("abcdef"))
    copied = grouped_interval(gains.repeat_interleave(50, dim=1), [g for g in "abcdef" for _ in range(50)])
    assert copied == pytest.approx(few)
    rows = grouped_interval(gains.repeat_interleave(50, dim=1), [str(i) for i in range(300)])
    assert rows[1] - rows[0] < 0.5 * (few[1] - few[0])
