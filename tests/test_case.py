"""The running case: properties that every lesson relies on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from course import case
from course.case.noise import TYPOS, add_noise
from course.case.templates import HIGH_WORDS, LOW_WORDS

SPLITS = st.sampled_from(case.SPLITS)
SEEDS = st.integers(0, 10_000)
ALL_PRODUCTS = [name for names in case.PRODUCTS.values() for name in names]


@st.composite
def some_tickets(draw: st.DrawFn) -> case.Ticket:
    return draw(st.sampled_from(case.tickets(draw(SPLITS), 120, draw(st.integers(0, 20)))))


def masked(text: str) -> str:
    """`text` without product names, order numbers, case and punctuation."""
    for name in ALL_PRODUCTS:
        text = text.replace(name, "PRODUCT")
    text = re.sub(r"order tb-?\d+", "", text, flags=re.IGNORECASE)
    return " ".join(re.findall(r"[a-z]+", text.lower().replace("'", "")))


def grams(text: str, size: int) -> set[tuple[str, ...]]:
    words = masked(text).split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


# Tickets


@given(SPLITS, SEEDS, st.integers(0, 60), st.integers(0, 60))
def test_tickets_are_deterministic_and_a_short_list_begins_a_long_one(
    split: str, seed: int, short: int, more: int
) -> None:
    longer = case.tickets(split, short + more, seed)
    assert case.tickets(split, short + more, seed) == longer
    assert case.tickets(split, short, seed) == longer[:short]
    assert len(longer) == short + more


@given(SPLITS, SEEDS)
def test_another_seed_gives_other_tickets(split: str, seed: int) -> None:
    assert [t.text for t in case.tickets(split, 30, seed)] != [t.text for t in case.tickets(split, 30, seed + 1)]


def test_tickets_do_not_depend_on_the_hash_salt_of_the_process() -> None:
    code = "from course.case import *; print(repr(tickets('train', 40, 3)), preference_pairs('test', 9))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(outputs) == 1


@given(SPLITS, SEEDS, st.integers(1, 90))
def test_a_prefix_is_balanced_over_intents_and_urgencies(split: str, seed: int, n: int) -> None:
    rows = case.tickets(split, n, seed)
    intents = Counter(t.intent for t in rows)
    counts = [intents[intent] for intent in case.INTENTS]
    assert max(counts) - min(counts) <= 1
    for intent in case.INTENTS:
        levels = Counter(t.urgency for t in rows if t.intent == intent)
        each = [levels[level] for level in case.URGENCIES]
        assert max(each) - min(each) <= 1


@pytest.mark.parametrize(("split", "least"), [("train", 2000), ("validation", 300), ("test", 300)])
def test_the_maximum_is_large_enough_distinct_and_named_in_the_error(split: str, least: int) -> None:
    largest = case.max_tickets(split)
    assert largest >= least
    rows = case.tickets(split, largest)
    assert len({t.text for t in rows}) == len({t.id for t in rows}) == largest
    assert len({masked(t.text) + t.product for t in rows}) > 0.99 * largest  # not by noise alone
    with pytest.raises(ValueError, match=str(largest)):
        case.tickets(split, largest + 1)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown split 'dev'"):
        case.tickets("dev", 1)
    with pytest.raises(ValueError, match="-1"):
        case.tickets("train", -1)


def test_splits_share_no_product_template_or_wording() -> None:
    rows = {split: case.tickets(split, min(case.max_tickets(split), 3000)) for split in case.SPLITS}
    for first in case.SPLITS:
        for second in case.SPLITS:
            if first >= second:
                continue
            a, b = rows[first], rows[second]
            assert not {t.product for t in a} & {t.product for t in b}
            assert not {t.product.split()[0] for t in a} & {t.product.split()[0] for t in b}
            assert not {t.template for t in a} & {t.template for t in b}
            assert not {masked(t.text) for t in a} & {masked(t.text) for t in b}
    wordings = {
        split: [t.text.format(product="PRODUCT") for t in case.TEMPLATES if t.split == split]
        + [cue for cues in case.CUES[split].values() for cue in cues]
        for split in case.SPLITS
    }
    for first in case.SPLITS:
        for second in case.SPLITS:
            if first < second:
                a_grams = set().union(*(grams(text, 5) for text in wordings[first]))
                b_grams = set().union(*(grams(text, 5) for text in wordings[second]))
                assert not a_grams & b_grams
                cues = [{c for level in case.CUES[s].values() for c in level if c} for s in (first, second)]
                assert not cues[0] & cues[1]


def test_every_template_and_product_is_used_and_belongs_to_its_split() -> None:
    known = {t.id: t for t in case.TEMPLATES}
    assert len(known) == len(case.TEMPLATES)
    for split in case.SPLITS:
        rows = case.tickets(split, case.max_tickets(split))
        assert {t.template for t in rows} == {t.id for t in case.TEMPLATES if t.split == split}
        assert {t.product for t in rows} == set(case.PRODUCTS[split])
        for t in rows:
            assert (known[t.template].intent, known[t.template].split, t.split) == (t.intent, split, split)


@given(some_tickets())
def test_the_labels_can_be_read_from_the_text(ticket: case.Ticket) -> None:
    assert [name for name in ALL_PRODUCTS if name in ticket.text] == [ticket.product]
    assert case.urgency_from_cues(ticket.text) == ticket.urgency


def test_noise_cannot_touch_a_cue_or_a_product() -> None:
    cue_words = {word for phrase in HIGH_WORDS + LOW_WORDS for word in phrase.split()}
    assert not (set(TYPOS) & cue_words)
    assert not set(TYPOS) & {word.lower() for name in ALL_PRODUCTS for word in name.split()}
    assert all(wrong != right for right, wrong in TYPOS.items())
    for template in case.TEMPLATES:
        assert template.text.count("{product}") == 1
        assert case.urgency_from_cues(template.text) == "normal"


@given(some_tickets(), st.randoms(use_true_random=False))
def test_noise_on_noise_keeps_product_and_urgency(ticket: case.Ticket, rng: object) -> None:
    text = add_noise(ticket.text, ticket.product, rng)  # type: ignore[arg-type]  # a stand-in for Random
    assert ticket.product in text
    assert case.urgency_from_cues(text) == ticket.urgency


def test_noise_is_present_and_moderate() -> None:
    rows = case.tickets("train", 1200)
    lower = sum(t.text.replace(t.product, "").islower() for t in rows)
    numbered = sum("tb-" in t.text.lower() for t in rows)
    misspelled = sum(bool(set(re.findall(r"[a-z]+", t.text.lower())) & set(TYPOS.values())) for t in rows)
    for count in (lower, numbered, misspelled):
        assert 0.1 < count / len(rows) < 0.5


def test_tickets_are_short() -> None:
    for split in case.SPLITS:
        lengths = sorted(len(t.text.split()) for t in case.tickets(split, 1200))
        assert lengths[0] >= 7
        assert lengths[-1] <= 32
        assert 12 <= lengths[len(lengths) // 2] <= 20
    assert len(case.EXTRACTION_INSTRUCTION.split()) < 16
    assert len(case.REPLY_INSTRUCTION.split()) < 16


# Extraction


@given(some_tickets())
def test_gold_extraction_is_compact_json_and_round_trips(ticket: case.Ticket) -> None:
    example = case.extraction(ticket)
    assert example.ticket is ticket
    assert example.prompt.endswith(ticket.text)
    assert list(json.loads(example.completion)) == ["intent", "product", "urgency"]
    assert json.dumps(json.loads(example.completion), separators=(",", ":")) == example.completion
    parsed = case.parse_extraction(f"Sure! {{not json}} {example.completion} {{}}")
    assert parsed == json.loads(example.completion)
    assert case.field_accuracy(parsed, ticket) == 1.0


@given(some_tickets(), some_tickets())
def test_field_accuracy_counts_fields(ticket: case.Ticket, other: case.Ticket) -> None:
    predicted = case.parse_extraction(case.extraction(other).completion)
    same = (ticket.intent == other.intent) + (ticket.product == other.product) + (ticket.urgency == other.urgency)
    assert case.field_accuracy(predicted, ticket) == pytest.approx(same / 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no object",
        "{",
        "[1, 2]",
        '{"intent":"return","product":"x"}',
        '{"intent":"return","product":"x","urgency":2}',
        '{"intent":"return","product":"x","urgency":null}',
        '{} {"intent":"return","product":"x","urgency":"low"}',
        '{"intent":"return","product":"x","urgency":"low"',
        '{"a":' * 5000,
    ],
)
def test_invalid_extractions_are_none(text: str) -> None:
    assert case.parse_extraction(text) is None


@given(st.text(alphabet='{}[]":, abc\\01', max_size=40))
def test_parsing_never_raises(text: str) -> None:
    parsed = case.parse_extraction(text)
    assert parsed is None or set(parsed) == set(case.FIELDS)


def test_nothing_scores_nothing() -> None:
    assert case.field_accuracy(None, case.tickets("test", 1)[0]) == 0.0


# Replies and preferences


@given(some_tickets())
def test_a_house_reply_keeps_every_rule(ticket: case.Ticket) -> None:
    example = case.reply(ticket)
    assert case.reply(ticket) == example
    assert example.prompt.endswith(ticket.text)
    assert case.style_score(example.completion, ticket).total == 1.0
    assert case.POLICIES[ticket.intent].phrase in example.completion
    assert ticket.product in example.completion
    assert len(example.completion.split()) <= case.MAX_REPLY_WORDS
    assert len(re.findall(r"[.!?](?:\s|$)", example.completion)) in (2, 3)
    assert example.completion.endswith(case.SIGN_OFF)


@given(some_tickets(), st.sampled_from(case.INTENTS))
def test_a_reply_for_another_intent_is_not_grounded(ticket: case.Ticket, intent: str) -> None:
    assume(intent != ticket.intent)
    other = next(t for t in case.tickets(ticket.split, 6) if t.intent == intent)
    assert not case.style_score(case.reply(other).completion, ticket).grounded


def test_replies_vary() -> None:
    rows = [t for t in case.tickets("train", 600) if t.intent == "return"]
    assert len({case.reply(t).completion.replace(t.product, "X") for t in rows}) >= 8


@given(SPLITS, st.integers(0, 50), st.integers(0, 40), st.integers(0, 40))
def test_pairs_are_deterministic_prefixed_and_balanced(split: str, seed: int, short: int, more: int) -> None:
    pairs = case.preference_pairs(split, short + more, seed)
    assert case.preference_pairs(split, short, seed) == pairs[:short]
    counts = Counter(pair.axis for pair in pairs)
    each = [counts[axis] for axis in case.AXES]
    assert max(each) - min(each) <= 1


@given(some_tickets(), st.sampled_from(case.AXES))
def test_chosen_beats_rejected_on_its_own_axis_only_where_it_should(ticket: case.Ticket, axis: str) -> None:
    pair = case.preference_pair(ticket, axis)
    assert pair.chosen
    assert pair.rejected
    assert pair.chosen != pair.rejected
    chosen, rejected = case.style_score(pair.chosen, ticket), case.style_score(pair.rejected, ticket)
    assert getattr(chosen, axis)
    assert not getattr(rejected, axis)
    assert chosen.total > rejected.total
    for other in set(case.AXES) - {axis}:
        assert getattr(rejected, other), "a rejected reply fails on its own axis alone"
    long, words = len(pair.rejected.split()), len(pair.chosen.split())
    if axis == "concise":
        assert case.MAX_REPLY_WORDS < long < 110
    elif axis == "polite":
        assert long < words
    else:
        assert abs(long - words) <= 2


@given(some_tickets())
def test_an_invented_reply_contradicts_the_policy(ticket: case.Ticket) -> None:
    policy = case.POLICIES[ticket.intent]
    pair = case.preference_pair(ticket, "grounded")
    assert case.quantities(pair.chosen) == {(policy.amount, policy.unit)}
    stated = case.quantities(pair.rejected)
    assert stated
    assert (policy.amount, policy.unit) not in stated


def test_invented_replies_are_as_long_as_true_ones_on_average() -> None:
    pairs = case.preference_pairs("train", 600, axes=["grounded"])
    difference = sum(len(p.rejected.split()) - len(p.chosen.split()) for p in pairs) / len(pairs)
    assert abs(difference) < 0.5


@pytest.mark.parametrize("axes", [[], ["kind"], ["concise", "kind"]])
def test_bad_axes_are_refused(axes: list[str]) -> None:
    with pytest.raises(ValueError, match="axis"):
        case.preference_pairs("train", 0, axes=axes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("within 45 days", {(45, "day")}),
        ("a 45-day window", {(45, "day")}),
        ("forty-five days or 1 year", {(45, "day"), (1, "year")}),
        ("four working days", {(4, "business day")}),
        ("145 days", {(145, "day")}),
        ("nothing here, size 45", set()),
    ],
)
def test_quantities(text: str, expected: set[tuple[int, str]]) -> None:
    assert case.quantities(text) == expected


def test_style_rules_one_by_one() -> None:
    ticket = next(t for t in case.tickets("test", 6) if t.intent == "return")
    good = case.reply(ticket).completion
    assert not case.style_score(good.replace("Hello, and thank you for", "For"), ticket).greeting
    assert not case.style_score(good.replace(case.SIGN_OFF, "Bye"), ticket).sign_off
    assert not case.style_score(good.replace("45 days", "46 days"), ticket).grounded
    assert not case.style_score(good.replace("45 days", "a while"), ticket).grounded
    assert not case.style_score(good.replace("45 days", "45 days with a restocking charge"), ticket).grounded
    assert not case.style_score("That was obvious. " + good, ticket).polite
    assert case.style_score("", ticket).total == 0.0


# General items


def test_general_items_are_well_formed_and_balanced() -> None:
    items = case.general_items()
    assert len(items) == 60
    assert len({item.question for item in items}) == 60
    assert Counter(item.answer for item in items) == dict.fromkeys(range(4), 15)
    assert len({item.topic for item in items}) == 5
    for item in items:
        assert len(set(item.choices)) == 4
        assert all(choice == choice.strip() and choice for choice in item.choices)
        assert not item.question.endswith((" ", "?"))


def test_arithmetic_is_right() -> None:
    checked = 0
    for item in case.general_items():
        match = re.fullmatch(r"(\d+) ([-+*/]) (\d+) =", item.question)
        if match:
            a, b = int(match[1]), int(match[3])
            values = {"+": a + b, "-": a - b, "*": a * b, "/": a / b}
            assert [float(c) == values[match[2]] for c in item.choices].index(True) == item.answer
            checked += 1
    assert checked >= 10


# Faults

FRACTIONS = st.floats(0, 1)


@given(FRACTIONS, FRACTIONS, SEEDS)
def test_duplicates_are_counted(fraction: float, near: float, seed: int) -> None:
    rows = case.tickets("train", 50)
    before = list(rows)
    result = case.with_duplicates(rows, fraction, seed, near=near)
    assert rows == before
    assert result == case.with_duplicates(rows, fraction, seed, near=near)
    copies = [t for t in result if t.id.endswith("-copy")]
    assert len(copies) == len({t.id for t in copies}) == round(fraction * 50)
    assert [t for t in result if t not in copies] == rows
    texts = {t.text for t in rows}
    assert sum(t.text not in texts for t in copies) == round(near * len(copies))
    for t in copies:
        assert t.product in t.text
        assert case.urgency_from_cues(t.text) == t.urgency


@given(FRACTIONS, SEEDS)
def test_wrong_labels_are_counted(fraction: float, seed: int) -> None:
    rows = case.tickets("train", 50)
    result = case.with_wrong_labels(rows, fraction, seed)
    assert sum(a != b for a, b in zip(rows, result, strict=True)) == round(fraction * 50)
    for a, b in zip(rows, result, strict=True):
        assert (a.id, a.text, a.product, a.urgency, a.template) == (
            b.id,
            b.text,
            b.product,
            b.urgency,
            b.template,
        )
        assert b.intent in case.INTENTS
    assert result == case.with_wrong_labels(rows, fraction, seed)


@given(FRACTIONS, SEEDS)
def test_contamination_is_counted(fraction: float, seed: int) -> None:
    train, test = case.tickets("train", 50), case.tickets("test", 30)
    result = case.with_contamination(train, test, fraction, seed)
    leaked = [t for t in result if t.id.endswith("-leak")]
    assert len(leaked) == len({t.text for t in leaked}) == round(fraction * 30)
    assert {t.text for t in leaked} <= {t.text for t in test}
    assert {t.split for t in result} == {"train"}
    assert [t for t in result if t not in leaked] == train


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_fractions_out_of_range_are_refused(fraction: float) -> None:
    rows = case.tickets("train", 3)
    for act in (case.with_duplicates, case.with_wrong_labels):
        with pytest.raises(ValueError, match="share"):
            act(rows, fraction)
    with pytest.raises(ValueError, match="share"):
        case.with_contamination(rows, rows, fraction)
