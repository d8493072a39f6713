"""Write what the scripts of the interactive pieces take from Python: constants to compute with, and vectors to be held to.

``data.js`` has the numbers that both languages use. ``vectors.json`` has arguments and results of the reference functions,
and states of each piece with what it shows in them; a browser test asserts that the scripts give the same. Run by hand
after a change to the arithmetic or to a piece; the tests say when that is due.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course import cards, cost, dpo, ladder, lora, quantization, schedules, shapes, step_memory
from course.pipeline.text.expressions import form
from course.pipeline.widgets import PIECES

FOLDER = Path(__file__).parents[1] / "docs" / "assets" / "widgets"
STATES = 12
"""States of each piece."""


def data() -> str:
    """``data.js``: constants, as a module."""
    found = {
        "MODELS": {name: asdict(model) for name, model in shapes.MODELS.items()},
        "FAMILIES": shapes.FAMILIES,
        "LINEAR": shapes.LINEAR,
        "NF4_BYTES": step_memory.NF4_BYTES,
        "STATE_BYTES": dict(step_memory.STATE_BYTES),
        "SHARDINGS": step_memory.SHARDINGS,
        "TILE": step_memory.TILE,
        "CARDS": list(cards.CARDS),
        "MARGIN": cards.MARGIN,
        "RUNGS": ladder.RUNGS,
        "REASONS": ladder.REASONS,
        "LEVELS": quantization.LEVELS,
        "NORMAL": quantization.NORMAL,
    }
    lines = [f"export const {name} = {json.dumps(value)};" for name, value in found.items()]
    return "// Written by build/vectors.py from the Python library. Do not edit.\n" + "\n".join(lines) + "\n"


def _memory(rng: random.Random) -> Iterator[tuple[str, list[Any], Any]]:
    methods: list[step_memory.Method] = ["full", "lora", "qlora"]
    for model in shapes.MODELS.values():
        yield "parameters", [asdict(model)], model.parameters
        yield "activeParameters", [asdict(model)], model.active_parameters
        for method in methods:
            setup = step_memory.Setup(
                model, method, rng.choice(["bf16", "mixed", "plain", "fp32"]), rng.choice(list(step_memory.STATE_BYTES)),
                rng.choice([4, 16, 256]), rng.choice([shapes.LINEAR, shapes.ATTENTION, ("q_proj", "v_proj")]),
                rng.randint(1, 64), rng.randint(1, 32768), rng.random() < 0.5, rng.choice(["tiles", "whole"]),
                rng.random() < 0.3, rng.choice([1, 8]), rng.choice(step_memory.SHARDINGS),
            )  # fmt: skip
            yield "timeline", [asdict(setup)], [asdict(moment) for moment in step_memory.timeline(setup)]
            yield "keptPerToken", [asdict(setup)], sum(row.size for row in step_memory.rows(setup))
    for family in shapes.FAMILIES:
        experts = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 48} if "moe" in family else {}
        config = {
            "model_type": family, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 200,
            **experts,
        }  # fmt: skip
        read = asdict(shapes.from_config(config))
        del read["name"], read["source"]
        yield "fromConfig", [config], read


def _small(rng: random.Random) -> Iterator[tuple[str, list[Any], Any]]:
    for _ in range(12):
        total, gb = rng.uniform(1e9, 1e11), rng.choice(list(cards.CARDS))
        yield "fit", [total, gb], cards.fit(total, gb)
        sides = (rng.randint(1, 30000), rng.randint(1, 30000), rng.randint(1, 512))
        yield "trained", list(sides), lora.trained(*sides)
        yield "stepShare", list(sides), lora.step_share(*sides)
        yield "adamBytes", list(sides), lora.adam_bytes(*sides)
        x, y, a, b = ([rng.uniform(-2, 2) for _ in range(2)] for _ in range(4))
        layer = (x, y, a, b, rng.uniform(0.5, 4), 0.01, rng.randint(0, 40))
        yield "descend", list(layer), asdict(lora.descend(*layer))
        pair = (rng.uniform(-1000, 1000), rng.choice([0.01, 0.1, 1.0, 2.0]))
        yield "loss", list(pair), dpo.loss(*pair)
        yield "weight", list(pair), dpo.weight(*pair)
        reference, rewards, beta = [0.5, 0.25, 0.25], [rng.uniform(-9, 9) for _ in range(3)], rng.uniform(0.01, 2)
        policy = dpo.optimum(reference, rewards, beta)
        yield "optimum", [reference, rewards, beta], policy
        yield "divergence", [policy, reference], dpo.divergence(policy, reference)
        for shape in ("constant_with_warmup", "linear", "cosine"):
            steps = rng.randint(1, 300)
            warmup, step = rng.randint(0, steps), rng.randint(0, steps)
            yield "share", [shape, step, warmup, steps], schedules.share(shape, step, warmup, steps)
            yield "meanShare", [shape, warmup, steps], schedules.mean_share(shape, warmup, steps)


def _later(rng: random.Random) -> Iterator[tuple[str, list[Any], Any]]:
    for _ in range(12):
        price = (rng.randint(0, 9000), rng.randint(0, 900), rng.uniform(0, 20), rng.uniform(0, 60))
        yield "call", list(price), cost.call(*price)
        saving = (rng.uniform(0, 900), rng.uniform(-9, 9))
        yield "breakEven", list(saving), cost.break_even(*saving)
        answers = {name: rng.random() < 0.7 for name in ladder.QUESTIONS}
        yield "decide", [answers], ladder.decide(answers)
    for tails, outlier in ((0.5, 1.0), (1.0, 1.0), (1.5, 8.0)):
        yield "histogramWeights", [tails, outlier], quantization.histogram_weights(tails, outlier)
    for levels in quantization.LEVELS.values():
        weights, block = [rng.gauss(0, 1) for _ in range(64)], rng.choice([8, 16, 64])
        yield "quantized", [weights, levels, block], quantization.quantized(weights, levels, block)
        yield "relativeError", [weights, levels, block], quantization.relative_error(weights, levels, block)
        yield "blockBits", [block], quantization.bits(block)


def _formats(rng: random.Random) -> Iterator[tuple[str, list[Any], Any]]:
    numbers = [0, 1, -1, 0.5, 1.5, 2.5, -2.5, 0.125, 0.375, 1.005, 1.015, 999.5, 999_999.5, 1e12, -0.004, 0.1, 20 / 3]
    for number in [*numbers, *(rng.uniform(-1, 1) * 10 ** rng.randint(-6, 13) for _ in range(40))]:
        styles = ("f0", "f2", "pct0", "pct1", "x1", "gb1", "mb2", "tb2", "sci1", "g3")
        for style in (*styles, *(["int"] if number == int(number) else [])):
            yield "form", [number, style], form(number, style)


def vectors() -> dict[str, Any]:
    """``functions``: name → calls, each with ``arguments`` and ``result``; ``views``: piece → states and views."""
    rng = random.Random(0)
    functions: dict[str, list[dict[str, Any]]] = {}
    for name, arguments, result in (*_memory(rng), *_small(rng), *_later(rng), *_formats(rng)):
        functions.setdefault(name, []).append({"arguments": arguments, "result": result})
    views = {}
    for piece in PIECES.values():
        states = [piece.settle(piece.start)]
        while len(states) < STATES:
            states.append(piece.settle({control.name: control.sample(rng) for control in piece.controls}))
        views[piece.name] = [{"state": state, "view": asdict(piece.view(state))} for state in states]
    return {"functions": functions, "views": views}


def files() -> dict[str, str]:
    """File name → content."""
    return {"data.js": data(), "vectors.json": json.dumps(vectors(), ensure_ascii=False, separators=(",", ":")) + "\n"}


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
